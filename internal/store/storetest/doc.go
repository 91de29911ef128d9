// Package storetest is the storage contract as tests, which every back end runs.
//
//   - storetest.go runs the suite; documents, conditions, feed, audit, asrun, wait, leases, lists, sizes and retire are
//     its chapters.
//   - model.go holds a back end against a model that is obviously right; work.go has many write at once.
//   - archive.go is the suite of backups, crash.go that of processes that are killed.
package storetest
