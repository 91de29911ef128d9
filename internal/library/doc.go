// Package library keeps segments and their recordings.
//
// Library has a field for each responsibility:
//
//   - Segments makes a segment of a recording, gives it another one, edits it, and finds segments by words, kind,
//     language, state, script and tag.
//   - Recordings.Receive stores and measures a recording; AnalyseBehind measures what no analyser was free for.
//     Named tells tidying what is in use.
//   - Uploads takes a recording in pieces, finishes what arrived whole, and removes what has ended.
//   - Approvals approves and rejects.
//   - Recalls recalls and reinstates, segments and persons. The signed list of recalls is part of the same commit.
//
// All of them share core; Segments.change is the one way in which a segment changes.
//
// Planning is the library as planning reads it, kept current at little cost.
package library
