package endtoend

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/kinds"
	"lifeline/internal/replica"
	"lifeline/internal/service"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// program builds the service and the player, once for all tests that run them as processes, and returns the path of the
// service; the player is beside it.
var program = sync.OnceValues(func() (string, error) {
	dir := filepath.Dir(furnished)
	out, err := exec.Command("go", "build", "-o", dir, "lifeline/cmd/lifeline", "lifeline/cmd/playout").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return filepath.Join(dir, "lifeline"), nil
})

// process is the service as a separate process, which tests kill.
type process struct {
	cmd    *exec.Cmd
	url    string
	client *client.Client
}

func startProcess(t *testing.T, c config.Serve, secret string) *process {
	t.Helper()
	cmd, url, _ := launch(t, arguments(c)...)
	if c.PublicURL != "" { // with a public URL it reports that one
		url = "http://" + c.Listen
	}
	return &process{cmd, url, client.New(url, secret, &http.Client{})}
}

// launch starts the program as a server, and returns the address that it reports and its standard error.
func launch(t *testing.T, args ...string) (cmd *exec.Cmd, url string, said *bytes.Buffer) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd, said = exec.Command(path, args...), &bytes.Buffer{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Wait() // its output is more useful than its exit status
		t.Fatalf("the service did not start: %v\n%s", err, said)
	}
	return cmd, strings.TrimSpace(strings.TrimPrefix(line, "Lifeline serves at ")), said
}

// kill sends SIGKILL.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.cmd.Wait() // it was killed: the error is expected
}

// proving reports whether the long form of a proof is requested: ./deploy/prove.sh.
func proving(name string) bool { return os.Getenv("LIFELINE_PROVE") == name }

// kills returns how often a crash test kills: few times, or many with ./deploy/prove.sh crash.
func kills(few, many int) int {
	if proving("crash") {
		return many
	}
	return few
}

// ledger is what the service acknowledged.
type ledger struct {
	segments map[string]string // id -> hash
	plans    map[int64]bool
	queue    int64 // highest revision published
	asRun    map[int64]schedules.AsRun
	pieces   int             // of work begun
	sent     int64           // as-run sequences sent
	read     map[string]bool // what was read back after an earlier crash
}

func newLedger() *ledger {
	return &ledger{segments: map[string]string{}, plans: map[int64]bool{}, asRun: map[int64]schedules.AsRun{},
		read: map[string]bool{}}
}

// due reports whether to read something back: once after the next crash, and at the end.
func (l *ledger) due(what string, last bool) bool {
	before := l.read[what]
	l.read[what] = true
	return last || !before
}

const crashStation, crashDay = "harbour-dawn", "2027-02-03"

// works are the kinds of work during which the service is killed, one in each round.
var works = []func(ctx context.Context, c *client.Client, l *ledger, n int) error{uploadWork, planWork, publishWork,
	asRunWork}

func uploadWork(ctx context.Context, c *client.Client, l *ledger, n int) error {
	audio, err := samples.Files.ReadFile("promo-ko-letters.mp3")
	if err != nil {
		return err
	}
	unique := append(fmt.Appendf(nil, "TAG%-125d", n), audio...) // each upload is a different recording
	id := fmt.Sprintf("crash-%d", n)
	s, err := c.Upload(ctx, map[string]any{"id": id, "kind": "promo", "title": "t", "language": "ko-KP"},
		bytes.NewReader(unique))
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
	if p := results[0].Problem; p != nil {
		return fmt.Errorf("plan: %s", p.Detail)
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
	if p := results[0].Problem; p != nil {
		return fmt.Errorf("publish: %s", p.Detail)
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
	e := schedules.AsRun{Sequence: l.sent, ItemID: "i", SegmentID: "s", SHA256: strings.Repeat("a", 64),
		Outcome:   schedules.Aired,
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
	longform.Only(t)
	killService(t, kills(12, 500), serveDefaults(furnish(t)))
}

func TestKillingTheServiceOnRedisLosesNothingAcknowledged(t *testing.T) {
	longform.Only(t)
	c := onRedis(t, harness.StartRedis(t, harness.Durable...))
	c.Listen = harness.FreeAddress(t)
	killService(t, kills(8, 200), c)
}

// The service continues, and recovers by itself.
func TestKillingRedisUnderTheServiceLosesNothingAcknowledged(t *testing.T) {
	longform.Only(t)
	server := harness.StartRedis(t, harness.Durable...)
	c := onRedis(t, server)
	c.Listen = harness.FreeAddress(t)
	l := newLedger()
	p := startProcess(t, c, adminOf(t, c))
	defer p.kill(t)
	rounds := kills(4, 100)
	for round := range rounds {
		err := l.workUntil(t, p, round, server.Kill)
		if !fault.Is(err, fault.Unavailable) {
			t.Fatalf("round %d: without its Redis the service says %v", round, err)
		}
		server.Run()
		p.ready(t)
		checkAfterCrash(t, p, l, round == rounds-1)
	}
	l.report(t, rounds)
}

// killService kills the service repeatedly, each time at a random moment of one kind of work.
func killService(t *testing.T, rounds int, c config.Serve) {
	t.Helper()
	l := newLedger()
	secret := adminOf(t, c)
	for round := range rounds {
		p := startProcess(t, c, secret)
		l.workUntil(t, p, round, func() { p.cmd.Process.Kill() }) // any error: it is gone
		p.cmd.Wait()                                              // it was killed: the error is expected
		again := startProcess(t, c, secret)
		named := checkAfterCrash(t, again, l, round == rounds-1)
		if c.Store == "sqlite" { // with other writers, unreferenced files are removed only when they are old
			awaitNoOrphans(t, c.AudioDir(), named)
		}
		again.kill(t)
	}
	l.report(t, rounds)
}

// adminOf makes a token with all rights.
func adminOf(t *testing.T, c config.Serve) string {
	t.Helper()
	return tokenOf(t, c, access.NewToken{Name: "Root", Role: access.Admin})
}

// tokenOf makes a token on the machine of the service. Its maker is noted only if the service has been there.
func tokenOf(t *testing.T, c config.Serve, n access.NewToken) string {
	t.Helper()
	if err := errors.Join(c.Check(), c.MakeData()); err != nil {
		t.Fatal(err)
	}
	s, err := service.OpenStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	m, err := replica.Open(t.Context(), s, kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	token, err := access.CreateToken(t.Context(), m, access.System, n, time.Now())
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return token.Secret
}

// workUntil repeats the round's kind of work until kill ends it at a random moment after the first piece. It returns
// the error of the last piece.
func (l *ledger) workUntil(t *testing.T, p *process, round int, kill func()) error {
	t.Helper()
	work := works[round%len(works)]
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	delay := time.Duration(rand.Int64N(int64(400 * time.Millisecond)))
	killed := make(chan struct{})
	for done := 0; ; done++ {
		l.pieces++
		err := work(ctx, p.client, l, l.pieces)
		if err != nil && done == 0 {
			t.Fatalf("round %d: %v", round, err)
		}
		if err != nil {
			<-killed
			return err
		}
		if done == 0 {
			time.AfterFunc(delay, func() { kill(); close(killed) })
		}
	}
}

// ready waits until the service reports that it can reach everything.
func (p *process) ready(t *testing.T) {
	t.Helper()
	var err error
	eventually(t, func() bool {
		_, err = p.client.Call(t.Context(), client.Request{Method: "GET", Path: "/readyz"}, new(wire.Readiness))
		return err == nil
	})
	if err != nil {
		t.Fatalf("the service does not get ready: %v", err)
	}
}

func (l *ledger) report(t *testing.T, kills int) {
	t.Logf("%d kills: %d uploads, %d plans, queue revision %d, %d as-run entries acknowledged, all there",
		kills, len(l.segments), len(l.plans), l.queue, len(l.asRun))
}
