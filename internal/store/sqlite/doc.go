// Package sqlite implements the storage contract in one SQLite file. It is the default and needs no installation.
//
//   - sqlite.go opens the file, migrate.go updates its tables, check.go finds damage.
//   - group.go combines commits that wait at the same time into one transaction; commit.go applies one commit.
//   - documents.go, feed.go, asrun.go, retire.go and leases.go implement the contract; archive.go exports and imports
//     backups.
//   - keep.go records the acknowledged changes in a file beside the database, to detect a database that was set back.
package sqlite
