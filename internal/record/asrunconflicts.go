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

// firstConflictSequence is the first of the sequences that the service assigns to conflicting entries. It is far above
// the sequences of stations, and JSON readers represent it exactly.
const firstConflictSequence = 1 << 52

// withDerivedSequence returns the entry under a sequence of its own, derived from its content, so that a repeated entry
// gets the same sequence.
func withDerivedSequence(e schedules.AsRun) (schedules.AsRun, error) {
	b, err := withoutDetail(e)
	if err != nil {
		return e, err
	}
	sum := sha256.Sum256(b)
	e.ReportedAs = e.Sequence
	e.Sequence = firstConflictSequence | int64(binary.BigEndian.Uint64(sum[:])&(firstConflictSequence-1))
	note := fmt.Sprintf("sent under sequence %d, which another report has: do two players report for this station?",
		e.ReportedAs)
	if !e.Counts() {
		note = fmt.Sprintf("sent under sequence %d without the signature of the station's key", e.ReportedAs)
	}
	if e.Detail != "" {
		note = e.Detail + "; " + note
	}
	e.Detail = note
	return e, nil
}

// withoutDetail encodes an entry without its detail.
func withoutDetail(e schedules.AsRun) ([]byte, error) {
	e.Detail = ""
	return replica.Encode(e)
}

// same reports whether two entries are equal but for their details, and for their authenticity.
func same(a, b schedules.AsRun) (bool, error) {
	a.Authenticity, b.Authenticity = "", ""
	x, err := withoutDetail(a)
	if err != nil {
		return false, err
	}
	y, err := withoutDetail(b)
	return bytes.Equal(x, y), err
}

// sentDays bounds the distance between the times under which one entry without a start was filed on two deliveries.
const sentDays = 2 * 24 * time.Hour

// storeConflicts stores each entry whose sequence belongs to an entry with other content, under a sequence of its own.
// sent holds entries that the store already knew by sequence or that are not the station's word, and at the times under
// which they are filed. It returns the assigned sequences; 0 means that the entry is a repeat.
func (l *Logbook) storeConflicts(ctx context.Context, station string, sent []schedules.AsRun, at []time.Time) ([]int64,
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
		// without a start, the first one may be filed under another time
		if repeat || !known && e.StartedAt.IsZero() && e.Counts() {
			continue
		}
		other, err := withDerivedSequence(e)
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
