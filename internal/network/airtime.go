package network

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// The air time of a station that was ever published is compared at the same instants for a year, a quarter at a time,
// and then up to ten years: what is taken from a later season comes near when nobody looks at it any more. The work for
// one change is bounded. What is too much to compare for a year needs two persons.
const (
	airQuarter = 92 * 24 * time.Hour
	airLeast   = 4       // quarters
	airMost    = 4 * 10  // quarters
	airWork    = 120_000 // occurrences that are expanded
	windowWork = 5       // occurrences that are as much work as to read the recurrence of a window
)

// specialApart is how many days apart the days must be on which one person alone takes air time by exceptions. A
// single day is a holiday, or one on which the relay is repaired; a listener who hears nothing on two days of two weeks
// no longer knows when to listen.
const specialApart = 14

// specialMost bounds the special days that one change may bring without a second person.
const specialMost = 26

// secondForAirTime returns that listeners would no longer hear a station when they do, on its frequencies and in its
// languages, apart from single special days, or that it would have a shorter freeze or other days. It is for stations
// that were ever published: nobody listens to others.
func (s *SecondPersons) secondForAirTime(c store.Commit, before, after schedules.Station) (whys []string) {
	if after.Freeze.Duration < before.Freeze.Duration {
		whys = append(whys, fmt.Sprintf("station %s would be frozen for %s before a window in place of %s, so this needs two "+
			"persons", before.ID, after.Freeze, before.Freeze))
	}
	if after.Timezone != before.Timezone {
		whys = append(whys, fmt.Sprintf("the days of station %s would be those of %s in place of %s, so this needs two "+
			"persons", before.ID, after.Timezone, before.Timezone))
	}
	if reflect.DeepEqual(before.Windows, after.Windows) && reflect.DeepEqual(before.Exceptions, after.Exceptions) &&
		slices.Equal(before.Languages, after.Languages) {
		return whys
	}
	return append(whys, s.hiddenDay(before, after), s.lostAirTime(c, before, after))
}

// lostAirTime returns when a station would no longer air.
func (s *SecondPersons) lostAirTime(c store.Commit, before, after schedules.Station) string {
	work := 0
	state := func(st schedules.Station, clocks []store.Write) *aired {
		a := s.aired(st, clocks)
		a.work = &work
		return a
	}
	was, is, ordinary := state(before, nil), state(after, c.Writes), state(after.Ordinary(), c.Writes)
	former := was
	if earlier, changed := s.beforeItsAuthor(c, before); changed {
		former = state(earlier, nil)
		former.anything = true // else what its author added to air time would excuse the loss of all of it
	}
	changed := state(changedWindows(before, after), nil)
	var special []schedules.Date
	for n := range airMost {
		if work > airWork && n >= airLeast {
			break
		}
		if work > airWork {
			return fmt.Sprintf("station %s has too many windows to compare for a year when they air, so this needs two persons",
				before.ID)
		}
		from := s.now().Add(time.Duration(n) * airQuarter)
		to := from.Add(airQuarter)
		look := changed
		if exceptionsDiffer(before, after, from, to) {
			look = was
		}
		all := look.between(from, to)
		_, lost := split(all, was, is, from, to)
		lost, _ = split(lost, was, former, from, to)
		if _, lost := split(lost, was, ordinary, from, to); len(lost) > 0 {
			return tellLost(before, lost)
		}
		for _, l := range lost {
			special = append(special, l.of.Date)
		}
	}
	return s.specialDays(after, slices.Compact(special))
}

// changedWindows returns the first state of a station with only those windows that the second has otherwise or not.
func changedWindows(before, after schedules.Station) schedules.Station {
	if !slices.Equal(before.Languages, after.Languages) {
		return before
	}
	same := map[string]schedules.Window{}
	for _, w := range after.Windows {
		same[w.ID] = w
	}
	before.Windows = slices.DeleteFunc(slices.Clone(before.Windows), func(w schedules.Window) bool {
		return reflect.DeepEqual(w, same[w.ID])
	})
	return before
}

// exceptionsDiffer reports whether two states of a station have other exceptions for days in [from, to).
func exceptionsDiffer(before, after schedules.Station, from, to time.Time) bool {
	within := func(all []schedules.Exception) []schedules.Exception {
		return slices.DeleteFunc(slices.Clone(all), func(e schedules.Exception) bool {
			near := func(d schedules.Date) bool {
				start, end := d.Bounds(time.UTC)
				return end.After(from.AddDate(0, 0, -2)) && start.Before(to.AddDate(0, 0, 2))
			}
			return !near(e.Date) && (e.To == nil || !near(*e.To))
		})
	}
	return !reflect.DeepEqual(within(before.Exceptions), within(after.Exceptions))
}

// tellLost says which air time of a station would be lost, as the reason why that needs two persons.
func tellLost(st schedules.Station, lost []airPart) string {
	first := lost[0]
	more := ""
	if len(lost) > 1 {
		more = fmt.Sprintf(", and at %d other times by %s", len(lost)-1, StationTime(st, lost[len(lost)-1].to))
	}
	return fmt.Sprintf("station %s would no longer air%s from %s to %s, as window %s does%s, so this needs two persons",
		st.ID, first.lacks, StationTime(st, first.from), StationTime(st, first.to), first.of.Occurrence.Window, more)
}

// offDays returns the days on which exceptions take air time of the ordinary windows of a station, in order.
func (s *SecondPersons) offDays(st schedules.Station, from, to time.Time) (days []schedules.Date) {
	if len(st.Exceptions) == 0 {
		return nil
	}
	ordinary := s.aired(st.Ordinary(), nil)
	_, lost := split(ordinary.between(from, to), ordinary, s.aired(st, nil), from, to)
	for _, l := range lost {
		days = append(days, l.of.Date)
	}
	slices.SortFunc(days, schedules.Date.Compare)
	return slices.Compact(days)
}

// specialDays returns that days on which a change takes air time by exceptions are too near to others.
func (s *SecondPersons) specialDays(after schedules.Station, days []schedules.Date) string {
	if len(days) > specialMost {
		return fmt.Sprintf("station %s would lose air time on %d special days, from %s to %s, so this needs two persons",
			after.ID, len(days), days[0], days[len(days)-1])
	}
	for _, d := range days {
		start, _ := d.AddDays(-specialApart).Bounds(time.UTC)
		for _, other := range s.offDays(after, start, start.AddDate(0, 0, 2*specialApart+1)) {
			if other != d && d.AddDays(-specialApart).Before(other) && other.Before(d.AddDays(specialApart)) {
				return fmt.Sprintf("station %s would lose air time on the special days %s and %s, and one person alone takes it "+
					"on one day in %d, so this needs two persons", after.ID, d, other, specialApart)
			}
		}
	}
	return ""
}

// hiddenDay returns that a station would no longer say on which day of the last two weeks it was off the air by an
// exception: who takes air time day by day must not make room for the next one.
func (s *SecondPersons) hiddenDay(before, after schedules.Station) string {
	today, err := before.DateAt(s.now())
	if err != nil {
		return ""
	}
	from := s.now().AddDate(0, 0, -specialApart)
	told := s.offDays(after, from, s.now())
	for _, d := range s.offDays(before, from, s.now()) {
		if today.Before(d.AddDays(specialApart)) && !slices.Contains(told, d) {
			return fmt.Sprintf("station %s would no longer have the special day %s, which counts until %s, so this needs two "+
				"persons", before.ID, d, d.AddDays(specialApart))
		}
	}
	return ""
}

// everPublished reports whether a station was ever published.
func (s *SecondPersons) everPublished(station string) bool {
	for range replica.QueuesIn(s.replica).After(station+"/", "") {
		return true
	}
	return false
}

// aired is what a state of a station airs.
type aired struct {
	*SecondPersons
	station schedules.Station
	writes  []store.Write     // of its clocks
	played  map[string]played // by clock and languages
	work    *int              // occurrences that were expanded
	matched int               // comparisons of segments with positions and rules

	anything bool // whatever airs at an instant counts, on whatever frequency, in whatever language
}

func (s *SecondPersons) aired(st schedules.Station, clocks []store.Write) *aired {
	return &aired{SecondPersons: s, station: st, writes: clocks, played: map[string]played{}, work: new(int)}
}

// airPart is a part of an occurrence.
type airPart struct {
	of       *schedules.AirTime
	from, to time.Time
	lacks    string // what another occurrence lacks that airs then; empty: nothing airs
}

// between returns what airs from an instant to another; what cannot be expanded airs never.
func (a *aired) between(from, to time.Time) (out []airPart) {
	all, err := a.station.AirTimes(from.Add(-schedules.MaxWindow), to)
	if err != nil {
		return nil
	}
	*a.work += len(all) + windowWork*len(a.station.Windows)
	for i := range all {
		o := &all[i]
		p := airPart{of: o, from: o.StartAt.Time, to: o.EndAt.Time}
		if p.from.Before(from) {
			p.from = from
		}
		if p.to.After(to) {
			p.to = to
		}
		if p.from.Before(p.to) {
			out = append(out, p)
		}
	}
	return out
}

// split divides parts of what one state airs in [from, to), in order, into those that another airs too, and those that
// it does not.
func split(parts []airPart, was, is *aired, from, to time.Time) (kept, lost []airPart) {
	if len(parts) == 0 || was == is {
		return parts, nil
	}
	type pair struct {
		window, other string
		by, otherBy   *schedules.Exception
	}
	known := map[pair]string{}
	others := is.between(from, to)
	first := 0
	for n, p := range parts {
		if n > 0 && p.from.Before(parts[n-1].from) {
			first = 0
		}
		for first < len(others) && !others[first].to.After(p.from) {
			first++
		}
		add := func(list *[]airPart, until time.Time, lacks string) {
			if until.After(p.to) {
				until = p.to
			}
			if until.After(p.from) {
				*list = append(*list, airPart{p.of, p.from, until, lacks})
				p.from = until
			}
		}
		lacks := ""
		for _, o := range others[first:] {
			if !o.from.Before(p.to) {
				break
			}
			key := pair{p.of.Occurrence.Window, o.of.Occurrence.Window, p.of.Exception, o.of.Exception}
			why, looked := known[key]
			if !looked {
				why = is.lacks(o.of, was, p.of)
				known[key] = why
			}
			if why != "" {
				lacks = why
				continue
			}
			add(&lost, o.from, lacks)
			add(&kept, o.to, "")
			lacks = ""
		}
		add(&lost, p.to, lacks)
	}
	return kept, lost
}

// lacks returns what an occurrence lacks for those who would have heard another one at that time; "": nothing.
func (a *aired) lacks(o *schedules.AirTime, was *aired, before *schedules.AirTime) string {
	if a.anything {
		return ""
	}
	if f := missingOf(frequencies(*before.Terms), frequencies(*o.Terms)); f > 0 {
		return fmt.Sprintf(" on %d kHz", f)
	}
	had, has := was.station.Allowed(*before.Terms), a.station.Allowed(*o.Terms)
	if before.Terms.Clock == o.Terms.Clock && before.Terms.Length == o.Terms.Length && slices.Equal(had, has) &&
		!writesClock(a.writes, o.Terms.Clock) {
		return ""
	}
	if l := unspoken(had, has); l != "" {
		return " in " + l
	}
	if less := playsLess(was.plays(*before.Terms, had), a.plays(*o.Terms, has)); less != "" {
		return fmt.Sprintf(", since too few %s fit clock %q to fill half of it,", less, o.Terms.Clock)
	}
	return ""
}

func frequencies(w schedules.Window) []int {
	if w.FrequencyKHz == 0 {
		return nil
	}
	return append([]int{w.FrequencyKHz}, w.AlsoKHz...)
}

// missingOf returns a number of was that is lacks, or 0.
func missingOf(was, is []int) int {
	has := map[int]bool{}
	for _, f := range is {
		has[f] = true
	}
	for _, f := range was {
		if !has[f] {
			return f
		}
	}
	return 0
}

// unspoken returns a language of was that is does not allow, as schedules.Speaks decides, or "".
func unspoken(was, is []string) string {
	if len(is) == 0 {
		return ""
	}
	has := map[string]bool{}
	for _, l := range is {
		has[strings.ToLower(l)] = true
	}
	for _, l := range was {
		spoken := l == schedules.NoLanguage
		for tag := strings.ToLower(l); !spoken && tag != ""; tag = tag[:max(0, strings.LastIndexByte(tag, '-'))] {
			spoken = has[tag]
		}
		if !spoken {
			return l
		}
	}
	return ""
}

// beforeItsAuthor returns a station with the windows that it had before the author of a commit began to change them in
// the last day, if nobody else has changed them since: what somebody has just added, listeners do not know yet, and its
// author corrects it alone. changed: the author did.
func (s *SecondPersons) beforeItsAuthor(c store.Commit, st schedules.Station) (_ schedules.Station, changed bool) {
	for _, done := range s.replica.Recent(s.now().Add(-24 * time.Hour)) {
		if done.Kind != replica.KindStation || done.ID != st.ID {
			continue
		}
		former, seconded := replica.FormerOf(done)
		if seconded || done.By != c.By || done.Person != c.Person {
			break
		}
		var was struct {
			Windows    []schedules.Window    `json:"windows"`
			Exceptions []schedules.Exception `json:"exceptions"`
		}
		if len(former) > 0 && (json.Unmarshal(former, &was) == nil || json.Unmarshal(former, &was.Windows) == nil) {
			st.Windows, st.Exceptions, changed = was.Windows, was.Exceptions, true
		}
	}
	return st, changed
}
