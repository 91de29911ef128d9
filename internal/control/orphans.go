package control

import "time"

// orphanAge is how old audio must be before it can be nobody's: an upload puts its bytes before its segment.
const orphanAge = 24 * time.Hour

// Recordings tells whether audio is named by a segment, now or formerly, or is part of an upload. What is older than
// orphanAge and is not was left behind by an upload that broke off between its audio and its segment.
func (l *Library) Recordings() (named func(sha256 string) bool) { return l.referenced("") }

// referenced leaves one upload's parts out.
func (l *Library) referenced(but string) func(sha256 string) bool {
	parts := map[string]bool{}
	for id, row := range uploadsIn(l.mirror).after("", "") {
		for _, p := range row.value.Parts {
			parts[p.SHA256] = parts[p.SHA256] || id != but
		}
	}
	segments := segmentsIn(l.mirror)
	return func(sha256 string) bool {
		return parts[sha256] || segments.count(byRecording, sha256) > 0 || segments.count(byPrevious, sha256) > 0
	}
}
