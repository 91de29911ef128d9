package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lifeline/schedules"
)

// renderCmd fetches a rendered window.
type renderCmd struct {
	remote  `embed:""`
	Station string `form:"id" arg:"" help:"The station."`
	Window  string `form:"id" arg:"" help:"The window."`
	Date    string `form:"day" arg:"" help:"Its broadcast day: YYYY-MM-DD, today, tomorrow, yesterday, or an instant of it."`
	Start   string `form:"start" help:"Its start, if it starts several times on its day: a time such as 04:10 in the station's time, or an instant."`
	Output  string `form:"window" short:"o" required:"" type:"path" help:"The file to write: .flac or .wav."`
	Quiet   bool   `help:"No progress bar."`
}

// Run writes a complete file or nothing.
func (c *renderCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	date, err := stationDate(ctx, c.client(), c.Station, c.Date)
	if err != nil {
		return err
	}
	start, err := c.start(ctx, date)
	if err != nil {
		return err
	}
	format := strings.TrimPrefix(filepath.Ext(c.Output), ".")
	body, bytes, err := c.client().Station(c.Station).Window(ctx, c.Window, date, start, format)
	if err != nil {
		return err
	}
	defer body.Close()
	part := c.Output + ".part"
	file, err := os.Create(part)
	if err != nil {
		return err
	}
	progress := progressTo(c.Quiet)
	bar := newBar(progress, "rendering", bytes)
	n, err := io.Copy(io.MultiWriter(file, bar), body)
	bar.Finish()
	fmt.Fprintln(progress)
	if err == nil {
		err = file.Sync()
	} else {
		err = fmt.Errorf("the file broke off after %d bytes, perhaps since the window changed; ask again: %w", n, err)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, c.Output); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s: %d bytes\n", c.Output, n)
	return nil
}

// start returns the instant of --start; zero without the flag.
func (c *renderCmd) start(ctx context.Context, date schedules.Date) (time.Time, error) {
	if c.Start == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, c.Start); err == nil {
		return at, nil
	}
	clock, err := time.Parse("15:04", c.Start)
	if err != nil {
		return time.Time{}, fmt.Errorf("--start %q is neither a time of the day such as 04:10 nor an instant such as "+
			"2026-11-29T04:10:00Z", c.Start)
	}
	st, err := c.client().StationDocument(ctx, c.Station)
	if err != nil {
		return time.Time{}, err
	}
	zone, err := schedules.Zone(st.Timezone)
	if err != nil {
		return time.Time{}, err
	}
	wall := time.Date(date.Year, date.Month, date.Day, clock.Hour(), clock.Minute(), 0, 0, time.UTC)
	return schedules.Resolve(wall, zone), nil
}
