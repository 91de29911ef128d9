package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lifeline/audio"
	"lifeline/internal/harness/longform"
	"lifeline/internal/playout"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// TestMain lets tests, also those of the service, start this test binary as the player. Its clock is off by the
// duration PLAYOUT_TEST_CLOCK; SIGUSR1 steps it forward by 90 s, and SIGUSR2 back.
func TestMain(m *testing.M) {
	if os.Getenv("PLAYOUT_TEST_PLAYER") == "" {
		os.Exit(m.Run())
	}
	var wrong atomic.Int64
	if text := os.Getenv("PLAYOUT_TEST_CLOCK"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			panic(err)
		}
		wrong.Store(int64(d))
		steps := make(chan os.Signal, 10)
		signal.Notify(steps, syscall.SIGUSR1, syscall.SIGUSR2)
		go func() {
			for s := range steps {
				step := 90 * time.Second
				if s == syscall.SIGUSR2 {
					step = -step
				}
				wrong.Add(int64(step))
			}
		}()
	}
	execute(func() time.Time { return time.Now().Add(time.Duration(wrong.Load())) })
}

// service answers a station's requests with the documents that the test set.
type service struct {
	*httptest.Server
	signer *sign.Signer

	mu    sync.Mutex
	docs  map[string][]byte
	asRun map[int64]schedules.AsRun
}

func newService(t *testing.T) *service {
	signer, err := sign.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{signer: signer, docs: map[string][]byte{}, asRun: map[int64]schedules.AsRun{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/stations/lantern/as-run", func(w http.ResponseWriter, r *http.Request) {
		var in wire.AsRunReport
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		var out wire.AsRunResults
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, e := range in.Entries {
			s.asRun[e.Sequence] = e
			out.Results = append(out.Results, wire.AsRunResult{Sequence: e.Sequence, Status: "accepted"})
		}
		if err := json.NewEncoder(w).Encode(out); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("POST /v1/stations/lantern/status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	mux.HandleFunc("GET /v1/stations/lantern/freshness.dsse", func(w http.ResponseWriter, r *http.Request) {
		if _, err := w.Write(s.sign(t, wire.FreshnessType, wire.Freshness{Schema: wire.FreshnessSchema, Station: "lantern",
			Nonce: r.URL.Query().Get("nonce"), At: schedules.At(time.Now())})); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		b, ok := s.docs[r.URL.Path+"?"+r.URL.Query().Get("date")]
		s.mu.Unlock()
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			if _, err := w.Write([]byte(`{"title":"Not found","status":404}`)); err != nil {
				t.Error(err)
			}
			return
		}
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// sample makes one of the sample recordings available, and returns an item that airs its beginning of the given length.
func (s *service) sample(t *testing.T, id, name string, length time.Duration) wire.QueueItem {
	b, err := os.ReadFile(filepath.Join("..", "..", "audio", "samples", name+".mp3"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	sha := hex.EncodeToString(sum[:])
	s.docs[wire.Audio(sha)+"?"] = b
	ms := schedules.Millis{Duration: length}
	return wire.QueueItem{ID: id, Window: "evening", SegmentID: name, Kind: "ident", Language: "ko-KP", Title: name,
		CueOut:   ms,
		Duration: ms, Start: schedules.Follow, Audio: wire.AudioRef{SHA256: sha, Bytes: int64(len(b)),
			ContentType: "audio/mpeg"}}
}

// publish puts a queue of items, back to back from start, on the service.
func (s *service) publish(t *testing.T, start time.Time, items []wire.QueueItem) (length time.Duration) {
	q := wire.Queue{Schema: wire.QueueSchema, Station: "lantern", Date: schedules.DateOf(start.UTC()), Timezone: "UTC",
		Revision:    1,
		PublishedAt: schedules.At(time.Now()), ExpiresAt: schedules.At(start.Add(24 * time.Hour))}
	at := start
	for _, it := range items {
		instant := schedules.At(at)
		it.StartAt = &instant
		q.Items = append(q.Items, it)
		at = at.Add(it.Duration.Duration)
	}
	q.Windows = []schedules.Slot{{Occurrence: schedules.Occurrence{Window: "evening", Date: q.Date,
		StartAt: schedules.At(start), EndAt: schedules.At(at)}}}
	env := s.sign(t, wire.QueueType, q)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docs["/v1/stations/lantern/queue.dsse?"+q.Date.String()] = env
	return at.Sub(start)
}

// sign returns the envelope of a document.
func (s *service) sign(t *testing.T, payloadType string, document any) []byte {
	b, err := json.Marshal(document)
	if err != nil {
		t.Error(err)
	}
	env, err := s.signer.Sign(payloadType, b)
	if err != nil {
		t.Error(err)
	}
	return env
}

// player returns the command that plays the window from the service, and its standard output.
func player(t *testing.T, s *service, dir string, start time.Time, more ...string) (*exec.Cmd, *bytes.Buffer) {
	args := append([]string{"--server", s.URL, "--station", "lantern", "--state", filepath.Join(dir, "state"),
		"--output", "wav:" + dir, "--key", base64.StdEncoding.EncodeToString(s.signer.Public()),
		"--once", "evening@" + start.UTC().Format(time.DateOnly), "--report", "json", "--log-level", "WARN"}, more...)
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "PLAYOUT_TEST_PLAYER=1", "LIFELINE_TOKEN=secret")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	return cmd, &out
}

// decoded returns a sample as mono PCM at its own rate.
func decoded(t *testing.T, name string) []float32 {
	b, err := os.ReadFile(filepath.Join("..", "..", "audio", "samples", name+".mp3"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := audio.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]float32, r.Samples()*int64(r.Channels()))
	for at := 0; at < len(pcm); {
		n, err := r.Read(pcm[at:])
		if at += n * r.Channels(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	left := make([]float32, r.Samples())
	for i := range left {
		left[i] = pcm[i*r.Channels()]
	}
	return left
}

// left returns the left channel of the window's WAV.
func left(t *testing.T, dir string, start time.Time) []float32 {
	b, err := os.ReadFile(filepath.Join(dir, start.UTC().Format(time.DateOnly)+"-evening.wav"))
	if err != nil {
		t.Fatal(err)
	}
	if n := int(binary.LittleEndian.Uint32(b[40:])); n != len(b)-44 {
		t.Fatalf("the header tells of %d bytes, there are %d", n, len(b)-44)
	}
	out := make([]float32, (len(b)-44)/4)
	for i := range out {
		out[i] = float32(int16(binary.LittleEndian.Uint16(b[44+4*i:]))) / 32768
	}
	return out
}

// expectSame checks that frames [from, to) of heard equal pcm from at on, within one bit of rounding.
func expectSame(t *testing.T, heard []float32, from, to int, pcm []float32, at int) {
	t.Helper()
	for i := from; i < to; i++ {
		if math.Abs(float64(heard[i]-pcm[at+i-from])) > 1.01/32768 {
			t.Fatalf("frame %d is %v, not %v", i, heard[i], pcm[at+i-from])
		}
	}
}

// The window of these tests: two samples at the output's own rate, which are compared bit by bit, and one at another.
var (
	signalLength = 5637 * time.Millisecond
	identLength  = 5795 * time.Millisecond
	toneLength   = 2568 * time.Millisecond
)

func (s *service) evening(t *testing.T) (start time.Time, length time.Duration) {
	start = time.Now().Add(3 * time.Second).Truncate(time.Second)
	return start, s.publish(t, start, []wire.QueueItem{s.sample(t, "a", "time-signal", signalLength),
		s.sample(t, "b", "ident-ko", identLength), s.sample(t, "c", "ident-tone", toneLength)})
}

func TestWindowOfRealRecordingsIsExactToTheSample(t *testing.T) {
	t.Parallel()
	longform.Only(t)
	s, dir := newService(t), t.TempDir()
	start, length := s.evening(t)
	cmd, out := player(t, s, dir, start)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	t.Logf("the player took %v of CPU in all, %.1f%% of a core over the window", used, 100*used.Seconds()/length.Seconds())
	heard := left(t, dir, start)
	if want := int(dsp.Rate(48000).Frames(length)); len(heard) != want {
		t.Fatalf("%d frames, not %d", len(heard), want)
	}
	first, second := 5637*48, (5637+5795)*48
	expectSame(t, heard, 0, first, append(decoded(t, "time-signal"), 0, 0, 0, 0), 0)
	expectSame(t, heard, first, second, append(decoded(t, "ident-ko"), make([]float32, 48)...), 0)
	if lag := bestLag(heard[second:], decoded(t, "ident-tone"), 44100); lag != 0 {
		t.Errorf("the item at 44.1 kHz starts %d frames late", lag)
	}
	var kinds []string
	for line := range strings.Lines(out.String()) {
		var n playout.Notice
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if n.Kind != playout.Position {
			kinds = append(kinds, n.Kind+" "+n.ItemID+" "+string(n.Outcome))
		}
	}
	if got, want := strings.Join(kinds, ", "), "window-start  , item-start a , item-end a aired, item-start b , "+
		"item-end b aired, "+
		"item-start c , item-end c aired, window-end  "; got != want {
		t.Errorf("it told\n%s\nnot\n%s", got, want)
	}
	if len(s.asRun) != 3 {
		t.Errorf("%d entries were reported", len(s.asRun))
	}
}

// bestLag returns the lag of heard behind pcm, in frames of 48 kHz, with the best correlation.
func bestLag(heard, pcm []float32, rate float64) (best int) {
	top := math.Inf(-1)
	for lag := -50; lag <= 50; lag++ {
		sum := 0.0
		for i := 2000; i < 60_000; i++ {
			at := float64(i-lag) * rate / 48000
			k := int(at)
			sum += float64(heard[i]) * (float64(pcm[k])*(1-at+float64(k)) + float64(pcm[k+1])*(at-float64(k)))
		}
		if sum > top {
			top, best = sum, lag
		}
	}
	return best
}

func TestKilledPlayerRejoinsAtTheVerySampleAndTellsTheTruth(t *testing.T) {
	t.Parallel()
	longform.Only(t)
	s, dir := newService(t), t.TempDir()
	start, length := s.evening(t)
	cmd, _ := player(t, s, dir, start)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(start.Add(8500 * time.Millisecond))) // in the middle of the second item
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	_ = cmd.Wait() // it was killed
	again, _ := player(t, s, dir, start)
	if err := again.Run(); err != nil {
		t.Fatal(err)
	}
	heard := left(t, dir, start)
	if want := int(dsp.Rate(48000).Frames(length)); len(heard) != want {
		t.Fatalf("%d frames, not %d", len(heard), want)
	}
	ident := append(decoded(t, "ident-ko"), make([]float32, 48)...)
	first := 5637 * 48
	expectSame(t, heard, 0, first, append(decoded(t, "time-signal"), 0, 0, 0, 0), 0)
	expectSame(t, heard, first, 8400*48, ident, 0)

	var parts []schedules.AsRun
	for _, e := range s.asRun {
		if e.ItemID == "b" {
			parts = append(parts, e)
		}
	}
	if len(parts) != 2 || len(s.asRun) != 4 {
		t.Fatalf("reported %+v", s.asRun)
	}
	if parts[0].Sequence > parts[1].Sequence {
		parts[0], parts[1] = parts[1], parts[0]
	}
	planned := start.Add(signalLength)
	if !parts[0].StartedAt.Equal(planned) || parts[0].Outcome != schedules.Cut || parts[0].EndedAt.After(killed) ||
		killed.Sub(parts[0].EndedAt.Time) > 2500*time.Millisecond {
		t.Errorf("the interrupted part is reported as %+v, killed at %v", parts[0], killed)
	}
	if !parts[1].EndedAt.Equal(planned.Add(identLength)) || parts[1].StartedAt.Before(killed.Truncate(time.Millisecond)) {
		t.Errorf("the rejoined part is reported as %+v", parts[1])
	}
	rejoined := int(dsp.Rate(48000).Frames(parts[1].StartedAt.Sub(start))) + 48 // reports have millisecond precision
	expectSame(t, heard, rejoined, (5637+5795)*48, ident, rejoined-first)
	t.Logf("killed at %.3f s, rejoined at %.3f s, reported until %.3f s", killed.Sub(start).Seconds(),
		parts[1].StartedAt.Sub(start).Seconds(), parts[0].EndedAt.Sub(start).Seconds())
}

func TestTerminatedPlayerReportsWhatItCut(t *testing.T) {
	t.Parallel()
	longform.Only(t)
	s, dir := newService(t), t.TempDir()
	start, _ := s.evening(t)
	cmd, _ := player(t, s, dir, start)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(start.Add(2 * time.Second)))
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(s.asRun) != 1 {
		t.Fatalf("reported %+v", s.asRun)
	}
	for _, e := range s.asRun {
		heard := e.EndedAt.Sub(e.StartedAt.Time)
		if e.Outcome != schedules.Cut || (heard-2*time.Second).Abs() > 200*time.Millisecond ||
			!strings.Contains(e.Detail, "stopped") {
			t.Errorf("%+v", e)
		}
	}
}

func TestPCMOnStandardOutputKeepsTime(t *testing.T) {
	t.Parallel()
	longform.Only(t)
	s, dir := newService(t), t.TempDir()
	start, length := s.evening(t)
	cmd, _ := player(t, s, dir, start, "--report", "none", "--output", "pcm:-")
	cmd.Stdout = nil
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Each millisecond gets a timestamp as it leaves the pipe; its position counts back from the end of the window.
	var stamps []time.Time
	buf := make([]byte, 192)
	for {
		if _, err := io.ReadFull(pipe, buf); err != nil {
			break
		}
		stamps = append(stamps, time.Now())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	late := make([]time.Duration, len(stamps))
	for i, at := range stamps {
		late[i] = at.Sub(start.Add(length - time.Duration(len(stamps)-i)*time.Millisecond))
	}
	slices.Sort(late)
	// A block of 20 ms leaves at the time of its first sample. Only the last tenth may be late because the machine is
	// busy.
	t.Logf("late by %v at best, %v in the middle, %v at 90%%, %v at worst", late[0], late[len(late)/2],
		late[len(late)*9/10], late[len(late)-1])
	if len(late) < 14_000 || late[0] < -25*time.Millisecond || late[len(late)/2] > 25*time.Millisecond {
		t.Errorf("%d ms came, late by %v to %v", len(late), late[0], late[len(late)/2])
	}
}

// The readers of the sound, the reports and the log may exit: the player goes on, reports the problem, and airs to the
// outputs that are left.
func TestPlayerGoesOnWhenTheReaderOfItsOutputIsGone(t *testing.T) {
	t.Parallel()
	longform.Only(t)
	s, dir := newService(t), t.TempDir()
	start, _ := s.evening(t)
	cmd, _ := player(t, s, dir, start, "--report", "none", "--output", "pcm:-", "--counts", "pcm:-", "--log-level",
		"DEBUG")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(write.Close(), read.Close()); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asRun) != 3 {
		t.Errorf("reported %+v", s.asRun)
	}
	for _, e := range s.asRun {
		if e.Outcome != schedules.Failed || !strings.Contains(e.Detail, "the program that read it") {
			t.Errorf("nobody heard it: %+v", e)
		}
	}
}
