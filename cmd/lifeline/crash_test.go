package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// program builds the service and the player, once for all tests that need them as processes, and answers where the
// service is; the player lies beside it.
var program = sync.OnceValues(func() (string, error) {
	dir := filepath.Dir(furnished)
	out, err := exec.Command("go", "build", "-o", dir, "lifeline/cmd/lifeline", "lifeline/cmd/playout").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return filepath.Join(dir, "lifeline"), nil
})

// process is the service as a process of its own, to be killed.
type process struct {
	cmd    *exec.Cmd
	url    string
	client *client.Client
}

func startProcess(t *testing.T, dir, secret string) *process {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "serve", "--data", dir, "--listen", "127.0.0.1:0")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Wait()
		t.Fatalf("the service did not start: %v\n%s", err, said.String())
	}
	url := strings.TrimSpace(strings.TrimPrefix(line, "Lifeline serves at "))
	return &process{cmd, url, client.New(url, secret, &http.Client{})}
}

// kill is kill -9.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.cmd.Wait() // it was killed: the error is expected
}

// crashRounds is how many kills each kind of work takes here; the long form is ./deploy/prove.sh crash.
func crashRounds() int {
	if n, err := strconv.Atoi(os.Getenv("LIFELINE_CRASH_ROUNDS")); err == nil {
		return n
	}
	return 3
}

// ledger is what the service acknowledged.
type ledger struct {
	segments map[string]string // id -> hash
	plans    map[int64]bool
	queue    int64 // highest revision published
	asRun    map[int64]schedules.AsRun
	sent     int64 // as-run sequences sent
}

const crashStation, crashDay = "harbour-dawn", "2027-02-03"

// work keeps the service busy with one kind of work until the service is gone.
var works = map[string]func(ctx context.Context, c *client.Client, l *ledger, n int) error{
	"upload":  uploadWork,
	"plan":    planWork,
	"publish": publishWork,
	"as-run":  asRunWork,
}

func uploadWork(ctx context.Context, c *client.Client, l *ledger, n int) error {
	audio, err := samples.Files.ReadFile("promo-ko-letters.mp3")
	if err != nil {
		return err
	}
	unique := append(fmt.Appendf(nil, "TAG%-125d", n), audio...) // each upload is a recording of its own
	id := fmt.Sprintf("crash-%d", n)
	s, err := c.Upload(ctx, map[string]any{"id": id, "kind": "promo", "title": "t", "language": "ko-KP"}, bytes.NewReader(unique))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(unique)
	if s.Recording.SHA256 != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("acknowledged another hash for %s", id)
	}
	l.segments[id] = s.Recording.SHA256
	return nil
}

func planWork(ctx context.Context, c *client.Client, l *ledger, n int) error {
	results, err := c.Plan(ctx, crashRequest(n))
	if err != nil {
		return err
	}
	l.plans[results[0].Revision] = true
	return nil
}

func publishWork(ctx context.Context, c *client.Client, l *ledger, n int) error {
	if err := planWork(ctx, c, l, n); err != nil {
		return err
	}
	results, err := c.Publish(ctx, crashRequest(n))
	if err != nil {
		return err
	}
	l.queue = max(l.queue, results[0].Revision)
	return nil
}

func crashRequest(n int) wire.ManyRequest {
	day, err := schedules.ParseDate(crashDay)
	if err != nil {
		panic(err)
	}
	return wire.ManyRequest{Stations: []string{crashStation}, Dates: []schedules.Date{day}, Seed: uint64(n)}
}

func asRunWork(ctx context.Context, c *client.Client, l *ledger, n int) error {
	start := time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC)
	l.sent++
	e := schedules.AsRun{Sequence: l.sent, ItemID: "i", SegmentID: "s", SHA256: strings.Repeat("a", 64), Outcome: schedules.Aired,
		StartedAt: schedules.At(start), EndedAt: schedules.At(start.Add(time.Second))}
	results, err := c.Station(crashStation).SendAsRun(ctx, []schedules.AsRun{e})
	if err != nil {
		return err
	}
	if results[0].Status == "rejected" {
		return fmt.Errorf("rejected: %s", results[0].Message)
	}
	l.asRun[e.Sequence] = e
	return nil
}

func TestKillingTheServiceLosesNothingAcknowledged(t *testing.T) {
	processesOnly(t)
	dir := furnish(t)
	secret := func() string {
		create := tokenCreateCmd{Serve: serveDefaults(dir), Name: "crash", Role: "admin"}
		token, err := create.create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return token.Secret
	}()
	random := rand.New(rand.NewPCG(1, 2))
	l := &ledger{segments: map[string]string{}, plans: map[int64]bool{}, asRun: map[int64]schedules.AsRun{}}
	n, kills := 0, 0
	for round := range crashRounds() {
		for name, work := range works {
			p := startProcess(t, dir, secret)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			// Killed at a random moment of the work; the first piece is always let through.
			var once sync.Once
			delay := time.Duration(random.Int64N(int64(400 * time.Millisecond)))
			killed := make(chan struct{})
			done := 0
			for {
				n++
				err := work(ctx, p.client, l, n)
				if err == nil {
					done++
					once.Do(func() {
						time.AfterFunc(delay, func() { p.cmd.Process.Kill(); close(killed) })
					})
					continue
				}
				if !fault.Is(err, fault.Unavailable) && done == 0 {
					t.Fatalf("round %d, %s: %v", round, name, err)
				}
				break
			}
			<-killed
			cancel()
			p.cmd.Wait() // it was killed: the error is expected
			kills++
			checkAfterCrash(t, dir, secret, l)
		}
	}
	t.Logf("%d kills: %d uploads, %d plans, queue revision %d, %d as-run entries acknowledged, all there",
		kills, len(l.segments), len(l.plans), l.queue, len(l.asRun))
}

// checkAfterCrash starts the service again and compares what it has with what it acknowledged.
func checkAfterCrash(t *testing.T, dir, secret string, l *ledger) {
	t.Helper()
	p := startProcess(t, dir, secret)
	defer p.kill(t)
	ctx := t.Context()
	named := map[string]bool{}
	for cursor := ""; ; {
		var page wire.Page[schedules.Segment]
		if _, err := p.client.Call(ctx, client.Request{Method: "GET", Path: "/v1/segments?limit=500&cursor=" + cursor}, &page); err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Items {
			named[s.Recording.SHA256] = true
			if want, ok := l.segments[s.ID]; ok && s.Recording.SHA256 != want {
				t.Errorf("segment %s has another recording", s.ID)
			}
			if s.State == schedules.Analysing || s.Recording.Duration.Duration == 0 {
				t.Errorf("segment %s is half-done: %+v", s.ID, s)
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	for id, sum := range l.segments {
		if !named[sum] {
			t.Errorf("acknowledged segment %s is missing", id)
			continue
		}
		resp, err := p.client.Do(ctx, client.Request{Method: "GET", Path: "/v1/audio/" + sum + ".mp3"})
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		_, err = io.Copy(h, resp.Body)
		resp.Body.Close()
		if got := hex.EncodeToString(h.Sum(nil)); err != nil || got != sum {
			t.Errorf("segment %s: its audio has become %s, %v", id, got, err)
		}
	}
	for revision := range l.plans {
		path := wire.Station(crashStation, "rundowns", crashDay) + "?revision=" + strconv.FormatInt(revision, 10)
		var r schedules.Rundown
		if _, err := p.client.Call(ctx, client.Request{Method: "GET", Path: path}, &r); err != nil || r.Revision != revision || len(r.Items) == 0 {
			t.Errorf("acknowledged rundown %d: %v", revision, err)
		}
	}
	if l.queue > 0 {
		var q wire.Queue
		_, err := p.client.Call(ctx, client.Request{Method: "GET", Path: wire.Station(crashStation, "queue") + "?date=" + crashDay}, &q)
		if err != nil || q.Revision < l.queue {
			t.Errorf("published %d, found %d, %v", l.queue, q.Revision, err)
		}
	}
	var ran wire.Page[schedules.AsRun]
	if _, err := p.client.Call(ctx, client.Request{Method: "GET", Path: wire.Station(crashStation, "as-run") + "?date=2026-01-01"}, &ran); err != nil {
		t.Fatal(err)
	}
	seen := map[int64]int{}
	for _, e := range ran.Items {
		seen[e.Sequence]++
		if e.Sequence > l.sent || seen[e.Sequence] > 1 {
			t.Errorf("as-run %d was never sent, or is there twice", e.Sequence)
		}
	}
	for sequence := range l.asRun {
		if seen[sequence] != 1 {
			t.Errorf("acknowledged as-run %d is missing", sequence)
		}
	}
	checkNoOrphans(t, filepath.Join(dir, "audio"), named)
}

// checkNoOrphans finds files that belong to no segment.
func checkNoOrphans(t *testing.T, dir string, named map[string]bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !named[strings.TrimSuffix(d.Name(), filepath.Ext(d.Name()))] {
			t.Errorf("orphan file %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
