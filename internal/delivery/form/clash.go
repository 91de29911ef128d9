package form

import (
	"fmt"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/schedules"
)

// Clash is two files that would have one name.
type Clash struct {
	Name          string
	First, Second Occasion
	Contracts     [2]string // their ids
}

// Error says so for a person.
func (c *Clash) Error() string {
	at := func(a Occasion) string {
		return fmt.Sprintf("window %s at %s", a.Window, a.StartAt.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	return fmt.Sprintf("%s and %s would both be %s: add {window}, {time:HHmm} or {utc:yyyyMMdd-HHmm} to the template, or "+
		"say static", at(c.First), at(c.Second), c.Name)
}

// Holding is a contract with the station whose windows it is about.
type Holding struct {
	Contract Contract
	Station  schedules.Station
}

// Cycle is the time for which NoClash compares names: the days of the week and the leap years of the calendar repeat
// after it, until the year 2100.
const Cycle = 28

// mostFiles bounds what NoClash compares.
const mostFiles = 2_000_000

// NoClash fails with Conflict, and a *Clash as cause, if two files that the contracts bring into one folder in the
// Cycle years from an instant on would have one name, sidecars and unfinished files included. It expands every airing
// and compares the names as systems do that do not tell upper from lower case. Beyond the cycle, the year in every name
// that is not static tells airings apart (Contract.Check).
func NoClash(from time.Time, all ...Holding) error {
	t := taken{names: map[string]owner{}}
	for _, h := range all {
		if err := h.Contract.Check(); err != nil {
			return err
		}
		years := Cycle
		if h.Contract.Naming.Static {
			years = 1 // the others have the same names
		}
		for year := range years {
			begin := from.AddDate(year, 0, 0)
			times, err := h.Station.AirTimes(begin, from.AddDate(year+1, 0, 0))
			if err != nil {
				return err
			}
			for _, a := range h.Contract.occasions(h.Station.ID, times) {
				if err := t.take(h.Contract, a); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// taken are the names that files have, in lower case.
type taken struct {
	names map[string]owner
	files int
}

type owner struct {
	of       Occasion
	contract string
}

// take takes the names of a file and of what is beside it.
func (t *taken) take(c Contract, a Occasion) error {
	if t.files++; t.files > mostFiles {
		return fault.New(fault.TooLarge, "the contracts have over %d files in %d years", mostFiles, Cycle)
	}
	file, err := c.FileName(a)
	if err != nil {
		return err
	}
	for _, name := range c.allNames(file) {
		folded := strings.ToLower(name)
		had, clashes := t.names[folded]
		if c.Naming.Static && had.contract == c.ID && had.of.Part == a.Part {
			clashes = false
		}
		if clashes {
			clash := &Clash{Name: name, First: had.of, Second: a, Contracts: [2]string{had.contract, c.ID}}
			return fault.Wrap(fault.Conflict, clash, "%s", clash.Error())
		}
		t.names[folded] = owner{a, c.ID}
	}
	return nil
}

// occasions returns the airings of the contract's windows among times, with all parts.
func (c Contract) occasions(station string, times []schedules.AirTime) (out []Occasion) {
	for _, t := range times {
		if c.Window != "" && t.Window != c.Window {
			continue
		}
		for part := 1; part <= c.PartsOf(); part++ {
			out = append(out, Occasion{Station: station, Window: t.Window, StartAt: t.StartAt.Time, EndAt: t.EndAt.Time,
				FrequencyKHz: t.Terms.FrequencyKHz, Part: part, Revision: 1})
		}
	}
	return out
}

// allNames returns the names that a file and its sidecars occupy, also for a time.
func (c Contract) allNames(file string) (out []string) {
	names := []string{file}
	for _, s := range c.Sidecars {
		names = append(names, s.Name(file))
	}
	for _, name := range names {
		out = append(out, name, name+Part, name+Aside)
	}
	return out
}
