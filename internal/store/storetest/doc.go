// Package storetest is the conformance suite of the storage contract. Every back end runs it.
//
//   - storetest.go runs the suite; documents, conditions, feed, audit, asrun, wait, leases, lists, sizes and retire
//     hold its rules.
//   - model.go compares a back end with a simple model; work.go generates concurrent load.
//   - archive.go tests backups, crash.go processes that are killed.
package storetest
