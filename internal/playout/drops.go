package playout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/mirror"
	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/spool"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// DropOptions configures where a station leaves reports that the service does not take.
type DropOptions struct {
	Targets   []string          // folders, and https addresses of one file each (CheckDrop)
	Recipient string            // age recipient of drops; "": the one that the mirrors name, signed
	Transport http.RoundTripper // nil: http.DefaultTransport with bounds
}

// Dropper leaves the reports that the service does not take in places from which the service fetches them. What it
// dropped stays in the spool, because a drop acknowledges nothing. Each drop holds all unsent entries and takes the
// place of the one before, so that none is needed to read a later one.
type Dropper struct {
	targets   []*dropTarget
	recipient func() string
	spool     *spool.Spool
	identity  *Identity    // nil: the station has not enrolled
	answers   func() int64 // of the service to reports, counted
	transport http.RoundTripper
	problems  *Problems
	log       *slog.Logger
}

// dropTarget is a place for drops.
type dropTarget struct {
	folder  string // "": the target is an address
	address *url.URL
	label   string    // without secrets
	highest int64     // sequence that it holds
	next    time.Time // before which nothing more is dropped there
}

const (
	dropAfter   = 5 * time.Minute // for which the service has taken no report
	dropEvery   = 5 * time.Minute // the least interval between two drops at a place
	dropLook    = 30 * time.Second
	dropEntries = 10_000 // of one drop: the newest
)

// CheckDrop fails with Invalid unless target is a folder, or an https address without a password. Plain http is for
// addresses of this machine alone. The error does not contain the address's query, which is a secret.
func CheckDrop(target string) error {
	_, err := openDrop(target)
	return err
}

func openDrop(target string) (*dropTarget, error) {
	if !strings.Contains(target, "://") {
		return &dropTarget{folder: target, label: target}, nil
	}
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return nil, fault.New(fault.Invalid, "it is not an address such as "+
			"https://s3.example/bucket/station?X-Amz-Signature=…")
	case u.User != nil:
		return nil, fault.New(fault.Invalid, "the address holds a name or a password: use a presigned address")
	case u.Scheme == "https" || u.Scheme == "http" && client.OfThisMachine(u.Hostname()):
		if u.Hostname() != "" && strings.Trim(u.Path, "/") != "" {
			return &dropTarget{address: u, label: u.Scheme + "://" + u.Host + u.EscapedPath()}, nil
		}
	case u.Scheme == "http":
		return nil, fault.New(fault.Invalid, "http://%s is reached without TLS, so that whoever has the link could put files "+
			"there: write https", u.Host)
	}
	return nil, fault.New(fault.Invalid, "the target %q is neither a folder nor the https address of a file, such as "+
		"https://s3.example/bucket/station?X-Amz-Signature=…", u.Scheme+"://"+u.Host)
}

// Drop returns a drop of entries: reports that the station signs, encrypted to a recipient and padded.
func (i *Identity) Drop(entries []schedules.AsRun, recipient string) ([]byte, error) {
	to, err := trust.ParseRecipient(recipient)
	if err != nil {
		return nil, err
	}
	drop := wire.Drop{Schema: wire.DropSchema}
	for batch := range slices.Chunk(entries, sendBatch) {
		report, err := i.Report(batch)
		if err != nil {
			return nil, err
		}
		drop.Reports = append(drop.Reports, report)
	}
	text, err := json.Marshal(drop)
	if err != nil {
		return nil, err
	}
	return mirror.EncryptBytes(text, to)
}

// dropper returns the player's Dropper.
func (p *Player) dropper(s *Sender) *Dropper {
	d := &Dropper{recipient: p.mirrors.Drops, spool: p.spool, identity: p.identity, answers: s.answers.Load,
		transport: mirrorClient(p.opt.Drops.Transport).Transport, problems: p.problems, log: p.opt.Log}
	if given := p.opt.Drops.Recipient; given != "" {
		d.recipient = func() string { return given }
	}
	for _, text := range p.opt.Drops.Targets {
		t, err := openDrop(text)
		if err != nil {
			d.problems.Raise("drop", "no reports are left at one of the targets of --drop: %v", err)
			continue
		}
		d.targets = append(d.targets, t)
	}
	return d
}

// Run drops reports until ctx is done, whenever the service has taken none for dropAfter.
func (d *Dropper) Run(ctx context.Context) {
	if len(d.targets) == 0 {
		return
	}
	since, answers := time.Now(), d.answers()
	for retry.Pause(ctx, dropLook) == nil {
		waiting, _ := d.spool.Pending(1)
		if n := d.answers(); n != answers || len(waiting) == 0 {
			since, answers = time.Now(), n
			d.calm()
		} else if time.Since(since) >= dropAfter {
			d.drop(ctx, time.Now())
		}
	}
}

// Leave drops what is still unsent when the player stops.
func (d *Dropper) Leave(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for _, t := range d.targets {
		t.next = time.Time{}
	}
	d.drop(ctx, time.Now())
}

// calm ends the alarms about drops: the service takes reports, or there are none.
func (d *Dropper) calm() {
	d.problems.Calm("drops")
	for _, t := range d.targets {
		d.problems.Calm("drop " + t.label)
	}
}

// drop leaves all unsent entries at the targets that lack some.
func (d *Dropper) drop(ctx context.Context, now time.Time) {
	entries, _ := d.spool.Pending(math.MaxInt)
	if len(entries) == 0 {
		return
	}
	newest := entries[len(entries)-1].Sequence
	due := slices.DeleteFunc(slices.Clone(d.targets), func(t *dropTarget) bool {
		return t.highest >= newest || now.Before(t.next)
	})
	if len(due) == 0 {
		return
	}
	encrypted, err := d.encrypt(entries[max(0, len(entries)-dropEntries):])
	if err != nil {
		d.problems.Raise("drops", "the service takes no reports, and none can be dropped for it: %v", err)
		return
	}
	d.problems.Calm("drops")
	for _, t := range due {
		t.next = now.Add(dropEvery)
		if err := d.put(ctx, t, encrypted); err != nil {
			d.problems.Raise("drop "+t.label, "the service takes no reports, and none could be dropped at %s: %v", t.label, err)
			continue
		}
		t.highest = newest
		d.problems.Calm("drop " + t.label)
		d.log.Info("the service takes no reports: they were dropped", "at", t.label,
			"entries", min(len(entries), dropEntries))
	}
}

func (d *Dropper) encrypt(entries []schedules.AsRun) ([]byte, error) {
	to := d.recipient()
	switch {
	case d.identity == nil:
		return nil, errors.New("this station has no key of its own to sign them with: enrol it")
	case to == "":
		return nil, errors.New("no recipient for them is known: mirrors name it after lifeline mirror push --drops, or give " +
			"it with --drop-recipient")
	}
	for i := range entries {
		entries[i].Detail = cleanText(entries[i].Detail)
	}
	return d.identity.Drop(entries, to)
}

// put replaces what a target holds.
func (d *Dropper) put(ctx context.Context, t *dropTarget, encrypted []byte) error {
	if t.address == nil {
		return t.write(mirror.DropName(d.identity.Recipient()), encrypted)
	}
	ctx, cancel := context.WithTimeout(ctx, patience(int64(len(encrypted))))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, t.address.String(), bytes.NewReader(encrypted))
	if err != nil {
		return errors.New("the address cannot be used")
	}
	r.Header.Set("User-Agent", "Mozilla/5.0") // as of anybody
	resp, err := d.transport.RoundTrip(r)     // a client would follow redirects, and name the whole address in its errors
	if err != nil {
		return err
	}
	resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusForbidden:
		return errors.New("it answers 403: has the presigned address expired?")
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("it answers %d", resp.StatusCode)
	}
	return nil
}

// write replaces a file in the target's folder, whole or not at all. The folder must exist: it may be that of a disk
// that is not there.
func (t *dropTarget) write(name string, encrypted []byte) error {
	root, err := os.OpenRoot(t.folder)
	if err != nil {
		return err
	}
	defer root.Close()
	part := "." + name + ".part"
	// What others left there may be a link to another file, or a pipe on which the player would wait for ever.
	if err := root.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(encrypted)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = root.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(part))
	}
	return nil
}
