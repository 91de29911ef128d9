package schedules

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Edit is one change of a rundown by hand.
type Edit struct {
	Op      string `json:"op"`                // insert, replace, move, remove, lock, unlock
	Item    string `json:"item,omitempty"`    // the item to edit; not for insert
	Segment string `json:"segment,omitempty"` // for insert and replace
	Before  string `json:"before,omitempty"`  // for insert and move: the item to put it before …
	After   string `json:"after,omitempty"`   // … or after
	// for insert: a position of the clock; none means the position of the neighbour
	Position string `json:"position,omitempty"`
}

// Apply makes the edits in order and returns the rundown with new times, as a draft with warnings. Within a window each
// item starts where the previous one ends, and posts keep their instants. An item that ends before a post or the
// window's end, or that runs past it, gets a warning with the missing or excess time. Apply locks each inserted,
// replaced or moved item, so that a plan that keeps locked items fills around it. If an edit cannot be made, Apply
// returns the original rundown and a problem for each such edit, with its field (such as edits[1].item) and reason.
// Windows that no edit touches stay the same to the millisecond, and so do the items before the first edit in a touched
// window.
func (in Input) Apply(r Rundown, edits []Edit) (Rundown, []Problem) {
	in = in.ForPublished(r)
	e := editor{in: &in, items: slices.Clone(r.Items), problems: &problems{}}
	var err error
	if e.windows, err = in.DisjointWindows(); err != nil {
		return r, []Problem{{Field: "rundown", Message: err.Error()}}
	}
	for i := range e.windows {
		e.windows[i].Clock = e.windows[i].FittedClock(in.Library)
	}
	for i, edit := range edits {
		e.problems.at = fmt.Sprintf("edits[%d].", i)
		e.apply(edit)
	}
	if len(e.problems.list) > 0 {
		return r, e.problems.list
	}
	out := r
	out.Status, out.Revision, out.PublishedAt = Draft, 0, Instant{}
	out.Items, out.Windows, out.Warnings = e.retime(r)
	in.MarkMakeGoods(out.Items)
	return out, nil
}

type editor struct {
	in       *Input
	windows  []DayWindow // with fitted clocks
	items    []Item
	problems *problems
}

// zone returns the station's zone.
func (e *editor) zone() *time.Location {
	loc, _ := Zone(e.in.Station.Timezone)
	return loc
}

func (e *editor) find(field, id string) (int, bool) {
	i := slices.IndexFunc(e.items, func(x Item) bool { return x.ID == id })
	if i < 0 {
		e.problems.add(field, "%q is not in the rundown", id)
	}
	return i, i >= 0
}

func (e *editor) apply(edit Edit) {
	switch edit.Op {
	case "insert":
		e.insert(edit)
	case "replace":
		if i, ok := e.find("item", edit.Item); ok {
			if item, ok := e.airing(edit.Segment, e.items[i]); ok {
				e.items[i] = item
			}
		}
	case "move":
		if i, ok := e.find("item", edit.Item); ok {
			item := e.items[i]
			if edit.Item == edit.Before || edit.Item == edit.After {
				e.problems.add("item", "cannot be moved next to itself")
				return
			}
			e.items = slices.Delete(e.items, i, i+1)
			if to, near, ok := e.target(edit); ok {
				item.Window, item.Locked, item.StartAt = near.Window, true, near.StartAt
				e.items = slices.Insert(e.items, to, item)
			}
		}
	case "remove":
		if i, ok := e.find("item", edit.Item); ok {
			e.items = slices.Delete(e.items, i, i+1)
		}
	case "lock", "unlock":
		if i, ok := e.find("item", edit.Item); ok {
			e.items[i].Locked = edit.Op == "lock"
		}
	default:
		e.problems.add("op", "%q must be %s", edit.Op, orOf(EditOps))
	}
}

// target returns the index at which an edit puts an item, and the neighbour that the edit names.
func (e *editor) target(edit Edit) (to int, near Item, ok bool) {
	if (edit.Before == "") == (edit.After == "") {
		e.problems.add("before", "must be given, or else after, and not both")
		return 0, Item{}, false
	}
	if edit.Before != "" {
		i, ok := e.find("before", edit.Before)
		if !ok {
			return 0, Item{}, false
		}
		return i, e.items[i], true
	}
	i, ok := e.find("after", edit.After)
	if !ok {
		return 0, Item{}, false
	}
	return i + 1, e.items[i], true
}

func (e *editor) insert(edit Edit) {
	to, near, ok := e.target(edit)
	if !ok {
		return
	}
	at := Item{Window: near.Window, Position: cmp.Or(edit.Position, near.Position), StartAt: near.StartAt, Start: Follow}
	if item, ok := e.airing(edit.Segment, at); ok {
		item.Chain = ""
		e.items = slices.Insert(e.items, to, item)
	}
}

// airing returns an item of the segment in the place of another item, if the segment may air there.
func (e *editor) airing(id string, at Item) (Item, bool) {
	if id == "" {
		e.problems.add("segment", "must name the segment that is to air")
		return Item{}, false
	}
	s, ok := e.in.Library.Segment(id)
	if !ok {
		e.problems.add("segment", "%q is not known", id)
		return Item{}, false
	}
	w := e.window(at)
	if w == nil {
		e.problems.add("item", "lies in no window of the day")
		return Item{}, false
	}
	end := at.StartAt.Add(s.Recording.AirTime().Duration)
	place := Place{Languages: w.Languages, Zone: e.zone(), StartAt: at.StartAt.Time, EndAt: end}
	if u := e.in.Library.Airable(id, place); u != nil {
		e.problems.add("segment", "%q %s", id, u.Message)
		return Item{}, false
	}
	life, _ := e.in.Library.Life(id)
	at.SegmentID, at.SHA256, at.Kind, at.Language, at.Title, at.Voice = s.ID, s.Recording.SHA256, s.Kind, s.Language,
		s.Title, s.Voice
	at.Duration, at.CueIn, at.CueOut, at.FadeOut = s.Recording.AirTime(), s.Recording.CueIn, s.Recording.CueOut, Millis{}
	at.NotAfter, at.Locked, at.Chain, at.MakesGood = life.Until, true, "", ""
	return at, true
}

// window returns the occurrence that an item belongs to: the last occurrence of its window that starts at or before the
// item. The item may start after the occurrence's end, because edits may push it there.
func (e *editor) window(item Item) *DayWindow {
	var last *DayWindow
	for i := range e.windows {
		if w := &e.windows[i]; w.Window == item.Window && !item.StartAt.Before(w.StartAt.Time) {
			last = w
		}
	}
	return last
}

// retime places the items of each window end to end and keeps the posts at their instants.
func (e *editor) retime(r Rundown) ([]Item, []Slot, []Warning) {
	warnings := []Warning{}
	warn := func(code, window, item, format string, args ...any) {
		warnings = append(warnings, Warning{Code: code, Window: window, Item: item, Message: fmt.Sprintf(format, args...)})
	}
	slots := slices.Clone(r.Windows)
	out := []Item{}
	renamed := map[string]string{}
	for k := range slots {
		s := &slots[k]
		s.Planned = Millis{}
		at := s.StartAt
		w := e.window(Item{Window: s.Window, StartAt: s.StartAt})
		was := e.of(w, r.Items)
		untouched := true // until the first edit in this window
		items := e.of(w, e.items)
		for n, item := range items {
			untouched = untouched && n < len(was) && sameEntry(was[n], item)
			if untouched {
				at = was[n].StartAt // a gap before an untouched item is kept
			} else if n+1 == len(items) || !items[n+1].cuts() {
				item = e.whole(w, item)
			}
			if post, ok := w.post(item); ok {
				off := post.Sub(at.Time)
				if n > 0 && !untouched && item.Start == Hard && e.cut(w, &out[len(out)-1], -off) {
					s.Planned.Duration += off
					at, off = post, 0
				}
				switch {
				case off > s.Tolerance.Duration:
					warn(WarnGap, s.Window, item.ID, "%s is empty before post %s at %s.", FormatLength(off), item.Position,
						WallTime(r.Timezone, post))
					at = post
				case -off > max(s.Tolerance.Duration, item.Grace.Duration):
					warn(WarnOverrun, s.Window, item.ID, "The items before post %s at %s run %s too long.", item.Position,
						WallTime(r.Timezone, post), FormatLength(-off))
				}
			}
			before := item.ID
			item.StartAt = at
			if known, ok := r.Item(before); !ok || !sameEntry(known, item) || !known.StartAt.Equal(at.Time) {
				item.ID = ItemID(r.Station, s.StartAt, item.Position, Millis{at.Sub(s.StartAt.Time)}, item.SegmentID)
				renamed[before] = item.ID
			}
			if w != nil {
				if u := e.in.Library.Airable(item.SegmentID, Place{Languages: w.Languages, Zone: e.zone(),
					StartAt: item.StartAt.Time, EndAt: item.EndAt().Time, SHA256: item.SHA256}); u != nil {
					warn(WarnNotAirable, s.Window, item.ID, "%s", u.Error())
				}
			}
			at = item.EndAt()
			s.Planned.Duration += item.Duration.Duration
			out = append(out, item)
		}
		if off := at.Sub(s.EndAt.Time); off > s.Tolerance.Duration {
			warn(WarnOverrun, s.Window, "", "The window of %s ends %s late.", WallTime(r.Timezone, s.StartAt), FormatLength(off))
		} else if -off > s.Tolerance.Duration {
			warn(WarnGap, s.Window, "", "The window of %s ends %s early.", WallTime(r.Timezone, s.StartAt), FormatLength(-off))
		}
	}
	for i := range out {
		if id, ok := renamed[out[i].Chain]; ok && out[i].Chain != "" {
			out[i].Chain = id
		}
	}
	slices.SortStableFunc(out, func(a, b Item) int { return a.StartAt.Compare(b.StartAt.Time) })
	return out, slots, append(warnings, e.detach(r, slots, out)...)
}

// cuts reports whether the item before this one may be cut by up to the window's tolerance.
func (i Item) cuts() bool { return i.Start == Hard || i.Locked }

// whole returns the item with its full recording if it is shorter than its position allows where no item cuts it.
func (e *editor) whole(w *DayWindow, item Item) Item {
	s, ok := e.in.Library.Segment(item.SegmentID)
	if !ok || s.Recording == nil || s.Recording.SHA256 != item.SHA256 || w.refitted() {
		return item
	}
	if s.Recording.CueOut.Duration-item.CueOut.Duration > w.fadeMax(item) {
		item.Duration, item.CueIn, item.CueOut, item.FadeOut = s.Recording.AirTime(), s.Recording.CueIn, s.Recording.CueOut,
			Millis{}
	}
	return item
}

// cut shortens the item by excess, so that the hard start after it is on time, and reports whether it could: an item
// may be shorter than its recording by its position's fade or by the window's tolerance.
func (e *editor) cut(w *DayWindow, item *Item, excess time.Duration) bool {
	s, ok := e.in.Library.Segment(item.SegmentID)
	if !ok || s.Recording == nil || s.Recording.SHA256 != item.SHA256 || excess <= 0 ||
		excess >= item.Duration.Duration {
		return false
	}
	fade := w.fadeMax(*item)
	trim := s.Recording.CueOut.Duration - item.CueOut.Duration + excess
	if trim > max(fade, w.Tolerance.Duration) {
		return false
	}
	item.Duration.Duration -= excess
	item.CueOut.Duration -= excess
	item.FadeOut.Duration = min(item.Duration.Duration, max(fade, trim))
	return true
}

// fadeMax returns the longest fade that the item's position allows.
func (w *DayWindow) fadeMax(item Item) (longest time.Duration) {
	for i := range w.Clock.Positions {
		if p := &w.Clock.Positions[i]; p.ID == item.Position {
			longest = max(longest, p.FadeMax.Duration)
		}
	}
	return longest
}

// refitted reports whether a clock change gives the window another length than on ordinary days.
func (w *DayWindow) refitted() bool { return w.EndAt.Sub(w.StartAt.Time) != w.Ordinary.Duration }

// of returns the items that belong to an occurrence, in their order.
func (e *editor) of(w *DayWindow, items []Item) (out []Item) {
	for _, i := range items {
		if own := e.window(i); own != nil && own == w {
			out = append(out, i)
		}
	}
	return out
}

// post returns the instant of the clock's post that the item opens.
func (w *DayWindow) post(item Item) (Instant, bool) {
	if w == nil || item.Start == Follow {
		return Instant{}, false
	}
	for i := range w.Clock.Positions {
		if p := &w.Clock.Positions[i]; p.ID == item.Position && p.At != nil {
			return At(w.StartAt.Add(p.At.Duration)), true
		}
	}
	return Instant{}, false
}

// sameEntry reports whether both are the same item with the same segment.
func sameEntry(a, b Item) bool { return a.ID == b.ID && a.SegmentID == b.SegmentID }
