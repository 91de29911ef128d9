package scheduling

import (
	"context"
	"time"

	"sync"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// rundownSummaries reads, and caches, those parts of rundowns that the plans of other days need.
type rundownSummaries struct {
	*core
	mu    sync.Mutex
	known map[string]rundownSummary // latest rundowns, by document id
	size  int                       // number of items in known
}

// rundownSummary holds the parts of a rundown that the plans of other days need.
type rundownSummary struct {
	document int64 // revision of the stored document; 0: the summary was made of none
	planned  int64 // the revision that introduced the present items
	draft    bool
	items    []dayItem
}

type dayItem struct {
	id, position string
	airing       schedules.Airing
}

func summarizeRundown(r schedules.Rundown) rundownSummary {
	out := rundownSummary{planned: plannedIn(r), draft: r.Status == schedules.Draft, items: make([]dayItem, len(r.Items))}
	for n, airing := range r.Airings() {
		out.items[n] = dayItem{r.Items[n].ID, r.Items[n].Position, airing}
	}
	return out
}

func summarizeQueue(q wire.Queue) rundownSummary {
	out := rundownSummary{}
	for _, i := range q.Items {
		if i.StartAt == nil {
			continue
		}
		out.items = append(out.items, dayItem{i.ID, i.Position, schedules.Airing{Station: q.Station, SegmentID: i.SegmentID,
			StartAt: *i.StartAt,
			EndAt:   schedules.At(i.StartAt.Add(i.Duration.Duration)), Window: i.Window}})
	}
	return out
}

// plannedIn returns the revision that introduced a rundown's present items. Rundowns of old versions do not record it;
// for them it is their own revision.
func plannedIn(r schedules.Rundown) int64 {
	if r.Planned == 0 {
		return r.Revision
	}
	return r.Planned
}

// summariesKept is the largest number of items in the cached summaries.
const summariesKept = 100_000

// of returns a summary of the latest rundown of a day, or the zero summary if there is none. It decodes each revision
// once.
func (s *rundownSummaries) of(ctx context.Context, station string, date schedules.Date) (rundownSummary, error) {
	id := replica.DayID(station, date)
	d, err := s.store.Get(ctx, replica.KindRundown, id)
	if fault.Is(err, fault.NotFound) {
		return rundownSummary{}, nil
	}
	if err != nil {
		return rundownSummary{}, err
	}
	s.mu.Lock()
	known := s.known[id]
	s.mu.Unlock()
	if known.document == d.Revision {
		return known, nil
	}
	r, err := replica.Decode[schedules.Rundown](d)
	if err != nil {
		return rundownSummary{}, err
	}
	out := summarizeRundown(r)
	out.document = d.Revision
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size += len(out.items); s.size > summariesKept {
		clear(s.known)
		s.size = len(out.items)
	}
	s.known[id] = out
	return out, nil
}

// drafts returns the latest rundowns of a station's days [from, to) that are drafts and may still air, by day. The
// drafts of the same request replace the stored ones.
func (s *rundownSummaries) drafts(ctx context.Context, st schedules.Station, from, to schedules.Date,
	request []schedules.Rundown) (map[schedules.Date]rundownSummary, error) {
	today, err := st.DateAt(s.now())
	if err != nil {
		return nil, err
	}
	if yesterday := today.AddDays(-1); from.Before(yesterday) {
		from = yesterday // yesterday's last window may run past midnight
	}
	out := map[schedules.Date]rundownSummary{}
	for date := from; date.Before(to); date = date.AddDays(1) {
		found, err := s.of(ctx, st.ID, date)
		if err != nil {
			return nil, err
		}
		if found.draft {
			out[date] = found
		}
	}
	for _, r := range request {
		if r.Station == st.ID && !r.Date.Before(from) && r.Date.Before(to) {
			out[r.Date] = summarizeRundown(r)
		}
	}
	return out, nil
}

// ahead returns the airings of the summary that start at from or later.
func (k rundownSummary) ahead(from time.Time) (out []schedules.Airing) {
	for _, i := range k.items {
		if !i.airing.StartAt.Before(from) {
			out = append(out, i.airing)
		}
	}
	return out
}
