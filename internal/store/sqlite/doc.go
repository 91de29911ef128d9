// Package sqlite keeps the storage contract in one SQLite file: the default, with nothing to install.
//
//   - sqlite.go opens the file, migrate.go brings its tables up to date, check.go looks for damage.
//   - group.go makes one transaction of the commits that wait at the same time; commit.go applies one.
//   - documents.go, feed.go, asrun.go, retire.go and leases.go answer the contract; archive.go takes and gives backups.
//   - keep.go has a mark beside the file of what was acknowledged, so that a file that was put back is found.
package sqlite
