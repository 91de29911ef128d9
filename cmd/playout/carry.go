package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/playout"
	"lifeline/internal/playout/statedir"
)

// place is the state directory of a player, which may be running.
type place struct {
	State string `env:"LIFELINE_STATE" required:"" type:"path" placeholder:"DIR" help:"The player's state directory."`
}

// bundle is the command that writes a bundle.
type bundle struct {
	remote
	Station   string   `form:"id" env:"LIFELINE_STATION" required:"" placeholder:"ID" help:"The station."`
	Days      int      `least:"1" default:"7" help:"Number of days, from today on."`
	Have      string   `type:"existingfile" placeholder:"FILE" help:"File with the recordings to leave out, as playout inventory prints it."`
	Since     []string `form:"earlier" placeholder:"BUNDLE|REVISION" help:"Leave out the recordings that are in an earlier bundle, or in queues up to a revision; may be repeated."`
	Recipient string   `placeholder:"AGE" form:"recipient" help:"The age recipient of the station's key, to which the bundle is encrypted. Default: the service is asked."`
	Plain     bool     `help:"Do not encrypt the bundle: whoever finds it can read all that the station airs."`
	File      string   `arg:"" type:"path" help:"The bundle to write."`
}

// Run writes a complete bundle or nothing.
func (b *bundle) Run(ctx context.Context) error {
	opt := playout.BundleOptions{Station: b.Station, Days: b.Days, Now: time.Now(), Progress: func(done, total int64) {
		if cmdline.Terminal(os.Stderr) {
			fmt.Fprintf(os.Stderr, "\r%d of %d kB of audio", done>>10, total>>10)
		}
	}}
	if err := opt.LeaveOut(b.Have, b.Since); err != nil {
		return err
	}
	if !b.Plain {
		recipient, err := playout.BundleRecipient(ctx, b.client(), b.Station, b.Recipient)
		if err != nil {
			return err
		}
		opt.Recipient = recipient
	}
	days, err := playout.SaveBundle(ctx, b.File, b.client(), opt)
	if cmdline.Terminal(os.Stderr) {
		fmt.Fprintln(os.Stderr)
	}
	if err != nil {
		return err
	}
	return cmdline.Bundled(cmdline.Printable(os.Stdout), b.File, b.Station, days.Held, days.Lacking,
		days.LeftOut.Told("The bundle carries"))
}

// importing is the command that gives a bundle to the player.
type importing struct {
	place
	Wait time.Duration `least:"0s" default:"30s" help:"How long to wait for a player to import it."`
	File string        `arg:"" type:"existingfile" help:"The bundle."`
}

// Run copies the bundle into the player's inbox and prints the outcome.
func (i *importing) Run(ctx context.Context) error {
	late := time.NewTimer(i.Wait)
	defer late.Stop()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	state, err := statedir.Find(i.State)
	for waiting := true; waiting && fault.Is(err, fault.NotFound); { // the player may be starting
		select {
		case <-look.C:
			state, err = statedir.Find(i.State)
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			waiting = false
		}
	}
	if err != nil {
		return err
	}
	defer state.Close()
	f, err := os.Open(i.File)
	if err != nil {
		return err
	}
	defer f.Close()
	name, err := playout.LayIn(state, f, time.Now())
	if err != nil {
		return fmt.Errorf("%s: %w", i.File, err)
	}
	for {
		result, err := playout.Result(state, name)
		if err == nil {
			return told(cmdline.Printable(os.Stdout), result)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return cmdline.Refuse(cmdline.Later, "no player has imported it yet: the next one that starts with %s will", i.State)
		}
	}
}

func told(w io.Writer, r playout.Imported) error {
	if r.Foreign != "" {
		return errors.New(r.Foreign)
	}
	fmt.Fprintf(w, "%d documents and %d recordings taken, %d recordings were here already.\n", r.Documents, r.Recordings,
		r.Here)
	for _, why := range r.Refused {
		fmt.Fprintln(w, "Refused:", why)
	}
	switch {
	case !r.Whole:
		return errors.New("the bundle is incomplete: bring a complete copy")
	case len(r.Refused) > 0:
		return cmdline.Some(r.Documents+r.Recordings, errors.New("not everything in the bundle was taken"))
	}
	return nil
}

// export is the command that writes the entries that the service has not acknowledged.
type export struct {
	place
	File string `arg:"" type:"path" help:"File for the report: the body of POST /v1/stations/{id}/as-run. Over 1000 entries take further files, named FILE-2 and so on."`
}

// Run writes the report. The entries stay in the spool until the service acknowledges them.
func (e *export) Run(context.Context) error {
	state, err := statedir.Find(e.State)
	if err != nil {
		return err
	}
	defer state.Close()
	bodies, entries, err := playout.Unreported(state)
	if err != nil {
		return err
	}
	if entries == 0 {
		return cmdline.Refuse(cmdline.Nothing, "nothing was written: everything that aired is reported")
	}
	for i, body := range bodies {
		name := e.File
		if i > 0 {
			ending := filepath.Ext(name)
			name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ending), i+1, ending)
		}
		if err := os.WriteFile(name, body, 0o600); err != nil {
			return err
		}
		if len(bodies) > 1 {
			fmt.Println(name)
		}
	}
	fmt.Printf("%d entries\n", entries)
	return nil
}

// inventory is the command that lists the player's recordings, for a bundle without them.
type inventory struct{ place }

// Run prints the hashes.
func (i *inventory) Run(context.Context) error {
	state, err := statedir.Find(i.State)
	if err != nil {
		return err
	}
	defer state.Close()
	have, err := playout.Inventory(state)
	for _, sha := range have {
		fmt.Println(sha)
	}
	return err
}
