// Package library keeps segments and their recordings.
//
//   - Library.Receive stores and measures a recording, Create makes a segment of it, Replace gives a segment another
//     one.
//     StartUpload and Append take a recording in pieces; AnalyseBehind measures what no analyser was free for.
//   - Library.Approve, Reject, Recall, Reinstate and RecallPerson change what may air. The signed list of recalls is
//     part of
//     the same commit.
//   - Library.Segments finds segments by words, kind, language, state, script and tag.
//   - Planning is the library as planning reads it, kept current at little cost.
package library
