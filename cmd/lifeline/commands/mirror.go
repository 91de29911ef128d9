package commands

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/mirror"
	"lifeline/internal/mirror/push"
	"lifeline/internal/playout"
	"lifeline/internal/secret"
	"lifeline/internal/service"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// mirrorCmd are the commands for mirrors.
type mirrorCmd struct {
	Push mirrorPushCmd `cmd:"" help:"Write what stations need, encrypted to them, to places that any web server serves."`
}

// mirrorPushCmd pushes what the stations need to mirrors.
type mirrorPushCmd struct {
	remote  `embed:""`
	Targets []string      `arg:"" name:"target" form:"target" help:"A folder, s3+https://HOST/BUCKET[/PREFIX] or sftp://USER@HOST[:PORT]/FOLDER; several hold the same."`
	Station []string      `form:"id" placeholder:"ID" help:"Only for these stations; may be repeated. The mirrors then hold nothing for the others. Default: all that have enrolled."`
	Days    int           `least:"1" most:"60" default:"7" help:"How many days from today on."`
	Public  []string      `form:"url" placeholder:"URL" help:"An address at which stations find one of the mirrors: those that read any mirror learn it, signed; may be repeated."`
	Drops   string        `form:"recipient" env:"LIFELINE_DROP_RECIPIENT" placeholder:"AGE" help:"The age recipient to which stations encrypt the reports that they drop, as lifeline key drops prints it: those that read any mirror learn it, signed."`
	Files   string        `type:"path" default:"data/mirror" env:"LIFELINE_MIRROR_FILES" placeholder:"DIR" help:"Folder for the encrypted files, so that a push sends only what changed. Use one for each service."`
	Life    time.Duration `least:"10m" most:"720h" default:"6h" help:"How long a pointer is valid: after that, stations report the mirror as frozen. Push at least three times as often."`
	Keep    time.Duration `least:"10m" default:"24h" help:"How long files stay that are no longer needed, for players that are fetching them."`
	Every   time.Duration `least:"0s" default:"0s" help:"Push again and again, with this pause, until the command is stopped; 0 to push once."`
	Listen  string        `form:"address" placeholder:"ADDRESS" help:"With --every: serve /metrics and /healthz there, such as 127.0.0.1:8095."`

	Key  string `type:"path" default:"data/signing.key" env:"LIFELINE_SIGNING_KEY_FILE" help:"File of the service's signing key, which signs the pointers where the service has no root of keys."`
	Keys string `type:"path" default:"data/keys" env:"LIFELINE_KEYS" help:"Folder of the keys of the roles: the key of the role mirror signs the pointers. lifeline key rotate mirror makes one."`

	targetAccess `embed:""`

	notes []string // about what the last push left out
}

// Run pushes once, or until ctx is done.
func (c *mirrorPushCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	with, err := c.credentials()
	if err != nil {
		return err
	}
	if c.Listen != "" && c.Every == 0 {
		return cmdline.Refuse(cmdline.Misunderstood, "--listen: is of use with --every alone")
	}
	tree, err := mirror.OpenTree(c.Files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.Close()) }()
	if c.Every == 0 {
		return c.push(ctx, stdout, tree, with, func(string, error) {})
	}
	figures := newPushFigures(c.Targets)
	if c.Listen != "" {
		end, err := figures.serve(c.Listen)
		if err != nil {
			return err
		}
		defer end()
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	repeat(ctx, c.Every, func() error {
		before := c.notes
		err := c.push(ctx, io.Discard, tree, with, figures.tell)
		for _, note := range c.notes {
			if !slices.Contains(before, note) {
				log.Warn(note)
			}
		}
		switch {
		case ctx.Err() != nil:
		case err != nil:
			figures.failed(err)
			log.Error("the push failed: stations read what was pushed before", "error", cmdline.Words(err))
		default:
			figures.done()
			log.Info("pushed")
		}
		return err
	})
	return nil
}

// repeat calls do until ctx is done, with a pause: at most a minute after a failure.
func repeat(ctx context.Context, every time.Duration, do func() error) {
	for {
		wait := every
		if do() != nil {
			wait = min(wait, time.Minute)
		}
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
	}
}

// targetAccess holds what places are opened with.
type targetAccess struct {
	Region     string        `name:"s3-region" env:"LIFELINE_S3_REGION" help:"Region of S3. Default: the server is asked."`
	AccessKey  string        `name:"s3-access-key" env:"LIFELINE_S3_ACCESS_KEY" help:"Access key of S3."`
	SecretKey  string        `name:"s3-secret-key-file" type:"path" env:"LIFELINE_S3_SECRET_KEY_FILE" help:"File that holds the secret key of S3."`
	KnownHosts string        `type:"path" default:"~/.ssh/known_hosts" env:"LIFELINE_KNOWN_HOSTS" help:"File with the keys of SFTP servers, in OpenSSH's format. A server with another key is refused."`
	SSHKey     string        `type:"path" name:"ssh-key" default:"~/.ssh/id_ed25519" env:"LIFELINE_SSH_KEY" help:"File of the private key for SFTP servers, without a passphrase."`
	Silence    time.Duration `least:"1s" default:"30s" help:"How long an S3 or SFTP server may send nothing before a transfer is given up."`
}

func (c *targetAccess) credentials() (push.Credentials, error) {
	with := push.Credentials{Region: c.Region, AccessKey: c.AccessKey, Silence: c.Silence,
		KnownHosts: c.KnownHosts, Identity: c.SSHKey}
	if c.SecretKey != "" {
		password, err := secret.Read(c.SecretKey)
		if err != nil {
			return with, fmt.Errorf("--s3-secret-key-file: %w", err)
		}
		with.SecretKey = strings.TrimSpace(string(password))
	}
	return with, nil
}

// push composes the tree and copies it to each target. The failure of one target does not stop the others.
func (c *mirrorPushCmd) push(ctx context.Context, stdout io.Writer, tree *mirror.Tree, with push.Credentials,
	tell func(target string, err error)) error {
	api := c.client()
	signer, err := c.signer(ctx, api)
	if err != nil {
		return err
	}
	stations, missing, err := c.collect(ctx, api)
	if err != nil {
		return err
	}
	for _, note := range c.notes {
		fmt.Fprintln(stdout, note+".")
	}
	if len(stations) == 0 {
		return cmdline.Refuse(cmdline.Nothing, "nothing was pushed: no station has a key of its own and something to air")
	}
	now := time.Now()
	err = tree.Compose(ctx, mirror.Composition{Stations: stations, Now: now, Life: c.Life, Keep: c.Keep,
		Mirrors: c.Public, Drops: c.Drops, Erased: erasedIn(stations),
		Sign: func(payload []byte) ([]byte, error) { return signer.Sign(wire.MirrorPointerType, payload) },
		Recording: func(ctx context.Context, r mirror.Recording) (io.ReadCloser, error) {
			in, out := io.Pipe()
			go func() { out.CloseWithError(playout.CopyRecording(ctx, out, api.Station(stations[0].ID), r)) }()
			return in, nil
		}})
	if err != nil {
		return err
	}
	var failed []error
	for _, target := range c.Targets {
		done, err := pushTo(ctx, tree, target, with)
		if tell(target, err); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", target, err))
			continue
		}
		fmt.Fprintf(stdout, "%s: %d files sent (%d kB), %d were there, %d old ones removed.\n", target, done.Files,
			done.Bytes>>10, done.Held, done.Removed)
	}
	if len(failed) < len(c.Targets) {
		failed = append(failed, c.announce(ctx, api, signer, stations, now)...)
	}
	if len(failed) == 0 && missing > 0 && len(c.Station) > 0 {
		failed = append(failed, fmt.Errorf("%d of the stations named have nothing on the mirrors", missing))
	}
	return cmdline.Some(len(c.Targets)-len(failed), errors.Join(failed...))
}

// erasedIn returns the hashes of the recordings that the recall list among the documents names as erased.
func erasedIn(stations []mirror.Station) []string {
	var list wire.Recalls
	for _, s := range stations {
		for _, d := range s.Documents {
			if payload, err := sign.Payload(d.Content); err == nil && d.Name == "recalls.dsse" &&
				json.Unmarshal(payload, &list) == nil {
				return list.Erased
			}
		}
	}
	return nil
}

// announce gives the service the list of mirrors of each station, so that stations learn it while the link works. A
// list that says the same, signed by the same key, stays. A service of an earlier release takes none.
func (c *mirrorPushCmd) announce(ctx context.Context, api *client.Client, signer *sign.Signer,
	stations []mirror.Station, now time.Time) (failed []error) {
	for _, s := range stations {
		held, err := heldMirrorList(ctx, api.Station(s.ID), signer)
		if err == nil && (held == nil || !slices.Equal(held.Mirrors, c.Public) || held.Drops != c.Drops) {
			var payload, envelope []byte
			payload, err = json.Marshal(wire.MirrorList{Schema: wire.MirrorListSchema, Station: s.ID,
				IssuedAt: schedules.At(now), Mirrors: c.Public, Drops: c.Drops})
			if err == nil {
				envelope, err = signer.Sign(wire.MirrorListType, payload)
			}
			if err == nil {
				err = api.Station(s.ID).SetMirrorList(ctx, envelope)
			}
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			failed = append(failed, fmt.Errorf("%s: the list of mirrors at the service: %w", s.ID, err))
		}
	}
	return failed
}

// heldMirrorList returns the list that the service has for a station: an empty one if it has none, nil if another key
// signed it.
func heldMirrorList(ctx context.Context, station *client.Station, signer *sign.Signer) (*wire.MirrorList, error) {
	doc, err := station.MirrorList(ctx, "")
	if fault.Is(err, fault.NotFound) {
		return &wire.MirrorList{}, nil
	}
	if err != nil {
		return nil, err
	}
	list := &wire.MirrorList{}
	payload, err := sign.Verify(doc.Bytes, wire.MirrorListType, signer.Public())
	if err != nil || json.Unmarshal(payload, list) != nil {
		return nil, nil
	}
	return list, nil
}

func pushTo(ctx context.Context, tree *mirror.Tree, target string, with push.Credentials) (mirror.Pushed, error) {
	place, err := push.Open(ctx, target, with)
	if err != nil {
		return mirror.Pushed{}, elsewhere{err}
	}
	done, err := tree.Push(ctx, place)
	if err = errors.Join(err, place.Close()); err != nil {
		err = elsewhere{err}
	}
	return done, err
}

// elsewhere is an error of a place that is not the service.
type elsewhere struct{ error }

func (e elsewhere) Unwrap() error { return e.error }

// collect fetches what each station needs, and notes what is left out. It returns how many stations have nothing.
func (c *mirrorPushCmd) collect(ctx context.Context, api *client.Client) (out []mirror.Station, missing int,
	err error) {
	c.notes = nil
	ids := c.Station
	if len(ids) == 0 {
		all, err := api.Statuses(ctx)
		if err != nil {
			return nil, 0, err
		}
		for _, s := range all {
			ids = append(ids, s.Station)
		}
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		s, err := c.station(ctx, api, id)
		if fault.Is(err, fault.NotFound) {
			c.notes = append(c.notes, fmt.Sprintf("%s is left out: %v", id, err))
			missing++
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", id, err)
		}
		out = append(out, s)
	}
	return out, missing, nil
}

func (c *mirrorPushCmd) station(ctx context.Context, api *client.Client, id string) (mirror.Station, error) {
	s := mirror.Station{ID: id}
	var err error
	if s.Recipient, err = api.Recipient(ctx, id); err != nil {
		return s, err
	}
	found, err := playout.Collect(ctx, api, playout.BundleOptions{Station: id, Days: c.Days, Now: time.Now()})
	if err != nil {
		return s, err
	}
	s.Documents, s.Recordings = found.Documents, found.Recordings
	if note := found.Days.LeftOut.Told("The mirrors carry for " + id); note != "" {
		c.notes = append(c.notes, note)
	}
	fresh, err := api.Station(id).Freshness(ctx, "mirror")
	s.Freshness = json.RawMessage(fresh.Bytes)
	return s, err
}

// signer returns the key that signs pointers: that of the role mirror, or the service's only one.
func (c *mirrorPushCmd) signer(ctx context.Context, api *client.Client) (*sign.Signer, error) {
	keys, err := api.Keys(ctx)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(c.Keys, "*.key"))
	if err != nil {
		return nil, err
	}
	var wanted []string
	for _, k := range keys.Keys {
		if keys.Root == 0 || slices.Contains(k.Roles, string(trust.Mirror)) {
			wanted = append(wanted, k.ID)
		}
	}
	if len(wanted) == 0 {
		return nil, fault.New(fault.Conflict, "the root %d names no key that signs the pointers of mirrors: make one with "+
			"lifeline key rotate mirror, on the machine without a network", keys.Root)
	}
	for _, name := range append(files, c.Key) {
		key, err := service.SigningKey(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if slices.Contains(wanted, sign.KeyID(key.Public().(ed25519.PublicKey))) {
			return sign.NewSigner(key)
		}
	}
	return nil, fault.New(fault.NotFound, "the key %s that signs the pointers of mirrors is neither in %s nor in %s: name "+
		"its folder with --keys", strings.Join(wanted, " or "), c.Keys, c.Key)
}
