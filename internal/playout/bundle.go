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
	"lifeline/internal/mirror"
	"lifeline/internal/playout/retry"
	"lifeline/internal/sign"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A bundle carries the documents and recordings of a station's coming days to a station without a link. It is a tar
// file with these entries, in this order:
//
//	lifeline-bundle.json    {"schema":"lifeline.bundle/1","station":"…","made_at":"…"}
//	roots.json              the roots that name the keys, if the service has any: the body of GET /v1/roots
//	mirrors.dsse            the envelope of the list of mirrors, if there is one
//	receipts.dsse           the envelope of the receipts, if there are any
//	recalls.dsse            the envelope of the recall list
//	fallback.dsse           the envelope of the fallback
//	queues/2023-10-27.dsse  the envelope of each day's queue
//	audio/<sha256>.mp3      the recordings that these name, in the order of airing
//	lifeline-bundle.end     empty: the bundle is complete
//
// A bundle has no signature and needs none: the importer verifies the signatures of its documents and the hashes of its
// recordings. A truncated bundle is valid up to its end. Equal content gives equal bytes, so that an interrupted copy
// can be resumed. A delta leaves out the recordings that the station has already.
//
// A bundle carries no lease and no recordings of sensitive items, because a recall cannot reach it. A station that
// depends on bundles airs the fallback in their place; a station that also has a link fetches the lease and the
// recordings over it.
const (
	BundleSchema = "lifeline.bundle/1"
	bundleHead   = "lifeline-bundle.json"
	bundleEnd    = "lifeline-bundle.end"
)

// BundleHead is the first entry of a bundle.
type BundleHead struct {
	Schema  string            `json:"schema"`
	Station string            `json:"station"`
	MadeAt  schedules.Instant `json:"made_at"`
}

// BundleOptions selects the contents of a bundle.
type BundleOptions struct {
	Station  string
	Days     int             // number of days, starting today
	Have     map[string]bool // hashes of recordings to leave out
	Since    int64           // also leave out recordings that queues up to this revision name; 0: none
	Now      time.Time
	Progress func(done, total int64) // bytes of audio; may be nil

	Recipient string // age recipient to whom SaveBundle encrypts; "": it does not
}

// BundledDays lists the station's days in a bundle (Held) and those that are missing from it (Lacking): the requested
// days, in the station's time zone, that have a future window and no published queue.
type BundledDays struct {
	Held, Lacking []schedules.Date
	LeftOut       LeftOut
}

// LeftOut tells of the sensitive items whose recordings a bundle or a mirror does not carry.
type LeftOut struct {
	items    int
	segments []string
}

// from adds the sensitive ones of the items that may still air, and returns the others.
func (l *LeftOut) from(items []wire.QueueItem, now time.Time) (carried []wire.QueueItem) {
	for _, i := range items {
		if !i.Sensitive {
			carried = append(carried, i)
			continue
		}
		if i.StartAt != nil && !i.StartAt.Add(i.Duration.Duration).After(now) {
			continue
		}
		l.items++
		if !slices.Contains(l.segments, i.SegmentID) {
			l.segments = append(l.segments, i.SegmentID)
		}
	}
	return carried
}

// Told says, in sentences for people, how many items are left out of a carrier ("the bundle carries"), why, and what
// follows; "" for none.
func (l LeftOut) Told(carrier string) string {
	if l.items == 0 {
		return ""
	}
	const namedMost = 400
	many := "items"
	if l.items == 1 {
		many = "item"
	}
	return fmt.Sprintf("%s no recordings of sensitive segments, because a recall would not reach them there: %d %s left out "+
		"(%s). Over its link the station airs them by its lease; without a link, the fallback airs in their place: plan "+
		"other segments for a station that has none", carrier, l.items, many,
		text.Names(slices.Sorted(slices.Values(l.segments)), ", ", namedMost))
}

// bundleTries is how often the transfer of a recording is resumed.
const bundleTries = 20

// WriteBundle writes a station's bundle from the service's documents and recordings.
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

// Collected is what a station needs for its coming days: what a bundle and mirrors carry.
type Collected struct {
	Documents  []mirror.Document // in the order in which a station takes them
	Recordings []mirror.Recording
	Days       BundledDays
}

// Collect fetches the documents that a station needs, and determines the recordings.
func Collect(ctx context.Context, api *client.Client, opt BundleOptions) (Collected, error) {
	c, err := gather(ctx, api.Station(opt.Station), opt)
	if err != nil {
		return Collected{}, err
	}
	out := Collected{Days: c.days}
	for _, e := range c.entries {
		if e.name != bundleHead {
			out.Documents = append(out.Documents, mirror.Document{Name: e.name, Content: e.content})
		}
	}
	for _, r := range c.recordings {
		out.Recordings = append(out.Recordings, mirror.Recording{SHA256: r.SHA256, Bytes: r.Bytes})
	}
	return out, nil
}

// CopyRecording writes a recording of the service to w. It resumes a transfer that breaks off, and checks the hash.
func CopyRecording(ctx context.Context, w io.Writer, service *client.Station, r mirror.Recording) error {
	return copyWhole(ctx, w, service, wire.AudioRef{SHA256: r.SHA256, Bytes: r.Bytes}, func(int64) {})
}

// content is the content of a bundle.
type content struct {
	service    *client.Station
	entries    []tarEntry
	documents  []byte // the part of the tar file before the recordings
	days       BundledDays
	recordings []wire.AudioRef // in the order in which the bundle has them
	progress   func(done, total int64)
}

// gather fetches the documents from the service and determines the recordings that they need.
func gather(ctx context.Context, service *client.Station, opt BundleOptions) (*content, error) {
	held := &Holdings{Queues: map[schedules.Date]*wire.Queue{}}
	c := &content{service: service, progress: opt.Progress}
	head, err := json.Marshal(BundleHead{BundleSchema, opt.Station, schedules.At(opt.Now)})
	if err != nil {
		return nil, fmt.Errorf("playout: bundle: %w", err)
	}
	entries := []tarEntry{{bundleHead, head}}
	add := func(name string, envelope []byte, into any) error {
		entries = append(entries, tarEntry{name, envelope})
		return decodePayload(envelope, into)
	}
	if entries, err = addRoots(ctx, service, entries); err != nil {
		return nil, err
	}
	if entries, err = addNotes(ctx, service, entries); err != nil {
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
		held.Fallback.Items = c.days.LeftOut.from(held.Fallback.Items, opt.Now)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("playout: bundle: %w", err)
	}
	unknown := err
	known := map[string]bool{}
	// One more day at either end: the station's day differs from UTC's.
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
		if err := decodePayload(doc.Bytes, q); err != nil {
			return nil, err
		}
		if !q.ExpiresAt.After(opt.Now) { // no station takes it
			continue
		}
		held.Queues[date] = q
		c.days.Held = append(c.days.Held, date)
		entries = append(entries, tarEntry{queueName(date), doc.Bytes})
		q.Items, q.Fallback = c.days.LeftOut.from(q.Items, opt.Now), c.days.LeftOut.from(q.Fallback, opt.Now)
		for _, i := range q.Items {
			known[i.Audio.SHA256] = known[i.Audio.SHA256] || q.Revision <= opt.Since
		}
	}
	if unknown != nil && len(held.Queues) == 0 { // the service has neither a fallback nor a queue for the station
		return nil, unknown
	}
	if c.days.Lacking, err = missingDays(held, opt); err != nil {
		return nil, fmt.Errorf("playout: bundle: %w", err)
	}
	held.index()
	for _, w := range wants(held, opt.Now) {
		if !opt.Have[w.audio.SHA256] && !known[w.audio.SHA256] {
			c.recordings = append(c.recordings, w.audio)
		}
	}
	c.entries = entries
	c.documents, err = tarOf(entries)
	return c, err
}

// addNotes adds the list of mirrors and the receipts, if there are any.
func addNotes(ctx context.Context, service *client.Station, entries []tarEntry) ([]tarEntry, error) {
	for _, d := range []struct {
		name string
		get  func() (client.Document, error)
	}{
		{mirrorListName, func() (client.Document, error) { return service.MirrorList(ctx, "") }},
		{receiptsName, func() (client.Document, error) { return service.Receipts(ctx) }},
	} {
		doc, err := d.get()
		if err == nil {
			entries = append(entries, tarEntry{d.name, doc.Bytes})
		} else if !fault.Is(err, fault.NotFound) {
			return nil, fmt.Errorf("playout: bundle: %w", err)
		}
	}
	return entries, nil
}

// addRoots adds the roots, if the service has any.
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

// missingDays returns the days of the station that opt requests and that have no queue. The fallback list names the
// windows of the coming days: a day that it covers completely and for which it names no window lacks nothing.
func missingDays(held *Holdings, opt BundleOptions) (out []schedules.Date, err error) {
	var zone string
	for _, q := range held.Queues {
		zone = q.Timezone
	}
	if held.Fallback != nil {
		zone = cmp.Or(held.Fallback.Timezone, zone)
	}
	loc, err := schedules.Zone(cmp.Or(zone, "UTC"))
	if err != nil {
		return nil, err
	}
	named := func(date schedules.Date) bool {
		if held.Fallback == nil || time.Date(date.Year, date.Month, date.Day+1, 0, 0, 0, 0,
			loc).After(held.Fallback.ExpiresAt.Time) {
			return true // nothing states that it has no window
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

// writeRest writes the recordings from index from on, each checked against its hash, and the end entry.
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
		err := copyWhole(ctx, out, c.service, a, func(n int64) {
			if done += n; c.progress != nil {
				c.progress(done, total)
			}
		})
		if err != nil {
			return err
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

// copyWhole copies a recording, resumed where it broke off, and checks its hash.
func copyWhole(ctx context.Context, out io.Writer, service *client.Station, a wire.AudioRef, came func(int64)) error {
	sum := sha256.New()
	for at, tries := int64(0), 0; at < a.Bytes; tries++ {
		n, err := copyRecording(ctx, io.MultiWriter(out, sum), service, a, at)
		at += n
		came(n)
		if err == nil && at < a.Bytes {
			err = fault.New(fault.Unavailable, "it broke off")
		}
		if err != nil && (tries >= bundleTries || retry.Pause(ctx, retry.Backoff(tries)) != nil) {
			return fmt.Errorf("playout: bundle: recording %.12s: %w", a.SHA256, err)
		}
	}
	if hex.EncodeToString(sum.Sum(nil)) != a.SHA256 {
		return fault.New(fault.Unavailable, "recording %.12s arrived damaged: try again", a.SHA256)
	}
	return nil
}

// copyRecording copies a recording from byte at on, and returns the number of bytes copied.
func copyRecording(ctx context.Context, out io.Writer, service *client.Station, audio wire.AudioRef, at int64) (int64,
	error) {
	body, err := service.Audio(ctx, audio.SHA256, at)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	if _, err := io.CopyN(io.Discard, body, at-body.From); err != nil { // in case the service does not resume
		return 0, err
	}
	return io.Copy(out, io.LimitReader(body, audio.Bytes-at))
}

type tarEntry struct {
	name    string
	content []byte
}

// tarOf returns the beginning of a tar file with these entries.
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

// decodePayload decodes the payload of an envelope without verifying it.
func decodePayload(envelope []byte, out any) error {
	payload, err := sign.Payload(envelope)
	if err == nil {
		err = parse(payload, out)
	}
	if err != nil {
		return fmt.Errorf("playout: bundle: not a document: %w", err)
	}
	return nil
}
