// Package blob stores audio by the SHA-256 of its bytes, in a local directory or an S3-compatible bucket. Equal bytes
// are one blob, however often they are stored.
//
//   - blob.go is the contract; spool.go receives and hashes incoming bytes.
//   - Local keeps files in a directory (local.go), S3 objects in a bucket (s3.go, s3read.go).
//   - care.go finds and repairs damage, and deletes unreferenced blobs.
package blob
