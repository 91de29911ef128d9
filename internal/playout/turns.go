package playout

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"lifeline/internal/fallback"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Turn is a stretch [Start, End) of the timeline, in frames, in which another program's player airs one item.
type Turn struct {
	Item       *wire.QueueItem
	Fills      string // id of the planned item that it replaces; "-": a gap in the plan or a window without a queue
	Detail     string
	Start, End int64
	Offset     int64  // frame of the item at Start
	Name       string // of its file: the hash of the recording, and a hash of everything else that decides its sound
}

// named returns the turn with its name. No text of a document is part of a name.
func (t Turn) named(rate dsp.Rate) Turn {
	it := t.Item
	cut := sha256.Sum256(fmt.Appendf(nil, "%q %q %d %d %d %d %d %d %d %g", it.ID, t.Fills, rate, t.Start, t.End, t.Offset,
		it.CueIn.Duration, it.CueOut.Duration, it.FadeOut.Duration, it.AirGain()))
	t.Name = it.Audio.SHA256 + "-" + hex.EncodeToString(cut[:8])
	return t
}

// id returns the id of the item that the turn counts for.
func (t Turn) id() string {
	if t.Fills != "" && t.Fills != "-" {
		return t.Fills
	}
	return t.Item.ID
}

// turns decides which item airs when in the players of others, by the same rules as the Deck. A turn is settled shortly
// before its start and then changes only if it may not air any more.
type turns struct {
	rate    dsp.Rate
	has     func(wire.AudioRef) bool
	ready   func(name string) bool // the turn's file is there
	aside   func(it *wire.QueueItem, outcome schedules.Outcome, why string)
	settled map[slotKey]settled
	broken  map[chainKey]bool
}

// slotKey identifies a slot through all revisions of a queue that do not change it.
type slotKey struct {
	window    string
	from      int64 // start of the span
	start     int64
	item, sha string
}

type settled struct {
	turns   []Turn
	givenUp string // why the slot's item does not air; "": it does, or that is open
}

// chainKey identifies a chain of one span.
type chainKey struct {
	from  int64
	chain string
}

const (
	// settleAhead is how long before its start a turn is settled.
	settleAhead = 5 * time.Second
	// hurry is how long after the decision a turn starts that replaces one that is on the air or due: its file must be
	// made first.
	hurry = 2 * time.Second
)

// between returns the turns of [now-grace, now+ahead) in order.
func (s *turns) between(h *Holdings, now time.Time, grace, ahead time.Duration) (out []Turn) {
	p := &pass{turns: s, held: h, at: s.rate.Frame(now), horizon: s.rate.Frame(now.Add(ahead))}
	kept, broken := map[slotKey]settled{}, map[chainKey]bool{}
	spans, _ := timetable(h, now, s.rate)
	for _, span := range spans {
		if span.Start >= p.horizon {
			break
		}
		p.enter(span)
		for _, slot := range span.Slots {
			if slot.Start >= p.horizon {
				break
			}
			key := slotKey{window: span.Window, from: span.Start, start: slot.Start}
			if slot.Item != nil {
				key.item, key.sha = slot.Item.ID, slot.Item.Audio.SHA256
			}
			all, givenUp := p.slot(slot, s.settled[key])
			out = append(out, all...)
			open := slot.Item != nil && givenUp == "" // its recording may still arrive, and then replaces a fill
			soon := slices.DeleteFunc(slices.Clone(all), func(t Turn) bool {
				return t.Start > p.at+s.rate.Frames(settleAhead) || open && t.Fills != "" && all[0].Fills != ""
			})
			if len(soon) > 0 || givenUp != "" {
				kept[key] = settled{soon, givenUp}
			}
		}
		for chain := range p.judge.broken {
			broken[chainKey{span.Start, chain}] = true
		}
	}
	s.settled, s.broken = kept, broken
	since := s.rate.Frame(now.Add(-grace))
	return slices.DeleteFunc(out, func(t Turn) bool {
		return t.End <= max(since, t.Start) || h.Barred(t.Item) != ""
	})
}

// pass is one decision about all turns.
type pass struct {
	*turns
	held        *Holdings
	judge       judge
	at, horizon int64
	last        string // segment that last filled a gap of the span
	fresh       bool   // nothing has filled in the span yet
}

// enter begins a span.
func (p *pass) enter(span *Span) {
	p.judge = judge{rate: p.rate, held: p.held, has: p.has, span: span, broken: map[string]bool{}}
	for key := range p.broken {
		if key.from == span.Start {
			p.judge.broken[key.chain] = true
		}
	}
	p.last, p.fresh = "", true
}

// slot returns the turns of one slot: those that are settled and may still air, then the slot's item or a fill.
func (p *pass) slot(slot Slot, before settled) (all []Turn, givenUp string) {
	from, givenUp := slot.Start, before.givenUp
	for _, t := range before.turns {
		t.End = min(t.End, slot.End)
		outcome, why := p.off(t)
		if why != "" {
			if t.Fills == "" {
				givenUp = why
			}
			if from = max(t.Start, p.at); t.Start < p.at {
				t.End = p.at
				all = append(all, t)
			} else if t.Fills == "" {
				p.giveUp(t.Item, outcome, why)
			}
			if t.Item.Chain != "" {
				p.judge.broken[t.Item.Chain] = true
			}
			break
		}
		if t.Fills != "" {
			p.last, p.fresh = t.Item.SegmentID, false
		}
		all = append(all, t)
		from = t.End
	}
	if slot.End <= p.at {
		return all, givenUp
	}
	if slot.Item != nil && len(before.turns) == 0 && givenUp == "" {
		t := Turn{Item: slot.Item, Start: slot.Start, End: min(slot.End,
			slot.Start+p.rate.Frames(slot.Item.Duration.Duration))}.named(p.rate)
		outcome, why := p.judge.objection(t.Item, t.Start, t.End)
		if why == "" && !p.here(t) {
			outcome, why = schedules.Failed, "its audio is not here yet"
		}
		switch {
		case why == "":
			all = append(all, t)
			from = t.End
		case slot.Start <= p.at+p.rate.Frames(hurry):
			p.giveUp(t.Item, outcome, why)
			givenUp = why
		}
	}
	return append(all, p.fill(slot, from, givenUp)...), givenUp
}

// here reports whether a turn can be aired: its recording or its file is there.
func (p *pass) here(t Turn) bool { return p.has(t.Item.Audio) || p.ready(t.Name) }

// off returns why a settled turn may not air any more; "" if it may.
func (p *pass) off(t Turn) (schedules.Outcome, string) {
	switch {
	case t.End <= p.at:
		return "", ""
	case t.Start <= p.at: // like the player, which stops a playing item only if it is recalled
		return schedules.Cut, p.held.Barred(t.Item)
	case !p.here(t):
		return schedules.Failed, "its audio is damaged"
	}
	return p.judge.objection(t.Item, t.Start, t.End)
}

// giveUp records that a slot's item does not air.
func (p *pass) giveUp(it *wire.QueueItem, outcome schedules.Outcome, why string) {
	if it.Chain != "" {
		p.judge.broken[it.Chain] = true
	}
	p.aside(it, outcome, why)
}

// fill returns turns of the fallback that fill the slot from a frame on, up to the horizon.
func (p *pass) fill(slot Slot, from int64, why string) (all []Turn) {
	for from < min(slot.End, p.horizon) {
		if from <= p.at {
			from = p.at + p.rate.Frames(hurry)
		}
		gap := fallback.Gap{At: p.rate.Time(from), End: p.rate.Time(slot.End), Planned: p.judge.span.Revision != 0,
			Window: p.judge.span.StartAt.Time, Last: p.last}
		it, into := gap.Pick(p.held.ValidFallback(gap.At), func(it *wire.QueueItem, lasts time.Duration) bool {
			_, wrong := p.judge.objection(it, from, from+p.rate.Frames(lasts))
			return wrong == "" && p.has(it.Audio)
		})
		if it == nil {
			return all
		}
		t := Turn{Item: it, Fills: "-", Start: from}
		if p.fresh {
			t.Offset = p.rate.Frames(into)
		}
		switch {
		case slot.Item != nil:
			t.Fills, t.Detail = slot.Item.ID, text.Join("in place of "+slot.Item.SegmentID, why)
		case p.judge.span.Revision == 0:
			t.Detail = "there is no valid queue"
		}
		t.End = min(slot.End, from+p.rate.Frames(it.Duration.Duration)-t.Offset)
		if t.End <= from {
			return all
		}
		p.last, p.fresh = it.SegmentID, false
		all = append(all, t.named(p.rate))
		from = t.End
	}
	return all
}
