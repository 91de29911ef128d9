package playout

import (
	"fmt"
	"slices"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// plan signs the documents of the day's beginning, of this station and of another one.
func (b *besieged) plan() {
	record := func(number int, length time.Duration) wire.QueueItem {
		return b.s.record(recording{Number: number, Rate: int(mitmRate), Frames: mitmRate.Frames(length)})
	}
	for n := range 24 {
		it := record(1+n, 20*time.Second+b.some(40*time.Second))
		if n%3 == 0 {
			it = sensitive(record(90+n, 20*time.Second+b.some(40*time.Second)))
			b.truth.names = append(b.truth.names, it.SegmentID)
		}
		b.pool = append(b.pool, it)
	}
	for n := range 6 {
		b.list = append(b.list, record(150+n, time.Duration(8+9*n)*time.Second))
	}
	b.list = append(b.list, sensitive(record(160, 20*time.Second)))
	b.truth.names = append(b.truth.names, "segment-160")
	var foreign []wire.QueueItem
	for n := range 8 {
		foreign = append(foreign, record(200+n, 30*time.Second))
	}
	begun := time.Now()
	for hour := 1 + b.r.IntN(2); hour < mitmHours-1; hour += 3 + b.r.IntN(3) {
		b.opens = append(b.opens, begun.Add(time.Duration(hour)*time.Hour+b.some(50*time.Minute)).Truncate(time.Second))
	}
	for _, day := range []int{-1, 1} {
		b.publish("lantern", day, 1, b.pool)
	}
	for _, day := range []int{-1, 0, 1} {
		for revision := int64(1); revision < 9; revision += 7 {
			b.publish("harbour", day, revision, foreign)
		}
	}
	b.recalls = wire.Recalls{Schema: wire.RecallsSchema, IssuedAt: schedules.At(begun)}
	b.today()
	b.recall()
	b.fallback()
	other := wire.Fallback{Schema: wire.FallbackSchema, Station: "harbour", Revision: 99, IssuedAt: schedules.At(begun),
		ExpiresAt: schedules.At(begun.AddDate(0, 0, 14)), Items: foreign, Windows: b.hours(0)}
	b.truth.foreign["fallback"] = append(b.truth.foreign["fallback"], b.s.sign(wire.FallbackType, other))
}

func (b *besieged) hours(day int) (out []schedules.Occurrence) {
	for i, at := range b.opens {
		at = at.AddDate(0, 0, day)
		out = append(out, schedules.Occurrence{Window: fmt.Sprintf("w%d", i), Date: schedules.DateOf(at),
			StartAt: schedules.At(at), EndAt: schedules.At(at.Add(mitmWindow))})
	}
	return out
}

// publish signs a revision of a station's day: windows full of items of the pool. Some items would end after their
// expiry, and some queues expire in the course of the day.
func (b *besieged) publish(station string, day int, revision int64, pool []wire.QueueItem) {
	date := schedules.DateOf(time.Now()).AddDays(day)
	q := wire.Queue{Schema: wire.QueueSchema, Station: station, Date: date, Timezone: "UTC", Revision: revision,
		PublishedAt: schedules.At(time.Now()), ExpiresAt: schedules.At(time.Now().AddDate(0, 0, 3)), Recalled: []string{},
		Fallback: []wire.QueueItem{}}
	if b.r.IntN(6) == 0 {
		q.ExpiresAt = schedules.At(time.Now().Add(time.Hour + b.some(20*time.Hour)))
	}
	for _, o := range b.hours(day) {
		q.Windows = append(q.Windows, schedules.Slot{Occurrence: o, Tolerance: schedules.Ms(60_000)})
		for at := o.StartAt.Time; ; {
			it := pool[b.r.IntN(len(pool))]
			if at.Add(it.Duration.Duration).After(o.EndAt.Time) {
				break
			}
			starts := schedules.At(at)
			it.ID = fmt.Sprintf("%s-%s-r%d-%d", station, date, revision, len(q.Items))
			it.StartAt, it.StartMs, it.Window, it.Start = &starts, at.UnixMilli(), o.Window, schedules.Follow
			at = at.Add(it.Duration.Duration)
			if b.r.IntN(10) == 0 {
				it.NotAfter = schedules.At(at.Add(-time.Second))
			}
			q.Items = append(q.Items, it)
		}
	}
	body := b.s.sign(wire.QueueType, q)
	v := b.truth
	v.mu.Lock()
	v.is[payload(body)] = signed{&q, body}
	if station != "lantern" {
		v.foreign["queue"] = append(v.foreign["queue"], body)
		v.mu.Unlock()
		return
	}
	if day != 0 {
		v.foreign["queue"] = append(v.foreign["queue"], body)
	}
	for i := range q.Items {
		v.items[q.Items[i].ID] = planned{q.Items[i], date, revision, q.ExpiresAt.Time}
	}
	v.archive["queue"] = append(v.archive["queue"], body)
	v.newest.Queues[date.String()] = revision
	v.mu.Unlock()
	b.s.put("/v1/stations/lantern/queue.dsse?date="+date.String(), body)
}

func (b *besieged) today() {
	b.revision++
	b.publish("lantern", 0, b.revision, b.pool)
}

// fallback signs a list of some of the items, with terms for a starved station.
func (b *besieged) fallback() {
	b.listed++
	b.terms = []schedules.Starved{{}, {Policy: schedules.GoOn, After: schedules.Ms(900_000)},
		{Policy: schedules.DropSensitive, After: schedules.Ms(300_000)}, {Policy: schedules.DropSensitive}}[b.r.IntN(4)]
	from := b.r.IntN(3)
	f := wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern", Revision: b.listed,
		IssuedAt:  schedules.At(time.Now()),
		ExpiresAt: schedules.At(time.Now().AddDate(0, 0, 14)), Items: b.list[from : from+5], Windows: b.hours(0),
		Starved: b.terms, Recalled: []string{}}
	body := b.s.sign(wire.FallbackType, f)
	b.truth.mu.Lock()
	b.truth.is[payload(body)] = signed{&f, body}
	b.truth.archive["fallback"] = append(b.truth.archive["fallback"], body)
	b.truth.newest.Fallback = b.listed
	b.truth.mu.Unlock()
	b.s.put("/v1/stations/lantern/fallback.dsse", body)
}

// recall signs a list that recalls the named segments, too.
func (b *besieged) recall(segments ...string) {
	now := time.Now()
	b.recalls.Revision++
	b.recalls.IssuedAt = schedules.At(now)
	r := b.recalls
	r.Segments = slices.Clone(r.Segments)
	v := b.truth
	v.mu.Lock()
	for _, id := range segments {
		if _, already := v.recalled[id]; !already {
			r.Segments = append(r.Segments, wire.Recalled{SegmentID: id, RecalledAt: schedules.At(now)})
			v.recalled[id] = now
			v.names = slices.DeleteFunc(slices.Clone(v.names), func(n string) bool { return n == id })
		}
	}
	b.recalls = r
	body := b.s.recallsBody(r)
	v.is[payload(body)] = signed{&r, body}
	v.archive["recalls"] = append(v.archive["recalls"], body)
	v.newest.Recalls = r.Revision
	v.mu.Unlock()
	b.s.put("/v1/recalls", body)
}
