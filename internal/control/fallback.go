package control

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// fallbackDays is how far ahead a fallback list names the windows, so that a station without a queue knows its hours.
const fallbackDays = 14

// IssueFallbacks seals each station's fallback list anew where it has changed, and once a day.
func (s *Scheduler) IssueFallbacks(ctx context.Context, claims *Claims) error {
	due, err := s.dueFallbacks()
	if len(due) == 0 {
		return err
	}
	return claims.do(ctx, "fallback", 0, func(ctx context.Context) error {
		due, failed := s.dueFallbacks()
		for _, f := range due {
			if err := s.issueFallback(ctx, f); err != nil && !errors.Is(err, errRace) {
				failed = errors.Join(failed, fmt.Errorf("fallback of %s: %w", f.Station, err))
			}
		}
		return failed
	})
}

// dueFallback is a list to be issued in the place of the document at a revision.
type dueFallback struct {
	wire.Fallback
	expect int64
}

// dueFallbacks are the lists that differ from what was issued last.
func (s *Scheduler) dueFallbacks() (due []dueFallback, failed error) {
	for id, row := range stationsIn(s.mirror).after("", "") {
		f, differs, err := s.nextFallback(row.value)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("fallback of %s: %w", id, err))
		}
		if differs {
			due = append(due, f)
		}
	}
	return due, failed
}

// nextFallback is what a station's list should be now, and whether it differs from what was issued last.
func (s *Scheduler) nextFallback(st schedules.Station) (next dueFallback, differs bool, err error) {
	today := s.now().UTC().Truncate(24 * time.Hour)
	windows, err := s.hours(st, today.AddDate(0, 0, -1), today.AddDate(0, 0, fallbackDays))
	if err != nil {
		return next, false, err
	}
	before, _ := fallbacksIn(s.mirror).get(st.ID)
	last, above := before.value.Value.Revision, s.mirror.floor().Above
	next.expect = before.revision
	next.Fallback = wire.Fallback{Schema: wire.FallbackSchema, Station: st.ID, Timezone: st.Timezone, Revision: above + before.revision + 1, IssuedAt: schedules.At(today),
		ExpiresAt: schedules.At(today.AddDate(0, 0, fallbackDays)), Windows: windows,
		Items: s.fallbackItems(st, s.now()), Recalled: s.recalledIDs()}
	if next.Windows == nil {
		next.Windows = []schedules.Occurrence{}
	}
	same := next.Fallback
	same.Revision = last
	payload, err := encode(same)
	return next, err == nil && (last <= above || !bytes.Equal(payload, before.value.Payload.Plain)), err
}

// hours are the window occurrences of a station that start in [from, to): a published day has those that it was published
// with, whatever the definitions say now, and the definitions tell the rest.
func (s *Scheduler) hours(st schedules.Station, from, to time.Time) ([]schedules.Occurrence, error) {
	defined, err := st.Occurrences(from, to)
	if err != nil {
		return nil, err
	}
	var out []schedules.Occurrence
	published := map[schedules.Date]bool{}
	for _, row := range queuesIn(s.mirror).after(st.ID+"/", "") {
		published[row.value.Value.Date] = !row.value.Value.Withdrawn
		for _, w := range row.value.Value.Windows {
			if !w.StartAt.Before(from) && w.StartAt.Before(to) {
				out = append(out, w.Occurrence)
			}
		}
	}
	for _, o := range defined {
		if !published[o.Date] {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b schedules.Occurrence) int {
		return cmp.Or(a.StartAt.Compare(b.StartAt.Time), cmp.Compare(a.Window, b.Window))
	})
	return out, nil
}

func (s *Scheduler) issueFallback(ctx context.Context, next dueFallback) error {
	body, err := sealJSON(s.sealer, wire.FallbackType, next.Fallback)
	if err != nil {
		return err
	}
	return s.mirror.Commit(ctx, store.Commit{
		Writes: []store.Write{{Kind: kindFallback, ID: next.Station, Expect: next.expect, Body: body}},
		Origin: System.origin(s.now(), "fallback.issue", "")})
}

// Fallback is a station's sealed fallback list. It fails with NotFound until the first is issued.
func (s *Scheduler) Fallback(station string) (Sealed[wire.Fallback], error) {
	row, ok := fallbacksIn(s.mirror).get(station)
	if !ok {
		return row.value, fault.New(fault.NotFound, "no fallback is issued for station %q yet", station)
	}
	return row.value, nil
}

// fallbackItems are the station's fallback segments that may air now.
func (s *Scheduler) fallbackItems(st schedules.Station, now time.Time) []wire.QueueItem {
	items := []wire.QueueItem{}
	library := s.prepare()
	for _, id := range st.Fallback {
		seg, ok := library.Segment(id)
		if !ok || seg.Recording == nil {
			continue
		}
		place := schedules.Place{Languages: st.Languages, StartAt: now, EndAt: now.Add(seg.Recording.AirTime().Duration)}
		if library.Airable(id, place) != nil {
			continue
		}
		life, _ := library.Life(id)
		item := queueItem("fallback."+id, seg, st, s.url)
		item.NotAfter = life.Until
		items = append(items, item)
	}
	return items
}
