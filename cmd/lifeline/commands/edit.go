package commands

import (
	"cmp"
	"context"
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

type editCmd struct {
	stationDay `embed:""`
	Op         string `arg:"" enum:"insert,replace,move,remove,lock,unlock" help:"insert, replace, move, remove, lock or unlock."`
	Item       string `form:"item" arg:"" optional:"" help:"The item to edit; not for insert. Its id, or a time at which it is on the air, as HH:MM[:SS] in the station's time."`
	Segment    string `form:"id" help:"The segment to insert, or to put in the item's place."`
	Before     string `form:"item" help:"The item before which to insert or move; its id or a time." xor:"where"`
	After      string `form:"item" help:"The item after which to insert or move; its id or a time." xor:"where"`
	Position   string `form:"id" help:"The clock position to fill, for insert; none means the neighbouring item's."`
}

// Run edits the latest revision of the day and prints the result.
func (c *editCmd) Run(ctx context.Context, stdout io.Writer) error {
	date, err := c.date(ctx)
	if err != nil {
		return err
	}
	r, err := c.client().Rundown(ctx, c.Station, date)
	if err != nil {
		return err
	}
	edit := schedules.Edit{Op: c.Op, Item: c.Item, Segment: c.Segment, Before: c.Before, After: c.After,
		Position: c.Position}
	for _, item := range []*string{&edit.Item, &edit.Before, &edit.After} {
		if strings.Contains(*item, ":") {
			if *item, err = itemAt(r, *item); err != nil {
				return err
			}
		}
	}
	edited, err := c.client().Edit(ctx, c.Station, date, r.Revision, edit)
	if err != nil {
		return err
	}
	return c.showRundown(ctx, stdout, edited)
}

type revisionsCmd struct {
	stationDay `embed:""`
}

// Run prints the history of a day: who drafted and published each revision, when and why.
func (c *revisionsCmd) Run(ctx context.Context, stdout io.Writer) error {
	date, err := c.date(ctx)
	if err != nil {
		return err
	}
	zone, err := zoneOf(ctx, c.client(), c.Station)
	if err != nil {
		return err
	}
	records := []wire.AuditRecord{}
	for _, kind := range []string{"rundown", "queue"} {
		some, err := c.client().Audit(ctx, query(map[string]string{"kind": kind, "id": c.Station + "/" + date.String(),
			"from": "2000-01-01T00:00:00Z"}))
		if err != nil {
			return err
		}
		records = append(records, some...)
	}
	if len(records) == 0 {
		return cmdline.Refuse(cmdline.Nothing, "%s has no rundown on %s", c.Station, date)
	}
	slices.SortStableFunc(records, func(a, b wire.AuditRecord) int {
		return cmp.Or(a.At.Compare(b.At.Time), cmp.Compare(b.Kind, a.Kind))
	})
	numbers, err := c.numbers(ctx, date, records[0].At, records[len(records)-1].At)
	if err != nil {
		return err
	}
	return c.show(stdout, records, func() {
		fmt.Fprintf(stdout, "%s  %s  (%s)\n", c.Station, date, zone)
		for _, r := range records {
			fmt.Fprintf(stdout, "  %s  %-8s revision %-4s %-18s %-16s %s\n", r.At.In(zone).Format(time.DateTime), r.Kind,
				numberOf(numbers[changeOf(r)], r.Kind), r.Action, r.By, oneLine(r.Reason))
		}
	})
}

// numbers returns the revisions of the day, in order, by the change that made each. They count over all days of the
// station, as in show and diff.
func (c *revisionsCmd) numbers(ctx context.Context, date schedules.Date, first, last schedules.Instant) (
	map[string][]string, error) {
	made, err := c.client().Audit(ctx, query(map[string]string{"kind": "rundown-revision", "from": first.String(),
		"to": schedules.At(last.Add(time.Millisecond)).String()}))
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, r := range made {
		if number, ours := strings.CutPrefix(r.ID, c.Station+"/"+date.String()+"/"); ours {
			out[changeOf(r)] = append(out[changeOf(r)], strings.TrimLeft(number, "0"))
		}
	}
	for _, made := range out {
		slices.SortFunc(made, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	}
	return out, nil
}

// numberOf returns the revision that a change gave to the day's queue or to its latest rundown. A repair that keeps a
// draft over the day that it published makes both, the queue first.
func numberOf(made []string, kind string) string {
	switch {
	case len(made) == 0:
		return "-"
	case kind == "queue":
		return made[0]
	}
	return made[len(made)-1]
}

// changeOf returns a key for the change that a record is part of.
func changeOf(r wire.AuditRecord) string { return r.At.String() + " " + r.RequestID }

type waiveCmd struct {
	remote         `embed:""`
	output         `embed:""`
	requiredReason `embed:""`
	IDs            []string `form:"id" arg:"" name:"make-good" help:"Ids, as make-goods shows them."`
}

// Run marks the airings as no longer owed.
func (c *waiveCmd) Run(ctx context.Context, stdout io.Writer) error {
	owed, err := c.client().MakeGoods(ctx, nil)
	if err != nil {
		return err
	}
	waived := []wire.OwedAiring{}
	failed := cmdline.Each(c.IDs, func(id string) error {
		at := slices.IndexFunc(owed, func(m wire.OwedAiring) bool { return m.ID == id })
		if at < 0 {
			return fault.New(fault.NotFound, "there is no such make-good")
		}
		m, err := c.client().Waive(ctx, owed[at].Station, id, c.Reason)
		if err == nil {
			waived = append(waived, m)
		}
		return err
	})
	if err := c.show(stdout, waived, func() {
		for _, m := range waived {
			fmt.Fprintf(stdout, "%s is waived: %s at %s\n", m.ID, m.SegmentID, m.Station)
		}
	}); err != nil {
		return err
	}
	return failed
}
