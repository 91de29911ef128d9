package commands

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/mirror"
	"lifeline/internal/mirror/push"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// dropsCmd are the commands for what stations drop.
type dropsCmd struct {
	Read dropsReadCmd `cmd:"" help:"Report to the service what stations dropped in a folder or a bucket."`
}

// dropsReadCmd reports what stations dropped.
type dropsReadCmd struct {
	remote         `embed:""`
	From           string        `arg:"" name:"place" form:"target" help:"A folder, s3+https://HOST/BUCKET[/PREFIX] or sftp://USER@HOST[:PORT]/FOLDER that holds drops alone. It is only read."`
	Identity       []string      `required:"" type:"existingfile" env:"LIFELINE_DROP_IDENTITY" placeholder:"FILE" help:"File of the key that opens the drops, as lifeline key drops makes one; may be repeated, for drops to an earlier key."`
	PassphraseFile []string      `type:"existingfile" placeholder:"FILE" help:"File of the passphrase of that key; repeated, one for each. Default: it is asked for."`
	Every          time.Duration `least:"0s" default:"0s" help:"Read again and again, with this pause, until the command is stopped; 0 to read once."`

	targetAccess `embed:""`

	keys []age.Identity
	done map[string][sha256.Size]byte // by name: hash of the file whose entries are all on record
}

// Run reads once, or until ctx is done.
func (c *dropsReadCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	with, err := c.credentials()
	if err != nil {
		return err
	}
	if c.keys, err = identities(c.Identity, c.PassphraseFile); err != nil {
		return err
	}
	c.done = map[string][sha256.Size]byte{}
	if c.Every == 0 {
		return c.read(ctx, stdout, with)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	repeat(ctx, c.Every, func() error {
		err := c.read(ctx, stdout, with)
		if cmdline.CodeOf(err) == cmdline.Nothing {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			log.Error("not all that was dropped is on record: it is tried again", "error", cmdline.Words(err))
		}
		return err
	})
	return nil
}

// read reports each drop of the place. The failure of one does not stop the others.
func (c *dropsReadCmd) read(ctx context.Context, stdout io.Writer, with push.Credentials) error {
	if info, err := os.Stat(c.From); !strings.Contains(c.From, "://") && (err != nil || !info.IsDir()) {
		return fault.New(fault.NotFound, "%s is no folder: name the one in which the drops arrive", c.From)
	}
	place, err := push.Open(ctx, c.From, with)
	if err != nil {
		return fmt.Errorf("%s: %w", c.From, elsewhere{err})
	}
	files, err := place.List(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", c.From, elsewhere{err}), place.Close())
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(files)), unfinished)
	if len(names) == 0 {
		return errors.Join(cmdline.Refuse(cmdline.Nothing, "nothing was dropped in %s", c.From), place.Close())
	}
	api, enrolled := c.client(), map[string]bool{}
	err = cmdline.Each(names, func(name string) error {
		b, err := fetchDrop(ctx, place, name, files[name])
		if err != nil {
			return elsewhere{err}
		}
		sum := sha256.Sum256(b)
		if c.done[name] == sum {
			return nil
		}
		if err := c.report(ctx, api, stdout, b, enrolled); err != nil {
			return err
		}
		c.done[name] = sum
		return nil
	})
	return errors.Join(err, place.Close())
}

// unfinished reports whether a name is that of a file that is still being written, or is no drop.
func unfinished(name string) bool {
	return strings.HasPrefix(path.Base(name), ".") || strings.HasSuffix(name, ".part") || strings.HasSuffix(name, ".tmp")
}

func fetchDrop(ctx context.Context, place push.Place, name string, size int64) ([]byte, error) {
	most := mirror.MostEncrypted(wire.MostDropBytes)
	if size > most {
		return nil, fault.New(fault.Invalid, "it is no drop: it has %d bytes, and no drop has more than %d", size, most)
	}
	in, err := place.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(in, most))
	return b, errors.Join(err, in.Close())
}

// mostCommas is the maximum number of commas in a drop.
const mostCommas = 10_000

// opened returns the envelopes of a drop and the station that each says to be of.
func (c *dropsReadCmd) opened(encrypted []byte) (d wire.Drop, stations []string, err error) {
	text, err := mirror.OpenBytes(encrypted, wire.MostDropBytes, c.keys...)
	if err != nil {
		return d, nil, err
	}
	// A list of millions of nothings would fill the memory. The envelopes of a drop have few commas.
	if bytes.Count(text, []byte(",")) > mostCommas || json.Unmarshal(text, &d) != nil || d.Schema != wire.DropSchema {
		return d, nil, fault.New(fault.Invalid, "it is no drop of a station")
	}
	for _, envelope := range d.Reports {
		var r wire.SignedAsRun
		payload, err := sign.Payload(envelope)
		if err != nil || json.Unmarshal(payload, &r) != nil || !schedules.ValidID(r.Station) {
			return d, nil, fault.New(fault.Invalid, "it holds what is no report of a station")
		}
		stations = append(stations, r.Station)
	}
	return d, stations, nil
}

// report reports what a drop holds, as its station would, and prints what was new. enrolled are the stations that were
// found to have keys.
func (c *dropsReadCmd) report(ctx context.Context, api *client.Client, stdout io.Writer, encrypted []byte,
	enrolled map[string]bool) error {
	d, stations, err := c.opened(encrypted)
	if err != nil {
		return err
	}
	type tally struct {
		fresh, known, refused int
		why                   string
	}
	tallies := map[string]*tally{}
	for i, envelope := range d.Reports {
		id := stations[i]
		if err := hasKeys(ctx, api, id, enrolled); err != nil {
			return err
		}
		results, err := api.Station(id).SendSignedAsRun(ctx, bytes.Clone(envelope))
		if err != nil {
			return fmt.Errorf("station %s: %w", id, err)
		}
		t := tallies[id]
		if t == nil {
			t = &tally{}
			tallies[id] = t
		}
		for _, r := range results {
			switch r.Status {
			case "accepted":
				t.fresh++
			case "repeated":
				t.known++
			default:
				t.refused, t.why = t.refused+1, fmt.Sprintf("entry %d: %s", r.Sequence, r.Message)
			}
		}
	}
	var refused []error
	for _, id := range slices.Sorted(maps.Keys(tallies)) {
		t := tallies[id]
		fmt.Fprintf(stdout, "%s: %d entries are new, %d were on record.\n", id, t.fresh, t.known)
		if t.refused > 0 {
			refused = append(refused, fmt.Errorf("station %s: %d entries do not count: %s", id, t.refused, t.why))
		}
	}
	return errors.Join(refused...)
}

// hasKeys fails unless a station has or had a key: nobody can tell who dropped the reports of another.
func hasKeys(ctx context.Context, api *client.Client, station string, enrolled map[string]bool) error {
	if enrolled[station] {
		return nil
	}
	keys, err := api.StationKeys(ctx, station)
	if err != nil {
		return fmt.Errorf("station %s: %w", station, err)
	}
	if len(keys) == 0 {
		return fault.New(fault.Forbidden, "station %s has no key of its own, so that nobody can tell who dropped it: enrol it",
			station)
	}
	enrolled[station] = true
	return nil
}
