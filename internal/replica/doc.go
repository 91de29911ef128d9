// Package replica keeps the service's documents in memory: a copy of the store that is kept current by its change feed,
// and that writes go through, so that a writer reads its own writes. It declares the ports that the use cases need of a
// back end.
//
//   - Store and its parts (Documents, Feed, AsRunLog, AuditTrail, Leases) are the interface of a back end; Audio stores
//     recordings, Signer signs. Intercept and Bounded wrap every call of a Store.
//   - Kind declares a kind of document: its name in the store and in the change feed, its cache, upgrades and
//     inspection. Kinds that several packages read are declared here, in kinds_….go; a kind that only one package
//     reads is declared by that package. Package kinds lists all of them.
//   - Versioned upgrades documents as they are read, and stores them in the versions of the store's format.
//   - Replica is the copy. Open lists the store; Run follows its changes; CatchUp applies all changes that were
//     acknowledged before the call; Commit writes. Retry repeats a read-change-commit that lost a race.
//   - Cache holds the decoded documents of one kind; SegmentIndex holds the segments, with a search index.
//   - Signals wakes goroutines that wait for a kind, or for the documents of one station; Await waits for a new
//     revision.
//   - Signed is a signed document; SignJSON makes its envelope.
//   - WorkLock gives a piece of work to one replica at a time.
//   - Inspector checks a whole store for documents that the use cases could not have written (lifeline fsck).
package replica
