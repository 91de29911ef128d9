// Package auditor checks rundowns, made by hand or by a planner, against windows, clocks, rules and what is airable.
// It shares no code with the planner beyond the vocabulary and the one expansion of time: it looks at every pair and
// counts from nothing, slowly and plainly. Publication runs it.
package auditor

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"lifeline/schedules"
)

// Violation is one thing that a rundown does against what was asked. A rundown with a hard one must not be published.
type Violation struct {
	Rule    string `json:"rule"`
	Hard    bool   `json:"hard"`
	Window  string `json:"window,omitempty"`
	Item    string `json:"item,omitempty"`
	Message string `json:"message"`
}

// Audit checks the rundown against everything but the input's seed. An empty list means that nothing is wrong with
// it. Kept items, and items locked by hand, may stand where the clock says otherwise: that is a soft violation.
func Audit(in schedules.Input, r schedules.Rundown) []Violation {
	a := &audit{in: in, r: r, out: []Violation{}}
	if a.frame() {
		a.clockChanges()
		a.items()
		for i := range a.windows {
			a.window(&a.windows[i])
		}
		a.rules()
		a.campaigns()
	}
	slices.SortStableFunc(a.out, func(x, y Violation) int {
		if x.Hard != y.Hard {
			if x.Hard {
				return -1
			}
			return 1
		}
		return 0
	})
	return a.out
}

type audit struct {
	in      schedules.Input
	r       schedules.Rundown
	out     []Violation
	windows []window
	zone    *time.Location

	speaksOf map[string][]schedules.Segment // the readings that an intro or a back-announce belongs to; made on first use
}

// window is one occurrence with the rundown's items in it.
type window struct {
	schedules.Occurrence
	def       schedules.Window
	clock     schedules.Clock
	languages []string
	items     []schedules.Item
}

func (a *audit) say(hard bool, rule, win, item, format string, args ...any) {
	a.out = append(a.out, Violation{Rule: rule, Hard: hard, Window: win, Item: item, Message: fmt.Sprintf(format, args...)})
}

// frame checks station, day and windows, and deals the items out to the windows. It is false when nothing more can be
// checked.
func (a *audit) frame() bool {
	if a.r.Station != a.in.Station.ID || a.r.Date != a.in.Date {
		a.say(true, "rundown", "", "", "is of station %s on %s, not of %s on %s", a.r.Station, a.r.Date, a.in.Station.ID, a.in.Date)
		return false
	}
	zone, err := schedules.Zone(a.in.Station.Timezone)
	if err != nil {
		a.say(true, "rundown", "", "", "%v", err)
		return false
	}
	a.zone = zone
	if a.r.Timezone != a.in.Station.Timezone {
		a.say(true, "rundown", "", "", "is in zone %s, not %s", a.r.Timezone, a.in.Station.Timezone)
	}
	occurrences, err := a.in.Station.OccurrencesOn(a.in.Date)
	if err != nil {
		a.say(true, "rundown", "", "", "%v", err)
		return false
	}
	dealt := 0
	for _, o := range occurrences {
		w := window{Occurrence: o}
		for _, d := range a.in.Station.Windows {
			if d.ID == o.Window {
				w.def = d
			}
		}
		clock, ok := a.in.Clocks[w.def.Clock]
		if !ok {
			a.say(true, "clock", o.Window, "", "clock %q is not known", w.def.Clock)
			return false
		}
		w.clock = clock
		w.languages = w.def.Languages
		if len(w.languages) == 0 {
			w.languages = a.in.Station.Languages
		}
		for _, i := range a.r.Items {
			if i.Window == o.Window && !i.StartAt.Before(o.StartAt.Time) && i.StartAt.Before(o.EndAt.Time) {
				w.items = append(w.items, i)
				dealt++
			}
		}
		slot := slices.IndexFunc(a.r.Windows, func(s schedules.Slot) bool { return s.Window == o.Window && s.StartAt.Equal(o.StartAt.Time) })
		if slot < 0 {
			a.say(true, "window", o.Window, "", "the window of %s is not in the rundown", o.StartAt)
		} else if s := a.r.Windows[slot]; !s.EndAt.Equal(o.EndAt.Time) || s.Tolerance != w.def.Tolerance {
			a.say(true, "window", o.Window, "", "the window of %s has changed since it was planned", o.StartAt)
		}
		a.windows = append(a.windows, w)
	}
	if len(a.r.Windows) > len(occurrences) {
		a.say(true, "window", "", "", "the rundown has %d windows, the day %d", len(a.r.Windows), len(occurrences))
	}
	if dealt != len(a.r.Items) {
		a.say(true, "window", "", "", "%d items lie in no window of the day", len(a.r.Items)-dealt)
	}
	return true
}

// items checks each item by itself: its id, its audio, and that it may air.
func (a *audit) items() {
	seen := map[string]bool{}
	for i, item := range a.r.Items {
		if !schedules.ValidID(item.ID) {
			a.say(true, "id", item.Window, item.ID, "%q is no id", item.ID)
		}
		if seen[item.ID] {
			a.say(true, "id", item.Window, item.ID, "%q is there twice", item.ID)
		}
		seen[item.ID] = true
		if i > 0 && item.StartAt.Before(a.r.Items[i-1].StartAt.Time) {
			a.say(true, "order", item.Window, item.ID, "comes after an item that starts later")
		}
	}
}

func plainTime(d time.Duration) string { return d.Round(time.Millisecond).String() }

// share is the smaller of two durations' difference to zero.
func off(d time.Duration) time.Duration { return max(d, -d) }

func sortedCampaigns(in schedules.Input) []schedules.Campaign {
	return slices.SortedFunc(slices.Values(in.Campaigns), func(x, y schedules.Campaign) int { return cmp.Compare(x.ID, y.ID) })
}
