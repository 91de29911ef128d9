package schedules

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// StandingOrder tells the service to plan and publish the days of a station by itself. It plans and publishes a day as
// soon as the day is near enough, and tries again while it cannot. It leaves alone what people plan, edit, publish or
// withdraw.
type StandingOrder struct {
	PlanDays    int `json:"plan_days"`    // how many days after the present one are planned, from 1 to 42
	PublishDays int `json:"publish_days"` // how many days after the present one are published, from 1 to plan_days
	// always, or unwarned: a day with warnings that are no mere remarks is left to people; none means always
	Publish StandingPublish `json:"publish,omitempty"`
	// the time at which a day counts as late: on the day before it, in the station's time, as HH:MM. A day that could not
	// be published by then gets what Otherwise says, until it can be. None means 00:00
	By TimeOfDay `json:"by"`
	// what airs on a day that is late: repeat (the newest published day of the same weekday, as far as it may air) or
	// fallback (the fallback list); none means repeat
	Otherwise StandIn `json:"otherwise,omitempty"`
}

// StandingPublish says which days a standing order publishes.
type StandingPublish string

// The days that a standing order publishes.
const (
	PublishAlways   StandingPublish = "always"
	PublishUnwarned StandingPublish = "unwarned" // only days without warnings, remarks apart
)

// StandIn is what airs on a day that a standing order could not publish in time.
type StandIn string

// What airs in place of a plan.
const (
	StandInRepeat   StandIn = "repeat"   // the newest published day of the same weekday
	StandInFallback StandIn = "fallback" // the station's fallback list
)

// The values that these fields may have.
var (
	StandingPublishes = []StandingPublish{PublishAlways, PublishUnwarned}
	StandIns          = []StandIn{StandInRepeat, StandInFallback}
)

// MaxStandingDays is the most days ahead that a standing order plans.
const MaxStandingDays = 42

// Unwarned reports whether days with warnings are left to people.
func (o StandingOrder) Unwarned() bool { return o.Publish == PublishUnwarned }

// Repeats reports whether a day that is late repeats another one.
func (o StandingOrder) Repeats() bool { return o.Otherwise != StandInFallback }

// Deadline returns the instant at which a day of the station counts as late if it is not published.
func (o StandingOrder) Deadline(d Date, zone *time.Location) time.Time {
	return Resolve(d.AddDays(-1).utc().Add(time.Duration(o.By)*time.Minute), zone)
}

func (p *problems) standingOrder(o StandingOrder) {
	if o.PlanDays < 1 || o.PlanDays > MaxStandingDays {
		p.add("standing_order.plan_days", "must be from 1 to %d", MaxStandingDays)
	}
	if o.PublishDays < 1 || o.PublishDays > o.PlanDays {
		p.add("standing_order.publish_days", "must be from 1 to plan_days: a day is planned before it is published")
	}
	if o.Publish != "" && !slices.Contains(StandingPublishes, o.Publish) {
		p.add("standing_order.publish", "must be %s or %s", PublishAlways, PublishUnwarned)
	}
	if o.Otherwise != "" && !slices.Contains(StandIns, o.Otherwise) {
		p.add("standing_order.otherwise", "must be %s or %s", StandInRepeat, StandInFallback)
	}
}

// Repeat returns a rundown for the windows of a day with the items of an earlier day: each occurrence of a window takes
// those of the same window of that day, the first those of the first and so on, at the same distance from its start. A
// window that was not on that day, or had another length or other positions in its clock, stays open. The rundown may
// have items that may not air.
func Repeat(of Rundown, date Date, windows []Slot, clocks map[string]Clock) Rundown {
	out := Rundown{Station: of.Station, Date: date, Timezone: of.Timezone, Status: Draft, Windows: windows, Clocks: clocks,
		Items: []Item{}, Warnings: []Warning{}}
	taken := map[string]int{}
	for _, to := range windows {
		from, ok := nth(of.Windows, to.Window, taken[to.Window])
		taken[to.Window]++
		if !ok || from.EndAt.Sub(from.StartAt.Time) != to.EndAt.Sub(to.StartAt.Time) ||
			!sameClock(of.Clocks[from.Clock], clocks[to.Clock]) {
			continue
		}
		ids := map[string]string{}
		first := len(out.Items)
		for _, i := range of.Items {
			if slot, in := of.SlotOf(i); !in || slot.Window != from.Window || !slot.StartAt.Equal(from.StartAt.Time) {
				continue
			}
			offset := i.StartAt.Sub(from.StartAt.Time)
			id := ItemID(of.Station, to.StartAt, i.Position, Millis{offset}, i.SegmentID)
			ids[i.ID], i.ID = id, id
			// i.Repeats stays: the item is a repeat on this day too
			i.StartAt, i.Locked, i.MakesGood = At(to.StartAt.Add(offset)), false, ""
			out.Items = append(out.Items, i)
		}
		for n := first; n < len(out.Items); n++ {
			if i := &out.Items[n]; i.Chain != "" {
				i.Chain = ids[i.Chain]
			}
		}
	}
	out.SumWindows()
	return out
}

// nth returns the nth occurrence of a window among slots.
func nth(slots []Slot, window string, n int) (Slot, bool) {
	for _, s := range slots {
		if s.Window == window {
			if n == 0 {
				return s, true
			}
			n--
		}
	}
	return Slot{}, false
}

// sameClock reports whether two states of a clock have the same places for items. Their rules may differ.
func sameClock(a, b Clock) bool {
	a.Revision, b.Revision, a.Rules, b.Rules = 0, 0, nil, nil
	was, err := json.Marshal(a)
	is, failed := json.Marshal(b)
	return err == nil && failed == nil && bytes.Equal(was, is)
}

// Slots returns the windows of a day as a rundown has them, without items.
func (s Station) Slots(d Date) ([]Slot, error) {
	occurrences, err := s.AirTimesOn(d)
	out := make([]Slot, len(occurrences))
	for n, o := range occurrences {
		w := *o.Terms
		out[n] = Slot{Occurrence: o.Occurrence, Tolerance: w.Tolerance, Languages: s.Allowed(w), Clock: w.Clock}
	}
	return out, err
}
