package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"lifeline/internal/playout"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/schedules"
)

// outputs opens the outputs that --output names.
func (r *run) outputs(log *slog.Logger) (outs []output.Output, err error) {
	rate := dsp.Rate(r.Rate)
	for _, text := range r.Output {
		kind, arg, _ := strings.Cut(text, ":")
		switch {
		case kind == "wav" && arg != "":
			wav, err := output.NewWAV(arg, rate)
			if err != nil {
				return nil, err
			}
			outs = append(outs, wav)
		case kind == "pcm" && arg == "-":
			outs = append(outs, output.NewPipe(text, os.Stdout, output.Format(r.PCM)))
		case kind == "pcm" && arg != "":
			outs = append(outs, output.NewPipe(text, &appended{name: arg}, output.Format(r.PCM)))
		case kind == "flac" && arg != "":
			flac, err := output.NewFLAC(arg, rate, func(format string, args ...any) { log.Warn(fmt.Sprintf(format, args...)) })
			if err != nil {
				return nil, err
			}
			outs = append(outs, flac)
		case kind == "icecast" && arg != "":
			icecast, err := output.NewIcecast(arg, rate, r.Kbps)
			if err != nil {
				return nil, err
			}
			outs = append(outs, icecast)
		case kind == "alsa":
			outs = append(outs, output.NewALSA(arg, rate, r.Latency))
		}
	}
	return outs, nil
}

// isOutput checks the form of an --output.
func isOutput(text string) error {
	kind, arg, _ := strings.Cut(text, ":")
	switch kind {
	case "alsa":
		return nil
	case "wav", "flac", "pcm", "icecast":
		if arg != "" {
			return nil
		}
	}
	return fmt.Errorf("%q is not one of wav:DIR, flac:DIR, pcm:-, pcm:FILE, alsa[:DEVICE] and icecast:URL", kind)
}

// together fails if flags exclude each other.
func (r *run) together() error {
	if len(r.Output) == 0 {
		return errors.New("give at least one --output")
	}
	if r.Report == "json" && slices.Contains(r.Output, "pcm:-") {
		return errors.New("standard output cannot carry both --output pcm:- and --report json")
	}
	for _, name := range r.Counts {
		if !slices.Contains(r.Output, name) {
			return fmt.Errorf("--counts %q is none of the outputs: write it exactly as after --output", name)
		}
	}
	return nil
}

// counting returns those of the opened outputs that --counts names.
func (r *run) counting(outputs []output.Output) (out []output.Output) {
	for _, name := range r.Counts {
		out = append(out, outputs[slices.Index(r.Output, name)])
	}
	return out
}

// appended is a named pipe or file, opened by the first write and again after a failure.
type appended struct {
	name string
	file io.WriteCloser
}

// Write opens the file if necessary. A named pipe blocks until it has a reader.
func (a *appended) Write(b []byte) (int, error) {
	if a.file == nil {
		f, err := os.OpenFile(a.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return 0, err
		}
		a.file = f
	}
	n, err := a.file.Write(b)
	if err != nil {
		err = errors.Join(err, a.file.Close())
		a.file = nil
	}
	return n, err
}

// stopping returns a function for the end of the window that --once names, once the player knows the window; nil
// without --once.
func (r *run) stopping() (func(*playout.Holdings) time.Time, error) {
	if r.Once == "" {
		return nil, nil
	}
	window, date, err := onceOf(r.Once)
	if err != nil {
		return nil, err
	}
	return func(h *playout.Holdings) time.Time { return h.WindowEnd(window, date) }, nil
}

// onceOf parses WINDOW@YYYY-MM-DD.
func onceOf(text string) (window string, date schedules.Date, err error) {
	window, day, _ := strings.Cut(text, "@")
	date, err = schedules.ParseDate(day)
	if err != nil || window == "" {
		return window, date, fmt.Errorf("%q is not WINDOW@YYYY-MM-DD", text)
	}
	return window, date, nil
}
