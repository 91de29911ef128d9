package commands

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"lifeline/internal/calendar"
	"lifeline/internal/charset"
	"lifeline/internal/cmdline"
	"lifeline/internal/text"
	"lifeline/schedules"
)

type holidaysCmd struct {
	remote    `embed:""`
	File      string   `arg:"" help:"The calendar, in the form of iCalendar (.ics); - is standard input."`
	Station   string   `form:"id" help:"The station whose exceptions are added; none lists the holidays alone."`
	Named     []string `sep:"none" placeholder:"NAME" help:"Only holidays of this name; may be repeated. None means all."`
	From      string   `form:"day" default:"today" help:"The first day to look at."`
	Until     string   `form:"day" placeholder:"DAY" help:"The last day to look at; none means a year from the first."`
	Window    string   `form:"id" help:"The window that is different on these days; none means every window."`
	Cancelled bool     `help:"It does not air."`
	At        string   `form:"time" placeholder:"HH:MM" help:"It starts at this time, by the station's clocks."`
	Clock     string   `form:"id" help:"It has this clock."`
	Languages []string `form:"language" help:"It has these languages."`
	Charset   string   `form:"charset" help:"Encoding of a file that does not declare one, such as cp949, gb18030 or windows-1251." placeholder:"NAME"`
	DryRun    bool     `help:"Only show what would change."`
	Yes       bool     `short:"y" help:"Make the changes without asking. Without this flag, nothing is changed unless a terminal is there to ask at."`
	Output    string   `help:"text for people, json for programs, yaml for editing: the station as it would be, for lifeline apply." enum:"text,json,yaml" default:"text" env:"LIFELINE_OUTPUT"`
}

// terms returns what is different on the holidays.
func (c *holidaysCmd) terms() schedules.Exception {
	return schedules.Exception{Window: c.Window, Cancelled: c.Cancelled, At: c.At, Clock: c.Clock, Languages: c.Languages}
}

func (c *holidaysCmd) Run(ctx context.Context, stdout io.Writer) error {
	differs := c.Cancelled || c.At != "" || c.Clock != "" || len(c.Languages) > 0
	if c.Station == "" && (differs || c.Window != "") {
		return cmdline.Refuse(cmdline.Misunderstood, "--station: say which station is different on these days")
	}
	if c.Station != "" && !differs {
		return cmdline.Refuse(cmdline.Misunderstood, "say what is different on these days: --cancelled, --at, --clock or "+
			"--languages")
	}
	days, err := c.read()
	if err != nil {
		return err
	}
	if c.Station == "" {
		return output{Output: c.Output}.show(stdout, days, func() {
			for _, d := range days {
				fmt.Fprintf(stdout, "%s  %s\n", d.Date, oneLine(d.Name))
			}
		})
	}
	station, err := c.client().StationDocument(ctx, c.Station)
	if err != nil {
		return err
	}
	station, kept, err := station.WithHolidays(days, c.terms())
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	for _, k := range kept {
		fmt.Fprintf(c.stderr, "%s %s: left as it is, %s\n", k.Date, oneLine(k.Name), k.Why)
	}
	if len(kept) == len(days) {
		return cmdline.Refuse(cmdline.Nothing, "nothing was changed: there is no other holiday")
	}
	return change{client: c.client(), dryRun: c.DryRun, consent: consent{c.Yes, c.File != "-"}}.station(ctx, stdout,
		station, c.Output)
}

// read returns the holidays that are asked for. Two names of one day become one.
func (c *holidaysCmd) read() ([]schedules.Holiday, error) {
	b, err := readFile(c.File)
	if err == nil {
		b, err = charset.Decode(b, c.Charset)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: nothing was changed: %w", c.File, undeclared(err))
	}
	now := time.Now()
	from, err := dayOf(c.From, now, dateIn(time.Local))
	if err != nil {
		return nil, err
	}
	until := from.AddDays(365)
	if c.Until != "" {
		if until, err = dayOf(c.Until, now, dateIn(time.Local)); err != nil {
			return nil, err
		}
	}
	all, err := calendar.Holidays(bytes.TrimSpace(b), from, until)
	if err != nil {
		return nil, fmt.Errorf("%s: nothing was changed: %w", c.File, err)
	}
	if len(all) == 0 {
		return nil, cmdline.Refuse(cmdline.Nothing, "%s: nothing was changed: it names no day from %s to %s", c.File, from,
			until)
	}
	names := map[string]bool{}
	for _, d := range all {
		names[d.Name] = true
	}
	var days []schedules.Holiday
	for _, d := range all {
		switch last := len(days) - 1; {
		case len(c.Named) > 0 && !slices.ContainsFunc(c.Named, func(n string) bool { return text.Clean(n) == d.Name }):
		case last >= 0 && days[last].Date == d.Date:
			days[last].Name += " / " + d.Name
		default:
			days = append(days, d)
		}
	}
	for _, n := range c.Named {
		if !names[text.Clean(n)] {
			return nil, fmt.Errorf("nothing was changed: no day from %s to %s is named %q; the names are %s", from, until, n,
				strings.Join(slices.Sorted(maps.Keys(names)), ", "))
		}
	}
	return days, nil
}
