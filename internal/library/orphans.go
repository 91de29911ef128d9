package library

import (
	"lifeline/internal/replica"
)

// Named returns a function that reports whether a segment names the audio, now or formerly, or whether it is part of an
// upload. Other audio that is older than orphanAge was left by an upload that failed between storing its audio and its
// segment.
func (l *Recordings) Named() (named func(sha256 string) bool) { return l.referenced("") }

// referenced returns the same function without the parts of one upload.
func (l *core) referenced(but string) func(sha256 string) bool {
	parts := map[string]bool{}
	for id, row := range uploadsIn(l.replica).After("", "") {
		for _, p := range row.Value.Parts {
			parts[p.SHA256] = parts[p.SHA256] || id != but
		}
	}
	segments := replica.SegmentsIn(l.replica)
	return func(sha256 string) bool {
		return parts[sha256] || segments.Count(replica.ByRecording, sha256) > 0 || segments.Count(replica.ByPrevious,
			sha256) > 0
	}
}
