package endtoend

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/playout"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// relays are many stations on the air at once, each a real player in this process; the service is another process.
type relays struct {
	admin, editor *client.Client
	direct, bad   string // addresses of the service: the direct one, and the one for unplugged stations
	link          *harness.Proxy
	lease         time.Duration
	voice         schedules.Segment // sensitive, and of a person
	start, end    time.Time         // of the window
	stations      []*relay
}

// relay is one station.
type relay struct {
	id        string
	unplugged bool
	player    *playout.Player

	mu      sync.Mutex
	leases  []wire.Lease     // as they arrived
	starts  []time.Time      // of the sensitive segment
	instead []playout.Notice // what the fallback aired
}

// RoundTrip records every lease that the station receives.
func (r *relay) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || !strings.HasSuffix(req.URL.Path, "/lease.dsse") || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	b, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(b))
	var envelope wire.Envelope
	var lease wire.Lease
	if err := json.Unmarshal(b, &envelope); err != nil {
		return nil, err
	}
	payload, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err == nil {
		err = json.Unmarshal(payload, &lease)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leases = append(r.leases, lease)
	return resp, err
}

func (r *relay) notice(voice string) func(playout.Notice) {
	return func(n playout.Notice) {
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case n.Kind == playout.ItemStart && n.SegmentID == voice:
			r.starts = append(r.starts, time.Now())
		case n.Kind == playout.ItemEnd && n.Outcome == schedules.FellBack:
			r.instead = append(r.instead, n)
		}
	}
}

// begun returns how many sensitive items have started.
func (r *relay) begun() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.starts)
}

// late returns how many sensitive items started without a valid lease.
func (r *relay) late(segment string) (n int) {
	for _, at := range r.starts {
		if !slices.ContainsFunc(r.leases, func(l wire.Lease) bool {
			return slices.Contains(l.Segments, segment) &&
				at.Before(l.ExpiresAt.Time)
		}) {
			n++
		}
	}
	return n
}

// hum is a decoder without cost: the sound matters only at unplugged stations.
type hum struct{ left int64 }

const humRate = 8000

func (h *hum) SampleRate() int { return humRate }
func (h *hum) Channels() int   { return 1 }
func (h *hum) Samples() int64  { return humRate * 60 }
func (h *hum) SeekTo(at int64) error {
	h.left = h.Samples() - at
	return nil
}
func (h *hum) Read(dst []float32) (int, error) {
	n := min(int64(len(dst)), h.left)
	for i := range n {
		dst[i] = float32(math.Sin(float64(i) / 10))
	}
	h.left -= n
	if n == 0 {
		return 0, io.EOF
	}
	return int(n), nil
}

// cut returns the first n bytes of a sample: a recording of its own.
func cut(t *testing.T, sample string, n int) io.Reader {
	t.Helper()
	b, err := samples.Files.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b[:n])
}

// token makes the access token of a station.
func (n *relays) token(t *testing.T, station string) string {
	t.Helper()
	var out wire.Token
	if _, err := n.admin.Call(t.Context(), client.Request{Method: http.MethodPost, Path: wire.Base + "/tokens",
		Body: wire.NewToken{Name: station, Role: string(access.StationJob), Station: station}}, &out); err != nil {
		t.Fatal(err)
	}
	return out.Secret
}

// segment uploads and approves a short recording.
func (n *relays) segment(t *testing.T, producer *client.Client, bytes int, meta wire.SegmentMeta) schedules.Segment {
	t.Helper()
	meta.Title, meta.Language = meta.ID, "ko-KP"
	uploaded, err := producer.Upload(t.Context(), meta, cut(t, "promo-ko-letters.mp3", bytes))
	if err != nil {
		t.Fatal(err)
	}
	s, err := n.editor.Approve(t.Context(), uploaded, wire.Approval{AcceptWarnings: true}) // its end is cut off
	if err != nil {
		t.Fatal(err)
	}
	return s.Segment
}

// openNetwork starts the service and publishes, for every station, a window that opens after lead, in which a sensitive
// testimony and a promo alternate.
func openNetwork(t *testing.T, stations, unplugged, pairs int, lease, lead time.Duration) *relays {
	t.Helper()
	c := serveDefaults(t.TempDir())
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	c.Lease = lease
	n := &relays{lease: lease}
	p := startProcess(t, c, adminOf(t, c))
	t.Cleanup(func() { p.kill(t) })
	n.admin, n.direct = p.client, p.url
	n.link = harness.StartProxy(t, strings.TrimPrefix(p.url, "http://"))
	n.bad = "http://" + n.link.Addr
	n.editor = client.New(p.url, tokenOf(t, c, access.NewToken{Name: "Ruth", Role: access.Producer}), &http.Client{})
	producer := client.New(p.url, tokenOf(t, c, access.NewToken{Name: "Hana", Role: access.Producer}), &http.Client{})
	n.voice = n.segment(t, producer, 6600, wire.SegmentMeta{ID: "voice", Kind: "testimony", Persons: []string{"p1"},
		Sensitive: true})
	plain := n.segment(t, producer, 6660, wire.SegmentMeta{ID: "plain", Kind: "promo"})
	n.segment(t, producer, 6720, wire.SegmentMeta{ID: "spare", Kind: "evergreen"})
	n.start = time.Now().UTC().Add(lead).Truncate(time.Second)
	length := time.Duration(pairs) * (n.voice.Recording.AirTime().Duration + plain.Recording.AirTime().Duration)
	n.end = n.start.Add(length)
	clock := schedules.Clock{ID: "turns", Length: schedules.Millis{Duration: length}}
	for i := range pairs {
		clock.Positions = append(clock.Positions, schedules.Position{ID: fmt.Sprintf("voice-%d", i), Segment: "voice"},
			schedules.Position{ID: fmt.Sprintf("plain-%d", i), Segment: "plain"})
	}
	target := -23.0
	in := wire.Apply{Clocks: []schedules.Clock{clock}}
	for i := range stations {
		r := &relay{id: fmt.Sprintf("relay-%03d", i), unplugged: i < unplugged}
		n.stations = append(n.stations, r)
		in.Stations = append(in.Stations, schedules.Station{ID: r.id, Name: r.id, Timezone: "UTC",
			Languages: []string{"ko-KP"}, Fallback: []string{"voice", "spare"},
			LoudnessTarget: &target, Windows: []schedules.Window{{ID: "now", Clock: "turns", Languages: []string{"ko-KP"},
				Length: clock.Length, Tolerance: schedules.Ms(10),
				Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:" + n.start.Format("20060102T150405") +
					"\nRRULE:FREQ=DAILY;COUNT=1"}}}})
	}
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.admin.Apply(t.Context(), bytes.NewReader(body), false); err != nil {
		t.Fatal(err)
	}
	many := wire.ManyRequest{Dates: []schedules.Date{schedules.DateOf(n.start)}}
	for _, do := range []func(context.Context, wire.ManyRequest) ([]wire.ManyResult, error){n.admin.Plan,
		n.admin.Publish} {
		results, err := do(t.Context(), many)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Problem != nil {
				t.Fatalf("%s: %s", r.Station, r.Problem.Detail)
			}
		}
	}
	return n
}

// play runs every station's player until ctx is done, and returns when all of them are ready.
func (n *relays) play(ctx context.Context, t *testing.T) (wait func() error) {
	t.Helper()
	root, err := os.MkdirTemp("/dev/shm", "lifeline-") // keep a hundred stations off a single disk
	if err != nil {
		root = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	var g errgroup.Group
	for _, r := range n.stations {
		url, open, rate := n.direct, playout.Open(func(io.ReaderAt, int64) (playout.Decoder,
			error) {
			return &hum{humRate * 60}, nil
		}), dsp.Rate(humRate)
		if r.unplugged {
			url, open, rate = n.bad, playout.OpenMP3, 48_000
		}
		state, err := statedir.Open(filepath.Join(root, r.id))
		if err != nil {
			t.Fatal(err)
		}
		r.player, err = playout.OpenPlayer(playout.Options{Station: r.id, State: state,
			API:  client.New(url, n.token(t, r.id), &http.Client{Transport: r}),
			Open: open, Rate: rate, Follow: playout.FollowOptions{TrustFirst: true, Days: 1}, Now: time.Now,
			Log:    slog.New(slog.DiscardHandler),
			Notify: r.notice(n.voice.ID), Version: "test"})
		if err != nil {
			t.Fatal(err)
		}
		g.Go(func() error { return errors.Join(r.player.Run(ctx), state.Close()) })
	}
	for _, r := range n.stations {
		var w playout.Watch
		within(t, time.Until(n.start), func() bool {
			w = r.player.Watch()
			return w.QueueRevision > 0 && w.AudioMissing == 0 && !w.LeaseUntil.IsZero()
		})
		if time.Now().After(n.start) {
			t.Fatalf("%s was not ready in time: revision %d, %d recordings missing, lease until %s", r.id, w.QueueRevision,
				w.AudioMissing, w.LeaseUntil)
		}
	}
	return g.Wait
}

// A person is recalled on a network of which a part is unplugged: stations with a link acknowledge within two seconds,
// and cut the item on the air; the others start no such item after their lease, and are off the air by the stated time.
// ./deploy/prove.sh recall has a hundred stations.
func TestRecalledPersonIsOffEverywhere(t *testing.T) {
	longform.Only(t)
	stations, unplugged, pairs, lease, lead := 20, 3, 3, 5*time.Second, 10*time.Second
	if proving("recall") {
		stations, unplugged, pairs, lease, lead = 100, 10, 20, 15*time.Second, 25*time.Second
	} else {
		t.Parallel()
	}
	n := openNetwork(t, stations, unplugged, pairs, lease, lead)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := n.play(ctx, t)
	within(t, time.Until(n.end), func() bool {
		return !slices.ContainsFunc(n.stations, func(r *relay) bool { return r.begun() == 0 })
	})
	n.link.Cut()
	recalled := time.Now()
	p, err := n.editor.RecallPerson(t.Context(), "p1", "the family is in danger")
	if err != nil {
		t.Fatal(err)
	}
	answered := time.Since(recalled)
	offAirBy := map[string]time.Time{}
	for _, s := range p.Stations {
		offAirBy[s.Station] = s.OffBy.Time
	}
	var took []time.Duration
	within(t, time.Until(n.end.Add(-3*time.Second)), func() bool {
		if p, err = n.editor.Person(t.Context(), "p1"); err != nil {
			t.Fatal(err)
		}
		took = took[:0]
		for _, s := range p.Stations {
			if s.Acknowledged {
				took = append(took, s.LastContact.Sub(recalled))
			}
		}
		return len(took) >= stations-unplugged
	})
	slices.Sort(took)
	until(t, n.end.Add(-3*time.Second)) // by then the last of it was due
	n.link.Pass()
	until(t, n.end)
	stop()
	if err := ended(); err != nil {
		t.Error(err)
	}
	late, heard, instead := 0, 0, 0
	for _, r := range n.stations {
		late += r.late(n.voice.ID)
		heard += len(r.starts)
		if len(r.starts) == 0 {
			t.Errorf("%s never aired what is sensitive, though it had a lease", r.id)
			continue
		}
		last := r.starts[len(r.starts)-1]
		switch {
		case !r.unplugged && last.After(recalled.Add(2*time.Second)):
			t.Errorf("%s started it %v after the recall", r.id, last.Sub(recalled))
		case r.unplugged && last.Add(n.voice.Recording.AirTime().Duration).After(offAirBy[r.id]):
			t.Errorf("%s started it at %v, and was to be off by %v", r.id, last, offAirBy[r.id])
		}
		for _, i := range r.instead {
			if r.unplugged && strings.Contains(i.Detail, "the lease ended") {
				instead++
			}
		}
	}
	worst := took[len(took)-1]
	t.Logf("%d stations, %d unplugged; the recall was answered after %v; acknowledged after: median %v, p99 %v, worst %v",
		stations, unplugged,
		answered.Round(time.Millisecond), took[len(took)/2].Round(time.Millisecond),
		took[(len(took)*99-1)/100].Round(time.Millisecond), worst.Round(time.Millisecond))
	t.Logf("leases of %v: %d sensitive starts, %d of them after the lease; unplugged stations aired the fallback %d "+
		"times for want of one, and were said to be off %v after the recall at the latest",
		lease, heard, late, instead, p.OffBy.Sub(recalled).Round(time.Millisecond))
	if late > 0 || worst > 2*time.Second {
		t.Error("that is too late")
	}
	if len(took) != stations-unplugged || instead < unplugged {
		t.Errorf("%d acknowledged, and the fallback aired %d times", len(took), instead)
	}
	if by := p.OffBy.Sub(recalled); by > lease+20*time.Second || by < 0 {
		t.Errorf("it is said to be off after %v", by)
	}
}
