package schedules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// WindowRepeat names what a window repeats: the last occurrence of another window, on the same day or some days before,
// that is over when the repeat begins.
type WindowRepeat struct {
	Window   string `json:"window"`
	DaysBack int    `json:"days_back,omitzero"`
}

// RepeatOf says what an occurrence of a window repeats.
type RepeatOf struct {
	Window   string  `json:"window"`
	DaysBack int     `json:"days_back,omitzero"`
	StartAt  Instant `json:"start_at"` // of the occurrence that is repeated
	Items    string  `json:"items"`    // a hash of the segments that it had when they were copied
}

// MaxDaysBack is the largest number of days between a window and what it repeats: so far back planning looks.
const MaxDaysBack = 28

// RepeatHash returns the hash by which a repeat finds that what it repeats has changed.
func RepeatHash(items []Item) string {
	h := sha256.New()
	for _, i := range items {
		h.Write(append([]byte(i.SegmentID), 0))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// ItemsOf returns the items of one of the rundown's windows.
func (r Rundown) ItemsOf(s Slot) (out []Item) {
	for _, i := range r.Items {
		if i.Window == s.Window && s.Contains(i.StartAt.Time) {
			out = append(out, i)
		}
	}
	return out
}

// Source returns what a window repeats: an occurrence in r, the rundown of its own day, or in one of the input's other
// days. ok is false if the window repeats nothing, or if there is no such occurrence.
func (in Input) Source(w DayWindow, r Rundown) (of Rundown, slot Slot, ok bool) {
	if w.Repeats == nil {
		return of, slot, false
	}
	of = r
	if back := w.Repeats.DaysBack; back > 0 {
		n := slices.IndexFunc(in.Repeated, func(x Rundown) bool { return x.Date == in.Date.AddDays(-back) })
		if n < 0 {
			return of, slot, false
		}
		of = in.Repeated[n]
	}
	slot, ok = of.lastOver(w.Repeats.Window, w.StartAt)
	return of, slot, ok
}

// lastOver returns the last occurrence of a window that is over at an instant.
func (r Rundown) lastOver(window string, at Instant) (last Slot, ok bool) {
	for _, s := range r.Windows {
		if s.Window == window && !s.EndAt.After(at.Time) && (!ok || s.StartAt.After(last.StartAt.Time)) {
			last, ok = s, true
		}
	}
	return last, ok
}

// Repeating reports, for each window, whether it repeats another one that is at hand. Nothing is planned in such a
// window: it takes the items of the other, and its clock fills what they leave open.
func (in Input) Repeating(windows []DayWindow) []bool {
	r := Rundown{}
	for _, w := range windows {
		r.Windows = append(r.Windows, Slot{Occurrence: w.Occurrence})
	}
	out := make([]bool, len(windows))
	for n, w := range windows {
		_, _, out[n] = in.Source(w, r)
	}
	return out
}

// RepeatedDays returns how many days back the windows of the input's day repeat others, without the day itself.
func (in Input) RepeatedDays() ([]int, error) {
	windows, err := in.Windows()
	if err != nil {
		return nil, err
	}
	days := map[int]bool{}
	for _, w := range windows {
		if w.Repeats != nil && w.Repeats.DaysBack > 0 {
			days[w.Repeats.DaysBack] = true
		}
	}
	return slices.Sorted(maps.Keys(days)), nil
}

// Outdated reports whether what an occurrence repeats has changed since. of is the rundown with that window.
func (x RepeatOf) Outdated(of Rundown) bool {
	for _, s := range of.Windows {
		if s.Window == x.Window && s.StartAt.Equal(x.StartAt.Time) {
			return RepeatHash(of.ItemsOf(s)) != x.Items
		}
	}
	return false
}

// repeat adds the problems of what a window repeats.
func (p *problems) repeat(at string, s *Station, w *Window) {
	if w.Repeats == nil {
		return
	}
	of, known := s.Window(w.Repeats.Window)
	switch {
	case !known:
		p.add(at+".window", "%q is no window of the station%s", w.Repeats.Window,
			Suggest(w.Repeats.Window, maps.Keys(windowIDs(s))))
	case of.ID == w.ID:
		p.add(at+".window", "must be another window than %q itself", w.ID)
	case of.Repeats != nil:
		p.add(at+".window", "is %q, which repeats window %q itself: repeat that one", of.ID, of.Repeats.Window)
	}
	if d := w.Repeats.DaysBack; d < 0 || d > MaxDaysBack {
		p.add(at+".days_back", "must be from 0 to %d", MaxDaysBack)
	}
}

func sameTime(a, b Item) bool { return sameEntry(a, b) && a.StartAt.Equal(b.StartAt.Time) }

// detach ends the repeats whose items an edit has changed: they stand by themselves from then on.
func (e *editor) detach(r Rundown, slots []Slot, items []Item) (warnings []Warning) {
	edited := Rundown{Items: items}
	for k := range slots {
		s := &slots[k]
		if s.Repeats == nil || slices.EqualFunc(r.ItemsOf(*s), edited.ItemsOf(*s), sameTime) {
			continue
		}
		warnings = append(warnings, Warning{Code: WarnRepeatEdited, Window: s.Window, Message: fmt.Sprintf(
			"The window of %s was edited by hand, and follows window %s no more. Plan the day anew to repeat that window again.",
			WallTime(r.Timezone, s.StartAt), s.Repeats.Window)})
		s.Repeats = nil
	}
	return warnings
}
