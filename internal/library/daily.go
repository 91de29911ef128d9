package library

import (
	"cmp"
	"sync"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
)

// daily counts the bytes that each person uploads to this process in a day of UTC.
type daily struct {
	mu   sync.Mutex
	day  time.Time
	used map[string]int64 // bytes by person
}

// take counts bytes for a person unless there would be more than most; then it returns how many there are.
func (d *daily) take(now time.Time, person string, bytes, most int64) (before int64, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if day := now.UTC().Truncate(24 * time.Hour); !day.Equal(d.day) {
		d.day, d.used = day, map[string]int64{}
	}
	before = d.used[person]
	if bytes >= 0 && bytes > most-before {
		return before, false
	}
	d.used[person] = max(before+bytes, 0)
	return before, true
}

// Reserve fails with TooLarge, before any audio is sent, if a would upload more than one person may in a day with
// another length bytes; a negative length is the longest. A caller whose upload fails calls release.
func (l *Recordings) Reserve(a access.Actor, length int64) (release func(), err error) {
	if length < 0 {
		length = l.limits.MaxBytes
	}
	if err := l.mayUpload(a, length, 0); err != nil {
		return nil, err
	}
	return func() { l.uploaded.take(l.now(), uploader(a), -length, 0) }, nil
}

// mayUpload counts length bytes of a's, or fails with TooLarge if they would be too many with others that are to come.
func (l *core) mayUpload(a access.Actor, length, others int64) error {
	most := l.limits.MaxDaily
	if most == 0 {
		return nil
	}
	if before, ok := l.uploaded.take(l.now(), uploader(a), length, most-others); !ok {
		return fault.New(fault.TooLarge, "you have uploaded %d bytes since midnight in UTC, and with %d more they would be "+
			"more than the %d that one person may upload in a day: go on tomorrow, or ask the operator to raise --max-daily",
			before, length+others, most)
	}
	return nil
}

func uploader(a access.Actor) string { return cmp.Or(a.Person, a.Name) }
