package scheduling

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Fallbacks issues the stations' fallback lists.
type Fallbacks struct {
	*core
	url string // base URL of the service, prefixed to media paths
}

// fallbackDays is the number of days ahead for which a fallback list is valid and names the windows, so that a station
// without a queue knows its hours.
const fallbackDays = 14

// IssueAll issues a new fallback list for each station whose list has changed, and for every station once a day.
func (s *Fallbacks) IssueAll(ctx context.Context, lock *replica.WorkLock) error {
	due, err := s.due()
	if len(due) == 0 {
		return err
	}
	return lock.Do(ctx, "fallback", 0, func(ctx context.Context) error {
		due, failed := s.due()
		for _, f := range due {
			if err := s.issue(ctx, f); err != nil && !errors.Is(err, replica.ErrRace) {
				failed = errors.Join(failed, fmt.Errorf("fallback of %s: %w", f.Station, err))
			}
		}
		return failed
	})
}

// dueFallback is a list to issue over the stored document of revision expect.
type dueFallback struct {
	wire.Fallback
	expect int64
}

// due returns the lists that differ from the ones issued last.
func (s *Fallbacks) due() (due []dueFallback, failed error) {
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		f, differs, err := s.next(row.Value)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("fallback of %s: %w", id, err))
		}
		if differs {
			due = append(due, f)
		}
	}
	return due, failed
}

// next returns the list that a station should have now, and reports whether it differs from the one issued last.
func (s *Fallbacks) next(st schedules.Station) (next dueFallback, differs bool, err error) {
	today := s.now().UTC().Truncate(24 * time.Hour)
	windows, err := s.hours(st, today.AddDate(0, 0, -1), today.AddDate(0, 0, fallbackDays))
	if err != nil {
		return next, false, err
	}
	before, _ := replica.FallbacksIn(s.replica).Get(st.ID)
	last, above := before.Value.Value.Revision, s.replica.Floor().Above
	next.expect = before.Revision
	next.Fallback = wire.Fallback{Schema: wire.FallbackSchema, Station: st.ID, Timezone: st.Timezone, Revision: above +
		before.Revision + 1, IssuedAt: schedules.At(today),
		ExpiresAt: schedules.At(today.AddDate(0, 0, fallbackDays)), Windows: windows,
		Items: s.items(st, s.now()), Recalled: s.recalledIDs(), Starved: st.Starved}
	if next.Windows == nil {
		next.Windows = []schedules.Occurrence{}
	}
	same := next.Fallback
	same.Revision = last
	payload, err := replica.Encode(same)
	return next, err == nil && (last <= above || !bytes.Equal(payload, before.Value.Payload.Plain)), err
}

// hours returns the window occurrences of a station that start in [from, to). For a published day they are the windows
// that it was published with, even if the definitions have changed since; for other days they come from the
// definitions.
func (s *Fallbacks) hours(st schedules.Station, from, to time.Time) ([]schedules.Occurrence, error) {
	defined, err := st.Occurrences(from, to)
	if err != nil {
		return nil, err
	}
	var out []schedules.Occurrence
	published := map[schedules.Date]bool{}
	for _, row := range replica.QueuesIn(s.replica).After(st.ID+"/", "") {
		published[row.Value.Value.Date] = !row.Value.Value.Withdrawn
		for _, w := range row.Value.Value.Windows {
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

func (s *Fallbacks) issue(ctx context.Context, next dueFallback) error {
	body, err := replica.SignJSON(s.signer, wire.FallbackType, next.Fallback)
	if err != nil {
		return err
	}
	return s.replica.Commit(ctx, store.Commit{
		Writes: []store.Write{{Kind: replica.KindFallback, ID: next.Station, Expect: next.expect, Body: body}},
		Origin: access.System.Origin(s.now(), "fallback.issue", "")})
}

// Fallback returns a station's signed fallback list. It fails with NotFound until the first list is issued.
func (s *Fallbacks) Fallback(station string) (replica.Signed[wire.Fallback], error) {
	row, ok := replica.FallbacksIn(s.replica).Get(station)
	if !ok {
		return row.Value, fault.New(fault.NotFound, "no fallback is issued for station %q yet", station)
	}
	return row.Value, nil
}

// items returns the station's fallback segments that may air now, and the reserve where none may.
func (s *Fallbacks) items(st schedules.Station, now time.Time) []wire.QueueItem {
	items := []wire.QueueItem{}
	for _, seg := range s.network.StationProblems.Fillers(st, now) {
		item := queueItem("fallback."+seg.ID, seg.Segment, st, s.url)
		item.NotAfter = seg.NotAfter
		items = append(items, item)
	}
	return items
}

// Await is like Fallback, but waits until the list's revision differs from known or ctx ends. It does not wait when
// known is negative.
func (s *Fallbacks) Await(ctx context.Context, station string, known int64) (replica.Signed[wire.Fallback], error) {
	return replica.Await(ctx, s.replica, replica.Topic(replica.KindFallback, station), known,
		func() (replica.Signed[wire.Fallback], int64, error) {
			f, err := s.Fallback(station)
			return f, f.Value.Revision, err
		})
}

func (s *Fallbacks) recalledIDs() []string {
	ids := []string{}
	row, _ := replica.RecallsIn(s.replica).Get(replica.RecallsID)
	for _, r := range row.Value.Value.Segments {
		ids = append(ids, r.SegmentID)
	}
	return ids
}
