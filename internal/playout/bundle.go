package playout

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A bundle carries a station's coming days where there is no link. It is a tar file of, in this order:
//
//	lifeline-bundle.json    {"schema":"lifeline.bundle/1","station":"…","made_at":"…"}
//	recalls.dsse            the envelope of the recall list
//	fallback.dsse           the envelope of the fallback
//	queues/2023-10-27.dsse  the envelope of each day's queue
//	audio/<sha256>.mp3      the recordings that these name, what airs first first
//	lifeline-bundle.end     nothing: the bundle is whole
//
// It has no signature of its own and needs none: whoever takes it believes its documents for their signatures and its
// recordings for their hashes. A bundle that is cut short is good up to there. The same content is the same bytes,
// so that a copy can be gone on with. A delta leaves out the recordings that the station has already.
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
	Now      time.Time
	Progress func(done, total int64) // bytes of audio; may be nil
}

// bundleTries is how often a recording that breaks off is gone on with.
const bundleTries = 20

// WriteBundle writes a station's bundle from what the service has for it.
func WriteBundle(ctx context.Context, w io.Writer, api *client.Client, opt BundleOptions) error {
	service := api.Station(opt.Station)
	held := &Holdings{Queues: map[schedules.Date]*wire.Queue{}}
	var entries []tarEntry
	add := func(name string, envelope []byte, into any) error {
		entries = append(entries, tarEntry{name, envelope})
		return unsealed(envelope, into)
	}
	body, err := service.Recalls(ctx, "", 0)
	if err == nil {
		var recalls struct {
			Envelope json.RawMessage `json:"envelope"`
		}
		if err := json.Unmarshal(body.Bytes, &recalls); err != nil {
			return fmt.Errorf("playout: bundle: recalls: %w", err)
		}
		held.Recalls = &wire.Recalls{}
		err = add("recalls.dsse", recalls.Envelope, held.Recalls)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("playout: bundle: %w", err)
	}
	fallback, err := service.Fallback(ctx, "")
	if err == nil {
		held.Fallback = &wire.Fallback{}
		err = add("fallback.dsse", fallback.Bytes, held.Fallback)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("playout: bundle: %w", err)
	}
	// A day more at either end: the station's day is not UTC's.
	for date, end := schedules.DateOf(opt.Now.UTC()).AddDays(-1), schedules.DateOf(opt.Now.UTC()).AddDays(opt.Days); !end.Before(date); date = date.AddDays(1) {
		doc, err := service.Queue(ctx, date, "", 0)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("playout: bundle: %w", err)
		}
		held.Queues[date] = &wire.Queue{}
		if err := add("queues/"+date.String()+".dsse", doc.Bytes, held.Queues[date]); err != nil {
			return err
		}
	}
	held.index()
	head, err := json.Marshal(BundleHead{BundleSchema, opt.Station, schedules.At(opt.Now)})
	if err != nil {
		return fmt.Errorf("playout: bundle: %w", err)
	}
	out := tar.NewWriter(w)
	for _, e := range slices.Insert(entries, 0, tarEntry{bundleHead, head}) {
		if err := e.header(out, int64(len(e.content))); err != nil {
			return err
		}
		if _, err := out.Write(e.content); err != nil {
			return fmt.Errorf("playout: bundle: %w", err)
		}
	}
	if err := writeRecordings(ctx, out, service, wants(held, opt.Now), opt); err != nil {
		return err
	}
	if err := (tarEntry{name: bundleEnd}).header(out, 0); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("playout: bundle: %w", err)
	}
	return nil
}

func writeRecordings(ctx context.Context, out *tar.Writer, service *client.Station, all []want, opt BundleOptions) error {
	all = slices.DeleteFunc(all, func(w want) bool { return opt.Have[w.audio.SHA256] })
	var done, total int64
	for _, w := range all {
		total += w.audio.Bytes
	}
	for _, w := range all {
		if err := (tarEntry{name: recordingName(w.audio.SHA256)}).header(out, w.audio.Bytes); err != nil {
			return err
		}
		for at, tries := int64(0), 0; at < w.audio.Bytes; tries++ {
			n, err := copyRecording(ctx, out, service, w.audio, at)
			at, done = at+n, done+n
			if opt.Progress != nil {
				opt.Progress(done, total)
			}
			if err == nil && at < w.audio.Bytes {
				err = fault.New(fault.Unavailable, "it broke off")
			}
			if err != nil && (tries >= bundleTries || pause(ctx, backoff(tries)) != nil) {
				return fmt.Errorf("playout: bundle: recording %.12s: %w", w.audio.SHA256, err)
			}
		}
	}
	return nil
}

// copyRecording copies a recording from byte at on, and answers how many bytes came.
func copyRecording(ctx context.Context, out io.Writer, service *client.Station, audio wire.AudioRef, at int64) (int64, error) {
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

func (e tarEntry) header(out *tar.Writer, size int64) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := out.WriteHeader(h); err != nil {
		return fmt.Errorf("playout: bundle: %s: %w", e.name, err)
	}
	return nil
}

// unsealed reads what an envelope carries without believing it.
func unsealed(envelope []byte, out any) error {
	var e wire.Envelope
	if err := json.NewDecoder(bytes.NewReader(envelope)).Decode(&e); err != nil {
		return fmt.Errorf("playout: bundle: not an envelope: %w", err)
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err == nil {
		err = json.Unmarshal(payload, out)
	}
	if err != nil {
		return fmt.Errorf("playout: bundle: not a document: %w", err)
	}
	return nil
}
