package httpapi

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"lifeline/audio"
	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/blob"
	"lifeline/internal/erasure"
	"lifeline/internal/idempotency"
	"lifeline/internal/kinds"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/sign"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/trust"
	"lifeline/internal/webhooks"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// fullStore refuses every commit while it is full.
type fullStore struct {
	replica.Store
	full      bool
	committed func() // if not nil, called after each commit
}

func (f *fullStore) Commit(ctx context.Context, c store.Commit) ([]store.Change, error) {
	if f.full {
		return nil, errors.New("the disk is full")
	}
	changes, err := f.Store.Commit(ctx, c)
	if f.committed != nil {
		f.committed()
	}
	return changes, err
}

// uncounted is a Meter that counts nothing.
type uncounted struct{}

func (uncounted) Request(string, string, int, time.Duration) {}
func (uncounted) Waiting(string) func()                      { return func() {} }
func (uncounted) Delivery(bool)                              {}

// untraced is a Tracer that traces nothing.
type unsent struct{}

func (unsent) Post(context.Context, webhooks.Message) (webhooks.Reply, error) {
	return webhooks.Reply{}, nil
}
func (unsent) Check(*url.URL) error { return nil }

type untraced struct{}

func (untraced) Begin(r *http.Request, _ string) (context.Context, func(string, int)) {
	return r.Context(), func(string, int) {}
}

// renderless is a Renderer whose files are empty.
type renderless struct{}

func (renderless) Window(context.Context, *wire.Queue, string) (io.ReadSeekCloser, int64, string, error) {
	return struct {
		io.ReadSeeker
		io.Closer
	}{strings.NewReader("sound"), io.NopCloser(nil)}, 5, "tag", nil
}

// served is a service over the memory store, with a network, a day whose programme failed and is owed, a published day,
// and a drafted day.
type served struct {
	t       *testing.T
	store   *fullStore
	parts   Parts
	handler http.Handler
	token   string
	now     time.Time
	sha256  string // of a recording
}

func newServed(t *testing.T) *served {
	s := &served{t: t, store: &fullStore{Store: memory.New(1000)}, now: time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return s.now }
	signer, err := sign.NewSigner(ed25519.NewKeyFromSeed(make([]byte, 32)))
	s.must(err)
	copied, err := replica.Open(t.Context(), s.store, kinds.All)
	s.must(err)
	files, err := blob.OpenLocal(t.TempDir())
	s.must(err)
	t.Cleanup(func() { s.must(files.Close()) })
	analyse := func(_ context.Context, r io.Reader, _ func(int64)) (audio.Facts, error) {
		hash := sha256.New()
		n, err := io.Copy(hash, r)
		return audio.Facts{SHA256: hex.EncodeToString(hash.Sum(nil)), Bytes: n, ContentType: "audio/mpeg",
			Duration: time.Minute, CueOut: time.Minute}, err
	}
	lib := library.New(copied, files, trust.OneKey(signer), analyse, now, library.Limits{MaxBytes: 1 << 20,
		MaxWaiting: 1 << 22, Concurrency: 1})
	s.must(lib.Recalls.Ensure(t.Context()))
	records := record.NewRecords(copied, s.store, files, now, 0)
	scheduler := scheduling.New(copied, records, trust.OneKey(signer), now, "http://service", time.Minute)
	lock := replica.NewWorkLock(copied, "here", time.Minute)
	stopping, stop := context.WithCancel(t.Context())
	stop() // ends the streams
	waiting := access.NewConfirmations(copied, scheduler.Network.SecondPersons().Why, now)
	copied.Guard = waiting.Guard
	in, err := signin.New(copied, signin.SiteOf("https://lifeline.example", nil), make([]byte, 32), now)
	s.must(err)
	s.parts = Parts{Access: access.New(copied, now), Notes: access.NewNotes(copied, now), SignIn: in,
		Erasures:   erasure.New(copied, records, scheduler.Record.Links, files, trust.OneKey(signer), now),
		Waiting:    waiting,
		Members:    access.NewMembers(copied, now),
		Enrolments: access.NewEnrolments(copied, make([]byte, 32), signer, now),
		Library:    lib, Scheduler: scheduler, Logbook: scheduler.Record.Logbook, Receipts: scheduler.Record.Receipts,
		MirrorLists: access.NewMirrorLists(copied, nil, now),
		Answers:     idempotency.NewStore(s.store, now), Replica: copied, Media: access.NewMedia(make([]byte, 32),
			"http://service", time.Hour, now),
		Windows: scheduling.NewWindows(scheduler.Lists, renderless{}), Keys: []ed25519.PublicKey{signer.Public()}, Now: now,
		Log: slog.New(slog.DiscardHandler),
		Webhooks: webhooks.New(webhooks.WebhookParts{Replica: copied, Lock: lock, Poster: unsent{}, Key: make([]byte, 32),
			Meter: uncounted{}, Log: slog.New(slog.DiscardHandler), Now: now}),
		Meter: uncounted{}, Tracer: untraced{}, Metrics: http.NotFoundHandler(), Stopping: stopping}
	s.handler = New(s.parts)
	admin, err := s.parts.Access.Create(t.Context(), access.System, access.NewToken{Name: "Ruth", Role: access.Admin})
	s.must(err)
	s.token = admin.Secret
	_, err = s.parts.Members.Add(t.Context(), access.System, wire.Member{ID: "hana", Name: "하나",
		Roles: []string{"viewer"}})
	s.must(err)
	s.network(lock)
	return s
}

func (s *served) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *served) network(lock *replica.WorkLock) {
	ctx, ruth := s.t.Context(), access.Actor{Name: "Ruth", Role: access.Admin}
	for _, id := range []string{"m1", "m2", "m3", "m4"} {
		r, err := s.parts.Library.Recordings.Receive(ctx, strings.NewReader("sound of "+id))
		s.must(err)
		seg, err := s.parts.Library.Segments.Create(ctx, access.Actor{Name: "Hana"}, schedules.Segment{ID: id,
			Kind: "testimony", Title: id, Language: "ko-KP", Persons: []string{"hana"}}, r)
		s.must(err)
		s.sha256 = seg.Recording.SHA256
		_, err = s.parts.Library.Approvals.Approve(ctx, ruth, id, nil, "")
		s.must(err)
	}
	_, err := s.parts.Scheduler.Network.Apply(ctx, ruth, wire.Apply{
		Clocks: []schedules.Clock{{ID: "c", Length: schedules.Ms(120_000),
			Positions: []schedules.Position{{ID: "f", Fill: &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}}}}},
		Scripts: []schedules.Script{{ID: "appeal", Title: "Appeal", Languages: []string{"ko-KP"},
			Versions: []schedules.ScriptVersion{{Version: 1,
				Passages: []schedules.Passage{{Number: 1, Text: map[string]string{"ko-KP": "text"}}}}}}},
		Campaigns: []schedules.Campaign{{ID: "k", Title: "k", AtLeast: 1,
			Of: schedules.Selector{Kinds: []schedules.Kind{"testimony"}}}},
		Stations: []schedules.Station{{ID: "s", Name: "s", Timezone: "UTC", Languages: []string{"ko-KP"},
			Fallback: []string{"m1"},
			Windows: []schedules.Window{{ID: "w", Clock: "c", Length: schedules.Ms(120_000), Tolerance: schedules.Ms(1000),
				Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20261101T100000\nRRULE:FREQ=DAILY"}}}}}}, nil, false)
	s.must(err)
	s.must(s.parts.Scheduler.Fallbacks.IssueAll(ctx, lock))
	today := schedules.DateOf(s.now)
	missed := s.publish(ruth, today)
	s.now = s.now.AddDate(0, 0, 1)
	var entries []schedules.AsRun
	for n, i := range missed.Items {
		entries = append(entries, schedules.AsRun{Sequence: int64(n + 1), ItemID: i.ID, SegmentID: i.SegmentID,
			Outcome: schedules.Failed})
	}
	s.publish(ruth, today.AddDays(1))
	_, err = s.parts.Logbook.Report(ctx, "s", entries)
	s.must(err)
	s.must(s.parts.Receipts.Keep(ctx, ruth, "s", entries))
	s.must(s.parts.Logbook.SetStatus(ctx, access.Actor{Name: "s", Role: access.StationJob, Station: "s"}, "s",
		wire.Status{}))
	_, err = s.parts.Scheduler.Drafts.Plan(ctx, ruth, "s", today.AddDays(2), scheduling.PlanOptions{})
	s.must(err)
	_, err = s.parts.Webhooks.Registry.Put(ctx, ruth, wire.Webhook{ID: "newsroom", URL: "https://example.org/",
		Changes: []string{"queue"}, Enabled: true}, nil)
	s.must(err)
}

func (s *served) publish(a access.Actor, date schedules.Date) schedules.Rundown {
	s.t.Helper()
	_, err := s.parts.Scheduler.Drafts.Plan(s.t.Context(), a, "s", date, scheduling.PlanOptions{})
	s.must(err)
	r, err := s.parts.Scheduler.Publisher.Publish(s.t.Context(), a, "s", date, scheduling.PublishOptions{})
	s.must(err)
	return r
}

func (s *served) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// What an answer counts or computes anew is not part of its revision: who has that revision gets it again.
func TestWhatIsNotOfARevisionIsAlwaysGivenInFull(t *testing.T) {
	s := newServed(t)
	asked, err := s.parts.Erasures.Ask(t.Context(), access.Actor{Name: "Hana"}, wire.ErasureRequest{
		Segments: []string{"m1"}, Reason: "r"})
	s.must(err)
	for _, path := range []string{"/v1/erasures/" + asked.ID, "/v1/people/hana"} {
		w := s.do(http.MethodGet, path, "", "If-None-Match", "*")
		if w.Code != http.StatusOK || w.Body.Len() == 0 || w.Header().Get("ETag") == "" {
			t.Errorf("%s: %d %q %s", path, w.Code, w.Header().Get("ETag"), w.Body)
		}
	}
}

// A store that refuses commits does not affect a GET or a dry run, even a dry run with an Idempotency-Key.
func TestReadsAndDryRunsAreAnsweredThoughNothingCanBeStored(t *testing.T) {
	s := newServed(t)
	draft, err := s.parts.Scheduler.Rundowns.Rundown(t.Context(), "s", schedules.Date{Year: 2026, Month: 12, Day: 1}, 0)
	s.must(err)
	asked, err := s.parts.Erasures.Ask(t.Context(), access.Actor{Name: "Hana"}, wire.ErasureRequest{
		Segments: []string{"m1"}, Reason: "r"})
	s.must(err)
	s.store.full = true
	named := strings.NewReplacer(":station", "s", ":date", "2026-12-01", ":segment", "m1", ":person", "hana", ":script",
		"appeal", ":clock", "c", ":campaign", "k",
		":item", draft.Items[0].ID, ":window", "w", ":rendered", "2026-11-30.wav", ":schedule", "20261130_PI.xml", ":file",
		s.sha256+".mp3", ":webhook", "newsroom", ":erasure", asked.ID)
	queries := map[string]string{
		"/v1/stations/:station/freshness.dsse":      "nonce=a",
		"/v1/enrolments/proof":                      "nonce=a",
		"/v1/segments/:segment/airings":             "from=2026-11-28&to=2026-12-02",
		"/v1/reports/airings":                       "from=2026-11-28&to=2026-12-02",
		"/v1/stations/:station/chain/records":       "from=2026-11-28T00:00:00Z&to=2026-12-02T00:00:00Z",
		"/v1/stations/:station/as-run":              "from=2026-11-28T00:00:00Z&to=2026-12-02T00:00:00Z",
		"/v1/audit/chain/records":                   "first=1&last=2",
		"/v1/stations/:station/rundowns/:date/diff": fmt.Sprintf("from=%d&to=%[1]d", draft.Revision),
	}
	others := map[string]int{ // with another status
		"/readyz":                        http.StatusServiceUnavailable, // the service is stopping, which ends the streams
		"/metrics":                       http.StatusNotFound,
		"/v1/segments/:segment/waveform": http.StatusNotFound, "/v1/stations/:station/mirrors.dsse": http.StatusNotFound,
	}
	for _, r := range (&api{}).routes() {
		if r.Method != http.MethodGet || strings.Contains(r.Path, ":asset") {
			continue
		}
		path := named.Replace(r.Path)
		if strings.Contains(path, "/reconciliation/") {
			path = strings.Replace(path, "2026-12-01", "2026-11-29", 1)
		}
		want, ok := others[r.Path]
		if !ok {
			want = http.StatusOK
		}
		if w := s.do(http.MethodGet, path+"?"+queries[r.Path], ""); w.Code != want {
			t.Errorf("GET %s?%s: %d %s", path, queries[r.Path], w.Code, w.Body)
		}
	}
	for _, c := range []struct{ path, body string }{
		{"/v1/stations/s/rundowns/2026-12-02/plan?dry_run=true", `{"seed":1}`},
		{"/v1/plan?dry_run=true", `{"stations":["s"],"dates":["2026-12-02","2026-12-03"],"seed":1}`},
		{"/v1/apply?dry_run=true", `{"campaigns":[{"id":"other","title":"other","at_least":1,"of":{"kinds":["music"]}}]}`},
	} {
		for _, header := range [][]string{nil, {"Idempotency-Key", "one"}} {
			w := s.do(http.MethodPost, c.path, c.body, header...)
			if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "problem") {
				t.Errorf("POST %s %v: %d %s", c.path, header, w.Code, w.Body)
			}
		}
	}
	if w := s.do(http.MethodPost, "/v1/plan", `{"stations":["s"],"dates":["2026-12-02"],"seed":1}`, "Idempotency-Key",
		"two"); w.Code < 500 {
		t.Errorf("what is to be stored: %d %s", w.Code, w.Body)
	}
}
