// Package library manages segments and their recordings.
//
// Library has a field for each responsibility:
//
//   - Segments creates a segment from a recording, replaces its recording, edits it, and finds segments by words, kind,
//     language, state, script and tag.
//   - Recordings.Receive stores and measures a recording; AnalyseBehind measures those for which no analyser was free.
//     Named tells the clean-up which audio is in use.
//   - Uploads receives a recording in pieces, finishes complete uploads, and removes ended ones.
//   - Approvals approves and rejects.
//   - Recalls recalls and reinstates segments and persons. The signed list of recalls is part of the same commit.
//
// All of them share core. Segments.change is the only function that changes a segment.
//
// Planning holds the library in the form that planning reads, and updates it incrementally.
package library
