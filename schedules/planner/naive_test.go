package planner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/auditor"
)

// naive is a random search without the planner's methods: it draws units for the clock piece by piece, refuses those
// that clearly break a hard rule, and lets the auditor judge the day.
type naive struct {
	in      schedules.Input
	r       *rand.Rand
	all     []schedules.Segment
	windows []naiveWindow
	history []naiveAiring
	placed  []naiveAiring
	rundown schedules.Rundown
}

type naiveWindow struct {
	schedules.Occurrence
	def   schedules.Window
	clock schedules.Clock
}

type naiveAiring struct {
	seg        *schedules.Segment
	start, end int64
	station    string
	clock      string // of the window; empty for history of another station
	window     int    // -1: history
}

func naivePlan(in schedules.Input, r *rand.Rand, tries int) (schedules.Rundown, bool) {
	n := naive{in: in, r: r, all: in.Library.Segments()}
	occurrences, err := in.Station.OccurrencesOn(in.Date)
	if err != nil {
		return n.rundown, false
	}
	for _, o := range occurrences {
		def, _ := in.Station.Window(o.Window)
		n.windows = append(n.windows, naiveWindow{o, def, in.Clocks[def.Clock]})
	}
	for _, h := range in.History {
		for i := range n.all {
			if n.all[i].ID == h.SegmentID {
				def, _ := in.Station.Window(h.Window)
				n.history = append(n.history, naiveAiring{&n.all[i], h.StartAt.UnixMilli(), h.EndAt.UnixMilli(), h.Station,
					def.Clock, -1})
			}
		}
	}
	for range tries {
		if n.day() {
			return n.rundown, true
		}
	}
	return n.rundown, false
}

// day draws all windows, each several times before it gives up the whole day.
func (n *naive) day() bool {
	n.placed = nil
	n.rundown = schedules.Rundown{Station: n.in.Station.ID, Date: n.in.Date, Timezone: n.in.Station.Timezone,
		Status: schedules.Draft}
	for i := range n.windows {
		items, placed := len(n.rundown.Items), len(n.placed)
		done := false
		for range 20 {
			if done = n.window(i); done {
				break
			}
			n.rundown.Items, n.placed = n.rundown.Items[:items], n.placed[:placed]
		}
		if !done {
			return false
		}
	}
	for i, w := range n.windows {
		slot := schedules.Slot{Occurrence: w.Occurrence, Tolerance: w.def.Tolerance}
		for k, a := range n.placed {
			if a.window == i {
				slot.Planned.Duration += n.rundown.Items[k].Duration.Duration
			}
		}
		n.rundown.Windows = append(n.rundown.Windows, slot)
	}
	found, err := auditor.Audit(context.Background(), n.in, n.rundown)
	return err == nil && !slices.ContainsFunc(found, func(v auditor.Violation) bool { return v.Hard })
}

// window draws one occurrence, stretch by stretch between its posts.
func (n *naive) window(i int) bool {
	w := &n.windows[i]
	at := w.StartAt.UnixMilli()
	for first := 0; first < len(w.clock.Positions); {
		last := first + 1
		for last < len(w.clock.Positions) && w.clock.Positions[last].At == nil {
			last++
		}
		tolerance := w.def.Tolerance.Milliseconds()
		end, least, most, cut := w.EndAt.UnixMilli(), -tolerance, tolerance, int64(0)
		if last < len(w.clock.Positions) {
			post := w.clock.Positions[last]
			end = w.StartAt.UnixMilli() + post.At.Milliseconds()
			if least, most, cut = 0, 0, tolerance; post.Start == schedules.Soft {
				most, cut = post.Grace.Milliseconds(), 0
			}
		}
		var ok bool
		if at, ok = n.stretch(i, w.clock.Positions[first:last], at, end, least, most, cut); !ok {
			return false
		}
		first = last
	}
	return true
}

func (n *naive) stretch(i int, positions []schedules.Position, at, end, least, most, cut int64) (int64, bool) {
	lastFill := -1
	for j, p := range positions {
		if p.Fill != nil {
			lastFill = j
		}
	}
	for j, p := range positions {
		fade := max(p.FadeMax.Milliseconds(), cut)
		if p.Fill == nil {
			tail := end - at
			u := n.draw(i, p, at, func(ms int64) bool {
				return lastFill >= 0 && j < lastFill && ms < tail || lastFill < j && (j < len(positions)-1 && ms < tail ||
					j == len(positions)-1 && ms >= tail+least && ms <= tail+max(most, fade))
			})
			if u == nil && !p.Optional {
				return at, false
			}
			if u != nil {
				at = n.put(i, p, u, at)
			}
			continue
		}
		goal := end
		for _, q := range positions[j+1:] { // minus the time of the positions after it, estimated unless named
			if s, ok := n.in.Library.Segment(q.Segment); ok {
				goal -= s.Recording.AirTime().Milliseconds()
			} else if j == lastFill && q.Fill == nil && !(q.Optional && n.r.IntN(2) == 0) {
				goal -= 10_000 + n.r.Int64N(120_000)
			}
		}
		if j < lastFill {
			goal = at + n.r.Int64N(max(goal-at, 1))
		}
		exact := j == lastFill && !slices.ContainsFunc(positions[j+1:],
			func(q schedules.Position) bool { return q.Segment == "" })
		for goal-at > 0 && (!exact || goal-at > -least) || exact && goal-at > -least {
			left := goal - at
			u := n.draw(i, p, at, func(ms int64) bool { return exact && ms >= left+least && ms <= left+max(most, fade) })
			if !exact || u == nil {
				u = n.draw(i, p, at, func(ms int64) bool { return ms <= left-5000 })
			}
			if u == nil {
				break
			}
			at = n.put(i, p, u, at)
		}
	}
	over := at - end
	if over > most && len(n.placed) > 0 { // the end of the last item may be cut
		k := len(n.placed) - 1
		item := &n.rundown.Items[k]
		fade := cut
		for _, p := range positions {
			if p.ID == item.Position {
				fade = max(fade, p.FadeMax.Milliseconds())
			}
		}
		if over > fade || over >= item.Duration.Milliseconds() {
			return at, false
		}
		item.Duration, item.CueOut = schedules.Ms(item.Duration.Milliseconds()-over),
			schedules.Ms(item.CueOut.Milliseconds()-over)
		n.placed[k].end -= over
		return end, true
	}
	return at, over >= least && over <= most
}

// draw returns a random unit for the position that may air from at on and fits in length.
func (n *naive) draw(i int, p schedules.Position, at int64, fits func(ms int64) bool) []*schedules.Segment {
	from := n.r.IntN(len(n.all))
	for k := range n.all {
		s := &n.all[(from+k)%len(n.all)]
		switch {
		case p.Segment != "" && p.Segment != s.ID, p.Pick != nil && !p.Pick.Matches(s), p.Fill != nil && !p.Fill.Matches(s):
			continue
		}
		var u []*schedules.Segment
		for _, id := range []string{s.Intro, s.ID, s.BackAnnounce} {
			for m := range n.all {
				if id != "" && n.all[m].ID == id && (p.Chain || id == s.ID) {
					u = append(u, &n.all[m])
				}
			}
		}
		var ms int64
		for _, m := range u {
			ms += m.Recording.AirTime().Milliseconds()
		}
		if !fits(ms) {
			continue
		}
		t, ok := at, true
		for _, m := range u {
			end := t + m.Recording.AirTime().Milliseconds()
			ok = ok && n.mayAir(i, m, t, end)
			t = end
		}
		if ok {
			return u
		}
	}
	return nil
}

func (n *naive) mayAir(i int, s *schedules.Segment, start, end int64) bool {
	w := &n.windows[i]
	if start >= w.EndAt.UnixMilli() || n.in.Library.Airable(s.ID, schedules.Place{Languages: n.in.Station.Allowed(w.def),
		StartAt: instantOf(start).Time, EndAt: instantOf(end).Time}) != nil {
		return false
	}
	for c := range n.windows {
		for _, r := range n.windows[c].clock.Rules {
			if !r.Hard || !r.Only.Matches(s) || c > 0 && slices.ContainsFunc(n.windows[:c],
				func(x naiveWindow) bool { return x.clock.ID == n.windows[c].clock.ID }) {
				continue
			}
			if r.Separate != "" && !n.apart(n.windows[c].clock.ID, w.clock.ID, r, s, start, end) || r.AtMost != nil &&
				n.windows[c].clock.ID == w.clock.ID && n.count(i, r, s) >= *r.AtMost {
				return false
			}
			if n.windows[c].clock.ID == w.clock.ID && !n.ordered(r, s, start) {
				return false
			}
		}
	}
	return true
}

// ordered reports whether the segment keeps a rule about age or order, given the history and what was drawn so far.
func (n *naive) ordered(r schedules.Rule, s *schedules.Segment, start int64) bool {
	if r.FreshFor.Duration > 0 {
		return !s.ValidFrom.IsZero() && start-s.ValidFrom.UnixMilli() <= r.FreshFor.Milliseconds()
	}
	var before []*schedules.Segment
	for _, y := range slices.Concat(n.history, n.placed) {
		if y.start < start && r.Only.Matches(y.seg) && y.seg.Language == s.Language && (y.station == n.in.Station.ID ||
			r.Across) {
			before = append(before, y.seg)
		}
	}
	switch r.InOrder {
	case schedules.ByNewest:
		return !slices.ContainsFunc(before, func(y *schedules.Segment) bool { return y.ValidFrom.After(s.ValidFrom.Time) })
	case schedules.ByEpisode:
		var aired []int
		for _, y := range before {
			if y.Series == s.Series && y.Episode > 0 {
				aired = append(aired, y.Episode)
			}
		}
		if s.Series == "" || s.Episode == 0 || slices.Contains(aired, s.Episode) {
			return true
		}
		least := slices.Min(append(aired, s.Episode+schedules.MaxEpisode))
		missed := func(y schedules.Segment) bool {
			if y.Series != s.Series || y.Language != s.Language || y.Episode == 0 || !r.Only.Matches(&y) ||
				slices.Contains(aired, y.Episode) || len(aired) > 0 && y.Episode < least {
				return false
			}
			life, _ := n.in.Library.Life(y.ID)
			entry := n.in.Library.Airable(y.ID, schedules.Place{})
			gone := entry != nil && entry.Rule != "validity" && entry.Rule != "expiry" || !life.Until.IsZero() &&
				life.Until.UnixMilli() <= start
			return !gone && (y.Episode < s.Episode || s.Episode < least && len(aired) > 0)
		}
		return !slices.ContainsFunc(n.all, missed)
	}
	return true
}

func (n *naive) apart(clock, own string, r schedules.Rule, s *schedules.Segment, start, end int64) bool {
	items := 0
	for k := len(n.placed) - 1; k >= 0; k-- {
		y := &n.placed[k]
		if (clock == own || y.clock == clock) && r.Only.Matches(y.seg) && shareValue(r.Separate, s, y.seg) &&
			(start-y.end < r.For.Milliseconds() || items < r.Items) {
			return false
		}
		items++
	}
	for k := range n.history {
		y := &n.history[k]
		if clock == own && (y.station == n.in.Station.ID || r.Across) && r.Only.Matches(y.seg) && shareValue(r.Separate, s,
			y.seg) && max(start-y.end, y.start-end) < r.For.Milliseconds() {
			return false
		}
	}
	return true
}

// count returns how often the rule's period has the values of the segment among the units drawn so far. Weeks and
// dayparts are left to the auditor.
func (n *naive) count(i int, r schedules.Rule, s *schedules.Segment) (out int) {
	value := func(x *schedules.Segment) bool {
		if r.Of.Each != "" {
			return x.ID == s.ID
		}
		return string(x.Kind) == r.Of.Match["kind"]
	}
	if !value(s) || r.Per != "window" && r.Per != "day" {
		return 0
	}
	for k := range n.placed {
		y := &n.placed[k]
		if (y.window == i || r.Per == "day" && y.clock == n.windows[i].clock.ID) && r.Only.Matches(y.seg) && value(y.seg) {
			out++
		}
	}
	return out
}

func shareValue(attribute string, x, y *schedules.Segment) bool {
	switch attribute {
	case "segment":
		return x.ID == y.ID
	case "voice":
		return x.Voice != "" && x.Voice == y.Voice
	case "series":
		return x.Series != "" && x.Series == y.Series
	case "script":
		return x.Script != nil && y.Script != nil && x.Script.ID == y.Script.ID
	}
	return slices.ContainsFunc(x.Tags, func(t string) bool { return slices.Contains(y.Tags, t) })
}

func (n *naive) put(i int, p schedules.Position, u []*schedules.Segment, at int64) int64 {
	w := &n.windows[i]
	chain := ""
	if len(u) > 1 {
		chain = fmt.Sprintf("chain-%d", at)
	}
	for k, s := range u {
		item := schedules.Item{ID: fmt.Sprintf("i%d", at), Window: w.Window, Position: p.ID, SegmentID: s.ID,
			SHA256: s.Recording.SHA256, Kind: s.Kind, Language: s.Language,
			StartAt: instantOf(at), Start: schedules.Follow, Duration: s.Recording.AirTime(), CueIn: s.Recording.CueIn,
			CueOut: s.Recording.CueOut, Chain: chain}
		if life, ok := n.in.Library.Life(s.ID); ok {
			item.NotAfter = life.Until
		}
		for _, c := range n.in.Campaigns {
			if !c.Until.IsZero() && c.Of.Matches(s) && (item.NotAfter.IsZero() || c.Until.Before(item.NotAfter.Time)) {
				item.NotAfter = c.Until
			}
		}
		if chain != "" && (s.Intro != "" || s.BackAnnounce != "") {
			item.ID = chain
		}
		if k == 0 && p.At != nil {
			item.Start, item.Grace = p.Start, p.Grace
		}
		n.rundown.Items = append(n.rundown.Items, item)
		end := at + s.Recording.AirTime().Milliseconds()
		n.placed = append(n.placed, naiveAiring{s, at, end, n.in.Station.ID, w.clock.ID, i})
		at = end
	}
	return at
}

func instantOf(ms int64) schedules.Instant { return schedules.At(time.UnixMilli(ms)) }
