// Package storage measures the stores and the service over them beside the same machine's own limits, in one run:
//
//	./deploy/prove.sh storage
//
// It is a test, since it stands on the tests' real servers; the check runs it with little work, to see that it runs.
package storage
