package control

import (
	"context"
	"fmt"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// floorID is the id of the only document of its kind.
const floorID = "floor"

// floor is what a store that was set back to an older state numbers signed documents above: stations refuse what is older
// than what they have seen. It is the time in seconds since 1970 when it was raised. That is beyond every earlier number,
// since no document has a revision a second, and an earlier floor is an earlier time. The recall list and the fallback
// lists are numbered by their document's revision above it.
type floor struct {
	Above   int64             `json:"above"`
	Days    int64             `json:"days,omitempty"`    // up to which published days are signed anew; the lists always are
	Station string            `json:"station,omitempty"` // that knew more than the store; "": none did
	Saw     string            `json:"saw,omitempty"`     // of what the station knew more, for people
	Found   schedules.Instant `json:"found"`             // when that was found
}

// raised is the floor that comes after f and stands above what was seen. Beyond numbers that are ahead of the time it is
// by a wide step, for what was signed since, and so that who reports such numbers has few of them.
func (f floor) raised(now time.Time, seen int64) floor {
	const step = 1 << 16
	seen = max(seen, f.Above)
	f.Above = now.Unix()
	if seen >= f.Above {
		f.Above = (seen/step + 2) * step
	}
	return f
}

// plausibleAhead is how far ahead of the time a number may be that a station says it has seen.
const plausibleAhead = 30 * 24 * time.Hour

// plausible reports whether a service can have given a number by now.
func plausible(number int64, now time.Time) bool { return number <= now.Add(plausibleAhead).Unix() }

func (m *Mirror) floor() floor {
	row, _ := floorsIn(m).get(floorID)
	return row.value
}

// floorWrite stores next in the place of the floor at revision.
func floorWrite(next floor, revision int64) (store.Write, error) {
	body, err := encode(next)
	return store.Write{Kind: kindFloor, ID: floorID, Expect: revision, Body: body}, err
}

// RaiseFloor has all documents that are signed from now on numbered above what any station may have seen. It is for a
// store that is set back to an older state, or whose keys change, before a service uses it. The service then signs the
// lists anew, and with days the published days that are not over, in the place of what stations may hold of them.
func RaiseFloor(ctx context.Context, docs Documents, by, action string, days bool, now time.Time) error {
	var before floor
	d, err := docs.Get(ctx, kindFloor, floorID)
	if err == nil {
		before, err = decode[floor](d)
	} else if fault.Is(err, fault.NotFound) {
		err = nil
	}
	if err != nil {
		return err
	}
	next := before.raised(now, 0)
	if days {
		next.Days = next.Above
	}
	write, err := floorWrite(next, d.Revision)
	if err != nil {
		return err
	}
	_, err = docs.Commit(ctx, store.Commit{Writes: []store.Write{write}, Origin: Actor{Name: by}.origin(now, action, "")})
	return err
}

// seenBy are the numbers that a station says it has seen. An older player tells only what it holds.
func seenBy(s wire.Status) wire.Seen {
	seen := wire.Seen{Recalls: wire.SeenMark{Revision: s.RecallsSeen}, Queues: s.QueueRevision}
	if s.Seen != nil {
		seen.Recalls.Revision = max(seen.Recalls.Revision, s.Seen.Recalls.Revision)
		seen.Recalls.IssuedAt, seen.Fallback = s.Seen.Recalls.IssuedAt, s.Seen.Fallback
		seen.Queues = max(seen.Queues, s.Seen.Queues)
	}
	return seen
}

// ahead says of what a station has seen more than the store has, and by which number; "" where it has not, or where no
// service can have given that number yet.
func (s *Scheduler) ahead(ctx context.Context, station string, seen wire.Seen) (number int64, saw string, err error) {
	note := func(n int64, format string, args ...any) {
		if n > number && plausible(n, s.now()) {
			number, saw = n, fmt.Sprintf(format, args...)
		}
	}
	beyond := func(m wire.SeenMark, revision int64, issued schedules.Instant) bool {
		return m.Revision > revision || m.Revision == revision && m.IssuedAt.After(issued.Time)
	}
	recalls, _ := recallsIn(s.mirror).get(recallsID)
	if own := recalls.value.Value; beyond(seen.Recalls, own.Revision, own.IssuedAt) {
		note(seen.Recalls.Revision, "revision %d of the recall list, where the service had %d", seen.Recalls.Revision, own.Revision)
	}
	fallback, _ := fallbacksIn(s.mirror).get(station)
	if own := fallback.value.Value; beyond(seen.Fallback, own.Revision, own.IssuedAt) {
		note(seen.Fallback.Revision, "revision %d of its fallback list, where the service had %d", seen.Fallback.Revision, own.Revision)
	}
	latest := int64(0)
	for _, row := range queuesIn(s.mirror).after(station+"/", "") {
		latest = max(latest, row.value.Value.Revision)
	}
	if seen.Queues <= latest {
		return number, saw, nil
	}
	counter, err := s.counter(ctx, station)
	if err == nil && counter.Revision > 0 {
		latest, err = decode[int64](counter)
	}
	if err == nil && seen.Queues > latest {
		note(seen.Queues, "revision %d of a day, where the service had %d", seen.Queues, latest)
	}
	return number, saw, err
}

// Newest are the revisions that a station ought to hold now.
func (s *Scheduler) Newest(st schedules.Station) (n wire.Newest, err error) {
	if n.Date, err = st.DateAt(s.now()); err != nil {
		return n, err
	}
	recalls, _ := recallsIn(s.mirror).get(recallsID)
	fallback, _ := fallbacksIn(s.mirror).get(st.ID)
	n.Recalls, n.Fallback = recalls.value.Value.Revision, fallback.value.Value.Revision
	if queue, ok := queuesIn(s.mirror).get(dayID(st.ID, n.Date)); ok {
		n.Queue = queue.value.Value.Revision
	}
	return n, nil
}

// Outrun raises the floor where a station has seen more than the store has, and signs the recall list anew above it, in one
// commit. The other documents follow by Resign. Without it the station would refuse what is recalled from now on.
func (s *Scheduler) Outrun(ctx context.Context, station string, status wire.Status) error {
	seen := seenBy(status)
	if _, saw, err := s.ahead(ctx, station, seen); saw == "" || err != nil {
		return err
	}
	return s.mirror.retry(ctx, func() error {
		if err := s.mirror.CatchUp(ctx); err != nil { // another replica may have signed what it saw
			return err
		}
		number, saw, err := s.ahead(ctx, station, seen)
		if saw == "" || err != nil {
			return err
		}
		row, _ := floorsIn(s.mirror).get(floorID)
		next := row.value.raised(s.now(), number)
		next.Days, next.Station, next.Saw, next.Found = next.Above, station, saw, schedules.At(s.now())
		write, err := floorWrite(next, floorsIn(s.mirror).revision(floorID))
		if err != nil {
			return err
		}
		list, err := sealRecalls(s.mirror, s.sealer, next, s.now())
		if err != nil {
			return err
		}
		return s.mirror.Commit(ctx, store.Commit{Writes: []store.Write{write, list}, Origin: System.origin(s.now(), "recalls.raise", "station "+station+" had seen "+saw)})
	})
}

// sealRecalls is the recall list that follows the latest, numbered above f, in which the segments stand as their states say.
func sealRecalls(m *Mirror, sealer Sealer, f floor, now time.Time, segments ...schedules.Segment) (store.Write, error) {
	before, _ := recallsIn(m).get(recallsID)
	last := before.value.Value
	next := wire.Recalls{Schema: wire.RecallsSchema, Revision: f.Above + before.revision + 1, IssuedAt: schedules.At(now),
		Segments: []wire.Recalled{}, Above: f.Above}
	changed := map[string]bool{}
	for _, s := range segments {
		changed[s.ID] = true
	}
	for _, r := range last.Segments {
		if !changed[r.SegmentID] {
			next.Segments = append(next.Segments, r)
		}
	}
	if last.Above == f.Above {
		for _, r := range last.Released {
			if !changed[r.SegmentID] {
				next.Released = append(next.Released, r)
			}
		}
	}
	for _, s := range segments {
		r := wire.Recalled{SegmentID: s.ID, RecalledAt: next.IssuedAt}
		if s.Recording != nil {
			r.SHA256 = s.Recording.SHA256
		}
		switch {
		case s.State == schedules.Recalled:
			next.Segments = append(next.Segments, r)
		case f.Above > 0 && s.ID != "":
			next.Released = append(next.Released, r)
		}
	}
	body, err := sealJSON(sealer, wire.RecallsType, next)
	return store.Write{Kind: kindRecalls, ID: recallsID, Expect: before.revision, Body: body}, err
}

// setBackTold is for how long a station's page says that the store knew less than the station.
const setBackTold = 3 * 24 * time.Hour

// outrun says that the station has seen more than the store had, or more than any service can have signed.
func (s *Scheduler) outrun(st schedules.Station) (out []schedules.StationProblem) {
	now := s.now()
	if f := s.mirror.floor(); f.Station == st.ID && now.Sub(f.Found.Time) < setBackTold {
		out = append(out, schedules.StationProblem{Code: "store_set_back", Message: fmt.Sprintf("the service's store is older than what this station knows: on %s it had seen %s. "+
			"What was recalled, approved, published or changed last is missing: look at the alarms of all stations, recall again what they name, and publish again what is missing. "+
			"Everything signed since then is numbered above it, so that stations obey. This stands here until %s",
			stationTime(st, f.Found.Time), f.Saw, stationTime(st, f.Found.Add(setBackTold)))})
	}
	if row, ok := statusesIn(s.mirror).get(st.ID); ok {
		seen := seenBy(row.value)
		if most := max(seen.Recalls.Revision, seen.Fallback.Revision, seen.Queues); !plausible(most, now) {
			out = append(out, schedules.StationProblem{Code: "implausible", Message: fmt.Sprintf("the station says that it has seen revision %d, which no service can have given yet: "+
				"it will refuse what is published and recalled. Its token is in other hands, or the service's clock was far ahead: "+
				"give it a new token, and start its player with a new state directory", most)})
		}
	}
	return out
}
