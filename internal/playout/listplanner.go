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

// ListEntry is a stretch [Start, End) of the timeline, in frames, in which another program's player airs one item.
type ListEntry struct {
	Item       *wire.QueueItem
	Fills      string // id of the planned item that it replaces; "-": a gap in the plan or a window without a queue
	Detail     string
	Start, End int64
	Offset     int64  // frame of the item at Start
	Name       string // of its file: the hash of the recording, and a hash of everything else that decides its sound
}

// named returns the entry with its name. No text of a document is part of a name.
func (t ListEntry) named(rate dsp.Rate) ListEntry {
	it := t.Item
	cut := sha256.Sum256(fmt.Appendf(nil, "%q %q %d %d %d %d %d %d %d %g", it.ID, t.Fills, rate, t.Start, t.End, t.Offset,
		it.CueIn.Duration, it.CueOut.Duration, it.FadeOut.Duration, it.AirGain()))
	t.Name = it.Audio.SHA256 + "-" + hex.EncodeToString(cut[:8])
	return t
}

// id returns the id of the item that the entry counts for.
func (t ListEntry) id() string {
	if t.Fills != "" && t.Fills != "-" {
		return t.Fills
	}
	return t.Item.ID
}

// listPlanner decides which item airs when in the players of others, by the same rules as the Deck. An entry is decided
// shortly before its start and then changes only if it may not air any more.
type listPlanner struct {
	rate    dsp.Rate
	has     func(wire.AudioRef) bool
	ready   func(name string) bool // the entry's file is there
	aside   func(it *wire.QueueItem, outcome schedules.Outcome, why string)
	decided map[itemKey]decided
	broken  map[chainKey]bool
}

// itemKey identifies a timed item through all revisions of a queue that do not change it.
type itemKey struct {
	window    string
	from      int64 // start of the window
	start     int64
	item, sha string
}

type decided struct {
	entries []ListEntry
	givenUp string // why the timed item does not air; "": it does, or that is open
}

// chainKey identifies a chain of one window.
type chainKey struct {
	from  int64
	chain string
}

const (
	// decideAhead is how long before its start an entry is decided.
	decideAhead = 5 * time.Second
	// replaceDelay is how long after the decision an entry starts that replaces one that is on the air or due: its file
	// must be made first.
	replaceDelay = 2 * time.Second
)

// between returns the entries of [now-grace, now+ahead) in order.
func (s *listPlanner) between(h *Holdings, now time.Time, grace, ahead time.Duration) (out []ListEntry) {
	p := &decision{listPlanner: s, held: h, at: s.rate.Frame(now), horizon: s.rate.Frame(now.Add(ahead))}
	kept, broken := map[itemKey]decided{}, map[chainKey]bool{}
	spans, _ := timetable(h, now, s.rate)
	for _, span := range spans {
		if span.Start >= p.horizon {
			break
		}
		p.enter(span)
		for _, slot := range span.Items {
			if slot.Start >= p.horizon {
				break
			}
			key := itemKey{window: span.Window, from: span.Start, start: slot.Start}
			if slot.Item != nil {
				key.item, key.sha = slot.Item.ID, slot.Item.Audio.SHA256
			}
			all, givenUp := p.item(slot, s.decided[key])
			out = append(out, all...)
			open := slot.Item != nil && givenUp == "" // its recording may still arrive, and then replaces a fill
			soon := slices.DeleteFunc(slices.Clone(all), func(t ListEntry) bool {
				return t.Start > p.at+s.rate.Frames(decideAhead) || open && t.Fills != "" && all[0].Fills != ""
			})
			if len(soon) > 0 || givenUp != "" {
				kept[key] = decided{soon, givenUp}
			}
		}
		for chain := range p.check.broken {
			broken[chainKey{span.Start, chain}] = true
		}
	}
	s.decided, s.broken = kept, broken
	since := s.rate.Frame(now.Add(-grace))
	return slices.DeleteFunc(out, func(t ListEntry) bool {
		return t.End <= max(since, t.Start) || h.Barred(t.Item) != ""
	})
}

// decision is one decision about all entries of the lists.
type decision struct {
	*listPlanner
	held        *Holdings
	check       itemCheck
	at, horizon int64
	last        string // segment that last filled a gap of the window
	fresh       bool   // nothing has filled in the window yet
}

// enter begins a window.
func (p *decision) enter(span *TimedWindow) {
	p.check = itemCheck{rate: p.rate, held: p.held, has: p.has, span: span, broken: map[string]bool{}}
	for key := range p.broken {
		if key.from == span.Start {
			p.check.broken[key.chain] = true
		}
	}
	p.last, p.fresh = "", true
}

// item returns the entries of one item: those that are decided and may still air, then the item or a fill.
func (p *decision) item(slot TimedItem, before decided) (all []ListEntry, givenUp string) {
	from, givenUp := slot.Start, before.givenUp
	for _, t := range before.entries {
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
				p.check.broken[t.Item.Chain] = true
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
	if slot.Item != nil && len(before.entries) == 0 && givenUp == "" {
		t := ListEntry{Item: slot.Item, Start: slot.Start, End: min(slot.End,
			slot.Start+p.rate.Frames(slot.Item.Duration.Duration))}.named(p.rate)
		outcome, why := p.check.objection(t.Item, t.Start, t.End)
		if why == "" && !p.here(t) {
			outcome, why = schedules.Failed, "its audio is not here yet"
		}
		switch {
		case why == "":
			all = append(all, t)
			from = t.End
		case slot.Start <= p.at+p.rate.Frames(replaceDelay):
			p.giveUp(t.Item, outcome, why)
			givenUp = why
		}
	}
	return append(all, p.fill(slot, from, givenUp)...), givenUp
}

// here reports whether an entry can be aired: its recording or its file is there.
func (p *decision) here(t ListEntry) bool { return p.has(t.Item.Audio) || p.ready(t.Name) }

// off returns why a decided entry may not air any more; "" if it may.
func (p *decision) off(t ListEntry) (schedules.Outcome, string) {
	switch {
	case t.End <= p.at:
		return "", ""
	case t.Start <= p.at: // like the player, which stops a playing item only if it is recalled
		return schedules.Cut, p.held.Barred(t.Item)
	case !p.here(t):
		return schedules.Failed, "its audio is damaged"
	}
	return p.check.objection(t.Item, t.Start, t.End)
}

// giveUp records that a slot's item does not air.
func (p *decision) giveUp(it *wire.QueueItem, outcome schedules.Outcome, why string) {
	if it.Chain != "" {
		p.check.broken[it.Chain] = true
	}
	p.aside(it, outcome, why)
}

// fill returns entries of the fallback that fill the slot from a frame on, up to the horizon.
func (p *decision) fill(slot TimedItem, from int64, why string) (all []ListEntry) {
	for from < min(slot.End, p.horizon) {
		if from <= p.at {
			from = p.at + p.rate.Frames(replaceDelay)
		}
		gap := fallback.Gap{At: p.rate.Time(from), End: p.rate.Time(slot.End), Planned: p.check.span.Revision != 0,
			Window: p.check.span.StartAt.Time, Last: p.last}
		it, into := gap.Pick(p.held.ValidFallback(gap.At), func(it *wire.QueueItem, lasts time.Duration) bool {
			_, wrong := p.check.objection(it, from, from+p.rate.Frames(lasts))
			return wrong == "" && p.has(it.Audio)
		})
		if it == nil {
			return all
		}
		t := ListEntry{Item: it, Fills: "-", Start: from}
		if p.fresh {
			t.Offset = p.rate.Frames(into)
		}
		switch {
		case slot.Item != nil:
			t.Fills, t.Detail = slot.Item.ID, text.Join("in place of "+slot.Item.SegmentID, why)
		case p.check.span.Revision == 0:
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
