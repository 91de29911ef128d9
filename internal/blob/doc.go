// Package blob keeps audio by the SHA-256 of its bytes, in a local directory or an S3-compatible bucket. The same
// bytes are one blob, however often they come.
//
//   - blob.go is the contract, spool.go receives and hashes what comes before it is a blob.
//   - Local keeps files in a directory (local.go), S3 objects in a bucket (s3.go, s3read.go).
//   - care.go looks for damage, repairs it and collects what nothing refers to.
package blob
