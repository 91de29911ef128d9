package control

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"lifeline/internal/chain"
	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/auditor"
)

// PublishOptions steer a publication.
type PublishOptions struct {
	Revision   *int64 // of the latest rundown that the caller knows; nil: any
	Correction string // why a frozen window may change, or the day may lose over half of its time; empty: it may not
}

// Publish checks the latest rundown of a day by the auditor, signs it and makes it the station's queue, all in one
// commit. It fails with Invalid, naming every hard rule that the rundown breaks, and with Conflict where it would
// change what is frozen, or airs less than half of what is published.
func (s *Scheduler) Publish(ctx context.Context, a Actor, station string, date schedules.Date, o PublishOptions) (schedules.Rundown, error) {
	var out schedules.Rundown
	err := s.mirror.retry(ctx, func() error {
		latest, err := s.drafted(ctx, station, date, o.Revision)
		if err != nil {
			return err
		}
		switch latest.rundown.Status {
		case schedules.Published:
			out = latest.rundown
			return nil
		case schedules.Withdrawn:
			return fault.New(fault.Conflict, "%s was withdrawn: plan it anew, then publish it", date)
		}
		if err := s.over(latest.rundown); err != nil {
			return err
		}
		if o.Correction == "" {
			if err := s.checkFrozen(ctx, latest.rundown); err != nil {
				return err
			}
		}
		in, err := s.input(ctx, station, date, outlook{published: true})
		if err != nil {
			return err
		}
		if err := s.audit(ctx, in, latest.rundown); err != nil {
			return err
		}
		next := latest.rundown.Onto(in.Published, s.now())
		if err := s.heldByAnother(in, next); err != nil {
			return err
		}
		if next.Warnings, err = s.atPublication(ctx, in, next); err != nil {
			return err
		}
		if o.Correction == "" {
			if err := s.checkShortened(ctx, next); err != nil {
				return err
			}
		}
		out, err = s.publishNext(ctx, a, latest, next, "queue.publish", o.Correction)
		return err
	})
	return out, err
}

// over fails with Invalid when nothing of the day is still to come.
func (s *Scheduler) over(r schedules.Rundown) error {
	now := s.now()
	if slices.ContainsFunc(r.Windows, func(w schedules.Slot) bool { return w.EndAt.After(now) }) {
		return nil
	}
	st, err := s.Station(r.Station)
	if err != nil {
		return err
	}
	_, end, err := st.DayBounds(r.Date)
	if err != nil || end.After(now) && len(r.Windows) == 0 {
		return err
	}
	zone, err := schedules.Zone(st.Timezone)
	if err != nil {
		return err
	}
	what := "every window of it is over"
	if !end.After(now) {
		what = "it is over"
	}
	return fault.Fields(fault.Field{Field: "date", Message: fmt.Sprintf("%s cannot be published: %s. At station %q it is %s (%s)",
		r.Date, what, r.Station, now.In(zone).Format("2006-01-02 15:04"), st.Timezone)})
}

// audit fails with Invalid when the rundown breaks a hard rule in what is still to come.
func (s *Scheduler) audit(ctx context.Context, in schedules.Input, r schedules.Rundown) error {
	in.Keep = frozenItems(in.Published, in.Frozen)
	violations, err := auditor.AuditFrom(ctx, in, r, s.now())
	if err != nil {
		return err
	}
	var fields []fault.Field
	for _, v := range violations {
		if v.Hard {
			fields = append(fields, fault.Field{Field: placeOf(v), Message: placed(r, v.Item) + v.Message})
		}
	}
	err = fault.Fields(fields...)
	var f *fault.Error
	if errors.As(err, &f) && strings.HasPrefix(fields[0].Field, "item ") { // whose message names it
		f.Public = strings.TrimPrefix(f.Public, fields[0].Field+" ")
	}
	return err
}

// placed names an item by its window, its time at the station and its title; nothing without one.
func placed(r schedules.Rundown, item string) string {
	i, known := r.Item(item)
	zone, err := schedules.Zone(r.Timezone)
	if !known || err != nil {
		return ""
	}
	return fmt.Sprintf("%s, %s, %q: ", i.Window, i.StartAt.In(zone).Format(time.TimeOnly), i.Title)
}

// placeOf is the field that a violation is about, for programs; its message names it for people.
func placeOf(v auditor.Violation) string {
	switch {
	case v.Item != "":
		return "item " + v.Item
	case v.Window != "":
		return "window " + v.Window
	}
	return "rundown"
}

// publishNext stores r as the next revision, published, with its sealed queue and the link that puts both on record.
func (s *Scheduler) publishNext(ctx context.Context, a Actor, before latestRundown, r schedules.Rundown, action, reason string) (schedules.Rundown, error) {
	if r.PublishedAt = schedules.At(s.now()); r.Status != schedules.Withdrawn {
		r.Status = schedules.Published
	}
	r, writes, err := s.nextRevision(ctx, before, r)
	if err != nil {
		return r, err
	}
	q, emptied, err := s.nextQueue(ctx, r)
	if err != nil {
		return r, err
	}
	q.Shortened = q.Shortened || emptied != nil && emptied.Window == ""
	body, err := sealJSON(s.sealer, wire.QueueType, q)
	if err != nil {
		return r, err
	}
	id := dayID(r.Station, r.Date)
	expect, err := s.documentRevision(ctx, kindQueue, id)
	if err != nil {
		return r, err
	}
	writes = append(writes, store.Write{Kind: kindQueue, ID: id, Expect: expect, Body: body})
	stored := writes[slices.IndexFunc(writes, func(w store.Write) bool { return w.Kind == kindRevision })].Body
	link, err := s.linkWrites(ctx, wire.Link{Station: r.Station, Kind: wire.LinkQueue, Date: r.Date, Revision: r.Revision,
		Queue: chain.Hash(body), Rundown: chain.Hash(stored)})
	if err != nil {
		return r, err
	}
	writes = append(writes, link...)
	return r, s.mirror.Commit(ctx, store.Commit{Writes: writes, Origin: a.origin(s.now(), action, reason)})
}

// nextQueue is the rundown as its station pulls it after what it holds, and what a player would refuse it for.
func (s *Scheduler) nextQueue(ctx context.Context, r schedules.Rundown) (wire.Queue, *wire.Emptied, error) {
	last, err := s.Queue(ctx, r.Station, r.Date)
	if fault.Is(err, fault.NotFound) {
		q, err := s.queueOf(r, nil)
		return q, nil, err
	}
	if err != nil {
		return wire.Queue{}, nil, err
	}
	published := map[string]wire.QueueItem{}
	for _, i := range last.Value.Items {
		published[i.ID] = i
	}
	q, err := s.queueOf(r, published)
	q.Shortened = last.Value.Shortened || last.Value.Withdrawn // which a station may have missed
	return q, q.Emptied(&last.Value), err
}

// checkShortened fails with Conflict where players would take the day for a forged one, since it loses over half of its
// time.
func (s *Scheduler) checkShortened(ctx context.Context, r schedules.Rundown) error {
	_, emptied, err := s.nextQueue(ctx, r)
	if err != nil || emptied == nil {
		return err
	}
	to, from := emptied.To.Minutes(), emptied.From.Minutes()
	if emptied.Window != "" {
		return fault.New(fault.Conflict, "%.1f of the %.1f minutes of window %q of %s are filled, and players refuse a day with a window that is more than half empty: plan it anew",
			to, from, emptied.Window, r.Date)
	}
	return fault.New(fault.Conflict, "%s would air %.1f of the %.1f minutes that are published, and players refuse a day that loses over half of its time, since it may be forged. "+
		"If it is meant, publish it with a correction that says why: then they take it", r.Date, to, from)
}

// documentRevision is 0 for a document that does not exist.
func (s *Scheduler) documentRevision(ctx context.Context, kind, id string) (int64, error) {
	d, err := s.store.Get(ctx, kind, id)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return d.Revision, err
}

// queueOf is the rundown as a station pulls it. An item whose segment has another recording by now, or none, stays as it
// was published: it is history, or on the air.
func (s *Scheduler) queueOf(r schedules.Rundown, published map[string]wire.QueueItem) (wire.Queue, error) {
	st, err := s.Station(r.Station)
	if err != nil {
		return wire.Queue{}, err
	}
	_, end, err := st.DayBounds(r.Date)
	if err != nil {
		return wire.Queue{}, err
	}
	for _, w := range r.Windows {
		if w.EndAt.After(end) {
			end = w.EndAt.Time // a window across midnight belongs to this day
		}
	}
	q := wire.Queue{Schema: wire.QueueSchema, Station: r.Station, Date: r.Date, Timezone: r.Timezone, Revision: r.Revision,
		PublishedAt: r.PublishedAt, ExpiresAt: schedules.At(end), Withdrawn: r.Status == schedules.Withdrawn, Windows: r.Windows, Items: []wire.QueueItem{}, Open: r.Open(),
		Fallback: s.fallbackItems(st, r.PublishedAt.Time), Recalled: s.recalledIDs()}
	for _, i := range r.Items {
		seg, ok := s.segment(i.SegmentID)
		if !ok || seg.Recording == nil || seg.Recording.SHA256 != i.SHA256 {
			if before, ok := published[i.ID]; ok {
				q.Items = append(q.Items, before)
				continue
			}
		}
		if !ok || seg.Recording == nil {
			return q, fmt.Errorf("control: queue %s %s: segment %q is gone", r.Station, r.Date, i.SegmentID)
		}
		start := i.StartAt
		item := queueItem(i.SegmentID, seg, st, s.url)
		item.ID, item.Window, item.Position, item.Chain = i.ID, i.Window, i.Position, i.Chain
		item.StartAt, item.StartMs, item.Start, item.Grace = &start, start.UnixMilli(), i.Start, i.Grace
		item.Duration, item.CueIn, item.CueOut, item.FadeOut = i.Duration, i.CueIn, i.CueOut, i.FadeOut
		item.NotAfter, item.MakesGood = i.NotAfter, i.MakesGood
		q.Items = append(q.Items, item)
	}
	return q, nil
}

// queueItem is a segment to play from cue to cue.
func queueItem(id string, seg schedules.Segment, st schedules.Station, url string) wire.QueueItem {
	r := seg.Recording
	return wire.QueueItem{ID: id, SegmentID: seg.ID, Kind: seg.Kind, Language: seg.Language, Title: seg.Title, Voice: seg.Voice, Sensitive: seg.Sensitive,
		Duration: r.AirTime(), CueIn: r.CueIn, CueOut: r.CueOut, GainDB: gain(r, st),
		Audio: wire.AudioRef{SHA256: r.SHA256, Bytes: r.Bytes, ContentType: r.ContentType, URL: url + wire.Audio(r.SHA256)}}
}

// peakCeiling is how loud, in dBTP, a recording may peak after its gain (EBU R 128: at most -1 dBTP).
const peakCeiling = -1.0

// gain brings a recording to the station's loudness target, as far as its true peak and the bounds of any gain allow, to
// a tenth of a decibel.
// A recording without a loudness, such as silence, is left alone.
func gain(r *schedules.Recording, st schedules.Station) float64 {
	if r.IntegratedLUFS == nil || st.LoudnessTarget == nil {
		return 0
	}
	g := *st.LoudnessTarget - *r.IntegratedLUFS
	if r.TruePeakDBTP != nil {
		g = min(g, peakCeiling-*r.TruePeakDBTP)
	}
	return schedules.BoundGain(math.Floor(g*10) / 10)
}

func (s *Scheduler) recalledIDs() []string {
	ids := []string{}
	row, _ := recallsIn(s.mirror).get(recallsID)
	for _, r := range row.value.Value.Segments {
		ids = append(ids, r.SegmentID)
	}
	return ids
}

// Queue is what a station airs on a day. It fails with NotFound when nothing is published for it.
func (s *Scheduler) Queue(ctx context.Context, station string, date schedules.Date) (*Sealed[wire.Queue], error) {
	id := dayID(station, date)
	if row, ok := queuesIn(s.mirror).get(id); ok {
		return row.value, nil
	}
	d, err := s.store.Get(ctx, kindQueue, id) // older than what the mirror keeps
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "nothing is published for station %q on %s", station, date)
	}
	if err != nil {
		return nil, err
	}
	return sharedQueue(d.Body)
}
