package schedules

import (
	"fmt"
	"slices"
	"time"

	"github.com/teambition/rrule-go"
)

// searchSpan is the time to search for overlaps after the start of a window that comes at least every second week. It
// covers every combination of weeks and of clocks put forward and back.
const searchSpan = 366 * 24 * time.Hour

// maxSeldomStarts is the number of starts to search of a window that comes less often.
const maxSeldomStarts = 200

// maxExpanded is the number of occurrences that one step of the search expands, at most twice.
const maxExpanded = 50_000

// manyProblems is the number of problems with which overlaps are not searched: no answer lists more.
const manyProblems = 100

// period is an interval [from, to).
type period struct{ from, to time.Time }

// overlaps adds a problem for each pair of windows that overlap on or after n.From, in whatever season.
func (n Network) overlaps(p *problems, s *Station) {
	if tooManyStarts(s.Windows) != "" || len(p.list) >= manyProblems {
		return // reported elsewhere, or once the others are mended
	}
	usable := *s
	usable.Windows = nil
	place := map[string]int{}
	var look []period
	var density []densityChange
	for i, w := range s.Windows {
		r, err := w.Starts.parse()
		if _, twice := place[w.ID]; twice || err != nil || w.Length.Duration <= 0 || w.Length.Duration > MaxWindow {
			continue // reported elsewhere
		}
		place[w.ID] = i
		usable.Windows = append(usable.Windows, w)
		look = append(look, r.searchPeriods(n.From.utc())...)
		density = append(density, r.density()...)
	}
	for _, e := range s.Exceptions {
		if day := e.target().utc(); day.Add(24 * time.Hour).After(n.From.utc()) {
			look = append(look, period{day.Add(-MaxWindow - 2*maxOffset), day.Add(MaxWindow + 3*maxOffset)})
		}
	}
	at := func(a AirTime) int { // the place of its window, or after those the place of its exception
		if a.Exception == nil {
			return place[a.Occurrence.Window]
		}
		i := 0
		for a.Exception != &s.Exceptions[i] {
			i++
		}
		return len(s.Windows) + i
	}
	_, most := busiest(density)
	step := min(searchSpan, max(1, maxExpanded/time.Duration(max(1, most)))*24*time.Hour)
	reported := map[[2]int]bool{}
	for _, stretch := range merged(look) {
		var open []AirTime
		for from := stretch.from; from.Before(stretch.to); from = from.Add(step) {
			if n.ended(p) {
				return
			}
			to := from.Add(step)
			if to.After(stretch.to) {
				to = stretch.to
			}
			occurrences, err := usable.AirTimes(from, to)
			if err != nil {
				return // reported elsewhere
			}
			p.searched += len(occurrences)
			for _, o := range occurrences {
				open = slices.DeleteFunc(open, func(x AirTime) bool { return !x.EndAt.After(o.StartAt.Time) })
				for _, x := range open {
					a, b := at(x), at(o)
					if pair := [2]int{min(a, b), max(a, b)}; !reported[pair] && x.EndAt.After(n.From.utc()) {
						reported[pair] = true
						p.overlap(s, pair, x, o)
					}
				}
				open = append(open, o)
			}
		}
	}
}

// ended reports whether nobody waits for more problems, or as many occurrences were searched as is permitted.
func (n Network) ended(p *problems) bool {
	if n.Cancelled != nil && n.Cancelled() {
		return true
	}
	if n.Searches == 0 || p.searched < n.Searches {
		return false
	}
	if !p.full {
		p.add("windows", "have more than %d starts together with those of the stations before it, which is the most that is "+
			"searched for overlaps at once: send fewer stations at a time", n.Searches)
	}
	p.full = true
	return true
}

func (p *problems) overlap(s *Station, pair [2]int, before, o AirTime) {
	at := o.StartAt.String()
	if loc, err := Zone(s.Timezone); err == nil {
		at = o.StartAt.In(loc).Format("2006-01-02 15:04:05 MST")
	}
	if e := pair[1] - len(s.Windows); e >= 0 {
		p.add(fmt.Sprintf("exceptions[%d]", e), "makes window %s overlap window %s at %s", o.Terms.ID, before.Terms.ID, at)
		return
	}
	field := fmt.Sprintf("windows[%d].starts", pair[1])
	if pair[0] == pair[1] {
		p.add(field, "of window %s overlap: it starts at %s, before its previous airing has ended", o.Terms.ID, at)
		return
	}
	p.add(field, "of window %s overlap window %s at %s", s.Windows[pair[1]].ID, s.Windows[pair[0]].ID, at)
}

// searchPeriods returns the periods in which the recurrence can overlap one that began earlier: a year from its start
// if it comes often, else the time around each of its starts. It omits starts before from.
func (p *recurrence) searchPeriods(from time.Time) (out []period) {
	around := func(wall time.Time) {
		if wall.After(from) && p.inSeason(wall) {
			out = append(out, period{wall.Add(-MaxWindow - 2*maxOffset), wall.Add(MaxWindow + 2*maxOffset)})
		}
	}
	for _, t := range p.additions {
		around(t)
	}
	begin := p.start
	for _, t := range []time.Time{p.from, from} {
		if begin.Before(t) {
			begin = t
		}
	}
	switch {
	case p.option == nil:
		around(p.start)
	case p.seldom():
		if !everOccurs(*p.option) {
			return out
		}
		o := *p.option
		o = bringForward(o, begin)
		r, err := rrule.NewRRule(o)
		if err != nil {
			return out
		}
		next := r.Iterator()
		for found := 0; found < maxSeldomStarts; {
			t, ok := next()
			if !ok || !p.until.IsZero() && !t.Before(p.until) {
				break
			}
			if !t.Before(begin) {
				around(t)
				found++
			}
		}
	default:
		end := begin.Add(searchSpan)
		for _, t := range []time.Time{p.until, p.option.Until} {
			if !t.IsZero() && t.Before(end) {
				end = t
			}
		}
		if end.Add(MaxWindow).After(begin) {
			out = append(out, period{begin.Add(-MaxWindow - 2*maxOffset), end.Add(MaxWindow + 2*maxOffset)})
		}
	}
	return out
}

// seldom reports whether the rule comes less often than every second week, or differs from year to year.
func (p *recurrence) seldom() bool {
	o := p.option
	days := max(o.Interval, 1)
	if o.Freq == rrule.WEEKLY {
		days *= 7
	}
	return o.Freq == rrule.YEARLY || o.Freq == rrule.MONTHLY || days > 14 || len(o.Bymonthday) > 0
}

// merged returns the periods in order, with touching periods merged.
func merged(list []period) (out []period) {
	slices.SortFunc(list, func(a, b period) int { return a.from.Compare(b.from) })
	for _, p := range list {
		if n := len(out) - 1; n >= 0 && !p.from.After(out[n].to) {
			if p.to.After(out[n].to) {
				out[n].to = p.to
			}
			continue
		}
		out = append(out, p)
	}
	return out
}
