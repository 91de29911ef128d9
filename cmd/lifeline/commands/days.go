package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// days are the arguments for days of several stations.
type days struct {
	remote   `embed:""`
	output   `embed:""`
	Stations []string `form:"id" arg:"" optional:"" name:"station" help:"Stations; none means all of them."`
	Date     []string `form:"days" help:"Days: YYYY-MM-DD, today, tomorrow, yesterday, or an instant, at each station, or all from one to another, as in 2026-11-30..2026-12-13; none means today."`
	Verbose  bool     `short:"v" help:"Print every warning, not only their number."`
}

// requests returns the requests to the service: one, unless words such as "today" mean different days at the stations.
func (d days) requests(ctx context.Context) ([]wire.ManyRequest, error) {
	in := wire.ManyRequest{Stations: d.Stations}
	for _, s := range d.Date {
		dates, err := daysOf(s, schedules.ParseDate)
		if err != nil {
			return d.byStation(ctx)
		}
		in.Dates = append(in.Dates, dates...)
	}
	return []wire.ManyRequest{in}, nil
}

// byStation resolves the days in each station's own time, and groups stations with the same days.
func (d days) byStation(ctx context.Context) (out []wire.ManyRequest, err error) {
	all, err := d.client().Stations(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range d.Stations {
		if !slices.ContainsFunc(all, func(st schedules.Station) bool { return st.ID == id }) {
			return nil, fault.New(fault.NotFound, "there is no station %q%s", id, stationsThere(all))
		}
	}
	now := time.Now()
	for _, st := range all {
		if len(d.Stations) > 0 && !slices.Contains(d.Stations, st.ID) {
			continue
		}
		var dates []schedules.Date
		for _, s := range d.Date {
			some, err := daysOf(s, func(s string) (schedules.Date, error) { return dayOf(s, now, st.DateAt) })
			if err != nil {
				return nil, err
			}
			dates = append(dates, some...)
		}
		at := slices.IndexFunc(out, func(r wire.ManyRequest) bool { return slices.Equal(r.Dates, dates) })
		if at < 0 {
			at, out = len(out), append(out, wire.ManyRequest{Dates: dates})
		}
		out[at].Stations = append(out[at].Stations, st.ID)
	}
	return out, nil
}

// stationsThere names the stations, for whoever named one that is not there.
func stationsThere(all []schedules.Station) string {
	if len(all) == 0 {
		return ", nor any other"
	}
	const few = 20
	var ids []string
	for _, st := range all[:min(len(all), few)] {
		ids = append(ids, st.ID)
	}
	if more := len(all) - few; more > 0 {
		ids = append(ids, fmt.Sprintf("%d more", more))
	}
	return ": the stations are " + strings.Join(ids, ", ")
}

// short splits requests that name more days than a service takes at once.
func (d days) short(ctx context.Context, requests []wire.ManyRequest) (out []wire.ManyRequest, err error) {
	for _, in := range requests {
		stations := len(in.Stations)
		if stations == 0 && len(in.Dates) > 1 {
			all, err := d.client().Stations(ctx)
			if err != nil {
				return nil, err
			}
			stations = len(all)
		}
		if len(in.Dates) == 0 {
			out = append(out, in)
		}
		for dates := range slices.Chunk(in.Dates, max(1, wire.MostDays/max(1, stations))) {
			in.Dates = dates
			out = append(out, in)
		}
	}
	return out, nil
}

// each sends all requests and prints the result of each day.
func (d days) each(ctx context.Context, stdout io.Writer, done string, seed uint64, do func(context.Context,
	wire.ManyRequest) ([]wire.ManyResult, error)) error {
	requests, err := d.requests(ctx)
	if err == nil {
		requests, err = d.short(ctx, requests)
	}
	if err != nil {
		return err
	}
	results := []wire.ManyResult{}
	for _, in := range requests {
		in.Seed = seed
		some, err := do(ctx, in)
		if err != nil {
			return err
		}
		results = append(results, some...)
	}
	o := d.output
	o.verbose = d.Verbose
	return tellDays(o, stdout, done, results, nil)
}

// warnDayOver is the code of the warning that a planned day is over.
const warnDayOver = "day_over"

type planCmd struct {
	days `embed:""`
	Seed uint64 `help:"Seed of the plan; the same seed gives the same rundown."`
}

func (c *planCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.each(ctx, stdout, "planned", c.Seed, func(ctx context.Context, in wire.ManyRequest) ([]wire.ManyResult,
		error) {
		results, err := c.client().Plan(ctx, in)
		if err != nil {
			return nil, err
		}
		all, err := c.client().Stations(ctx)
		warnOver(results, all, time.Now())
		return results, err
	})
}

// warnOver adds a warning to each planned day that is over at its station.
func warnOver(results []wire.ManyResult, stations []schedules.Station, now time.Time) {
	for n := range results {
		r := &results[n]
		at := slices.IndexFunc(stations, func(st schedules.Station) bool { return st.ID == r.Station })
		if at < 0 || r.Problem != nil {
			continue
		}
		if today, err := stations[at].DateAt(now); err == nil && r.Date.Before(today) {
			r.Warnings = append(r.Warnings, schedules.Warning{Code: warnDayOver,
				Message: "This day is over: its plan cannot be published."})
		}
	}
}

type publishCmd struct {
	days       `embed:""`
	Correction string `help:"Reason for changing a frozen window, or for removing over half of a day's time." placeholder:"REASON"`
}

func (c *publishCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.each(ctx, stdout, "published", 0, func(ctx context.Context, in wire.ManyRequest) ([]wire.ManyResult, error) {
		in.Correction = c.Correction
		return c.client().Publish(ctx, in)
	})
}

// tellDays prints the result of each day. It fails if a day failed.
func tellDays(o output, w io.Writer, done string, results []wire.ManyResult, err error) error {
	if err != nil {
		return err
	}
	failed := 0
	for _, r := range results {
		if r.Problem != nil {
			failed++
		}
	}
	switch {
	case len(results) == 0:
		err = cmdline.Refuse(cmdline.Nothing, "there is no station, so nothing was %s", done)
	case failed > 0:
		err = cmdline.Some(len(results)-failed, fmt.Errorf("%d of %s could not be %s", failed, count(len(results), "day"),
			done))
	}
	return errors.Join(o.show(w, results, func() {
		for _, r := range results {
			tellDay(w, done, o.verbose, r)
		}
	}), err)
}

// tellDay prints one line for a day that succeeded, and its warnings if they are wanted.
func tellDay(w io.Writer, done string, verbose bool, r wire.ManyResult) {
	if r.Problem == nil {
		more := ""
		if n := len(r.Warnings); n > 0 {
			more = ", " + count(n, "warning")
			if !verbose {
				more += " (--verbose or lifeline show tells them)"
			}
		}
		if r.Unchanged {
			done += " already, and nothing was changed"
		}
		fmt.Fprintf(w, "%-16s %s  %s: %s, revision %d%s\n", r.Station, r.Date, done, count(r.Items, "item"), r.Revision, more)
		if !verbose { // without --verbose, only warnings about work that was lost or is in vain
			r.Warnings = slices.DeleteFunc(slices.Clone(r.Warnings), func(x schedules.Warning) bool {
				return !x.OfEdits() && x.Code != warnDayOver
			})
		}
		tellWarnings(w, r.Warnings)
		return
	}
	date := ""
	if !r.Date.IsZero() { // an unknown station has no date
		date = r.Date.String()
	}
	if len(r.Problem.Errors) < 2 {
		fmt.Fprintf(w, "%-16s %-10s  failed: %s\n", r.Station, date, r.Problem.Detail)
		return
	}
	fmt.Fprintf(w, "%-16s %-10s  failed:\n", r.Station, date)
	for _, f := range r.Problem.Errors {
		fmt.Fprintf(w, "    %s\n", cmdline.FieldWords(f))
	}
}

// tellWarnings prints each warning once, with its number of occurrences.
func tellWarnings(w io.Writer, warnings []schedules.Warning) {
	times := map[string]int{}
	for _, warning := range warnings {
		times[warning.Message]++
	}
	for _, warning := range warnings {
		window := ""
		if warning.Window != "" && !strings.Contains(warning.Message, warning.Window) {
			window = warning.Window + ": "
		}
		switch n := times[warning.Message]; {
		case n > 1:
			fmt.Fprintf(w, "    %s%s (%d times)\n", window, oneLine(warning.Message), n)
		case n == 1:
			fmt.Fprintf(w, "    %s%s\n", window, oneLine(warning.Message))
		}
		delete(times, warning.Message)
	}
}
