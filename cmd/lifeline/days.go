package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"lifeline/internal/cmdline"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// days is which stations and days a command is for.
type days struct {
	remote   `embed:""`
	output   `embed:""`
	Stations []string `arg:"" optional:"" name:"station" help:"Stations; none means all of them."`
	Date     []string `help:"Days, as YYYY-MM-DD; none means today at each station."`
}

func (d days) request() (wire.ManyRequest, error) {
	in := wire.ManyRequest{Stations: d.Stations}
	for _, s := range d.Date {
		date, err := schedules.ParseDate(s)
		if err != nil {
			return in, err
		}
		in.Dates = append(in.Dates, date)
	}
	return in, nil
}

type planCmd struct {
	days `embed:""`
	Seed uint64 `help:"The same seed gives the same rundown."`
}

func (c *planCmd) Run(ctx context.Context, stdout io.Writer) error {
	in, err := c.request()
	if err != nil {
		return err
	}
	in.Seed = c.Seed
	results, err := c.client().Plan(ctx, in)
	return tellDays(c.output, stdout, "planned", results, err)
}

type publishCmd struct {
	days `embed:""`
}

func (c *publishCmd) Run(ctx context.Context, stdout io.Writer) error {
	in, err := c.request()
	if err != nil {
		return err
	}
	results, err := c.client().Publish(ctx, in)
	return tellDays(c.output, stdout, "published", results, err)
}

// tellDays says what became of each day, and fails when one failed.
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
		err = cmdline.Some(len(results)-failed, fmt.Errorf("%d of %s could not be %s", failed, count(len(results), "day"), done))
	}
	return errors.Join(o.show(w, results, func() {
		for _, r := range results {
			tellDay(w, done, r)
		}
	}), err)
}

func tellDay(w io.Writer, done string, r wire.ManyResult) {
	if r.Problem == nil {
		fmt.Fprintf(w, "%-16s %s  %s: %d items, revision %d\n", r.Station, r.Date, done, r.Items, r.Revision)
		tellWarnings(w, r.Warnings)
		return
	}
	fmt.Fprintf(w, "%-16s %s  failed: %s\n", r.Station, r.Date, r.Problem.Detail)
	for _, f := range r.Problem.Errors {
		fmt.Fprintf(w, "    %s %s\n", f.Field, f.Message)
	}
}

// tellWarnings prints each warning once, with how often it occurs.
func tellWarnings(w io.Writer, warnings []schedules.Warning) {
	times := map[string]int{}
	for _, warning := range warnings {
		times[warning.Message]++
	}
	for _, warning := range warnings {
		switch n := times[warning.Message]; {
		case n > 1:
			fmt.Fprintf(w, "    %s (%d times)\n", warning.Message, n)
		case n == 1:
			fmt.Fprintf(w, "    %s\n", warning.Message)
		}
		delete(times, warning.Message)
	}
}
