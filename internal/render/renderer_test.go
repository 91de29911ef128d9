package render

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeline/internal/blob"
	"lifeline/internal/fault"
	"lifeline/internal/playout"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// booth is a renderer under test with real recordings.
type booth struct {
	t     testing.TB
	dir   string
	audio *blob.Local
	*Renderer
}

func newBooth(t testing.TB, limit int64) *booth {
	t.Helper()
	audio, err := blob.OpenLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &booth{t: t, dir: t.TempDir(), audio: audio}
	b.open(audio, limit)
	t.Cleanup(func() {
		if err := errors.Join(b.Close(), audio.Close()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *booth) open(audio Audio, limit int64) {
	b.t.Helper()
	var err error
	b.Renderer, err = Open(
		b.dir,
		audio,
		Options{Rate: 48_000, Silence: playout.SilenceLimit, Limit: limit, AtOnce: 1, Open: playout.OpenMP3,
			Log: slog.New(slog.DiscardHandler)},
	)
	if err != nil {
		b.t.Fatal(err)
	}
}

// window returns a queue that plays the first two seconds of each sample in turn until it has that length.
func (b *booth) window(name string, length time.Duration, samples ...string) *wire.Queue {
	b.t.Helper()
	start := time.Date(2026, 5, 1, 13, 0, 0, 0, time.UTC)
	end := schedules.At(start.Add(length))
	q := &wire.Queue{
		Schema:   wire.QueueSchema,
		Station:  "lantern",
		Date:     schedules.DateOf(start),
		Timezone: "UTC",
		Revision: 1,
		PublishedAt: schedules.At(
			start,
		),
		ExpiresAt: schedules.At(end.Add(time.Hour)),
		Windows: []schedules.Slot{{Occurrence: schedules.Occurrence{
			Window: name, Date: schedules.DateOf(start), StartAt: schedules.At(start), EndAt: end}}},
	}
	refs := map[string]wire.AudioRef{}
	for _, sample := range samples {
		content, err := os.ReadFile("../../audio/samples/" + sample + ".mp3")
		if err != nil {
			b.t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if _, err := b.audio.Put(b.t.Context(), bytes.NewReader(content), 1<<30); err != nil {
			b.t.Fatal(err)
		}
		refs[sample] = wire.AudioRef{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(content))}
	}
	for at := start; at.Before(end.Time); at = at.Add(2 * time.Second) {
		sample := samples[len(q.Items)%len(samples)]
		starts, lasts := schedules.At(at), schedules.Ms(min(2000, end.Sub(at).Milliseconds()))
		q.Items = append(
			q.Items,
			wire.QueueItem{
				ID:        strconv.Itoa(len(q.Items)),
				Window:    name,
				SegmentID: sample,
				StartAt:   &starts,
				StartMs:   at.UnixMilli(),
				Start:     schedules.Follow,
				Duration:  lasts,
				CueOut:    lasts,
				GainDB:    -2,
				Audio:     refs[sample],
			},
		)
	}
	return q
}

func (b *booth) read(q *wire.Queue, format string) []byte {
	b.t.Helper()
	f, _, _, err := b.Window(b.t.Context(), q, format)
	if err != nil {
		b.t.Fatal(err)
	}
	content, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		b.t.Fatal(err)
	}
	return content
}

func (b *booth) files() (names []string) {
	b.t.Helper()
	names, err := filepath.Glob(filepath.Join(b.dir, "*"))
	if err != nil {
		b.t.Fatal(err)
	}
	return names
}

// decoded returns the samples that ffmpeg decodes from a file.
func decoded(t testing.TB, file []byte) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", "-", "-f", "s16le", "-")
	cmd.Stdin = bytes.NewReader(file)
	var words bytes.Buffer
	cmd.Stderr = &words
	pcm, err := cmd.Output()
	if err != nil || words.Len() > 0 {
		t.Fatalf("ffmpeg: %v %s", err, words.String())
	}
	return pcm
}

func TestFLACAndWAVHoldTheSameSamplesAndAreExactlyAsLongAsTheWindow(t *testing.T) {
	b := newBooth(t, 1<<30)
	q := b.window("evening", 9*time.Second+987*time.Millisecond, "ident-tone", "reading-ko-full-hana", "sign-on-ko")
	wav, flac := b.read(q, WAV), b.read(q, FLAC)
	pcm := decoded(t, flac)
	if want := 9_987 * 48 * frameBytes; len(pcm) != want || len(wav) != wavHeader+want {
		t.Errorf("%d bytes of samples in the FLAC, %d in the WAV, not %d", len(pcm), len(wav)-wavHeader, want)
	}
	if !bytes.Equal(pcm, wav[wavHeader:]) || !bytes.Equal(decoded(t, wav), pcm) {
		t.Error("the FLAC and the WAV differ")
	}
	name := filepath.Join(t.TempDir(), "window.flac")
	if err := os.WriteFile(name, flac, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("soxi", "-s", name).Output()
	if got := strings.TrimSpace(string(out)); err != nil || got != strconv.Itoa(9_987*48) {
		t.Errorf("sox reads %q samples in the header: %v", got, err)
	}
	t.Logf("FLAC is %d%% of WAV", len(flac)*100/len(wav))
	if again := b.read(q, FLAC); !bytes.Equal(again, flac) {
		t.Error("the kept file is another")
	}
	if n := len(b.files()); n != 2 {
		t.Errorf("%d files are kept: %v", n, b.files())
	}
}

// gate is an audio store that blocks until it is opened.
type gate struct {
	*blob.Local
	open  chan struct{}
	mu    sync.Mutex
	asked int
}

func (g *gate) Open(ctx context.Context, sha string) (blob.Content, int64, error) {
	g.mu.Lock()
	g.asked++
	g.mu.Unlock()
	select {
	case <-g.open:
		return g.Local.Open(ctx, sha)
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
}

func TestListenersShareOneRenderAndTheLastToGoStopsIt(t *testing.T) {
	b := newBooth(t, 1<<30)
	g := &gate{Local: b.audio, open: make(chan struct{})}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b.open(g, 1<<30)
	q := b.window("evening", 8*time.Second, "reading-ko-full-hana")
	listen := func() io.ReadSeekCloser {
		f, size, _, err := b.Window(t.Context(), q, WAV)
		if err != nil || size != wavHeader+8*48_000*frameBytes {
			t.Fatal(size, err)
		}
		return f
	}
	head := make([]byte, wavHeader)
	first := listen()
	if _, err := io.ReadFull(
		first,
		head,
	); err != nil ||
		string(head[:4]) != "RIFF" { // arrives at once, although no audio does
		t.Fatal(err)
	}
	if err := first.Close(); err != nil { // stops the render, which releases the wait for audio
		t.Fatal(err)
	}
	if left := b.files(); len(left) != 0 {
		t.Errorf("%v is left of what nobody waited for", left)
	}
	var all [3][]byte
	var work sync.WaitGroup
	var files [3]io.ReadSeekCloser
	for i := range files {
		files[i] = listen()
	}
	if _, err := files[2].Seek(-1000*frameBytes, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	g.mu.Lock()
	g.asked = 0
	g.mu.Unlock()
	for i, f := range files {
		work.Go(func() {
			var err error
			if all[i], err = io.ReadAll(f); err != nil {
				t.Error(err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	close(g.open)
	work.Wait()
	if g.asked != 1 {
		t.Errorf("one recording was fetched %d times", g.asked)
	}
	if !bytes.Equal(all[0], all[1]) || !bytes.HasSuffix(all[0], all[2]) || len(all[2]) != 1000*frameBytes {
		t.Errorf("listeners heard %d, %d and %d bytes", len(all[0]), len(all[1]), len(all[2]))
	}
	ctx, cancel := context.WithCancel(t.Context())
	f, _, _, err := b.Window(ctx, b.window("other", time.Second, "ident-tone"), WAV)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if n, err := f.Read(head); n == 0 && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestChangedWindowReplacesTheKeptFileAndSpaceIsBounded(t *testing.T) {
	const size = wavHeader + 2*48_000*frameBytes
	b := newBooth(t, 3*size)
	q := b.window("evening", 2*time.Second, "reading-ko-full-hana")
	before := b.read(q, WAV)
	q.Items[0].GainDB = -9
	after := b.read(q, WAV)
	if bytes.Equal(before, after) || len(b.files()) != 1 {
		t.Errorf("the window was changed; kept are %v", b.files())
	}
	for i := range 5 { // other files replace it, the oldest first
		b.read(b.window(fmt.Sprint("window-", i), 2*time.Second, "ident-tone"), WAV)
		total := int64(0)
		for _, name := range b.files() {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			total += info.Size()
		}
		if total > 3*size || total < min(int64(i+2), 3)*size {
			t.Errorf("after %d windows there are %d bytes", i+2, total)
		}
	}
	f, _, _, err := b.Window(t.Context(), b.window("long", 8*time.Second, "ident-tone"), WAV)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Read(make([]byte, 1)); !fault.Is(err, fault.Full) {
		t.Errorf("a window that does not fit: %v", err)
	}
	if _, _, _, err := b.Window(
		t.Context(),
		b.window("day", 7*time.Hour, "ident-tone"),
		WAV,
	); !fault.Is(
		err,
		fault.TooLarge,
	) {
		t.Errorf("seven hours of WAV: %v", err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "7.part"), []byte("cut off by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept := b.files()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b.open(b.audio, 3*size)
	if left := b.files(); len(left) != len(kept)-1 {
		t.Errorf("after a restart there are %v", left)
	}
}

// The fallback replaces recordings that the service does not have, as in the player, but such a file is not kept. An
// unreachable store fails the render.
func TestMissingRecordingIsReplacedAndTheFileNotKept(t *testing.T) {
	b := newBooth(t, 1<<30)
	q := b.window("evening", 4*time.Second, "ident-tone", "reading-ko-full-hana")
	q.Fallback = []wire.QueueItem{q.Items[1]}
	q.Fallback[0].ID, q.Fallback[0].StartAt = "fallback", nil
	if err := b.audio.Delete(t.Context(), q.Items[0].Audio.SHA256); err != nil {
		t.Fatal(err)
	}
	got := b.read(q, WAV)
	q.Items[0] = q.Items[1]
	q.Items[0].StartAt, q.Items[0].StartMs = &q.Windows[0].StartAt, q.Windows[0].StartAt.UnixMilli()
	q.Items[0].ID = "0"
	if want := b.read(q, WAV); !bytes.Equal(got, want) {
		t.Error("what is missing was not replaced by the fallback")
	}
	if n := len(b.files()); n != 1 {
		t.Errorf("%v are kept", b.files())
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b.open(gone{}, 1<<30)
	q.Items[0].GainDB = -7
	f, _, _, err := b.Window(t.Context(), q, FLAC)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.ReadAll(f); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("audio that cannot be read: %v", err)
	}
}

type gone struct{}

func (gone) Open(context.Context, string) (blob.Content, int64, error) {
	return nil, 0, fs.ErrPermission
}
