package playout

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// service is a small implementation of the service's contract on connections in memory, which work in simulated time.
type service struct {
	t      *testing.T
	signer *sign.Signer
	server *http.Server
	client *http.Client

	mu        sync.Mutex
	changed   chan struct{}
	documents map[string][]byte // by path and query
	tags      map[string]string
	audio     map[string][]byte
	down      bool
	fault     func(http.ResponseWriter, *http.Request) bool // returns true if it has answered instead
	requests  map[string]int
	asRun     []schedules.AsRun // as received, repeats included
	status    []wire.Status
	skew      time.Duration
	wrap      func(net.Conn) net.Conn // wraps the service's end of a connection
}

func newService(t *testing.T) *service {
	signer, err := sign.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, signer: signer, changed: make(chan struct{}), documents: map[string][]byte{},
		tags:  map[string]string{},
		audio: map[string][]byte{}, requests: map[string]int{}}
	l := &memoryListener{service: s, conns: make(chan net.Conn), closed: make(chan struct{})}
	s.server = &http.Server{Handler: s}
	s.client = &http.Client{Transport: &http.Transport{DialContext: l.dial, DisableCompression: true}}
	go s.server.Serve(l)
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		if err := s.server.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

type memoryListener struct {
	service *service
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		if l.service.wrap != nil {
			c = l.service.wrap(c)
		}
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *memoryListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *memoryListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (l *memoryListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *service) api() *client.Client { return client.New("http://service", "token", s.client) }

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Path
	if d := r.URL.Query().Get("date"); d != "" {
		key += "?date=" + d
	}
	s.mu.Lock()
	s.requests[key]++
	down, fault, changed := s.down, s.fault, s.changed
	body, known := s.documents[key]
	tag := s.tags[key]
	sha, isAudio := strings.CutPrefix(r.URL.Path, "/v1/audio/")
	recording, recorded := s.audio[strings.TrimSuffix(sha, ".mp3")]
	s.mu.Unlock()
	if down {
		panic(http.ErrAbortHandler)
	}
	if fault != nil && fault(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer token" {
		problemOf(w, http.StatusUnauthorized)
		return
	}
	switch {
	case isAudio:
		if !recorded {
			problemOf(w, http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", strconv.Quote(strings.TrimSuffix(sha, ".mp3")))
		w.Header().Set("Content-Type", "audio/mpeg")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(recording))
	case strings.HasSuffix(key, "/as-run"):
		var report wire.AsRunReport
		if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
			problemOf(w, http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		var out wire.AsRunResults
		for _, e := range report.Entries {
			status := "accepted"
			if slices.ContainsFunc(s.asRun, func(x schedules.AsRun) bool { return x.Sequence == e.Sequence }) {
				status = "repeated"
			}
			s.asRun = append(s.asRun, e)
			out.Results = append(out.Results, wire.AsRunResult{Sequence: e.Sequence, Status: status})
		}
		s.mu.Unlock()
		json.NewEncoder(w).Encode(out)
	case strings.HasSuffix(key, "/status"):
		var st wire.Status
		if err := json.NewDecoder(r.Body).Decode(&st); err != nil {
			problemOf(w, http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.status = append(s.status, st)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case strings.HasSuffix(r.URL.Path, "/freshness.dsse"):
		w.Write(s.sign(wire.FreshnessType, wire.Freshness{Schema: wire.FreshnessSchema, Station: strings.Split(r.URL.Path,
			"/")[3],
			Nonce: r.URL.Query().Get("nonce"), At: schedules.At(time.Now().Add(s.skew))}))
	case key == "/v1/keys":
		writeKeys(w, sign.KeyID(s.signer.Public()), s.signer.Public())
	case !known:
		problemOf(w, http.StatusNotFound)
	case r.Header.Get("If-None-Match") == tag:
		wait, _ := time.ParseDuration(cmp.Or(r.URL.Query().Get("wait"), "0s"))
		for until := time.After(wait); ; {
			select {
			case <-until:
				w.WriteHeader(http.StatusNotModified)
				return
			case <-r.Context().Done():
				return
			case <-changed:
			}
			s.mu.Lock()
			body, changed = s.documents[key], s.changed
			same := s.tags[key] == tag
			tag = s.tags[key]
			s.mu.Unlock()
			if !same {
				w.Header().Set("ETag", tag)
				w.Write(body)
				return
			}
		}
	default:
		w.Header().Set("ETag", tag)
		w.Write(body)
	}
}

func writeKeys(w http.ResponseWriter, id string, key ed25519.PublicKey) {
	json.NewEncoder(w).Encode(wire.Keys{Keys: []wire.Key{{ID: id, Algorithm: "ed25519",
		PublicKey: base64.StdEncoding.EncodeToString(key)}}})
}

func otherSigner(t *testing.T) *sign.Signer {
	signer, err := sign.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// setDown makes the service unreachable, or reachable again.
func (s *service) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func problemOf(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(wire.Problem{Title: http.StatusText(status), Status: status})
}

func (s *service) sign(payloadType string, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	env, err := s.signer.Sign(payloadType, b)
	if err != nil {
		s.t.Fatal(err)
	}
	return env
}

func (s *service) put(key string, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := sha256.Sum256(b)
	s.documents[key], s.tags[key] = b, strconv.Quote(hex.EncodeToString(sum[:8]))
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *service) publish(q wire.Queue) {
	s.put("/v1/stations/"+q.Station+"/queue.dsse?date="+q.Date.String(), s.sign(wire.QueueType, q))
}

func (s *service) setFallback(f wire.Fallback) {
	s.put("/v1/stations/"+f.Station+"/fallback.dsse", s.sign(wire.FallbackType, f))
}

func (s *service) recallsBody(r wire.Recalls) []byte {
	r.Schema = wire.RecallsSchema
	var env wire.Envelope
	if err := json.Unmarshal(s.sign(wire.RecallsType, r), &env); err != nil {
		s.t.Fatal(err)
	}
	r.Envelope = &env
	b, err := json.Marshal(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *service) recall(revision int64, segments ...string) {
	r := wire.Recalls{Revision: revision, IssuedAt: schedules.At(time.Now())}
	for _, id := range segments {
		r.Segments = append(r.Segments, wire.Recalled{SegmentID: id, RecalledAt: schedules.At(time.Now())})
	}
	s.put("/v1/recalls", s.recallsBody(r))
}

// entries returns the as-run entries that the service accepted, in order of sequence, without repeats.
func (s *service) entries() []schedules.AsRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.asRun)
	slices.SortStableFunc(out, func(a, b schedules.AsRun) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return slices.CompactFunc(out, func(a, b schedules.AsRun) bool { return a.Sequence == b.Sequence })
}

// recording is a test recording whose samples identify it: the left channel its number, the right one the position in
// it.
type recording struct {
	Number int
	Rate   int
	Frames int64
	BadAt  int64 // frame at which decoding fails; 0: none
	MuteAt int64 // frame from which it is silent; 0: none
}

const codePeriod = 20_000 // frames after which the right channel's code repeats

func (r recording) left() int16           { return int16(r.Number * 100) }
func (r recording) right(at int64) int16  { return int16(at % codePeriod) }
func (r recording) length() time.Duration { return dsp.Rate(r.Rate).Duration(r.Frames) }

// serveAudio makes the bytes of a recording available and returns their hash.
func (s *service) serveAudio(b []byte) string {
	sum := sha256.Sum256(b)
	sha := hex.EncodeToString(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audio[sha] = b
	return sha
}

// record makes a recording available and returns an item that plays all of it.
func (s *service) record(r recording) wire.QueueItem {
	b, err := json.Marshal(r)
	if err != nil {
		s.t.Fatal(err)
	}
	sha := s.serveAudio(b)
	name := fmt.Sprintf("segment-%d", r.Number)
	length := schedules.Millis{Duration: r.length()}
	return wire.QueueItem{ID: fmt.Sprintf("item-%d", r.Number), SegmentID: name, Kind: "reading", Language: "ko-KP",
		Title:    name,
		Duration: length, CueOut: length,
		Audio: wire.AudioRef{SHA256: sha, Bytes: int64(len(b)), ContentType: "audio/mpeg", URL: wire.Audio(sha)}}
}

// openRecording is the Open of test recordings.
func openRecording(r io.ReaderAt, size int64) (Decoder, error) {
	b, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	var rec recording
	if err := json.Unmarshal(b, &rec); err != nil {
		return nil, err
	}
	d := &synth{rate: rec.Rate, channels: 2, samples: rec.Frames, tone: func(at int64, channel int) float64 {
		if rec.MuteAt > 0 && at >= rec.MuteAt {
			return 0
		}
		if channel == 0 {
			return float64(rec.left()) / 32768
		}
		return float64(rec.right(at)) / 32768
	}}
	if rec.BadAt > 0 {
		return &failing{d, rec.BadAt}, nil
	}
	return d, nil
}

type failing struct {
	*synth
	at int64
}

func (f *failing) Read(dst []float32) (int, error) {
	if f.synth.at >= f.at {
		return 0, fmt.Errorf("a made-up failure at frame %d", f.at)
	}
	return f.synth.Read(dst[:min(int64(len(dst)), (f.at-f.synth.at)*2)])
}

// day returns a queue of consecutive items in one window that starts at start.
func day(station string, revision int64, start time.Time, length time.Duration, items []wire.QueueItem,
	fallback ...wire.QueueItem) wire.Queue {
	date := schedules.DateOf(start.UTC())
	q := wire.Queue{Schema: wire.QueueSchema, Station: station, Date: date, Timezone: "UTC", Revision: revision,
		PublishedAt: schedules.At(time.Now()), ExpiresAt: schedules.At(start.Add(48 * time.Hour)), Fallback: fallback}
	occ := schedules.Occurrence{Window: "evening", Date: date, StartAt: schedules.At(start),
		EndAt: schedules.At(start.Add(length))}
	q.Windows = []schedules.Slot{{Occurrence: occ, Tolerance: schedules.Ms(1000)}}
	at := start
	for _, it := range items {
		starts := schedules.At(at)
		it.StartAt, it.StartMs, it.Window, it.Start = &starts, at.UnixMilli(), "evening", schedules.Follow
		q.Items = append(q.Items, it)
		at = at.Add(it.Duration.Duration)
	}
	return q
}

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Sizes in a WAV file of 16-bit stereo.
const (
	headerBytes = 44
	frameBytes  = 4
)
