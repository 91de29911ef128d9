// Package storage compares the stores, and the service over them, with the same machine's own limits, in one run:
//
//	./deploy/prove.sh storage
//
// It is a test, since it uses the tests' real servers; the check runs a small form of it.
package storage
