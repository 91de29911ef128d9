package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"lifeline/internal/cmdline"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

type reportCmd struct {
	remote   `embed:""`
	From     string   `form:"instant" help:"First broadcast day: YYYY-MM-DD, today, yesterday, or an instant of it; none means a week ago."`
	To       string   `form:"instant" help:"The day after the last, likewise; none means tomorrow."`
	Group    []string `help:"What to count by: ${enum}." enum:"segment,campaign,script,passage,language,station,day" default:"segment"`
	Station  string   `form:"id" help:"Only this station."`
	Segment  string   `form:"id" help:"Only this segment."`
	Campaign string   `form:"id" help:"Only within this campaign."`
	Script   string   `form:"id" help:"Only readings of this script."`
	Passage  string   `form:"number" help:"Only readings of this passage."`
	Language string   `form:"language" help:"Only this language."`
	Output   string   `help:"text for people, json for programs, csv for spreadsheets." enum:"text,json,csv" default:"text" env:"LIFELINE_OUTPUT"`
}

func (c *reportCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	from, err := reportDay(c.From)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	to, err := reportDay(c.To)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	q := query(map[string]string{"from": from, "to": to, "group": strings.Join(c.Group, ","), "station": c.Station,
		"segment":  c.Segment,
		"campaign": c.Campaign, "script": c.Script, "passage": c.Passage, "language": c.Language})
	if c.Output == "csv" {
		sheet, err := c.client().AiringSheet(ctx, q)
		if err != nil {
			return err
		}
		_, err = io.Copy(cmdline.Data(stdout), sheet.Body)
		return errors.Join(err, sheet.Body.Close())
	}
	report, err := c.client().AiringReport(ctx, q)
	if err != nil {
		return err
	}
	return output{Output: c.Output}.show(stdout, report, func() { printReport(stdout, report) })
}

// reportDay parses a day of a report. A report covers stations in many zones, so today is the day in UTC.
func reportDay(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	d, err := dayOf(text, time.Now(), dateIn(time.UTC))
	return d.String(), err
}

func printReport(w io.Writer, r wire.AiringReport) {
	fmt.Fprintf(w, "broadcast days %s to %s\n", r.From, r.To.AddDays(-1))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(what string, c schedules.TallyCounts) {
		fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t  %s\n", c.Planned, c.Upcoming, c.Unreported, c.Aired, c.Short,
			c.Missed, c.MadeGood, c.Extra,
			c.AiredMs.Round(time.Second), what)
	}
	fmt.Fprintln(t, "planned\tto come\tunreported\taired\tshort\tmissed\tmade good\textra\ton air\t  "+
		strings.Join(r.Group, ", "))
	for _, line := range r.Rows {
		row(tallyName(line), line.TallyCounts)
	}
	row("in all", r.Totals)
	t.Flush() // an error of w is returned by the next write to it
}

// tallyName returns the label of a row.
func tallyName(r schedules.TallyRow) string {
	var parts []string
	for _, part := range []string{r.Segment, r.Title, r.Campaign, r.Script} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if r.Passage > 0 {
		parts = append(parts, fmt.Sprintf("passage %d", r.Passage))
	}
	for _, part := range []string{r.Language, r.Station, r.Day.String()} {
		if part != "" && part != (schedules.Date{}).String() {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, "  ")
}

type auditCmd struct {
	remote  `embed:""`
	output  `embed:""`
	From    string `form:"instant" help:"From this instant on, such as 2023-10-27T13:00:00Z, or from the beginning of this day, such as 2023-10-27 or yesterday; none means a day ago."`
	To      string `form:"instant" help:"Before this instant, or before the beginning of this day."`
	Zone    string `form:"zone" help:"Time zone of days and times, such as Asia/Seoul." default:"UTC" env:"LIFELINE_ZONE"`
	Kind    string `form:"id" help:"Only of this kind: segment, station, rundown, queue, …"`
	ID      string `name:"id" help:"Only of this one."`
	By      string `help:"Only by this person, by id or name."`
	Verbose bool   `short:"v" help:"Print what each change changed, field by field."`
}

// Run prints who changed what, when and why.
func (c *auditCmd) Run(ctx context.Context, stdout io.Writer) error {
	zone, err := schedules.Zone(c.Zone)
	if err != nil {
		return err
	}
	from, err := instantOf(c.From, zone)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	to, err := instantOf(c.To, zone)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if from == "" {
		from = schedules.At(time.Now().AddDate(0, 0, -1)).String()
	}
	records, err := c.client().Audit(ctx, query(map[string]string{"from": from, "to": to, "kind": c.Kind, "id": c.ID,
		"by": c.By}))
	if err != nil {
		return err
	}
	return c.show(stdout, records, func() {
		fmt.Fprintf(stdout, "%s since %s (%s)\n", count(len(records), "change"), localOf(from, zone), zone)
		if len(records) == 0 && c.By != "" {
			fmt.Fprintf(stdout, "nobody whose id or name is %q changed anything then: --by takes a name as the audit shows it, or "+
				"the id of a person\n", c.By)
		}
		printAuditRecords(stdout, records, zone, c.Verbose)
	})
}

// printAuditRecords prints a line for each record, and with all each field that it changed.
func printAuditRecords(out io.Writer, records []wire.AuditRecord, zone *time.Location, all bool) {
	fields := false
	for _, r := range records {
		about := ""
		if r.To > 0 {
			about = fmt.Sprintf(", revision %d to %d", r.From, r.To)
		}
		if len(r.Fields) > 0 && !all {
			about += ", " + count(len(r.Fields), "field")
			fields = true
		}
		fmt.Fprintf(out, "%s  %-16s %-18s %s %s%s  %s\n", r.At.In(zone).Format(time.DateTime), cmp.Or(r.By, r.Remote),
			r.Action, r.Kind, r.ID, about, oneLine(r.Reason))
		if all {
			for _, f := range r.Fields {
				fmt.Fprintf(out, "    %s\n", toldField(f))
			}
		}
	}
	if fields {
		fmt.Fprintln(out, "lifeline audit --verbose prints the fields too")
	}
}

// localOf returns an instant of the contract in local time.
func localOf(text string, zone *time.Location) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return at.In(zone).Format(time.DateTime)
}

type makeGoodsCmd struct {
	remote  `embed:""`
	output  `embed:""`
	Station string `form:"id" help:"Only this station."`
	State   string `form:"owed" help:"Only this state: owed, planned, aired or waived."`
}

// Run prints what stations missed, and the state of each make-good.
func (c *makeGoodsCmd) Run(ctx context.Context, stdout io.Writer) error {
	found, err := c.client().MakeGoods(ctx, query(map[string]string{"station": c.Station, "state": c.State}))
	if err != nil {
		return err
	}
	zones, err := zonesOf(ctx, c.client())
	if err != nil {
		return err
	}
	return c.show(stdout, found, func() {
		fmt.Fprintf(stdout, "%s, by when they were missed, in each station's own time\n", count(len(found), "airing"))
		slices.SortStableFunc(found, func(a, b wire.OwedAiring) int { return a.MissedAt.Compare(b.MissedAt.Time) })
		for _, m := range found {
			local := func(at schedules.Instant) string { return at.In(zones(m.Station)).Format("2006-01-02 15:04:05 MST") }
			fmt.Fprintf(stdout, "%-36s %-20s %-24s  %-12s %-28s %-8s", m.ID, m.Station, local(m.MissedAt), m.Verdict,
				m.SegmentID, m.State)
			switch {
			case m.By != nil:
				fmt.Fprintf(stdout, " %s", local(m.By.StartAt))
			case m.WaivedBy != "":
				fmt.Fprintf(stdout, " by %s: %s", m.WaivedBy, oneLine(m.Reason))
			}
			fmt.Fprintln(stdout)
		}
	})
}
