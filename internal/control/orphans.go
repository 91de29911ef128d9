package control

import "time"

// orphanAge is how old audio must be before it can be nobody's: an upload puts its bytes before its segment.
const orphanAge = 24 * time.Hour

// Recordings are the hashes of all audio that a segment names, now or formerly, and of the parts of uploads. What is
// older than orphanAge and not among them was left behind by an upload that broke off between its audio and its
// segment.
func (l *Library) Recordings() map[string]bool { return l.referenced("") }

// referenced leaves one upload's parts out.
func (l *Library) referenced(but string) map[string]bool {
	named := map[string]bool{}
	for id, row := range l.mirror.uploads.after("", "") {
		for _, p := range row.value.Parts {
			named[p.SHA256] = named[p.SHA256] || id != but
		}
	}
	for _, row := range l.mirror.segments.after("", "") {
		if r := row.value.Recording; r != nil {
			named[r.SHA256] = true
		}
		for _, sha256 := range row.value.Previous {
			named[sha256] = true
		}
	}
	return named
}
