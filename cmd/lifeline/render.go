package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// renderCmd fetches a rendered window.
type renderCmd struct {
	remote  `embed:""`
	Station string `arg:"" help:"The station."`
	Window  string `arg:"" help:"The window."`
	Date    string `arg:"" help:"Its broadcast day: YYYY-MM-DD, today, tomorrow, yesterday, or an instant of it."`
	Output  string `short:"o" required:"" type:"path" help:"The file to write: .flac or .wav."`
	Quiet   bool   `help:"No progress bar."`
}

// Run writes the file whole or not at all.
func (c *renderCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	date, err := stationDate(ctx, c.client(), c.Station, c.Date)
	if err != nil {
		return err
	}
	format := strings.TrimPrefix(filepath.Ext(c.Output), ".")
	body, bytes, err := c.client().Station(c.Station).Window(ctx, c.Window, date, format)
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
