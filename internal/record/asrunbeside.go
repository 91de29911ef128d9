package record

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// besideFrom is where the sequences begin of entries that were sent under one that another entry has. No station counts
// as far by itself, and JSON readers have them exactly.
const besideFrom = 1 << 52

// beside is the entry with a sequence of its own, which follows from what it says: sent again, it gets the same.
func beside(e schedules.AsRun) (schedules.AsRun, error) {
	b, err := told(e)
	if err != nil {
		return e, err
	}
	sum := sha256.Sum256(b)
	e.ReportedAs = e.Sequence
	e.Sequence = besideFrom | int64(binary.BigEndian.Uint64(sum[:])&(besideFrom-1))
	note := fmt.Sprintf("sent under sequence %d, which another report has: do two players report for this station?",
		e.ReportedAs)
	if e.Detail != "" {
		note = e.Detail + "; " + note
	}
	e.Detail = note
	return e, nil
}

// told is what an entry tells, in whatever words.
func told(e schedules.AsRun) ([]byte, error) {
	e.Detail = ""
	return replica.Encode(e)
}

// same reports whether two entries tell the same.
func same(a, b schedules.AsRun) (bool, error) {
	x, err := told(a)
	if err != nil {
		return false, err
	}
	y, err := told(b)
	return bytes.Equal(x, y), err
}

// sentDays is how far from where it is placed now an entry without a start may have been placed when it came first.
const sentDays = 2 * 24 * time.Hour

// keepOthers stores what came under a sequence that an entry with other content has, each under a sequence of its own.
// sent are entries that are not new, and at is where they are placed. It answers the sequences given; 0: the entry is a
// repeat.
func (l *Logbook) keepOthers(ctx context.Context, station string, sent []schedules.AsRun, at []time.Time) ([]int64,
	error) {
	from, to := at[0], at[0]
	for i, t := range at {
		slack := time.Duration(0)
		if sent[i].StartedAt.IsZero() {
			slack = sentDays
		}
		if early := t.Add(-slack); early.Before(from) {
			from = early
		}
		if late := t.Add(slack); late.After(to) {
			to = late
		}
	}
	kept, err := l.AsRun(ctx, station, from, to.Add(time.Millisecond))
	if err != nil {
		return nil, err
	}
	bySequence := map[int64]schedules.AsRun{}
	for _, e := range kept {
		bySequence[e.Sequence] = e
	}
	given := make([]int64, len(sent))
	var others []store.Entry
	var of []int
	for i, e := range sent {
		first, known := bySequence[e.Sequence]
		repeat, err := same(first, e)
		if err != nil {
			return nil, err
		}
		if repeat || !known && e.StartedAt.IsZero() { // what has no start may have been placed elsewhere
			continue
		}
		other, err := beside(e)
		if err != nil {
			return nil, err
		}
		body, err := replica.Encode(other)
		if err != nil {
			return nil, err
		}
		others = append(others, store.Entry{Station: station, Sequence: other.Sequence, At: at[i], Body: body})
		of = append(of, i)
	}
	if len(others) == 0 {
		return given, nil
	}
	fresh, err := l.store.Append(ctx, others)
	if err != nil {
		return nil, err
	}
	for n, i := range of {
		if fresh[n] {
			given[i] = others[n].Sequence
		}
	}
	return given, nil
}
