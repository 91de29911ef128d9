package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lifeline/internal/charset"
	"lifeline/internal/cmdline"
	"lifeline/internal/hfcc"
	"lifeline/schedules"
)

type hfccCmd struct {
	Import hfccImportCmd `cmd:"" help:"Make a station's windows from a schedule's rows."`
	Export hfccExportCmd `cmd:"" help:"Write a station's windows as a schedule."`
}

type hfccImportCmd struct {
	remote      `embed:""`
	File        string        `arg:"" help:"The schedule; - is standard input."`
	Station     string        `form:"id" help:"The windows' station." required:""`
	Broadcaster string        `help:"Only rows of this broadcaster (BRC)."`
	FMO         string        `name:"fmo" help:"Only rows of this frequency management organisation (FMO)."`
	Location    string        `help:"Only rows of this transmitter site (LOC)."`
	Clock       string        `form:"id" help:"Clock of new windows."`
	Tolerance   time.Duration `least:"0s" help:"Length tolerance of new windows." default:"1s"`
	Charset     string        `form:"charset" help:"Encoding of a file that does not declare one; its columns then count characters, not bytes." placeholder:"NAME"`
	DryRun      bool          `help:"Only show what would change."`
	Yes         bool          `short:"y" help:"Make the changes without asking. Without this flag, nothing is changed unless a terminal is there to ask at."`
	Output      string        `help:"text for people, json for programs, yaml for editing: the station as it would be, for lifeline apply." enum:"text,json,yaml" default:"text" env:"LIFELINE_OUTPUT"`
}

func (c *hfccImportCmd) Run(ctx context.Context, stdout io.Writer) error {
	b, err := readFile(c.File)
	if err != nil {
		return err
	}
	text, err := charset.Decode(b, c.Charset)
	if errors.Is(err, charset.ErrUnknown) {
		text, err = b, nil // columns count bytes then, whatever the encoding
	}
	if err != nil {
		return fmt.Errorf("%s: nothing was changed: %w", c.File, err)
	}
	file, err := hfcc.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: nothing was changed:\n%w", c.File, err)
	}
	rows := slices.DeleteFunc(slices.Clone(file.Rows), func(r hfcc.Row) bool {
		return other(c.Broadcaster, r.Broadcaster) || other(c.FMO, r.FMO) || other(c.Location, r.Location)
	})
	if len(file.Rows) == 0 {
		return cmdline.Refuse(cmdline.Nothing, "%s: nothing was changed: there is no row in it", c.File)
	}
	if len(rows) == 0 {
		return fmt.Errorf("nothing was changed: none of the %s of %s is asked for", count(len(file.Rows), "row"), c.File)
	}
	station, err := c.client().StationDocument(ctx, c.Station)
	if err != nil {
		return err
	}
	if station, err = hfcc.Apply(station, file.Season, rows, hfcc.Terms{Clock: c.Clock,
		Tolerance: c.Tolerance}); err != nil {
		return fmt.Errorf("%s: nothing was changed: %w", c.File, err)
	}
	return change{client: c.client(), dryRun: c.DryRun, consent: consent{c.Yes, c.File != "-"}}.station(ctx, stdout,
		station, c.Output)
}

// other reports whether a row's code differs from the requested one, if there is one.
func other(asked, code string) bool { return asked != "" && !strings.EqualFold(asked, code) }

type hfccExportCmd struct {
	remote         `embed:""`
	Station        string `form:"id" arg:"" help:"The station."`
	Season         string `form:"season" help:"The season, such as A26; none means the current one."`
	Broadcaster    string `help:"Broadcaster, as a BRC code."`
	FMO            string `name:"fmo" help:"Frequency management organisation, as an FMO code."`
	Location       string `help:"Transmitter site, as a LOC code."`
	Administration string `help:"Administration, as an ADM code."`
	Zones          string `help:"Target zones, for CIRAF ZONES."`
	Power          string `help:"Power in kilowatts, for POWR."`
}

func (c *hfccExportCmd) Run(ctx context.Context, stdout io.Writer) error {
	now := time.Now().UTC()
	season := hfcc.SeasonOf(schedules.DateOf(now))
	if c.Season != "" {
		var err error
		if season, err = hfcc.ParseSeason(c.Season); err != nil {
			return err
		}
	}
	station, err := c.client().StationDocument(ctx, c.Station)
	if err != nil {
		return err
	}
	like := hfcc.Row{Broadcaster: c.Broadcaster, FMO: c.FMO, ADM: c.Administration, Location: c.Location, Zones: c.Zones,
		Power: c.Power}
	rows, err := hfcc.Rows(station, season, like)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return cmdline.Refuse(cmdline.Nothing, "%s has no window with a frequency in %s", station.ID, season)
	}
	b, err := hfcc.Write(hfcc.File{Season: season, Rows: rows}, station.ID+" "+strings.ToLower(now.Format("02-Jan-2006")))
	if err != nil {
		return err
	}
	_, err = cmdline.Data(stdout).Write(b)
	return err
}
