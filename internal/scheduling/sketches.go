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

// sketches reads of rundowns what the plans of other days look at, and keeps it.
type sketches struct {
	*core
	mu    sync.Mutex
	known map[string]sketch // of latest rundowns, by document id
	size  int               // items in them
}

// sketch is what the plans of other days look at in a rundown.
type sketch struct {
	document int64 // revision of the stored document that it was made of; 0: of none
	planned  int64 // the revision in which the items became as they are
	draft    bool
	items    []sketched
}

type sketched struct {
	id, position string
	airing       schedules.Airing
}

func sketchRundown(r schedules.Rundown) sketch {
	out := sketch{planned: plannedIn(r), draft: r.Status == schedules.Draft, items: make([]sketched, len(r.Items))}
	for n, airing := range r.Airings() {
		out.items[n] = sketched{r.Items[n].ID, r.Items[n].Position, airing}
	}
	return out
}

func sketchQueue(q wire.Queue) sketch {
	out := sketch{}
	for _, i := range q.Items {
		if i.StartAt == nil {
			continue
		}
		out.items = append(out.items, sketched{i.ID, i.Position, schedules.Airing{Station: q.Station, SegmentID: i.SegmentID,
			StartAt: *i.StartAt,
			EndAt:   schedules.At(i.StartAt.Add(i.Duration.Duration)), Window: i.Window}})
	}
	return out
}

// plannedIn is the revision in which a rundown's items became as they are; in rundowns of old versions, its own.
func plannedIn(r schedules.Rundown) int64 {
	if r.Planned == 0 {
		return r.Revision
	}
	return r.Planned
}

// sketchesKept bounds the items of the sketches that are kept in memory.
const sketchesKept = 100_000

// of is the latest rundown of a day, in brief; the zero sketch where there is none. It is decoded once for each
// revision.
func (s *sketches) of(ctx context.Context, station string, date schedules.Date) (sketch, error) {
	id := replica.DayID(station, date)
	d, err := s.store.Get(ctx, replica.KindRundown, id)
	if fault.Is(err, fault.NotFound) {
		return sketch{}, nil
	}
	if err != nil {
		return sketch{}, err
	}
	s.mu.Lock()
	known := s.known[id]
	s.mu.Unlock()
	if known.document == d.Revision {
		return known, nil
	}
	r, err := replica.Decode[schedules.Rundown](d)
	if err != nil {
		return sketch{}, err
	}
	out := sketchRundown(r)
	out.document = d.Revision
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size += len(out.items); s.size > sketchesKept {
		clear(s.known)
		s.size = len(out.items)
	}
	s.known[id] = out
	return out, nil
}

// drafts are the drafts of a station's days [from, to) as far as they may still air, by day: of each the latest, unless
// what is published is newer. What the same request has drafted goes before what is stored.
func (s *sketches) drafts(ctx context.Context, st schedules.Station, from, to schedules.Date,
	request []schedules.Rundown) (map[schedules.Date]sketch, error) {
	today, err := st.DateAt(s.now())
	if err != nil {
		return nil, err
	}
	if yesterday := today.AddDays(-1); from.Before(yesterday) {
		from = yesterday // its last window may run past midnight
	}
	out := map[schedules.Date]sketch{}
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
			out[r.Date] = sketchRundown(r)
		}
	}
	return out, nil
}

// ahead are the airings of the sketch that start at an instant or later.
func (k sketch) ahead(from time.Time) (out []schedules.Airing) {
	for _, i := range k.items {
		if !i.airing.StartAt.Before(from) {
			out = append(out, i.airing)
		}
	}
	return out
}
