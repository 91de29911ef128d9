// Package replica keeps the service's documents in memory: a copy of the store that is kept current by its change feed,
// and that writes go through, so that a writer reads its own writes. It declares the ports that the use cases need of a
// back end.
//
//   - Store and its parts (Documents, Feed, AsRunLog, AuditTrail, Leases) are what a back end keeps; Audio keeps
//     recordings, Sealer signs. Around and Bounded put something around every call of a Store.
//   - Kind declares a kind of document: its name in the store, the name under which its changes are told, how it is
//     copied, upgraded and inspected. Kinds that several packages read are declared here, in kinds_….go; a kind that
//     one package alone reads is declared by that package. Package kinds has all of them.
//   - Versioned upgrades documents as they are read, and stores them in the versions of the store's format.
//   - Replica is the copy. Open lists the store; Run follows its changes; CatchUp takes what was acknowledged before
//     the call; Commit writes. Retry does a read-change-commit again while it loses against another's.
//   - Cache is the decoded copy of the documents of one kind; SegmentIndex is that of the segments, with an index by
//     which they are found.
//   - Signals wake those who wait for a kind, or for the documents of one station; Await holds an answer back until it
//     changes.
//   - Sealed is a signed document; SealJSON makes its envelope.
//   - WorkLock gives a piece of work to one replica at a time.
//   - Inspector looks through a whole store for what the use cases could not have written (lifeline fsck).
package replica
