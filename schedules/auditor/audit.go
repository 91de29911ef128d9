package auditor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"lifeline/schedules"
)

// Violation is one way in which a rundown departs from its definitions. A rundown with a hard violation must not be
// published.
type Violation struct {
	Rule    string `json:"rule"`
	Hard    bool   `json:"hard"`
	Window  string `json:"window,omitempty"`
	Item    string `json:"item,omitempty"`
	Message string `json:"message"`
}

// Audit checks the rundown against the whole input except its seed. An empty result means that the rundown has no
// violations. A kept item, or one locked by hand, that departs from the clock is a soft violation. Audit fails with the
// context's error once the context is done; parts of the rundown are then unchecked.
func Audit(ctx context.Context, in schedules.Input, r schedules.Rundown) ([]Violation, error) {
	return AuditFrom(ctx, in, r, time.Time{})
}

// AuditFrom audits only the part of the rundown that is still to come at an instant. It reports nothing about items
// that are over, or that are kept and have started, because neither can change any more. Violations in windows that
// stay as published are soft, except that an item which is still to come may not air.
func AuditFrom(ctx context.Context, in schedules.Input, r schedules.Rundown, from time.Time) ([]Violation, error) {
	a := &audit{ctx: ctx, in: in, r: r, from: from, keep: map[string]bool{}, out: []Violation{}}
	for _, k := range in.Keep {
		a.keep[k.ID] = true
	}
	if a.frame() {
		a.clockChanges()
		a.items()
		for i := range a.windows {
			if !a.windows[i].over && ctx.Err() == nil {
				a.window(&a.windows[i])
			}
		}
		a.rules()
		a.campaigns()
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("auditor: audit %s %s: %w", r.Station, r.Date, err)
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
	return a.out, nil
}

type audit struct {
	ctx     context.Context
	in      schedules.Input
	r       schedules.Rundown
	from    time.Time       // everything that ends by then is history
	keep    map[string]bool // ids of kept items
	out     []Violation
	windows []window
	all     []airing // the airings that rules examine, by start
	zone    *time.Location

	// the readings that an intro or a back-announce belongs to; computed on first use
	readers map[string][]schedules.Segment
}

// window is one occurrence with the rundown's items in it.
type window struct {
	schedules.DayWindow
	over  bool // and therefore history
	items []schedules.Item
	// it repeats another window: its items stand as in that window, and are held to rules about its own time alone
	repeats bool
}

// past reports whether the item is history.
func (a *audit) past(i schedules.Item) bool {
	return !i.EndAt().After(a.from) || i.StartAt.Before(a.from) && a.keep[i.ID]
}

// final reports whether the item can no longer change.
func (a *audit) final(i schedules.Item) bool {
	if a.past(i) {
		return true
	}
	return a.keep[i.ID] && slices.ContainsFunc(a.windows, func(w window) bool {
		return w.Published && w.Window == i.Window && !i.StartAt.Before(w.StartAt.Time) && i.StartAt.Before(w.EndAt.Time)
	})
}

// clockFinal reports whether no item that is still to come follows the clock.
func (a *audit) clockFinal(clock string) bool {
	return !slices.ContainsFunc(a.windows, func(w window) bool { return w.Clock.ID == clock && !w.over && !w.Published })
}

func (a *audit) add(hard bool, rule, win, item, format string, args ...any) {
	for i, arg := range args {
		if at, ok := arg.(schedules.Instant); ok && a.zone != nil {
			args[i] = at.Wall(a.zone)
		}
	}
	a.out = append(a.out, Violation{Rule: rule, Hard: hard, Window: win, Item: item, Message: fmt.Sprintf(format,
		args...)})
}

// frame checks the station, the day and the windows, and assigns the items to the windows. It reports whether the other
// checks can run.
func (a *audit) frame() bool {
	if a.r.Station != a.in.Station.ID || a.r.Date != a.in.Date {
		a.add(true, "rundown", "", "", "is of station %s on %s, not of %s on %s", a.r.Station, a.r.Date, a.in.Station.ID,
			a.in.Date)
		return false
	}
	zone, err := schedules.Zone(a.in.Station.Timezone)
	if err != nil {
		a.add(true, "rundown", "", "", "%v", err)
		return false
	}
	a.zone = zone
	if a.r.Timezone != a.in.Station.Timezone {
		a.add(true, "rundown", "", "", "is in zone %s, not %s", a.r.Timezone, a.in.Station.Timezone)
	}
	windows, err := a.in.Windows()
	if err != nil {
		a.add(true, "rundown", "", "", "%v", err)
		return false
	}
	dealt, known := 0, 0
	repeating := a.in.Repeating(windows)
	for n, d := range windows {
		w := window{DayWindow: d, over: !d.EndAt.After(a.from), repeats: repeating[n]}
		w.items = itemsIn(a.r, schedules.Slot{Occurrence: w.Occurrence})
		dealt += len(w.items)
		slot := slices.IndexFunc(a.r.Windows, func(s schedules.Slot) bool {
			return s.Window == w.Window &&
				s.StartAt.Equal(w.StartAt.Time)
		})
		if slot >= 0 {
			known++
		}
		if !w.over {
			if slot < 0 {
				a.add(true, "window", w.Window, "", "the window of %s is not in the rundown: plan the day anew", a.wall(w.StartAt))
			} else if s := a.r.Windows[slot]; !s.EndAt.Equal(w.EndAt.Time) || s.Tolerance != w.Tolerance {
				a.add(true, "window", w.Window, "", "the window of %s has changed since it was planned: plan the day anew",
					a.wall(w.StartAt))
			}
		}
		a.windows = append(a.windows, w)
	}
	for _, s := range a.r.Windows {
		if !s.EndAt.After(a.from) && !slices.ContainsFunc(windows, func(w schedules.DayWindow) bool {
			return w.Window == s.Window && w.StartAt.Equal(s.StartAt.Time)
		}) {
			known++ // over, and the definitions have changed since
			dealt += len(itemsIn(a.r, s))
		}
	}
	if len(a.r.Windows) > known {
		a.add(true, "window", "", "", "the rundown has windows that the day does not have, %d of them: plan the day anew",
			len(a.r.Windows)-known)
	}
	if dealt != len(a.r.Items) {
		a.add(true, "window", "", "", "the rundown has items in no window of the day, %d of them: plan the day anew",
			len(a.r.Items)-dealt)
	}
	return true
}

// itemsIn returns the rundown's items of one of its windows. An item that starts after the window's end belongs to it
// until the window's next occurrence.
func itemsIn(r schedules.Rundown, s schedules.Slot) (out []schedules.Item) {
	for _, i := range r.Items {
		again := func(o schedules.Slot) bool {
			return o.Window == s.Window && o.StartAt.After(s.StartAt.Time) && !o.StartAt.After(i.StartAt.Time)
		}
		if i.Window == s.Window && !i.StartAt.Before(s.StartAt.Time) && !slices.ContainsFunc(r.Windows, again) {
			out = append(out, i)
		}
	}
	return out
}

// wall returns an instant as clocks at the station show it.
func (a *audit) wall(at schedules.Instant) string { return at.In(a.zone).Format(time.TimeOnly) }

// items checks the id, the audio and the permission to air of each item.
func (a *audit) items() {
	seen := map[string]bool{}
	for i, item := range a.r.Items {
		if !schedules.ValidID(item.ID) {
			a.add(true, "id", item.Window, item.ID, "%q is not an id", item.ID)
		}
		if seen[item.ID] {
			a.add(true, "id", item.Window, item.ID, "%q is there twice", item.ID)
		}
		seen[item.ID] = true
		if i > 0 && item.StartAt.Before(a.r.Items[i-1].StartAt.Time) {
			a.add(true, "order", item.Window, item.ID, "comes after an item that starts later")
		}
	}
}

// plainTime formats a duration as h:mm:ss or m:ss, with milliseconds if there are any.
func plainTime(d time.Duration) string {
	sign, ms := "", d.Round(time.Millisecond).Milliseconds()
	if ms < 0 {
		sign, ms = "-", -ms
	}
	hours, minutes, seconds := ms/3_600_000, ms/60_000%60, ms/1000%60
	text := fmt.Sprintf("%s%d:%02d", sign, minutes, seconds)
	if hours > 0 {
		text = fmt.Sprintf("%s%d:%02d:%02d", sign, hours, minutes, seconds)
	}
	if ms%1000 > 0 {
		text += fmt.Sprintf(".%03d", ms%1000)
	}
	return text
}

// abs returns the absolute value of a duration.
func abs(d time.Duration) time.Duration { return max(d, -d) }

func sortedCampaigns(in schedules.Input) []schedules.Campaign {
	return slices.SortedFunc(slices.Values(in.Campaigns), func(x, y schedules.Campaign) int {
		return cmp.Compare(x.ID,
			y.ID)
	})
}
