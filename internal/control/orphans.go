package control

import (
	"context"
	"time"
)

// orphanAge is how old audio must be before it can be nobody's: an upload puts its bytes before its segment.
const orphanAge = 24 * time.Hour

// SweepOrphans removes audio that no segment names, now or formerly, and that was put before the given instant: what
// an upload left behind that broke off between its audio and its segment.
func (l *Library) SweepOrphans(ctx context.Context, before time.Time) (removed int, err error) {
	named := map[string]bool{}
	for _, row := range l.mirror.segments.after("", "") {
		if r := row.value.Recording; r != nil {
			named[r.SHA256] = true
		}
		for _, sha256 := range row.value.Previous {
			named[sha256] = true
		}
	}
	after := ""
	for {
		blobs, err := l.audio.List(ctx, after, 500)
		if err != nil || len(blobs) == 0 {
			return removed, err
		}
		for _, b := range blobs {
			after = b.SHA256
			if named[b.SHA256] {
				continue
			}
			gone, err := l.audio.DeleteOlder(ctx, b.SHA256, before)
			if err != nil {
				return removed, err
			}
			if gone {
				removed++
			}
		}
	}
}
