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
	"lifeline/schedules"
)

// stationDay are the arguments for a day of a station.
type stationDay struct {
	remote  `embed:""`
	output  `embed:""`
	Station string `form:"id" arg:"" help:"The station."`
	Date    string `form:"day" arg:"" help:"The broadcast day: YYYY-MM-DD, today, tomorrow, yesterday, or an instant of it."`
}

func (d stationDay) date(ctx context.Context) (schedules.Date, error) {
	return stationDate(ctx, d.client(), d.Station, d.Date)
}

// showRundown prints a rundown in its station's time.
func (d stationDay) showRundown(ctx context.Context, stdout io.Writer, r schedules.Rundown) error {
	var published int64
	if r.Status == schedules.Draft {
		q, err := d.client().Published(ctx, r.Station, r.Date)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if published = q.Revision; q.Withdrawn {
			published = 0
		}
	}
	zone, err := schedules.Zone(r.Timezone)
	if err != nil {
		return err
	}
	return d.show(stdout, r, func() { printRundown(stdout, r, published, zone) })
}

type showCmd struct {
	stationDay `embed:""`
}

func (c *showCmd) Run(ctx context.Context, stdout io.Writer) error {
	date, err := c.date(ctx)
	if err != nil {
		return err
	}
	r, err := c.client().Rundown(ctx, c.Station, date)
	if err != nil {
		return err
	}
	return c.showRundown(ctx, stdout, r)
}

type reconcileCmd struct {
	stationDay `embed:""`
	Window     string `form:"id" help:"Only this window."`
}

func (c *reconcileCmd) Run(ctx context.Context, stdout io.Writer) error {
	date, err := c.date(ctx)
	if err != nil {
		return err
	}
	r, err := c.client().Reconciliation(ctx, c.Station, date, c.Window)
	if err != nil {
		return err
	}
	zone, err := zoneOf(ctx, c.client(), c.Station)
	if err != nil {
		return err
	}
	if len(r.Items) == 0 && len(r.Doubted) == 0 {
		if c.Output == "json" {
			err = c.show(stdout, r, nil)
		}
		return errors.Join(err, cmdline.Refuse(cmdline.Nothing, "%s: nothing of %s (revision %d) is over yet, and nothing "+
			"was reported: there is nothing to compare", c.Station, date, r.Revision))
	}
	return c.show(stdout, r, func() { printReconciliation(stdout, r, zone) })
}

type withdrawCmd struct {
	remote  `embed:""`
	output  `embed:""`
	Station string `form:"id" arg:"" help:"The station."`
	Date    string `form:"days" arg:"" help:"The broadcast day: YYYY-MM-DD, today, tomorrow, yesterday, or an instant of it; or all from one to another, as in 2026-11-30..2026-12-13."`
	Reason  string `help:"The reason, for the audit trail." required:""`
}

func (c *withdrawCmd) Run(ctx context.Context, stdout io.Writer) error {
	dates, err := daysOf(c.Date, func(day string) (schedules.Date, error) {
		return stationDate(ctx, c.client(), c.Station, day)
	})
	if err != nil {
		return err
	}
	byDay, names, done := map[string]schedules.Date{}, []string{}, []schedules.Rundown{}
	for _, date := range dates {
		byDay[date.String()], names = date, append(names, date.String())
	}
	withdraw := func(day string) error {
		r, err := c.client().WithdrawDay(ctx, c.Station, byDay[day], c.Reason)
		if err != nil {
			return err
		}
		done = append(done, r)
		if c.Output == "json" {
			return nil
		}
		_, err = fmt.Fprintf(stdout, "%s %s is withdrawn with revision %d: the station airs its fallback in the hours of "+
			"that day's windows\n", c.Station, day, r.Revision)
		return err
	}
	if len(names) == 1 {
		if err := withdraw(names[0]); err != nil {
			return err
		}
		return c.show(stdout, done[0], func() {})
	}
	return errors.Join(cmdline.Each(names, withdraw), c.show(stdout, done, func() {}))
}

type diffCmd struct {
	stationDay `embed:""`
	From       int64 `least:"1" help:"The earlier revision." required:""`
	To         int64 `least:"0" help:"The later revision; 0 is the latest." default:"0"`
}

func (c *diffCmd) Run(ctx context.Context, stdout io.Writer) error {
	date, err := c.date(ctx)
	if err != nil {
		return err
	}
	changes, err := c.client().Diff(ctx, c.Station, date, c.From, c.To)
	if err != nil {
		return err
	}
	zone, err := zoneOf(ctx, c.client(), c.Station)
	if err != nil {
		return err
	}
	return c.show(stdout, changes, func() {
		fmt.Fprintf(stdout, "%s  %s  %s  (%s)\n", c.Station, date, count(len(changes), "change"), zone)
		slices.SortStableFunc(changes, func(a, b schedules.ItemChange) int { return startOf(a).Compare(startOf(b)) })
		for _, change := range changes {
			fmt.Fprintf(stdout, "%-8s %s\n", change.Change, change.Window)
			if change.Before != nil {
				fmt.Fprintf(stdout, "  - %s\n", dayLine(*change.Before, zone))
			}
			if change.After != nil {
				fmt.Fprintf(stdout, "  + %s\n", dayLine(*change.After, zone))
			}
			if change.Why != "" {
				fmt.Fprintf(stdout, "    %s\n", change.Why)
			}
		}
	})
}

// startOf returns when the changed item starts, or started before the change.
func startOf(c schedules.ItemChange) time.Time {
	if c.After != nil {
		return c.After.StartAt.Time
	}
	return c.Before.StartAt.Time
}

type explainCmd struct {
	stationDay `embed:""`
	Item       string `form:"item" arg:"" help:"The item's id, or a time at which it is on the air, as HH:MM[:SS] in the station's time."`
}

func (c *explainCmd) Run(ctx context.Context, stdout io.Writer) error {
	date, err := c.date(ctx)
	if err != nil {
		return err
	}
	item := c.Item
	if strings.Contains(item, ":") {
		r, err := c.client().Rundown(ctx, c.Station, date)
		if err != nil {
			return err
		}
		if item, err = itemAt(r, item); err != nil {
			return err
		}
	}
	e, err := c.client().Explanation(ctx, c.Station, date, item)
	if err != nil {
		return err
	}
	return c.show(stdout, e, func() { printExplanation(stdout, e) })
}

// itemAt returns the id of the item that is on the air at a time of the day, written HH:MM or HH:MM:SS.
func itemAt(r schedules.Rundown, of string) (string, error) {
	zone, err := schedules.Zone(r.Timezone)
	if err != nil {
		return "", err
	}
	layout := time.TimeOnly[:len("15:04:05")]
	if strings.Count(of, ":") == 1 {
		of += ":00"
	}
	if _, err := time.Parse(layout, of); err != nil {
		return "", fault.New(fault.Invalid, "%q is no time of the day: write it as 17:30 or 17:30:05", of)
	}
	at := slices.IndexFunc(r.Items, func(i schedules.Item) bool {
		start, end := i.StartAt.In(zone), i.StartAt.Add(i.Duration.Duration).In(zone)
		return start.Format(layout) <= of && of < end.Format(layout) || start.Format(layout) == of
	})
	if at < 0 {
		return "", fault.New(fault.NotFound, "nothing airs at %s at %s on %s", of, r.Station, r.Date)
	}
	return r.Items[at].ID, nil
}
