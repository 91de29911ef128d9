package endtoend

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/internal/access"
	"lifeline/internal/config"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// crowd are clients of two replicas; they use the other one when one is gone or answers 503.
type crowd struct {
	t              *testing.T
	urls           [2]string
	secrets        map[access.Role]string
	refused, later atomic.Int64 // attempts without a connection, or with a 503

	mu      sync.Mutex
	uploads map[string]string // id -> hash; each was approved too
	plans   int64             // made and published, each with a seed of its own
	barren  int64             // seeds without a plan
	reports int64             // as-run entries 1, 2, 3 …
	heard   int64             // the revision that the station has
}

// ask sends a request until a replica answers with anything but 503. A 503 must have Retry-After, and no other 5xx is
// allowed.
func (c *crowd) ask(ctx context.Context, method, path string, role access.Role, header map[string]string, body []byte) (
	answer, error) {
	for n := rand.IntN(2); ; n++ {
		a, err := c.once(ctx, c.urls[n%2], method, path, role, header, body)
		switch {
		case ctx.Err() != nil:
			return a, ctx.Err()
		case err != nil:
			c.refused.Add(1)
		case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
			c.later.Add(1)
		case a.status >= 500:
			return a, fmt.Errorf("%s %s: %d %s", method, path, a.status, a.body)
		default:
			return a, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return a, ctx.Err()
		}
	}
}

func (c *crowd) once(ctx context.Context, url, method, path string, role access.Role, header map[string]string,
	body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.SetBasicAuth("crowd", c.secrets[role])
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

// produce uploads one recording after another and has each approved. After a lost answer, the answer that it is done
// already counts as success.
func (c *crowd) produce(ctx context.Context, worker int) error {
	for n := worker * 100_000; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("crowd-%d", n)
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		meta, err := json.Marshal(promo(id))
		if err != nil {
			return err
		}
		w.WriteField("meta", string(meta)) // into memory
		part, err := w.CreateFormFile("audio", "a.mp3")
		if err != nil {
			return err
		}
		if _, err := io.Copy(part, uniqueSample(c.t, n)); err != nil {
			return err
		}
		w.Close() // likewise
		a, err := c.ask(ctx, "POST", "/v1/segments?wait=30s", access.Producer,
			map[string]string{"Content-Type": w.FormDataContentType()}, form.Bytes())
		if err != nil || a.status != http.StatusCreated && a.status != http.StatusConflict {
			return fmt.Errorf("upload %s: %d %s %w", id, a.status, a.body, err)
		}
		var s schedules.Segment
		for s.State == "" || s.State == schedules.Analysing {
			if a, err = c.ask(ctx, "GET", wire.Segment(id), access.Producer, nil, nil); err != nil {
				return err
			}
			if err := json.Unmarshal(a.body, &s); err != nil {
				return fmt.Errorf("segment %s: %d %s", id, a.status, a.body)
			}
		}
		a, err = c.ask(ctx, "POST", wire.Segment(id, "approve"), access.SchedulerJob,
			map[string]string{"Content-Type": "application/json"}, []byte(`{"sha256":"`+s.Recording.SHA256+`"}`))
		if err != nil || a.status != http.StatusOK && (a.status != http.StatusConflict || !strings.Contains(string(a.body),
			"is approved")) {
			return fmt.Errorf("approve %s: %d %s %w", id, a.status, a.body, err)
		}
		c.mu.Lock()
		c.uploads[id] = s.Recording.SHA256
		c.mu.Unlock()
	}
	return nil
}

// schedule plans and publishes a day with one seed after another. Each plan starts from the revision before, so that
// one whose answer was lost is not made twice.
func (c *crowd) schedule(ctx context.Context) error {
	day := wire.Station(crashStation, "rundowns", crashDay)
	for revision := int64(0); ctx.Err() == nil; {
		seed := uint64(c.plans + c.barren + 1)
		a, err := c.ask(ctx, "POST", day+"/plan", access.SchedulerJob,
			map[string]string{"Content-Type": "application/json", "If-Match": strconv.Quote(strconv.FormatInt(revision, 10))},
			fmt.Appendf(nil, `{"seed":%d}`, seed))
		if err == nil && a.status == http.StatusPreconditionFailed { // an answer was lost: is the latest ours?
			a, err = c.ask(ctx, "GET", day, access.SchedulerJob, nil, nil)
		}
		if err != nil {
			return err
		}
		if a.status == http.StatusUnprocessableEntity { // not every seed finds a rundown; the next may
			c.barren++
			continue
		}
		var r schedules.Rundown
		if err := json.Unmarshal(a.body, &r); err != nil || r.Seed != seed {
			return fmt.Errorf("plan %d: %d %s", seed, a.status, a.body)
		}
		if a, err = c.ask(ctx, "POST", day+"/publish", access.SchedulerJob, nil, nil); err != nil {
			return err
		}
		if err := json.Unmarshal(a.body, &r); err != nil || r.Status != schedules.Published || r.Seed != seed {
			return fmt.Errorf("publish %d: %d %s", seed, a.status, a.body)
		}
		revision, c.plans = r.Revision, c.plans+1
	}
	return nil
}

// report sends one as-run entry after another, as a station does.
func (c *crowd) report(ctx context.Context) error {
	for ctx.Err() == nil {
		start := schedules.At(time.Date(2026, 1, 1, 0, 0, int(c.reports), 0, time.UTC))
		body, err := json.Marshal(wire.AsRunReport{Entries: []schedules.AsRun{{Sequence: c.reports + 1, ItemID: "i",
			SegmentID: "s",
			SHA256:    strings.Repeat("a", 64), Outcome: schedules.Aired, StartedAt: start, EndedAt: start}}})
		if err != nil {
			return err
		}
		a, err := c.ask(ctx, "POST", wire.Station(crashStation, "as-run"), access.StationJob,
			map[string]string{"Content-Type": "application/json"}, body)
		if err != nil || a.status != http.StatusOK || bytes.Contains(a.body, []byte("rejected")) {
			return fmt.Errorf("as-run: %d %s %w", a.status, a.body, err)
		}
		c.reports++
	}
	return nil
}

// listen waits for queue after queue. One replica may lag the other for a moment, but never serves a different queue
// under a revision that was received.
func (c *crowd) listen(ctx context.Context) error {
	for ctx.Err() == nil {
		a, err := c.ask(ctx, "GET", wire.Station(crashStation, "queue")+"?wait=5s&date="+crashDay, access.StationJob,
			map[string]string{"If-None-Match": strconv.Quote(strconv.FormatInt(c.heard, 10))}, nil)
		if err != nil {
			return err
		}
		var q wire.Queue
		switch a.status {
		case http.StatusOK:
			if err := json.Unmarshal(a.body, &q); err != nil {
				return err
			}
			c.heard = max(c.heard, q.Revision)
		case http.StatusNotFound, http.StatusNotModified:
		default:
			return fmt.Errorf("queue: %d %s", a.status, a.body)
		}
	}
	return nil
}

func TestTwoReplicasOfWhichOneDiesNowAndThenLoseAndDoubleNothing(t *testing.T) {
	longform.Only(t)
	length := 15 * time.Second
	if proving("replicas") {
		length = 2 * time.Minute
	}
	c := onRedis(t, harness.StartRedis(t, harness.Durable...))
	c.Analysers = 1 // fewer than concurrent uploads: the rest is background work
	documents := openRedis(t, c)
	crowd := &crowd{t: t, secrets: map[access.Role]string{}, uploads: map[string]string{}}
	for _, n := range []access.NewToken{{Name: "Hana", Role: access.Producer}, {Name: "Minjun", Role: access.SchedulerJob},
		{Name: crashStation, Role: access.StationJob, Station: crashStation}} {
		crowd.secrets[n.Role] = tokenOf(t, c, n)
	}
	var replicas [2]*process
	var configs [2]config.Serve
	for i := range replicas {
		configs[i] = c
		configs[i].Listen = harness.FreeAddress(t)
		replicas[i] = startProcess(t, configs[i], "")
		crowd.urls[i] = replicas[i].url
	}
	ctx, stop := context.WithTimeout(t.Context(), length)
	defer stop()
	all, working := errgroup.WithContext(ctx)
	for worker := range 3 {
		all.Go(func() error { return crowd.produce(working, worker) })
	}
	for _, work := range []func(context.Context) error{crowd.schedule, crowd.report, crowd.listen} {
		all.Go(func() error { return work(working) })
	}
	kills := 0
	for working.Err() == nil {
		select {
		case <-working.Done():
		case <-time.After(time.Second + time.Duration(rand.Int64N(int64(2*time.Second)))):
			i := rand.IntN(2)
			replicas[i].kill(t)
			replicas[i] = startProcess(t, configs[i], "")
			kills++
		}
	}
	if err := all.Wait(); ctx.Err() == nil {
		t.Error(err)
	}
	crowd.examine(t, documents)
	for _, p := range replicas {
		p.kill(t)
	}
	t.Logf("%d kills in %v: %d uploads analysed and approved, %d days planned and published, %d as-run entries; %d "+
		"attempts found nobody, %d were told 503",
		kills, length, len(crowd.uploads), crowd.plans, crowd.reports, crowd.refused.Load(), crowd.later.Load())
}

// examine compares the audit trail and the documents with what was acknowledged: everything is there, once.
func (c *crowd) examine(t *testing.T, s interface {
	Audit(context.Context, store.AuditQuery) ([]store.Change, error)
	Get(context.Context, string, string) (store.Document, error)
	Read(context.Context, string, time.Time, time.Time) ([]store.Entry, error)
}) {
	t.Helper()
	acts := map[string]int{} // "action kind id" -> how often
	repeated := 0
	for after := int64(0); ; {
		page, err := s.Audit(t.Context(), store.AuditQuery{After: after, Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, change := range page {
			after = change.Sequence
			acts[change.Action+" "+change.Kind+" "+change.ID]++
		}
	}
	for _, act := range slices.Sorted(maps.Keys(acts)) {
		action, what, _ := strings.Cut(act, " ")
		once := action == "segment.upload" || action == "segment.analyse" || action == "segment.approve" ||
			strings.HasPrefix(what, "rundown-revision ")
		if once && acts[act] > 1 {
			t.Errorf("%s was done %d times", act, acts[act])
			repeated++
		}
	}
	for id, sum := range c.uploads {
		d, err := s.Get(t.Context(), "segment", id)
		var segment schedules.Segment
		if err == nil {
			err = json.Unmarshal(d.Body, &segment)
		}
		if err != nil || segment.State != schedules.Approved || segment.Recording.SHA256 != sum ||
			acts["segment.upload segment "+id] != 1 || acts["segment.approve segment "+id] != 1 {
			t.Errorf("segment %s: %v, %s, uploaded %d times, approved %d times", id, err, segment.State,
				acts["segment.upload segment "+id], acts["segment.approve segment "+id])
		}
	}
	day := crashStation + "/" + crashDay
	// The last of each may have been done although its answer was lost.
	for act, want := range map[string]int64{"rundown.plan rundown " + day: c.plans, "queue.publish queue " +
		day: c.plans} {
		if got := int64(acts[act]); got < want || got > want+1 {
			t.Errorf("%s: %d records of %d acts", act, got, want)
		}
	}
	entries, err := s.Read(t.Context(), crashStation, time.Unix(0, 0), time.Now().AddDate(10, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for n, e := range entries {
		if e.Sequence != int64(n)+1 {
			t.Fatalf("as-run %d stands where %d should", e.Sequence, n+1)
		}
	}
	if n := int64(len(entries)); n < c.reports || n > c.reports+1 {
		t.Errorf("%d as-run entries of %d", n, c.reports)
	}
	analysed := 0
	for act := range acts {
		if strings.HasPrefix(act, "segment.analyse ") {
			analysed++
		}
	}
	t.Logf("of the analyses %d were background work, each done once; %d acts were doubled", analysed, repeated)
}
