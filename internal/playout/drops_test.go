package playout

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"lifeline/internal/mirror"
	"lifeline/internal/playout/spool"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const presigned = "https://s3.example/bucket/station?X-Amz-Signature=5ec2e7"

// dropping is a station whose service takes reports as often as answers grows.
type dropping struct {
	*Dropper
	t       *testing.T
	key     *age.X25519Identity // of the service
	answers atomic.Int64
	puts    [][]byte // to the address
	status  int      // of their answers; 0: the link is down

	mu   sync.Mutex // for what follows, and for puts and status while Run runs
	text bytes.Buffer
}

// Write takes the log.
func (d *dropping) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(b)
}

// said returns the log.
func (d *dropping) said() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// answer sets the status of the answers.
func (d *dropping) answer(status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status = status
}

// got returns the number of drops that came.
func (d *dropping) got() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.puts)
}

func newDropping(t *testing.T, targets ...string) *dropping {
	t.Helper()
	state, err := statedir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log, err := spool.Open(state, 100, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(log.Close(), state.Close()) })
	keys, err := trust.NewStationIdentity()
	if err != nil {
		t.Fatal(err)
	}
	d := &dropping{t: t, status: http.StatusOK}
	if d.key, err = age.GenerateX25519Identity(); err != nil {
		t.Fatal(err)
	}
	to := slog.New(slog.NewTextHandler(d, nil))
	p := &Player{opt: Options{Log: to, Drops: DropOptions{Targets: targets, Recipient: d.key.Recipient().String(),
		Transport: roundTrip(d.take)}}, spool: log, identity: &Identity{StationIdentity: keys, Station: "lantern"},
		problems: NewProblems(time.Now, to), mirrors: &Mirrors{}}
	d.Dropper = p.dropper(&Sender{})
	d.Dropper.answers = d.answers.Load
	return d
}

func (d *dropping) take(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPut || r.URL.String() != presigned || r.Header.Get("Authorization") != "" {
		d.t.Errorf("%s %s", r.Method, r.URL)
	}
	b, err := io.ReadAll(r.Body)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.status == 0 {
		err = errors.New("connection refused")
	}
	if err != nil {
		return nil, err
	}
	if d.status == http.StatusOK {
		d.puts = append(d.puts, b)
	}
	header := http.Header{"Location": {"https://other.example/\x7f"}}
	return &http.Response{StatusCode: d.status, Header: header, Body: http.NoBody, Request: r}, nil
}

func (d *dropping) airs(n int) {
	d.t.Helper()
	for range n {
		if _, err := d.spool.Append(schedules.AsRun{SegmentID: "a", Outcome: schedules.Skipped}, false); err != nil {
			d.t.Fatal(err)
		}
	}
}

// held returns the sequences that a drop holds.
func (d *dropping) held(encrypted []byte) (out []int64) {
	d.t.Helper()
	text, err := mirror.OpenBytes(encrypted, wire.MostDropBytes, d.key)
	if err != nil {
		d.t.Fatal(err)
	}
	var drop wire.Drop
	if err := json.Unmarshal(text, &drop); err != nil || drop.Schema != wire.DropSchema {
		d.t.Fatal(drop.Schema, err)
	}
	for _, envelope := range drop.Reports {
		var r wire.SignedAsRun
		payload, err := sign.Verify(envelope, wire.AsRunType, d.identity.Signer().Public())
		if err == nil {
			err = json.Unmarshal(payload, &r)
		}
		if err != nil || r.Station != "lantern" || len(r.Entries) > sendBatch {
			d.t.Fatal(r.Station, len(r.Entries), err)
		}
		for _, e := range r.Entries {
			out = append(out, e.Sequence)
		}
	}
	return out
}

func TestReportsAreDroppedOnlyWhileTheServiceTakesNoneAndOnlyWhenThereAreNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDropping(t, presigned)
		go d.Run(t.Context())
		after := func(wait time.Duration, want int, why string) {
			t.Helper()
			time.Sleep(wait)
			synctest.Wait()
			if d.got() != want {
				t.Fatalf("%s: %d drops, not %d", why, d.got(), want)
			}
		}
		after(time.Hour, 0, "nothing aired")
		d.airs(3)
		after(4*time.Minute, 0, "the service may still take it")
		d.answers.Add(1)
		after(4*time.Minute, 0, "the service took a report")
		after(2*time.Minute, 1, "the service takes none")
		after(time.Hour, 1, "nothing new")
		d.airs(250)
		after(time.Minute, 2, "something new")
		d.airs(1)
		after(4*time.Minute, 2, "soon after a drop")
		after(2*time.Minute, 3, "later")
		if got := d.held(d.puts[2]); len(got) != 254 || got[0] != 100 || got[253] != 353 {
			t.Errorf("the last drop holds %d entries", len(got))
		}
		if left, _ := d.spool.Pending(1000); len(left) != 254 {
			t.Errorf("%d entries are left in the spool: a drop acknowledges nothing", len(left))
		}
		if len(d.problems.Alarms()) > 0 {
			t.Errorf("alarms: %q", d.problems.Alarms())
		}
	})
}

func TestADropThatFailsIsToldWithoutTheSecretAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDropping(t, presigned)
		d.airs(1)
		go d.Run(t.Context())
		for _, status := range []int{0, http.StatusForbidden, http.StatusTemporaryRedirect, http.StatusInternalServerError} {
			d.answer(status)
			time.Sleep(6 * time.Minute)
			synctest.Wait()
			alarms := strings.Join(d.problems.Alarms(), " ")
			if !strings.Contains(alarms, "https://s3.example/bucket/station") || d.got() > 0 {
				t.Errorf("answer %d: %q", status, alarms)
			}
			if strings.Contains(alarms+d.said(), "5ec2e7") {
				t.Errorf("answer %d: the secret is told: %s", status, alarms)
			}
		}
		d.answer(http.StatusOK)
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if d.got() != 1 || len(d.problems.Alarms()) > 0 {
			t.Errorf("%d drops, %q", d.got(), d.problems.Alarms())
		}
		if strings.Contains(d.said(), "5ec2e7") {
			t.Errorf("the secret is told: %s", d.said())
		}
	})
}

func TestADropInAFolderIsWholeAndTakesThePlaceOfTheOneBefore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "drops")
	d := newDropping(t, dir)
	d.airs(1)
	d.Leave(time.Second)
	if _, err := os.Stat(dir); err == nil || len(d.problems.Alarms()) != 1 {
		t.Errorf("a folder that is not there: %v, %q", err, d.problems.Alarms())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(dir, "..", "of-another")
	if err := os.WriteFile(victim, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if b, err := os.ReadFile(victim); err != nil || string(b) != "kept" {
			t.Errorf("a file of another holds %q, %v", b, err)
		}
	}()
	for n := range 2 {
		part := filepath.Join(dir, "."+mirror.DropName(d.identity.Recipient())+".part")
		if err := os.Symlink(victim, part); err != nil {
			t.Fatal(err)
		}
		d.Leave(time.Second)
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		b, err := os.ReadFile(filepath.Join(dir, files[0].Name()))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.held(b); len(got) != n+1 || bytes.Contains(b, []byte("lantern")) ||
			strings.Contains(files[0].Name(), "lantern") {
			t.Errorf("drop %s holds %d", files[0].Name(), got)
		}
		d.airs(1)
	}
	if len(d.problems.Alarms()) > 0 {
		t.Errorf("alarms: %q", d.problems.Alarms())
	}
}

func TestAStationThatCannotSignOrEncryptDropsNothingAndSaysSo(t *testing.T) {
	d := newDropping(t, presigned)
	d.airs(1)
	d.recipient = (&Mirrors{}).Drops
	d.Leave(time.Second)
	if alarms := d.problems.Alarms(); d.got() > 0 || len(alarms) != 1 || !strings.Contains(alarms[0], "recipient") {
		t.Errorf("without a recipient: %d drops, %q", d.got(), alarms)
	}
	d.identity = nil
	d.Leave(time.Second)
	if alarms := d.problems.Alarms(); d.got() > 0 || len(alarms) != 1 || !strings.Contains(alarms[0], "enrol") {
		t.Errorf("without keys: %d drops, %q", d.got(), alarms)
	}
}

func TestDropTargetsAreFoldersAndSecureAddressesOfAFile(t *testing.T) {
	for _, good := range []string{"drops", "/media/stick", presigned, "http://127.0.0.1:9000/bucket/file?sig=a,b"} {
		if err := CheckDrop(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"http://s3.example/b/f?s=5ec2e7", "https://s3.example/?s=5ec2e7", "https://?s=5ec2e7",
		"https://a:5ec2e7@s3.example/b", "s3+https://s3.example/b?s=5ec2e7", "https://s3.example/%zz?s=5ec2e7"} {
		if err := CheckDrop(bad); err == nil || strings.Contains(err.Error(), "5ec2e7") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
