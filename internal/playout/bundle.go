package playout

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/playout/retry"
	"lifeline/internal/seal"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A bundle carries a station's coming days where there is no link. It is a tar file of, in this order:
//
//	lifeline-bundle.json    {"schema":"lifeline.bundle/1","station":"…","made_at":"…"}
//	roots.json              the roots that name the keys, where the service has any: the body of GET /v1/roots
//	recalls.dsse            the envelope of the recall list
//	fallback.dsse           the envelope of the fallback
//	queues/2023-10-27.dsse  the envelope of each day's queue
//	audio/<sha256>.mp3      the recordings that these name, what airs first first
//	lifeline-bundle.end     nothing: the bundle is whole
//
// It has no signature of its own and needs none: whoever takes it believes its documents for their signatures and its
// recordings for their hashes. A bundle that is cut short is good up to there. The same content is the same bytes,
// so that a copy can be gone on with. A delta leaves out the recordings that the station has already.
//
// It carries no lease, and no recording of what is sensitive: nobody can recall what lies in a pocket. A station that
// lives by bundles airs the fallback in place of it; one that has a link as well gets lease and recordings over that.
const (
	BundleSchema = "lifeline.bundle/1"
	bundleHead   = "lifeline-bundle.json"
	bundleEnd    = "lifeline-bundle.end"
)

// BundleHead opens a bundle.
type BundleHead struct {
	Schema  string            `json:"schema"`
	Station string            `json:"station"`
	MadeAt  schedules.Instant `json:"made_at"`
}

// BundleOptions says what to put into a bundle.
type BundleOptions struct {
	Station  string
	Days     int             // from today on
	Have     map[string]bool // hashes of recordings to leave out
	Since    int64           // leave out what queues of up to this revision name, too; 0: nothing
	Now      time.Time
	Progress func(done, total int64) // bytes of audio; may be nil
}

// BundledDays are the station's days in a bundle, and those that it should have, too: the days that were asked for, by
// the station's own time, that have a window to come and no published queue.
type BundledDays struct{ Held, Lacking []schedules.Date }

// bundleTries is how often a recording that breaks off is gone on with.
const bundleTries = 20

// WriteBundle writes a station's bundle from what the service has for it.
func WriteBundle(ctx context.Context, w io.Writer, api *client.Client, opt BundleOptions) error {
	b, err := gather(ctx, api.Station(opt.Station), opt)
	if err != nil {
		return err
	}
	if _, err := w.Write(b.documents); err != nil {
		return fmt.Errorf("playout: bundle: %w", err)
	}
	return b.writeRest(ctx, w, 0)
}

// content is what goes into a bundle.
type content struct {
	service    *client.Station
	documents  []byte // the part of the tar file before the recordings
	days       BundledDays
	recordings []wire.AudioRef // in their order
	progress   func(done, total int64)
}

// gather asks the service for the documents and finds what recordings they need.
func gather(ctx context.Context, service *client.Station, opt BundleOptions) (*content, error) {
	held := &Holdings{Queues: map[schedules.Date]*wire.Queue{}}
	head, err := json.Marshal(BundleHead{BundleSchema, opt.Station, schedules.At(opt.Now)})
	if err != nil {
		return nil, fmt.Errorf("playout: bundle: %w", err)
	}
	entries := []tarEntry{{bundleHead, head}}
	add := func(name string, envelope []byte, into any) error {
		entries = append(entries, tarEntry{name, envelope})
		return unsealed(envelope, into)
	}
	if entries, err = addRoots(ctx, service, entries); err != nil {
		return nil, err
	}
	body, err := service.Recalls(ctx, "", 0)
	if err == nil {
		var recalls struct {
			Envelope json.RawMessage `json:"envelope"`
		}
		if err := json.Unmarshal(body.Bytes, &recalls); err != nil {
			return nil, fmt.Errorf("playout: bundle: recalls: %w", err)
		}
		held.Recalls = &wire.Recalls{}
		err = add("recalls.dsse", recalls.Envelope, held.Recalls)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("playout: bundle: %w", err)
	}
	fallback, err := service.Fallback(ctx, "")
	if err == nil {
		held.Fallback = &wire.Fallback{}
		err = add("fallback.dsse", fallback.Bytes, held.Fallback)
		held.Fallback.Items = carried(held.Fallback.Items)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("playout: bundle: %w", err)
	}
	unknown := err
	c := &content{service: service, progress: opt.Progress}
	known := map[string]bool{}
	// A day more at either end: the station's day is not UTC's.
	for date, end := schedules.DateOf(opt.Now.UTC()).AddDays(-1), schedules.DateOf(opt.Now.UTC()).AddDays(
		opt.Days); !end.Before(date); date = date.AddDays(1) {
		doc, err := service.Queue(ctx, date, "", 0)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("playout: bundle: %w", err)
		}
		q := &wire.Queue{}
		held.Queues[date] = q
		c.days.Held = append(c.days.Held, date)
		if err := add("queues/"+date.String()+".dsse", doc.Bytes, q); err != nil {
			return nil, err
		}
		q.Items, q.Fallback = carried(q.Items), carried(q.Fallback)
		for _, i := range q.Items {
			known[i.Audio.SHA256] = known[i.Audio.SHA256] || q.Revision <= opt.Since
		}
	}
	if unknown != nil && len(held.Queues) == 0 { // the service knows neither a fallback nor a day of it
		return nil, unknown
	}
	if c.days.Lacking, err = lacking(held, opt); err != nil {
		return nil, fmt.Errorf("playout: bundle: %w", err)
	}
	held.index()
	for _, w := range wants(held, opt.Now) {
		if !opt.Have[w.audio.SHA256] && !known[w.audio.SHA256] {
			c.recordings = append(c.recordings, w.audio)
		}
	}
	c.documents, err = tarOf(entries)
	return c, err
}

// addRoots adds the roots, where the service has any.
func addRoots(ctx context.Context, service *client.Station, entries []tarEntry) ([]tarEntry, error) {
	roots, err := service.Roots(ctx, 0)
	if fault.Is(err, fault.NotFound) || err == nil && len(roots.Roots) == 0 {
		return entries, nil
	}
	var b []byte
	if err == nil {
		b, err = json.Marshal(roots)
	}
	if err != nil {
		return nil, fmt.Errorf("playout: bundle: roots: %w", err)
	}
	return append(entries, tarEntry{rootsName, b}), nil
}

// lacking are the days of the station that opt asks for and that have no queue. The fallback list names the windows of
// the coming days; a day on which it names none that is still to end lacks nothing.
func lacking(held *Holdings, opt BundleOptions) (out []schedules.Date, err error) {
	var zone string
	for _, q := range held.Queues {
		zone = q.Timezone
	}
	if held.Fallback != nil {
		zone = cmp.Or(held.Fallback.Timezone, zone)
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, err
	}
	named := func(date schedules.Date) bool {
		if held.Fallback == nil || time.Date(date.Year, date.Month, date.Day+1, 0, 0, 0, 0,
			loc).After(held.Fallback.ExpiresAt.Time) {
			return true // nothing says that it has no window
		}
		return slices.ContainsFunc(held.Fallback.Windows, func(o schedules.Occurrence) bool {
			return o.Date == date &&
				o.EndAt.After(opt.Now)
		})
	}
	today := schedules.DateOf(opt.Now.In(loc))
	for n := range opt.Days {
		if date := today.AddDays(n); held.Queues[date] == nil && named(date) {
			out = append(out, date)
		}
	}
	return out, nil
}

// carried are the items whose recordings a bundle carries.
func carried(items []wire.QueueItem) []wire.QueueItem {
	return slices.DeleteFunc(items, func(i wire.QueueItem) bool { return i.Sensitive })
}

// writeRest writes the recordings from the given one on, each found to be what its name says, and the end.
func (c *content) writeRest(ctx context.Context, w io.Writer, from int) error {
	out := tar.NewWriter(w)
	var done, total int64
	for i, a := range c.recordings {
		if total += a.Bytes; i < from {
			done += a.Bytes
		}
	}
	for _, a := range c.recordings[from:] {
		if err := (tarEntry{name: recordingName(a.SHA256)}).header(out, a.Bytes); err != nil {
			return err
		}
		sum := sha256.New()
		for at, tries := int64(0), 0; at < a.Bytes; tries++ {
			n, err := copyRecording(ctx, io.MultiWriter(out, sum), c.service, a, at)
			at, done = at+n, done+n
			if c.progress != nil {
				c.progress(done, total)
			}
			if err == nil && at < a.Bytes {
				err = fault.New(fault.Unavailable, "it broke off")
			}
			if err != nil && (tries >= bundleTries || retry.Pause(ctx, retry.Backoff(tries)) != nil) {
				return fmt.Errorf("playout: bundle: recording %.12s: %w", a.SHA256, err)
			}
		}
		if hex.EncodeToString(sum.Sum(nil)) != a.SHA256 {
			return fault.New(fault.Unavailable, "recording %.12s came damaged: try again", a.SHA256)
		}
	}
	if err := (tarEntry{name: bundleEnd}).header(out, 0); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("playout: bundle: %w", err)
	}
	return nil
}

// copyRecording copies a recording from byte at on, and answers how many bytes came.
func copyRecording(ctx context.Context, out io.Writer, service *client.Station, audio wire.AudioRef, at int64) (int64,
	error) {
	body, err := service.Audio(ctx, audio.SHA256, at)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	if _, err := io.CopyN(io.Discard, body, at-body.From); err != nil { // a service that cannot resume
		return 0, err
	}
	return io.Copy(out, io.LimitReader(body, audio.Bytes-at))
}

type tarEntry struct {
	name    string
	content []byte
}

// tarOf is the beginning of a tar file of these entries.
func tarOf(entries []tarEntry) ([]byte, error) {
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	for _, e := range entries {
		if err := e.header(out, int64(len(e.content))); err != nil {
			return nil, err
		}
		if _, err := out.Write(e.content); err != nil {
			return nil, fmt.Errorf("playout: bundle: %w", err)
		}
	}
	err := out.Flush()
	return b.Bytes(), err
}

func (e tarEntry) header(out *tar.Writer, size int64) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0),
		Format: tar.FormatUSTAR}
	if err := out.WriteHeader(h); err != nil {
		return fmt.Errorf("playout: bundle: %s: %w", e.name, err)
	}
	return nil
}

// unsealed reads what an envelope carries without believing it.
func unsealed(envelope []byte, out any) error {
	payload, err := seal.Payload(envelope)
	if err == nil {
		err = parse(payload, out)
	}
	if err != nil {
		return fmt.Errorf("playout: bundle: not a document: %w", err)
	}
	return nil
}
