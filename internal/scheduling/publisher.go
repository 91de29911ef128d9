package scheduling

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/hashchain"
	"lifeline/internal/network"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/auditor"
)

// Publisher publishes rundowns as the queues of the stations, and withdraws them.
type Publisher struct {
	*core
	url        string // base URL of the service, prefixed to media paths
	rundowns   *Rundowns
	inputs     *inputs
	neighbours *neighbours
	fallbacks  *Fallbacks
	links      *record.Links
}

// checkFrozen fails with Conflict if r differs from the published rundown in a frozen window.
func (s *Publisher) checkFrozen(ctx context.Context, r schedules.Rundown) error {
	frozen, err := s.rundowns.frozen(ctx, r.Station, r.Date)
	if err != nil {
		return err
	}
	for _, f := range frozen {
		if i, ok := r.Item(f.ID); !ok || !sameAiring(i, f) {
			return fault.New(fault.Conflict, "window %q is frozen: only a recall or a correction changes it now, and %s at %s "+
				"would change",
				f.Window, f.SegmentID, f.StartAt)
		}
	}
	return nil
}

// PublishOptions are the options of a publication.
type PublishOptions struct {
	Revision   *int64 // expected revision of the latest rundown; nil: any
	Correction string // reason to change a frozen window or drop over half of the day; empty: neither is allowed

	account func(schedules.Rundown) (store.Write, error) // of a standing order: the write that belongs to the publication
}

// Publish audits the latest rundown of a day, signs it and makes it the station's queue, all in one commit. It fails
// with Invalid, naming every broken hard rule, or if the day is over; and with Conflict if the day was withdrawn or a
// window overlaps one of another published day. Without a correction it also fails with Conflict if the rundown changes
// a frozen window, or airs so little that players would refuse it.
func (s *Publisher) Publish(ctx context.Context, a access.Actor, station string, date schedules.Date,
	o PublishOptions) (schedules.Rundown, error) {
	out, _, err := s.PublishChanges(ctx, a, station, date, o)
	return out, err
}

// PublishChanges does as Publish does, and reports whether there was anything to publish: the latest rundown may be
// published already.
func (s *Publisher) PublishChanges(ctx context.Context, a access.Actor, station string, date schedules.Date,
	o PublishOptions) (out schedules.Rundown, changed bool, err error) {
	err = s.replica.Retry(ctx, func() error {
		turn, err := replica.Turn(ctx, s.replica, "publish "+station) // for what is decided by other days
		if err != nil {
			return err
		}
		latest, err := s.rundowns.drafted(ctx, station, date, o.Revision)
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
		in, err := s.inputs.gather(ctx, station, date, otherDays{published: true})
		if err != nil {
			return err
		}
		if err := s.audit(ctx, in, latest.rundown); err != nil {
			return err
		}
		next := latest.rundown.Onto(in.Published, s.now())
		if err := s.checkOverlap(in, next); err != nil {
			return err
		}
		if next.Warnings, err = s.neighbours.atPublication(ctx, in, next); err != nil {
			return err
		}
		if o.Correction == "" {
			if err := s.checkShortened(ctx, next); err != nil {
				return err
			}
		}
		out, err = s.publishNext(ctx, a, publication{before: latest, rundown: next, action: "queue.publish",
			reason: o.Correction, also: []store.Write{turn}, account: o.account})
		changed = err == nil
		return err
	})
	return out, changed, err
}

// over fails with Invalid if every window of the day is over or, for a day without windows, if the day is over.
func (s *Publisher) over(r schedules.Rundown) error {
	now := s.now()
	if slices.ContainsFunc(r.Windows, func(w schedules.Slot) bool { return w.EndAt.After(now) }) {
		return nil
	}
	st, err := s.network.Station(r.Station)
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
	return fault.Fields(fault.Field{Field: "date",
		Message: fmt.Sprintf("%s cannot be published: %s. At station %q it is %s (%s)",
			r.Date, what, r.Station, now.In(zone).Format("2006-01-02 15:04"), st.Timezone)})
}

// formRules are the rules about the order and the times of a window's items. What the service publishes after a repair
// may break them, because it moves no item that may stay.
var formRules = []string{"chain", "contiguous", "cues", "length", "position", "post"}

// audited returns the auditor's findings on the part of a day that is still to come. A finding about the form of a
// window is soft if the published rundown has it too, by the definitions that it was published with: a publication that
// stands does not bar the next one.
func audited(ctx context.Context, in schedules.Input, r schedules.Rundown, from time.Time) ([]auditor.Violation,
	error) {
	in.Keep = frozenItems(in.Published, in.Frozen)
	found, err := auditor.AuditFrom(ctx, in, r, from)
	if err != nil || in.Published.Status != schedules.Published || !slices.ContainsFunc(found, barsByForm) {
		return found, err
	}
	standing, err := auditor.AuditFrom(ctx, in.ForPublished(in.Published), in.Published, from)
	if err != nil {
		return nil, err
	}
	for n, v := range found {
		if barsByForm(v) && slices.ContainsFunc(standing, func(s auditor.Violation) bool {
			return s.Rule == v.Rule && s.Window == v.Window && s.Item == v.Item && s.Message == v.Message
		}) {
			found[n].Hard = false
		}
	}
	return found, nil
}

func barsByForm(v auditor.Violation) bool { return v.Hard && slices.Contains(formRules, v.Rule) }

// audit fails with Invalid if the part of the rundown that is still to come breaks a hard rule.
func (s *Publisher) audit(ctx context.Context, in schedules.Input, r schedules.Rundown) error {
	violations, err := audited(ctx, in, r, s.now())
	if err != nil {
		return err
	}
	var fields []fault.Field
	for _, v := range violations {
		if v.Hard {
			fields = append(fields, fault.Field{Field: placeOf(v), Message: itemPrefix(r, v.Item) + v.Message})
		}
	}
	err = fault.Fields(fields...)
	var f *fault.Error
	if errors.As(err, &f) && strings.HasPrefix(fields[0].Field, "item ") { // the message itself names the item
		f.Public = strings.TrimPrefix(f.Public, fields[0].Field+" ")
	}
	return err
}

// itemPrefix returns a prefix that names an item by its window, its time at the station and its title, or "" if r has
// no such item.
func itemPrefix(r schedules.Rundown, item string) string {
	i, known := r.Item(item)
	zone, err := schedules.Zone(r.Timezone)
	if !known || err != nil {
		return ""
	}
	return fmt.Sprintf("%s, %s, %q: ", i.Window, i.StartAt.In(zone).Format(time.TimeOnly), i.Title)
}

// placeOf returns the field that a violation is about, for programs. The message names it for people.
func placeOf(v auditor.Violation) string {
	switch {
	case v.Item != "":
		return "item " + v.Item
	case v.Window != "":
		return "window " + v.Window
	}
	return "rundown"
}

// publication describes the next published revision of a day.
type publication struct {
	before         latestRundown
	base           schedules.Rundown       // the day's published rundown before this one, if any
	rundown        schedules.Rundown       // the rundown to publish
	draft          *schedules.Rundown      // a draft over rundown that remains the day's latest; nil: none
	why            []schedules.Explanation // of a repair: of what it took out and placed; nil: no repair
	also           []store.Write           // committed with it
	action, reason string
	// adds a write to the commit, given the day's latest rundown from then on; nil: none
	account func(latest schedules.Rundown) (store.Write, error)
}

// publishNext stores a rundown as the next revision, published, with its signed queue and the link that adds both to
// the chain. It stores the remaining draft, if any, as the revision after it.
func (s *Publisher) publishNext(ctx context.Context, a access.Actor, p publication) (schedules.Rundown, error) {
	r, writes, err := s.publishing(ctx, p)
	if err != nil {
		return r, err
	}
	return r, s.replica.Commit(ctx, store.Commit{Writes: writes, Origin: a.Origin(s.now(), p.action, p.reason)})
}

// publishing returns a publication as it is stored, and the writes that store it.
func (s *Publisher) publishing(ctx context.Context, p publication) (_ schedules.Rundown, writes []store.Write,
	err error) {
	r := p.rundown
	if r.PublishedAt = schedules.At(s.now()); r.Status != schedules.Withdrawn {
		r.Status = schedules.Published
	}
	next := []schedules.Rundown{r}
	if p.draft != nil {
		next = append(next, *p.draft)
	}
	next, writes, err = s.rundowns.nextRevisions(ctx, p.before, p.base, next...)
	if err != nil {
		return r, nil, err
	}
	r = next[0]
	if p.why != nil {
		reasons, err := explanationsWrite(r, p.why)
		if err != nil {
			return r, nil, err
		}
		writes = append(writes, reasons)
	}
	q, emptied, err := s.nextQueue(ctx, r)
	if err != nil {
		return r, nil, err
	}
	q.Shortened = q.Shortened || emptied != nil && emptied.Window == ""
	body, err := replica.SignJSON(s.signer, wire.QueueType, q)
	if err != nil {
		return r, nil, err
	}
	id := replica.DayID(r.Station, r.Date)
	expect, err := s.documentRevision(ctx, replica.KindQueue, id)
	if err != nil {
		return r, nil, err
	}
	writes = append(writes, store.Write{Kind: replica.KindQueue, ID: id, Expect: expect, Body: body})
	number := replica.RevisionID(r.Station, r.Date, r.Revision)
	stored := writes[slices.IndexFunc(writes, func(w store.Write) bool {
		return w.Kind == replica.KindRevision && w.ID == number
	})].Body
	link, err := s.links.Writes(ctx, wire.Link{Station: r.Station, Kind: wire.LinkQueue, Date: r.Date,
		Revision: r.Revision,
		Queue:    hashchain.Hash(body), Rundown: hashchain.Hash(stored)})
	if err != nil {
		return r, nil, err
	}
	writes = slices.Concat(writes, link, p.also)
	if p.account != nil {
		kept, err := p.account(next[len(next)-1])
		if err != nil {
			return r, nil, err
		}
		writes = append(writes, kept)
	}
	return r, writes, nil
}

// Renew returns the writes of a publication or withdrawal that waited for a second person as they are made now: with
// the numbers and the links that follow those of other days. It fails with Stale if the day itself was changed since,
// and as Publish does if it can no longer be published. Other writes it returns as they are.
func (s *Publisher) Renew(ctx context.Context, writes []store.Write) ([]store.Write, error) {
	var p publication
	var queue, day *store.Write
	var next []schedules.Rundown
	for _, w := range writes {
		switch w.Kind {
		case replica.KindRevision:
			r, err := replica.Parse[schedules.Rundown](w.Body)
			if err != nil {
				return nil, err
			}
			next = append(next, r)
		case replica.KindQueue:
			queue = &w
		case replica.KindRundown:
			day = &w
		case KindExplanations:
			why, err := replica.Parse[[]schedules.Explanation](w.Body)
			if err != nil {
				return nil, err
			}
			p.why = why
		case replica.KindCounter, record.KindLink, record.KindHead: // made anew
		default:
			p.also = append(p.also, w)
		}
	}
	if queue == nil || day == nil || len(next) == 0 {
		return writes, nil
	}
	if p.rundown = next[0]; len(next) > 1 {
		p.draft = &next[1]
	}
	station, date := p.rundown.Station, p.rundown.Date
	published, err := s.documentRevision(ctx, replica.KindQueue, queue.ID)
	if err != nil {
		return nil, err
	}
	if p.before, err = s.rundowns.latest(ctx, station, date); err != nil {
		return nil, err
	}
	if p.before.document != day.Expect || published != queue.Expect {
		return nil, fault.New(fault.Stale, "%s of station %q was changed since", date, station)
	}
	if p.base, err = s.rundowns.published(ctx, station, date); err != nil {
		return nil, err
	}
	if p.rundown.Status != schedules.Withdrawn {
		if err := s.stillPublishable(ctx, p.rundown); err != nil {
			return nil, err
		}
	}
	_, writes, err = s.publishing(ctx, p)
	return writes, err
}

// stillPublishable fails as Publish does if a rundown may no longer be published.
func (s *Publisher) stillPublishable(ctx context.Context, r schedules.Rundown) error {
	if err := s.over(r); err != nil {
		return err
	}
	in, err := s.inputs.gather(ctx, r.Station, r.Date, otherDays{published: true})
	if err != nil {
		return err
	}
	if err := s.audit(ctx, in, r); err != nil {
		return err
	}
	return s.checkOverlap(in, r)
}

// publishAsService publishes what the service changes by itself: a draft or a repeat of a standing order stays the
// order's own.
func (s *Publisher) publishAsService(ctx context.Context, p publication) (schedules.Rundown, error) {
	station := p.rundown.Station
	account := s.standingAccount(station)
	if day := account.Day(p.rundown.Date); day.Draft > 0 && day.Draft == p.before.rundown.Revision {
		p.account = func(latest schedules.Rundown) (store.Write, error) {
			day.Draft = latest.Revision
			return s.standingWrite(station, account.With(day, schedules.Date{}))
		}
	}
	return s.publishNext(ctx, access.System, p)
}

// nextQueue returns the queue of r as the next after the one that the station may hold, and the reason, if any, why a
// player would refuse it.
func (s *Publisher) nextQueue(ctx context.Context, r schedules.Rundown) (wire.Queue, *wire.Emptied, error) {
	last, err := s.queues.Queue(ctx, r.Station, r.Date)
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
	q.Shortened = last.Value.Shortened || last.Value.Withdrawn // a station may have missed that revision
	return q, q.Emptied(&last.Value), err
}

// checkShortened fails with Conflict if players would suspect the queue to be forged, because a window is more than
// half empty or the day loses over half of its time.
func (s *Publisher) checkShortened(ctx context.Context, r schedules.Rundown) error {
	_, emptied, err := s.nextQueue(ctx, r)
	if err != nil || emptied == nil {
		return err
	}
	to, from := emptied.To.Minutes(), emptied.From.Minutes()
	if emptied.Window != "" {
		return fault.New(fault.Conflict, "%.1f of the %.1f minutes of window %q of %s are filled, and players refuse a day "+
			"with a window that is more than half empty: plan it anew",
			to, from, emptied.Window, r.Date)
	}
	return fault.New(fault.Conflict, "%s would air %.1f of the %.1f minutes that are published, and players refuse a "+
		"day that loses over half of its time, since it may be forged. "+
		"If this is intended, publish it with a correction that says why: then they accept it", r.Date, to, from)
}

// documentRevision returns the revision of a document, or 0 if it does not exist.
func (s *Publisher) documentRevision(ctx context.Context, kind, id string) (int64, error) {
	d, err := s.store.Get(ctx, kind, id)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return d.Revision, err
}

// queueOf returns the queue that a station pulls for a rundown. An item whose segment has another recording by now, or
// none, stays as it was published: it has aired or is on the air.
func (s *Publisher) queueOf(r schedules.Rundown, published map[string]wire.QueueItem) (wire.Queue, error) {
	st, err := s.network.Station(r.Station)
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
		PublishedAt: r.PublishedAt, ExpiresAt: schedules.At(end), Withdrawn: r.Status == schedules.Withdrawn,
		Windows: r.Windows, Items: []wire.QueueItem{}, Open: r.Open(),
		Fallback: s.fallbacks.items(st, r.PublishedAt.Time), Recalled: s.fallbacks.recalledIDs()}
	for _, i := range r.Items {
		seg, ok := s.network.Segment(i.SegmentID)
		if !ok || seg.Recording == nil || seg.Recording.SHA256 != i.SHA256 {
			if before, ok := published[i.ID]; ok {
				q.Items = append(q.Items, before)
				continue
			}
		}
		if !ok || seg.Recording == nil {
			return q, fmt.Errorf("scheduling: queue %s %s: segment %q is gone", r.Station, r.Date, i.SegmentID)
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

// queueItem returns an item that plays a segment from its cue-in to its cue-out.
func queueItem(id string, seg schedules.Segment, st schedules.Station, url string) wire.QueueItem {
	r := seg.Recording
	return wire.QueueItem{ID: id, SegmentID: seg.ID, Kind: seg.Kind, Language: seg.Language, Title: seg.Title,
		Voice: seg.Voice, Sensitive: seg.Sensitive,
		Duration: r.AirTime(), CueIn: r.CueIn, CueOut: r.CueOut, GainDB: gain(r, st),
		Audio: wire.AudioRef{SHA256: r.SHA256, Bytes: r.Bytes, ContentType: r.ContentType, URL: url + wire.Audio(r.SHA256)}}
}

// peakCeiling is the highest true peak, in dBTP, that a recording may have after its gain (EBU R 128: at most -1 dBTP).
const peakCeiling = -1.0

// gain returns the gain in dB, rounded down to a tenth, that brings a recording to the station's loudness target, as
// far as its true peak and the bounds of any gain allow. A recording without a measured loudness, such as silence, has
// gain 0.
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

// Withdraw withdraws a published day: its next revision has no windows and no items, so that the station drops the
// queue that it holds and airs its fallback in the hours that the definitions give the day. Withdrawing a day twice has
// no further effect. Withdraw fails with Invalid without a reason, with NotFound if nothing is published, with Stale
// unless revision is nil or the latest rundown's, and with Conflict once the day is over or a window has begun or is
// frozen.
func (s *Publisher) Withdraw(ctx context.Context, a access.Actor, station string, date schedules.Date, revision *int64,
	reason string) (schedules.Rundown, error) {
	if strings.TrimSpace(reason) == "" {
		return schedules.Rundown{}, fault.Fields(fault.Field{Field: "reason", Message: "must say why the day is withdrawn"})
	}
	var out schedules.Rundown
	err := s.replica.Retry(ctx, func() error {
		st, err := s.network.Station(station)
		if err != nil {
			return err
		}
		latest, q, base, err := s.rundowns.publishedDay(ctx, station, date)
		if err != nil {
			return err
		}
		if err := replica.CheckRevision(revision, latest.rundown.Revision); err != nil {
			return err
		}
		if q.Withdrawn {
			out = base
			return nil
		}
		if !q.ExpiresAt.After(s.now()) {
			return fault.New(fault.Conflict, "%s is over: it cannot be withdrawn", date)
		}
		for _, w := range q.Windows {
			switch {
			case !w.StartAt.After(s.now()):
				return fault.New(fault.Conflict, "%s cannot be withdrawn: its window %s began at %s. Plan and publish it anew: "+
					"what has begun or is frozen stays, and the rest is as the definitions have it",
					date, w.Window, network.StationTime(st, w.StartAt.Time))
			case !w.StartAt.After(s.now().Add(st.Freeze.Duration)):
				return fault.New(fault.Conflict, "%s cannot be withdrawn: its window %s at %s is frozen since %s. Plan and "+
					"publish it anew: what is frozen stays, and the rest is as the definitions have it",
					date, w.Window, network.StationTime(st, w.StartAt.Time), network.StationTime(st,
						w.StartAt.Add(-st.Freeze.Duration)))
			}
		}
		withdrawn := schedules.Rundown{Station: station, Date: date, Timezone: st.Timezone, Status: schedules.Withdrawn}
		if withdrawn.Warnings, err = s.setAside(ctx, latest.rundown); err != nil {
			return err
		}
		out, err = s.publishNext(ctx, a, publication{before: latest, rundown: withdrawn, action: replica.ActWithdraw,
			reason: reason})
		return err
	})
	return out, err
}

// checkOverlap fails with Conflict if a window that r adds overlaps a window of another published day.
func (s *Publisher) checkOverlap(in schedules.Input, r schedules.Rundown) error {
	st, now := in.Station, s.now()
	for _, row := range replica.QueuesIn(s.replica).After(st.ID+"/", "") {
		q := row.Value.Value
		if q.Date == r.Date {
			continue
		}
		for _, w := range r.Windows {
			if slices.ContainsFunc(in.Published.Windows, func(p schedules.Slot) bool {
				return network.SameWindow(p.Occurrence,
					w.Occurrence)
			}) {
				continue // it is published already
			}
			for _, other := range q.Windows {
				if !other.EndAt.After(now) || !w.StartAt.Before(other.EndAt.Time) || !other.StartAt.Before(w.EndAt.Time) {
					continue
				}
				cure := "Withdraw " + q.Date.String() + ", or plan and publish it anew, then publish this day"
				if !other.StartAt.After(now.Add(st.Freeze.Duration)) {
					cure = "That window has begun or is frozen and stays: publish this day once it is over"
				}
				return fault.New(fault.Conflict, "%s cannot be published: its window %s from %s shares time with window %s of "+
					"%s, which is published until %s. %s",
					r.Date, w.Window, network.StationTime(st, w.StartAt.Time), other.Window, q.Date, network.StationTime(st,
						other.EndAt.Time), cure)
			}
		}
	}
	return nil
}
