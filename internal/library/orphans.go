package library

import (
	"lifeline/internal/replica"
)

// Named tells whether audio is named by a segment, now or formerly, or is part of an upload. What is older than
// orphanAge and is not was left behind by an upload that broke off between its audio and its segment.
func (l *Recordings) Named() (named func(sha256 string) bool) { return l.referenced("") }

// referenced leaves one upload's parts out.
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
