package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

type approveCmd struct {
	remote `embed:""`
	IDs    []string `arg:"" name:"segment" help:"Segments to approve."`
	Reason string   `help:"Why, for the record."`
}

func (c *approveCmd) Run(ctx context.Context, stdout io.Writer) error {
	for _, id := range c.IDs {
		s, err := c.client().Act(ctx, id, "approve", c.Reason)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		fmt.Fprintf(stdout, "%s is %s\n", s.ID, s.State)
	}
	return nil
}

type recallCmd struct {
	remote `embed:""`
	ID     string `arg:"" name:"segment" help:"Segment to take off the air."`
	Reason string `help:"Why, for the record." required:""`
}

func (c *recallCmd) Run(ctx context.Context, stdout io.Writer) error {
	s, err := c.client().Act(ctx, c.ID, "recall", c.Reason)
	if err == nil {
		fmt.Fprintf(stdout, "%s is %s: stations are being told\n", s.ID, s.State)
	}
	return err
}

type applyCmd struct {
	remote `embed:""`
	File   string `short:"f" help:"YAML or JSON file; - is standard input." required:""`
	DryRun bool   `help:"Only say what would change."`
}

func (c *applyCmd) Run(ctx context.Context, stdout io.Writer) error {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	out, err := c.client().Apply(ctx, in, c.DryRun)
	if err != nil {
		return err
	}
	for _, change := range out.Changes {
		fmt.Fprintf(stdout, "%-10s %s %s\n", change.Action, change.Kind, change.ID)
	}
	return nil
}

// days is which stations and days a command is for.
type days struct {
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
	remote `embed:""`
	days   `embed:""`
	Seed   uint64 `help:"The same seed gives the same rundown."`
}

func (c *planCmd) Run(ctx context.Context, stdout io.Writer) error {
	in, err := c.request()
	if err != nil {
		return err
	}
	in.Seed = c.Seed
	results, err := c.client().Plan(ctx, in)
	return tellMany(stdout, "planned", results, err)
}

type publishCmd struct {
	remote `embed:""`
	days   `embed:""`
}

func (c *publishCmd) Run(ctx context.Context, stdout io.Writer) error {
	in, err := c.request()
	if err != nil {
		return err
	}
	results, err := c.client().Publish(ctx, in)
	return tellMany(stdout, "published", results, err)
}

// tellMany prints what became of each day, and fails when one failed.
func tellMany(w io.Writer, done string, results []wire.ManyResult, err error) error {
	if err != nil {
		return err
	}
	failed := 0
	for _, r := range results {
		if r.Problem != nil {
			failed++
			fmt.Fprintf(w, "%-16s %s  failed: %s\n", r.Station, r.Date, r.Problem.Detail)
			for _, f := range r.Problem.Errors {
				fmt.Fprintf(w, "    %s %s\n", f.Field, f.Message)
			}
			continue
		}
		fmt.Fprintf(w, "%-16s %s  %s: %d items, revision %d\n", r.Station, r.Date, done, r.Items, r.Revision)
		tellWarnings(w, r.Warnings)
	}
	if failed > 0 {
		return errors.New("not every day could be " + done)
	}
	return nil
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

// stationDay is which day of a station a command is for.
type stationDay struct {
	Station string `arg:"" help:"The station."`
	Date    string `arg:"" help:"The broadcast day, as YYYY-MM-DD."`
}

func (d stationDay) date() (schedules.Date, error) { return schedules.ParseDate(d.Date) }

type showCmd struct {
	remote     `embed:""`
	stationDay `embed:""`
}

func (c *showCmd) Run(ctx context.Context, stdout io.Writer) error {
	date, err := c.date()
	if err != nil {
		return err
	}
	r, err := c.client().Rundown(ctx, c.Station, date)
	if err != nil {
		return err
	}
	return printRundown(stdout, r)
}

type reconcileCmd struct {
	remote     `embed:""`
	stationDay `embed:""`
	Window     string `help:"Only this window."`
}

func (c *reconcileCmd) Run(ctx context.Context, stdout io.Writer) error {
	date, err := c.date()
	if err != nil {
		return err
	}
	r, err := c.client().Reconciliation(ctx, c.Station, date, c.Window)
	if err != nil {
		return err
	}
	printReconciliation(stdout, r)
	return nil
}
