package playout

import (
	"fmt"
	"slices"
	"time"

	"lifeline/internal/fallback"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/internal/playout/spool"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Deck renders the station's timeline: at every frame the item that is due, by the holdings at that moment. Only one
// goroutine may use it. It never fails: it replaces an item that cannot air from the fallback, and renders silence only
// if no item may air.
type Deck struct {
	rate     dsp.Rate
	held     func() *Holdings
	cuer     *Cuer
	log      airingLog
	sound    *output.Sound // sound that left the machine; nil: all sound counts as heard
	notify   func(Notice)
	problems *Problems
	lead     int64 // frames by which rendering precedes hearing
	silence  int64 // frames of silence after which an item is replaced; 0: never

	generation int64 // of the holdings that the windows come from
	windows    []*TimedWindow
	until      time.Time
	window     *TimedWindow // that contains the last frame

	air             *airing
	over            map[string]bool   // ids of the items of the window that have aired or were given up
	fallbackReasons map[string]string // reason for which each item of the window was given up, by id
	broken          map[string]bool   // chains of the window with an item that could not air
	lastFill        string            // segment that last filled a gap of the window
	mute            map[string]bool   // segments that filled a gap of the window and were silent
	quiet           int64             // frames for which the item on the air has been silent
	fillFrom        int64             // frame before which the search for a fill is not repeated
	fresh           bool              // nothing has filled in the window yet: a rotation is joined where it would be
}

// airingLog records what airs. Its methods must not block the deck.
type airingLog interface {
	Begin(on spool.OnAir)        // this item went on the air
	End(entry schedules.AsRun)   // the item that was on the air ended
	Aside(entry schedules.AsRun) // this item did not air
	Heard(h spool.Heard)         // the item on the air was heard up to here
}

// airing is the item on the air.
type airing struct {
	item    *wire.QueueItem
	span    *TimedWindow
	fills   string // id of the planned item that it replaces; "-": a gap in the plan or a window without a queue
	detail  string
	starved schedules.Instant // since when the station was starved as it started; zero: it was not
	reader  *itemReader
	offset  int64 // frame of the item at which it was joined
	start   int64 // frame of the timeline at which it was joined
	end     int64 // frame by which it ends
	noticed int64 // frame of the last position notice
}

// cutFade is the length of the fade where a planned item is cut and the plan has no fade: it avoids a click.
const cutFade = 15 * time.Millisecond

// NewDeck returns a Deck that renders the holdings that held returns, at rate, lead before they are heard. An item that
// is silent for the duration silence is replaced; 0: never.
func NewDeck(rate dsp.Rate, lead, silence time.Duration, held func() *Holdings, cuer *Cuer, log airingLog,
	sound *output.Sound, problems *Problems, notify func(Notice)) *Deck {
	return &Deck{rate: rate, lead: rate.Frames(lead), silence: rate.Frames(silence), held: held, cuer: cuer, log: log,
		sound: sound, notify: notify, problems: problems,
		over: map[string]bool{}, fallbackReasons: map[string]string{}, broken: map[string]bool{}, mute: map[string]bool{}}
}

// WindowAt returns the window that contains frame pos, or nil between windows, and the frame up to which that is valid
// according to the plan; 0 if nothing further is planned.
func (d *Deck) WindowAt(pos int64) (span *TimedWindow, until int64) {
	h, now := d.held(), d.rate.Time(pos)
	if h.Generation != d.generation || !d.until.IsZero() && !d.until.After(now) {
		d.windows, d.until = timetable(h, now, d.rate)
		d.generation = h.Generation
	}
	for len(d.windows) > 0 && d.windows[0].End <= pos {
		d.windows = d.windows[1:]
	}
	if len(d.windows) == 0 {
		return nil, 0
	}
	if s := d.windows[0]; s.Start <= pos {
		return s, s.End
	}
	return nil, d.windows[0].Start
}

// Render fills dst, interleaved stereo, with the frames from pos on.
func (d *Deck) Render(pos int64, dst []float32) {
	for len(dst) > 0 {
		n := int64(len(dst) / dsp.Channels)
		span, until := d.WindowAt(pos)
		if until > pos {
			n = min(n, until-pos)
		}
		d.enter(pos, span)
		if span != nil {
			slot := span.itemAt(pos)
			n = min(n, slot.End-pos)
			d.ensureAirable(pos, slot)
		}
		if d.air == nil {
			clear(dst[:n*dsp.Channels])
		} else {
			n = min(n, d.air.end-pos)
			if err := d.air.reader.Read(dst[:n*dsp.Channels]); err != nil {
				d.cutItem(pos, err.Error())
				continue
			}
			d.position(pos + n)
			d.listen(pos+n, dst[:n*dsp.Channels])
		}
		pos += n
		dst = dst[n*dsp.Channels:]
		d.complete(pos)
	}
}

// SilenceLimit is the default for the longest silence of an item; the silence sensors of transmitters react later.
const SilenceLimit = 8 * time.Second

// silent is the level, -60 dBFS, below which sound counts as silence.
const silent = 1e-3

// listen ends the item on the air when it has been silent for too long, before the transmitter's silence sensor reacts.
func (d *Deck) listen(pos int64, pcm []float32) {
	d.quiet += int64(len(pcm) / dsp.Channels)
	for i, x := range slices.Backward(pcm) {
		if x > silent || x < -silent {
			d.quiet = int64((len(pcm) - 1 - i) / dsp.Channels)
			break
		}
	}
	if d.silence > 0 && d.quiet >= d.silence && pos < d.air.end {
		if d.air.fills != "" {
			d.mute[d.air.item.SegmentID] = true
		}
		d.cutItem(pos, fmt.Sprintf("it was silent for %v", d.rate.Duration(d.quiet).Round(time.Millisecond)))
	}
}

// enter handles the bounds of windows: it ends the last window and begins the next.
func (d *Deck) enter(pos int64, span *TimedWindow) {
	if d.window == span {
		return
	}
	same := d.window != nil && span != nil && d.window.Window == span.Window && d.window.Start == span.Start
	if d.window != nil && !same {
		d.Leave(pos, "the window ended")
	}
	d.window = span
	if span == nil || same {
		return
	}
	clear(d.over)
	clear(d.fallbackReasons)
	clear(d.broken)
	clear(d.mute)
	d.lastFill, d.fresh, d.fillFrom = "", true, 0
	d.notify(Notice{Kind: WindowStart, At: d.at(pos), Window: span.Window, Date: span.Date, Revision: span.Revision,
		StartAt: span.StartAt, EndAt: span.EndAt})
}

// Jump ends the item on the air at pos, and the window, before the timeline continues at another frame. That frame may
// lie earlier, in a window that had ended.
func (d *Deck) Jump(pos int64, why string) {
	d.Leave(pos, why)
	d.generation = 0 // matches no holdings
}

// Leave ends the item on the air at pos, and the window.
func (d *Deck) Leave(pos int64, why string) {
	if d.air != nil {
		d.finish(pos, why)
	}
	if s := d.window; s != nil {
		d.notify(Notice{Kind: WindowEnd, At: d.at(pos), Window: s.Window, Date: s.Date, Revision: s.Revision,
			StartAt: s.StartAt, EndAt: s.EndAt})
	}
	d.window = nil
}

// ensureAirable ensures that the item on the air at pos is one that may air: it ends another one and starts the slot's
// item or a fill.
func (d *Deck) ensureAirable(pos int64, slot TimedItem) {
	if a := d.air; a != nil {
		h := d.held()
		planned := slot.Item != nil && !d.over[slot.Item.ID]
		switch {
		case h.Recalled(a.item):
			d.cutItem(pos, "its segment was recalled")
		case a.fills == "" && (slot.Item == nil || slot.Item.ID != a.item.ID || slot.Start != a.start-a.offset):
			d.finish(pos, "the plan changed")
		case a.fills != "" && planned:
			d.finish(pos, "a planned item is due")
		default:
			end := min(slot.End, pos+a.reader.left())
			if a.fills != "" {
				end = min(a.end, slot.End)
			}
			if a.end != end {
				d.endAt(a, end)
			}
			return
		}
	}
	if slot.Item != nil && !d.over[slot.Item.ID] && d.play(pos, slot) {
		return
	}
	d.fill(pos, slot)
}

// play puts the slot's item on the air at pos and reports whether it could. If not, it gives the item up.
func (d *Deck) play(pos int64, slot TimedItem) bool {
	it := slot.Item
	if outcome, why := d.objection(it, pos, slot.End); why != "" {
		d.giveUp(pos, it, outcome, why)
		return false
	}
	v, err := d.cuer.Take(it, pos-slot.Start)
	if err != nil {
		d.giveUp(pos, it, schedules.Failed, err.Error())
		return false
	}
	d.begin(&airing{item: it, reader: v, offset: pos - slot.Start, start: pos}, min(slot.End, pos+v.left()))
	return true
}

// objection returns why the item may not air between two frames, and the outcome to report; "" if it may.
func (d *Deck) objection(it *wire.QueueItem, from, end int64) (schedules.Outcome, string) {
	return itemCheck{d.rate, d.held(), d.cuer.recordings.Has, d.window, d.broken}.objection(it, from, end)
}

// giveUp reports an item that could not start.
func (d *Deck) giveUp(pos int64, it *wire.QueueItem, outcome schedules.Outcome, why string) {
	d.over[it.ID] = true
	d.fallbackReasons[it.ID] = why
	if it.Chain != "" {
		d.broken[it.Chain] = true
	}
	d.problems.Add("item %s (%s) was %s: %s", it.ID, it.SegmentID, outcome, why)
	d.log.Aside(schedules.AsRun{ItemID: it.ID, SegmentID: it.SegmentID, SHA256: it.Audio.SHA256, Outcome: outcome,
		Detail: why, StarvedSince: d.held().StarvedSince(d.rate.Time(pos))})
	d.notify(d.notice(ItemEnd, pos, it, outcome, why))
}

// fill puts a fallback item on the air at pos in place of the slot's item.
func (d *Deck) fill(pos int64, slot TimedItem) {
	gap := fallback.Gap{At: d.rate.Time(pos), End: d.rate.Time(slot.End), Planned: d.window.Revision != 0,
		Window: d.window.StartAt.Time, Last: d.lastFill}
	if gap.End.Sub(gap.At) < fallback.MinFill || pos < d.fillFrom {
		return
	}
	list := d.held().ValidFallback(gap.At)
	unplayable := map[string]bool{}
	may := func(it *wire.QueueItem, lasts time.Duration) bool {
		_, why := d.objection(it, pos, pos+d.rate.Frames(lasts))
		return why == "" && !unplayable[it.ID] && !d.mute[it.SegmentID] && d.cuer.recordings.Has(it.Audio)
	}
	for range len(list) {
		it, into := gap.Pick(list, may)
		if it == nil {
			break
		}
		offset := int64(0)
		if d.fresh {
			offset = d.rate.Frames(into)
		}
		v, err := d.cuer.Take(it, offset)
		if err != nil {
			unplayable[it.ID] = true
			d.problems.Add("fallback item %s (%s) cannot air: %v", it.ID, it.SegmentID, err)
			continue
		}
		a := &airing{item: it, reader: v, offset: offset, start: pos, fills: "-"}
		switch {
		case slot.Item != nil:
			a.fills, a.detail = slot.Item.ID, text.Join("in place of "+slot.Item.SegmentID, d.fallbackReasons[slot.Item.ID])
		case d.window.Revision == 0:
			a.detail = "there is no valid queue"
		}
		d.lastFill, d.fresh = it.SegmentID, false
		d.begin(a, min(slot.End, pos+v.left()))
		return
	}
	d.fillFrom = pos + int64(d.rate)
	d.problems.Add("nothing can air in window %s of %s: no recording of the fallback is here", d.window.Window,
		d.window.Date)
}

// begin puts a on the air until frame end.
func (d *Deck) begin(a *airing, end int64) {
	a.span = d.window
	if gain := a.item.AirGain(); gain != a.item.GainDB {
		why := fmt.Sprintf("its gain of %+.1f dB is out of bounds: it airs with %+.1f dB", a.item.GainDB, gain)
		a.detail = text.Join(a.detail, why)
		d.problems.Add("item %s (%s): %s", a.item.ID, a.item.SegmentID, why)
	}
	d.air, d.quiet = a, 0
	d.endAt(a, end)
	a.starved = d.held().StarvedSince(d.rate.Time(a.start))
	d.log.Begin(spool.OnAir{ItemID: a.id(), SegmentID: a.item.SegmentID, SHA256: a.item.Audio.SHA256,
		StartedAt: d.at(a.start),
		Fallback:  a.fills != "", Detail: a.joinedDetail(d.rate), StarvedSince: a.starved})
	n := d.notice(ItemStart, a.start, a.item, "", a.joinedDetail(d.rate))
	n.ItemID, n.StartedAt = a.id(), d.at(a.start)
	d.notify(n)
}

// id returns the id of the item that the airing counts for.
func (a *airing) id() string {
	if a.fills != "" && a.fills != "-" {
		return a.fills
	}
	return a.item.ID
}

func (a *airing) joinedDetail(rate dsp.Rate) string {
	if a.offset == 0 {
		return a.detail
	}
	return text.Join(a.detail, fmt.Sprintf("joined %.3f s into it", rate.Duration(a.offset).Seconds()))
}

// endAt makes the airing end by frame end. If it ends before its own end, it fades out.
func (d *Deck) endAt(a *airing, end int64) {
	a.end = end
	fade := int64(0)
	if last := a.offset + end - a.start; last < min(a.reader.length, d.rate.Frames(a.item.Duration.Duration)) {
		fade = d.rate.Frames(cutFade)
		if a.fills != "" {
			fade = d.rate.Frames(fallback.Fade)
		}
		a.reader.endBy(last, fade)
	}
}

// complete ends the item on the air if it has reached its end at pos.
func (d *Deck) complete(pos int64) {
	if d.air != nil && pos >= d.air.end {
		if d.air.fills == "" {
			d.over[d.air.item.ID] = true
		}
		d.finish(pos, "")
	}
}

// cutItem ends the item on the air at pos because it may not or cannot continue.
func (d *Deck) cutItem(pos int64, why string) {
	if a := d.air; a.fills == "" {
		d.over[a.item.ID] = true
		if a.item.Chain != "" {
			d.broken[a.item.Chain] = true
		}
	}
	d.problems.Add("item %s (%s) was cut: %s", d.air.item.ID, d.air.item.SegmentID, why)
	d.finish(pos, why)
}

// tolerance is the length that may be missing at the end of an item that counts as aired.
const tolerance = 10 * time.Millisecond

// finish reports the item that was on the air until pos.
func (d *Deck) finish(pos int64, why string) {
	a := d.air
	d.air = nil
	heard := a.offset + pos - a.start
	outcome := schedules.Cut
	detail := a.joinedDetail(d.rate)
	switch whole := d.rate.Frames(a.item.Duration.Duration); {
	case a.fills != "":
		outcome = schedules.FellBack
	case a.offset == 0 && whole-heard <= d.rate.Frames(tolerance):
		outcome = schedules.Aired
	case why == "" && a.reader.left() == 0 && whole-heard > d.rate.Frames(tolerance):
		why = fmt.Sprintf("the recording ends %v early", d.rate.Duration(whole-heard).Round(time.Millisecond))
		d.problems.Add("item %s (%s): %s", a.item.ID, a.item.SegmentID, why)
	case why == "" && whole-heard > d.rate.Frames(tolerance):
		why = "the next item was due"
	}
	if outcome == schedules.Aired {
		why = ""
	}
	detail = text.Join(detail, why)
	if err := a.reader.Close(); err != nil {
		d.problems.Add("item %s: %v", a.item.ID, err)
	}
	if a.starved.IsZero() {
		a.starved = d.held().StarvedSince(d.rate.Time(pos))
	}
	parts, outcome, detail := d.left(a, pos, outcome, detail)
	for _, p := range parts {
		d.log.End(schedules.AsRun{ItemID: a.id(), SegmentID: a.item.SegmentID, SHA256: a.item.Audio.SHA256,
			StartedAt: d.at(p.From), EndedAt: d.at(p.To), Outcome: outcome, Detail: detail, StarvedSince: a.starved})
	}
	n := d.notice(ItemEnd, pos, a.item, outcome, detail)
	n.ItemID, n.StartedAt, n.EndedAt = a.id(), d.at(parts[0].From), d.at(parts[len(parts)-1].To)
	d.notify(n)
}

// left returns the stretches of a that left this machine as sound until pos, and the outcome and detail that result. An
// item that did not sound at all failed; it has one stretch of length 0.
func (d *Deck) left(a *airing, pos int64, outcome schedules.Outcome, detail string) ([]output.Frames, schedules.Outcome,
	string) {
	whole := []output.Frames{{From: a.start, To: pos}}
	if d.sound == nil {
		return whole, outcome, detail
	}
	detail = text.Join(detail, d.sound.Spoilt())
	parts, why := d.sound.Left(a.start, pos)
	missing := pos - a.start
	for _, p := range parts {
		missing -= p.To - p.From
	}
	if missing <= d.rate.Frames(tolerance) {
		return whole, outcome, detail
	}
	ms := func(n int64) time.Duration { return d.rate.Duration(n).Round(time.Millisecond) }
	detail = text.Join(fmt.Sprintf("no sound left this machine for %v of %v", ms(missing), ms(pos-a.start)), why, detail)
	d.problems.Add("item %s (%s): %s", a.item.ID, a.item.SegmentID, detail)
	switch {
	case len(parts) == 0:
		return []output.Frames{{From: a.start, To: a.start}}, schedules.Failed, detail
	case outcome == schedules.Aired:
		outcome = schedules.Cut
	}
	return parts, outcome, detail
}

// position reports the position of the item on the air once per second.
func (d *Deck) position(pos int64) {
	a := d.air
	if pos-max(a.noticed, a.start) < int64(d.rate) {
		return
	}
	a.noticed = pos
	if d.sound == nil || d.sound.Works() {
		d.log.Heard(spool.Heard{ItemID: a.id(), StartedAt: d.at(a.start), Until: d.at(max(pos-d.lead, a.start))})
	}
	n := d.notice(Position, pos, a.item, "", "")
	n.ItemID, n.StartedAt = a.id(), d.at(a.start)
	n.PlayedMs = schedules.Millis{Duration: d.rate.Duration(a.offset + pos - a.start)}
	d.notify(n)
}

// Ahead prepares the item that starts at pos or the next one after it.
func (d *Deck) Ahead(pos int64) {
	at := pos
	span, until := d.WindowAt(pos)
	if span == nil && until > 0 {
		span, at = d.windows[0], until
	}
	var next TimedItem
	if span != nil {
		if next = span.itemAt(at); next.Start < at && next.End < span.End {
			next = span.itemAt(next.End)
		}
	}
	if next.Item == nil || next.Start < pos || next.Start-pos > d.rate.Frames(cueAhead) {
		d.cuer.Keep(nil, 0)
		return
	}
	d.cuer.Keep(next.Item, 0)
	d.cuer.Prepare(next.Item, 0)
}

func (d *Deck) at(pos int64) schedules.Instant {
	return instant(d.rate, pos)
}

func (d *Deck) notice(kind string, pos int64, it *wire.QueueItem, outcome schedules.Outcome, detail string) Notice {
	n := Notice{Kind: kind, At: d.at(pos), ItemID: it.ID, SegmentID: it.SegmentID, SHA256: it.Audio.SHA256,
		Title:    it.Title,
		ItemKind: it.Kind, LengthMs: it.Duration, Outcome: outcome, Detail: detail}
	if d.window != nil {
		n.Window, n.Date, n.Revision = d.window.Window, d.window.Date, d.window.Revision
	}
	if it.StartAt != nil {
		n.PlannedAt = *it.StartAt
	}
	return n
}
