package schedules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// Exception changes the windows of a station on one broadcast day: it cancels or moves them, gives them other terms, or
// adds an extra one. One that names a window goes before one of the whole station.
type Exception struct {
	Date   Date   `json:"date"`             // in the station's zone, on which the window starts by its recurrence
	Window string `json:"window,omitempty"` // none: every window of the day
	Name   string `json:"name,omitempty"`   // of the holiday or occasion, for people

	Cancelled bool   `json:"cancelled,omitempty"` // it does not air
	Extra     bool   `json:"extra,omitempty"`     // it airs in addition, at At: a window of the station, or one that is new
	To        *Date  `json:"to,omitempty"`        // the day to which it is moved
	At        string `json:"at,omitempty"`        // its start by the station's clocks, HH:MM or HH:MM:SS

	// other terms of the window; none means its own
	Length       *Millis  `json:"length_ms,omitempty"`
	Tolerance    *Millis  `json:"tolerance_ms,omitempty"`
	Clock        string   `json:"clock,omitempty"`
	Languages    []string `json:"languages,omitempty"`
	FrequencyKHz int      `json:"frequency_khz,omitempty"`
	AlsoKHz      []int    `json:"also_khz,omitempty"`
}

// MaxOfDay is the most exceptions of a station on one day.
const MaxOfDay = 48

// maxMoved is by how many days an exception moves a window at most: more is another year, written by mistake, in which
// nobody would hear it.
const maxMoved = 183

// moves reports whether the exception gives a start that the recurrence does not.
func (e Exception) moves() bool { return e.Extra || e.To != nil || e.At != "" }

// target returns the day on which the exception airs.
func (e Exception) target() Date {
	if e.To != nil {
		return *e.To
	}
	return e.Date
}

// terms returns a window as the exception has it.
func (e Exception) terms(w Window, zone string) Window {
	if e.Length != nil {
		w.Length = *e.Length
	}
	if e.Tolerance != nil {
		w.Tolerance = *e.Tolerance
	}
	w.Clock = cmp.Or(e.Clock, w.Clock)
	if len(e.Languages) > 0 {
		w.Languages = e.Languages
	}
	if e.FrequencyKHz > 0 {
		w.FrequencyKHz, w.AlsoKHz = e.FrequencyKHz, e.AlsoKHz
	}
	if wall, ok := wallTime(e.At); ok {
		w.Starts = Recurrence{Timezone: zone, RRule: "DTSTART:" +
			e.target().utc().Add(wall).Format(rrule.LocalDateTimeFormat)}
	}
	return w
}

// AirTime is one occurrence of a window with the terms that hold for it.
type AirTime struct {
	Occurrence
	Terms     *Window
	Exception *Exception // which it is by; nil: none
}

// AirTimes returns the occurrences as Occurrences does, with their terms. Whoever expands windows comes here.
func (s Station) AirTimes(from, to time.Time) ([]AirTime, error) {
	out, _, err := s.expand(from, to)
	return out, err
}

// AirTimesOn returns the occurrences of a day as OccurrencesOn does, with their terms.
func (s Station) AirTimesOn(d Date) ([]AirTime, error) {
	start, end, err := s.DayBounds(d)
	if err != nil {
		return nil, undefined("station %s: %v", s.ID, err)
	}
	return s.AirTimes(start, end)
}

// TermsOf returns the terms that hold for an occurrence: those of its window where the station has no such occurrence.
func (s Station) TermsOf(o Occurrence) Window {
	at, err := s.AirTimes(o.StartAt.Time, o.StartAt.Add(time.Millisecond))
	if n := slices.IndexFunc(at, func(a AirTime) bool { return a.Occurrence.Window == o.Window }); err == nil && n >= 0 {
		return *at[n].Terms
	}
	w, _ := s.Window(o.Window)
	return w
}

// Ordinary returns the station without its exceptions.
func (s Station) Ordinary() Station {
	s.Exceptions = nil
	return s
}

// bases returns the windows of the station that the exception changes; of a new window only its id.
func (s Station) bases(e Exception) (out []Window) {
	if e.Cancelled {
		return nil
	}
	for _, w := range s.Windows {
		if e.Window == "" || e.Window == w.ID {
			out = append(out, w)
		}
	}
	if e.Extra && len(out) == 0 {
		out = append(out, Window{ID: e.Window})
	}
	return out
}

// AllTerms returns the windows of the station, and after them those that exceptions make of them.
func (s Station) AllTerms() []Window {
	all := slices.Clone(s.Windows)
	for _, e := range s.Exceptions {
		for _, w := range s.bases(e) {
			all = append(all, e.terms(w, s.Timezone))
		}
	}
	return all
}

// exceptionOf returns the exception that holds for a window on a day, other than extra ones; nil if there is none.
func (s Station) exceptionOf(window string, d Date) *Exception {
	var ofDay []*Exception
	for i := range s.Exceptions {
		if e := &s.Exceptions[i]; e.Date == d {
			ofDay = append(ofDay, e)
		}
	}
	return ofWindow(ofDay, window)
}

// ofWindow returns that of the exceptions of a day which holds for a window.
func ofWindow(ofDay []*Exception, window string) *Exception {
	var whole *Exception
	for _, e := range ofDay {
		switch {
		case e.Extra:
		case e.Window == window:
			return e
		case e.Window == "":
			whole = e
		}
	}
	return whole
}

// ClocksUsed returns the ids of the clocks that the station's windows follow, on special days too.
func (s Station) ClocksUsed() []string {
	used := map[string]bool{}
	for _, w := range s.Windows {
		used[w.Clock] = true
	}
	for _, e := range s.Exceptions {
		if e.Clock != "" {
			used[e.Clock] = true
		}
	}
	return sortedKeys(used)
}

// special applies the exceptions of a station while its windows are expanded.
type special struct {
	station Station
	loc     *time.Location
	days    map[Date][]*Exception
	windows []Window // those of the station, and the terms that exceptions make
	of      map[int]*Exception
}

func (s Station) special() (*special, error) {
	p := &special{station: s, windows: s.Windows, of: map[int]*Exception{}}
	if len(s.Exceptions) == 0 {
		return p, nil
	}
	p.windows, p.days = slices.Clone(s.Windows), map[Date][]*Exception{}
	for i := range s.Exceptions {
		e := &s.Exceptions[i]
		p.days[e.Date] = append(p.days[e.Date], e)
	}
	var err error
	p.loc, err = Zone(s.Timezone)
	return p, err
}

// settle replaces the starts of a window that exceptions cancel, move, or give other terms; moved ones come from moved.
func (p *special) settle(starts []wallStart) (out []wallStart) {
	if len(p.days) == 0 {
		return starts
	}
	terms := map[*Exception]int{}
	for _, start := range starts {
		utc := DateOf(start.at.UTC())
		if p.days[utc] == nil && p.days[utc.AddDays(-1)] == nil && p.days[utc.AddDays(1)] == nil {
			out = append(out, start)
			continue
		}
		e := ofWindow(p.days[dateAt(start.at, p.loc)], p.windows[start.window].ID)
		switch {
		case e == nil:
		case e.Cancelled || e.moves():
			continue
		default:
			if _, made := terms[e]; !made {
				terms[e] = p.add(e, p.windows[start.window])
			}
			start.window = terms[e]
		}
		out = append(out, start)
	}
	return out
}

// add adds the terms that an exception makes of a window, and returns their index.
func (p *special) add(e *Exception, w Window) int {
	p.windows = append(p.windows, e.terms(w, p.station.Timezone))
	p.of[len(p.windows)-1] = e
	return len(p.windows) - 1
}

// moved returns the starts that exceptions give in [from, to), with the zones of their wall times.
func (p *special) moved(from, to time.Time) (out []wallStart, zones []*time.Location, err error) {
	give := func(wall time.Time, loc *time.Location, e *Exception, w Window) {
		if at := Resolve(wall, loc); !at.Before(from) && at.Before(to) {
			out = append(out, wallStart{wall: wall, at: at, window: p.add(e, w)})
			zones = append(zones, loc)
		}
	}
	for i := range p.station.Exceptions {
		e := &p.station.Exceptions[i]
		if !e.moves() || e.Cancelled {
			continue
		}
		start, end := e.target().Bounds(p.loc)
		if end.Add(maxOffset).Before(from) || start.Add(-maxOffset).After(to) {
			continue
		}
		wall, timed := wallTime(e.At)
		if e.Extra {
			if timed {
				give(e.target().utc().Add(wall), p.loc, e, p.station.bases(*e)[0])
			}
			continue
		}
		for _, w := range p.station.Windows {
			if ofWindow(p.days[e.Date], w.ID) != e {
				continue
			}
			r, err := w.Starts.parse()
			if err != nil {
				return nil, nil, undefined("station %s, window %s: %v", p.station.ID, w.ID, err)
			}
			low, high := e.Date.Bounds(p.loc)
			starts, err := r.starts(low, high)
			if err != nil {
				return nil, nil, err
			}
			for _, s := range starts {
				if timed {
					give(e.target().utc().Add(wall), p.loc, e, w)
				} else {
					give(s.wall.Add(e.target().utc().Sub(e.Date.utc())), r.loc, e, w)
				}
			}
		}
	}
	return out, zones, nil
}

// exceptions adds the problems of the station's exceptions by themselves.
func (p *problems) exceptions(s *Station) {
	if !p.fits("exceptions", len(s.Exceptions)) {
		return
	}
	type key struct {
		date   Date
		window string
	}
	seen, ofDay := map[key]bool{}, map[Date]int{}
	for i := range s.Exceptions {
		e := &s.Exceptions[i]
		at := fmt.Sprintf("exceptions[%d]", i)
		p.year(at+".date", e.Date)
		if e.To != nil {
			p.year(at+".to", *e.To)
			if e.To.Before(e.Date.AddDays(-maxMoved)) || e.Date.AddDays(maxMoved).Before(*e.To) {
				p.add(at+".to", "must be at most %d days from date: cancel the window, and add an extra one", maxMoved)
			}
		}
		if ofDay[e.Date]++; ofDay[e.Date] == MaxOfDay+1 {
			p.add(at+".date", "has more than %d exceptions", MaxOfDay)
		}
		k := key{e.Date, e.Window}
		if seen[k] && !e.Extra {
			p.add(at+".window", "has two exceptions on %s: make them one", e.Date)
		}
		seen[k] = seen[k] || !e.Extra
		p.line(at+".name", e.Name)
		p.exception(at, s, e)
	}
}

func (p *problems) year(field string, d Date) {
	if d.Year < 1970 || d.Year > 2200 {
		p.add(field, "must be in the years 1970 to 2200")
	}
}

func (p *problems) exception(at string, s *Station, e *Exception) {
	_, known := s.Window(e.Window)
	changed := e.To != nil || e.At != "" || e.Length != nil || e.Tolerance != nil || e.Clock != "" ||
		len(e.Languages) > 0 || e.FrequencyKHz > 0 || len(e.AlsoKHz) > 0
	switch {
	case e.Extra && e.Window == "":
		p.add(at+".window", "is missing: an extra window has an id")
	case e.Extra && (e.Cancelled || e.To != nil):
		p.add(at+".extra", "must not be with cancelled or to")
	case e.Extra && e.At == "":
		p.add(at+".at", "is missing: an extra window says when it starts")
	case e.Extra && !known && (e.Length == nil || e.Clock == ""):
		p.add(at+".window", "%q is no window of the station: a new one needs length_ms and clock", e.Window)
	case e.Cancelled && changed:
		p.add(at+".cancelled", "must be alone: what does not air has no other terms")
	case !e.Cancelled && !e.Extra && !changed:
		p.add(at, "must say what is different: cancelled, to, at, length_ms, clock, languages or frequency_khz")
	case e.Window == "" && e.At != "":
		p.add(at+".at", "must be of one window: all windows of a day cannot start at once")
	}
	if e.Window != "" {
		p.id(at+".window", e.Window)
	}
	if _, ok := wallTime(e.At); e.At != "" && !ok {
		p.add(at+".at", "%q is not a time of day: write it such as 13:00 or 13:00:30", e.At)
	}
	if e.Clock != "" {
		p.id(at+".clock", e.Clock)
	}
	if len(e.AlsoKHz) > 0 && e.FrequencyKHz == 0 {
		p.add(at+".also_khz", "must be with frequency_khz")
	}
	w := e.terms(Window{Length: Millis{MaxWindow}}, s.Timezone)
	p.windowTerms(at, &w)
}

func windowIDs(s *Station) map[string]bool {
	out := map[string]bool{}
	for _, w := range s.Windows {
		out[w.ID] = true
	}
	return out
}

// exceptions adds the problems of a station's exceptions with its windows and clocks, apart from those of days that
// are over: exceptions that change nothing, and terms that do not fit.
func (n Network) exceptions(p *problems, s *Station, clocks map[string]*Clock) {
	for i, e := range s.Exceptions {
		if e.Date.Before(n.From) && e.target().Before(n.From) {
			continue
		}
		if n.ended(p) {
			return
		}
		ordinary, err := s.Ordinary().OccurrencesOn(e.Date)
		if err != nil {
			return // reported elsewhere
		}
		p.searched += len(ordinary)
		starts := map[string]int{}
		for _, o := range ordinary {
			starts[o.Window]++
		}
		at := fmt.Sprintf("exceptions[%d]", i)
		_, known := s.Window(e.Window)
		switch {
		case e.Extra:
		case e.Window == "" && len(starts) == 0:
			p.add(at+".date", "has no window: none starts on %s", e.Date)
		case e.Window != "" && !known:
			p.add(at+".window", "%q is not known%s: an additional window says extra: true", e.Window,
				Suggest(e.Window, maps.Keys(windowIDs(s))))
		case e.Window != "" && starts[e.Window] == 0:
			p.add(at+".date", "is not a day of window %s, which does not start on %s", e.Window, e.Date)
		case e.At != "" && starts[e.Window] > 1:
			p.add(at+".at", "must not move a window that starts %d times on %s: cancel it, and add extra ones",
				starts[e.Window], e.Date)
		}
		for _, w := range s.bases(e) {
			if !e.Extra && (starts[w.ID] == 0 || e.Window == "" && s.exceptionOf(w.ID, e.Date) != &s.Exceptions[i]) {
				continue
			}
			if !e.fits(p, at, e.terms(w, s.Timezone), clocks) {
				break // others would say the same
			}
		}
	}
}

// fits adds the problems of the terms that the exception makes of a window, and reports whether there are none. Those
// of a window by itself are reported there.
func (e Exception) fits(p *problems, at string, terms Window, clocks map[string]*Clock) bool {
	before := len(p.list)
	if (e.Length == nil || e.Tolerance == nil) && terms.Tolerance.Duration > terms.Length.Duration/2 {
		p.add(at+".tolerance_ms", "must be from 0 to half the window's length")
	}
	if e.Clock != "" || e.Length != nil || e.Tolerance != nil {
		fitsClock(p, at, &terms, clocks)
	}
	return len(p.list) == before
}

// Say describes the exception to a scheduler: what window is meant and what is different, by the station's clocks.
func (e Exception) Say() string {
	what := "Every window"
	if e.Window != "" {
		what = "Window " + e.Window
	}
	var said []string
	switch {
	case e.Cancelled:
		said = append(said, "is cancelled")
	case e.Extra:
		said = append(said, "airs in addition, from "+e.At)
	default:
		if e.To != nil {
			said = append(said, "is moved to "+e.To.String())
		}
		if e.At != "" {
			said = append(said, "starts at "+e.At)
		}
	}
	if e.Length != nil {
		said = append(said, "lasts "+FormatLength(e.Length.Duration))
	}
	if e.Clock != "" {
		said = append(said, "follows clock "+e.Clock)
	}
	if len(e.Languages) > 0 {
		said = append(said, "is in "+strings.Join(e.Languages, " "))
	}
	if e.FrequencyKHz > 0 {
		said = append(said, fmt.Sprintf("is on %d kHz", e.FrequencyKHz))
	}
	if e.Tolerance != nil {
		said = append(said, "has a tolerance of "+FormatLength(e.Tolerance.Duration))
	}
	text := what + " " + strings.Join(said, ", ")
	if e.Name != "" {
		text = e.Name + ": " + text
	}
	return text
}

// ExceptionsOn returns the exceptions of a day, and those that move a window to it.
func (s Station) ExceptionsOn(d Date) (out []Exception) {
	for _, e := range s.Exceptions {
		if e.Date == d || e.target() == d {
			out = append(out, e)
		}
	}
	return out
}
