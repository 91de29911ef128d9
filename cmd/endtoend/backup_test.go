//go:build unix

package endtoend

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/archive"
	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/replica"
	"lifeline/internal/service"
	"lifeline/internal/sign"
	"lifeline/internal/store"
	"lifeline/internal/store/sqlite"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// command runs a command line and returns its exit code and output.
func command(t testing.TB, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	code := commands.Run(t.Context(), args, &out, &out)
	return code, out.String()
}

// succeed is command for a command that must succeed.
func succeed(t testing.TB, args ...string) string {
	t.Helper()
	code, out := command(t, args...)
	if code != 0 {
		t.Fatalf("lifeline %s: %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// parts returns the manifest of an archive.
func parts(t *testing.T, file string) archive.Manifest {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := archive.NewReader(bufio.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Skim()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// storedIn returns a hash of the documents and changes in an archive, without the floor, which every restore raises.
func storedIn(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := archive.NewReader(bufio.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for d, err := range a.Documents() {
		if err != nil {
			t.Fatal(err)
		}
		if d.Kind != replica.KindFloor {
			fmt.Fprintf(sum, "%s %s %d %x\n", d.Kind, d.ID, d.Revision, d.Body)
		}
	}
	for c, err := range a.Changes() {
		if err != nil {
			t.Fatal(err)
		}
		if c.Kind != replica.KindFloor {
			fmt.Fprintf(sum, "%v\n", c)
		}
	}
	return sum.Sum(nil)
}

// reports returns n reports of a station, an hour apart from at on.
func reports(n int, at time.Time) []schedules.AsRun {
	out := make([]schedules.AsRun, n)
	for i := range out {
		start := at.Add(time.Duration(i) * time.Hour)
		out[i] = schedules.AsRun{Sequence: int64(i + 1), ItemID: "i", SegmentID: "ident-ko", SHA256: strings.Repeat("0", 64),
			StartedAt: schedules.At(start), EndedAt: schedules.At(start.Add(time.Minute)), Outcome: schedules.Aired,
			Detail: "«방송»"}
	}
	return out
}

// pulled is what a station and its player get of a published day.
type pulled struct{ queue, envelope []byte }

const keptDay = "2099-11-25"

// pull fetches the day as the station's player does, verifies it with the pinned key, and verifies a recording by its
// hash.
func pull(t *testing.T, url, secret, day string, pinned ed25519.PublicKey) (p pulled) {
	t.Helper()
	h := &house{t: t, url: url}
	base := "/v1/stations/harbour-dawn/"
	for path, into := range map[string]*[]byte{base + "queue?date=" + day: &p.queue, base + "queue.dsse?date=" +
		day: &p.envelope} {
		got := h.do(http.MethodGet, path, secret, nil, nil)
		if got.status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, got.status, got.body)
		}
		*into = got.body
	}
	payload, err := sign.Verify(p.envelope, wire.QueueType, pinned)
	if err != nil {
		t.Fatalf("a player that pins the key refuses the queue: %v", err)
	}
	var q wire.Queue
	if err := json.Unmarshal(payload, &q); err != nil || len(q.Items) == 0 || !bytes.Equal(payload, p.queue) {
		t.Fatalf("a queue of %d items, %v", len(q.Items), err)
	}
	sha := q.Items[0].Audio.SHA256
	got := h.do(http.MethodGet, wire.Audio(sha), secret, nil, nil)
	if sum := sha256.Sum256(got.body); got.status != http.StatusOK || hex.EncodeToString(sum[:]) != sha {
		t.Errorf("audio of the queue: %d, %d bytes", got.status, len(got.body))
	}
	return p
}

// served runs the service as a separate process over a store while use runs.
func served(t *testing.T, place []string, use func(url string)) {
	t.Helper()
	address := harness.FreeAddress(t)
	cmd, url, said := launch(t, append([]string{"serve", "--listen", address, "--public-url", "http://" + address},
		place...)...)
	defer func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the service ended with %v\n%s", err, said)
		}
	}()
	use(url)
}

// From SQLite and local files to Redis and S3 and back: the same documents, and the same queues for a player that has
// pinned the key.
func TestBackupMovesAServiceBetweenBackEnds(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	h := open(t, dir)
	h.publish([]string{"harbour-dawn"}, keptDay)
	h.station("harbour-dawn")
	relay, scheduler := h.secrets["station:harbour-dawn"], h.secrets["scheduler"]
	body, err := json.Marshal(wire.AsRunReport{Entries: reports(20, time.Now().Add(-48*time.Hour))})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.do(http.MethodPost, "/v1/stations/harbour-dawn/as-run", relay,
		map[string]string{"Content-Type": "application/json"}, body); got.status != http.StatusOK {
		t.Fatalf("as-run: %d %s", got.status, got.body)
	}
	var keys wire.Keys
	h.do(http.MethodGet, "/v1/keys", "", nil, nil).into(t, &keys)
	pinned, err := sign.ParsePublic(keys.Keys[0].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	before := pull(t, h.url, relay, keptDay, pinned)

	files := t.TempDir()
	archives := []string{filepath.Join(files, "1.tar"), filepath.Join(files, "2.tar"), filepath.Join(files, "3.tar")}
	succeed(t, "backup", "--plain", "--data", dir, "--with-audio", "--with-keys", archives[0]) // while the service runs
	h.stop()

	bucket := harness.StartBucket(t)
	secret := filepath.Join(files, "secret")
	if err := os.WriteFile(secret, []byte(bucket.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	shared := []string{"--data", t.TempDir(), "--store", "redis://" + harness.StartRedis(t, harness.Durable...).Addr,
		"--audio", "s3+" + bucket.Endpoint + "/" + bucket.Name + "/audio/", "--s3-access-key", bucket.AccessKey,
		"--s3-secret-key-file", secret}
	again := []string{"--data", t.TempDir()}
	succeed(t, append([]string{"restore", archives[0]}, shared...)...)
	succeed(t, append([]string{"backup", "--plain", "--with-audio", "--with-keys", archives[1]}, shared...)...)
	succeed(t, append([]string{"fsck"}, shared...)...)
	for _, day := range []string{keptDay, "2099-11-26"} {
		served(t, shared, func(url string) {
			if day != keptDay { // new publications are signed with the pinned key too
				other := &house{t: t, url: url, scheduler: client.New(url, scheduler, http.DefaultClient)}
				other.publish([]string{"harbour-dawn"}, day)
			}
			after := pull(t, url, relay, day, pinned)
			if day == keptDay && (!bytes.Equal(after.queue, before.queue) || !bytes.Equal(after.envelope, before.envelope)) {
				t.Error("on Redis and S3 another queue is served")
			}
		})
	}

	pipe := exec.Command("sh", "-ec",
		`"$0" check-backup "$1" && cat "$1" | "$0" restore --data "$2" - && "$0" backup --plain --data "$2" --with-audio --with-keys - > "$3" && "$0" check-backup - < "$3"`)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	pipe.Args = append(pipe.Args, path, archives[1], again[1], archives[2])
	if out, err := pipe.CombinedOutput(); err != nil {
		t.Fatalf("through pipes: %v\n%s", err, out)
	}
	succeed(t, append([]string{"fsck"}, again...)...)
	served(t, again, func(url string) {
		after := pull(t, url, relay, keptDay, pinned)
		if !bytes.Equal(after.queue, before.queue) || !bytes.Equal(after.envelope, before.envelope) {
			t.Error("back on SQLite another queue is served")
		}
	})

	first := parts(t, archives[0])
	for _, file := range archives {
		m := parts(t, file)
		t.Logf("%s: documents %d %.16s, changes %d %.16s, as-run %d %.16s, blobs %d %.16s", filepath.Base(file),
			m.Documents.Count, m.Documents.SHA256,
			m.Changes.Count, m.Changes.SHA256, m.AsRun.Count, m.AsRun.SHA256, m.Blobs.Count, m.Blobs.SHA256)
		if !bytes.Equal(storedIn(t, file), storedIn(t, archives[0])) || m.AsRun != first.AsRun || m.Blobs != first.Blobs {
			t.Error("the archives differ")
		}
	}
	if first.Documents.Count < 100 || first.AsRun.Count != 20 || first.Blobs.Count < 40 || len(first.Missing) > 0 {
		t.Errorf("the archive has %+v", first)
	}
}

// A damaged backup, or a target without room, is refused with a reason, and the target still takes an intact backup.
func TestRestoreTakesAllOrNothing(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	h := open(t, dir)
	h.publish([]string{"harbour-dawn"}, keptDay)
	h.stop()
	files := t.TempDir()
	good := filepath.Join(files, "good.tar")
	succeed(t, "backup", "--plain", "--data", dir, "--with-audio", "--with-keys", good)
	if code, out := command(t, "backup", "--plain", "--data", dir, good); code != 1 ||
		!strings.Contains(out, "exists already") {
		t.Errorf("backup over a file: %d %s", code, out)
	}
	if code, out := command(t, "backup", "--plain", "--data", t.TempDir(), filepath.Join(files, "none.tar")); code != 1 ||
		!strings.Contains(out, "there is no store") {
		t.Errorf("backup of nothing: %d %s", code, out)
	}
	b, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(b)
	flipped[len(b)/2] ^= 1
	spoilt := map[string]struct {
		bytes []byte
		says  string
	}{
		"cut off early": {b[:100_000], "damaged"}, "cut off late": {b[:len(b)-8192], "damaged"},
		"flipped": {flipped, "damaged"},
		"foreign": {[]byte("PK\x03\x04 something else"), "not a file that lifeline backup wrote"},
		"empty":   {nil, "not a file that lifeline backup wrote"},
	}
	targets := map[string][]string{
		"SQLite": {"--data", t.TempDir()},
		"Redis":  {"--data", t.TempDir(), "--store", "redis://" + harness.StartRedis(t, harness.Durable...).Addr},
	}
	bad := filepath.Join(files, "bad.tar")
	for target, place := range targets {
		for name, c := range spoilt {
			if err := os.WriteFile(bad, c.bytes, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, verb := range [][]string{{"check-backup", bad}, append([]string{"restore", bad}, place...)} {
				if code, out := command(t, verb...); code != 1 || !strings.Contains(out, c.says) {
					t.Errorf("%s, %s %s: %d %s", target, verb[0], name, code, out)
				}
			}
		}
		succeed(t, append([]string{"restore", good}, place...)...)
		if code, out := command(t, append([]string{"restore", good}, place...)...); code != 1 || !strings.Contains(out,
			"not empty") {
			t.Errorf("%s, restore over what is there: %d %s", target, code, out)
		}
		succeed(t, append([]string{"fsck"}, place...)...)
	}
	other := t.TempDir()
	if err := service.WriteSigningKey(filepath.Join(other, "signing.key"), []byte("another\n")); err != nil {
		t.Fatal(err)
	}
	if code, out := command(t, "restore", "--data", other, good); code != 1 || !strings.Contains(out,
		"another signing key") {
		t.Errorf("restore beside another key: %d %s", code, out)
	}

	bare := filepath.Join(files, "bare.tar")
	succeed(t, "backup", "--plain", "--data", dir, bare)
	last := t.TempDir()
	code, out := command(t, "restore", "--data", last, bare)
	if code != cmdline.Partly || !strings.Contains(out, "recordings not here yet") || !strings.Contains(out,
		"signing key was not in the backup") {
		t.Errorf("restore of documents alone says\n%s", out)
	}
	if code, out := command(t, "fsck", "--data", last, "--repair-from", filepath.Join(dir, "audio")); code != 1 ||
		!strings.Contains(out, "; repaired") {
		t.Errorf("fsck: %d %s", code, out)
	}
	if code, out := command(t, "fsck", "--data", last); code != 1 || !strings.Contains(out, "lifeline rekey") {
		t.Errorf("fsck without the key: %d %s", code, out)
	}
	succeed(t, "rekey", "--data", last, "--by", "Ruth")
	succeed(t, "fsck", "--data", last)
}

// Records beyond the retention leave the store and can still be read, also after a move to another store.
func TestOldRecordsAreReadFromTheirFiles(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	dir := t.TempDir()
	long := time.Now().UTC().AddDate(-2, 0, 0).Truncate(24 * time.Hour)
	seedOldRecords(t, dir, long)
	look := func(dir string) (out []string) {
		cfg := serveDefaults(dir)
		cfg.KeepRecords = 100
		h := start(t, cfg)
		h.station("seoul")
		secret := h.secrets["scheduler"]
		moved := func() bool {
			_, gone := h.service.Store.Changes(t.Context(), 0, 1)
			left, err := h.service.Store.Read(t.Context(), "seoul", time.Time{}, long.AddDate(0, 1, 0))
			if err != nil {
				t.Fatal(err)
			}
			return fault.Is(gone, fault.Gone) && len(left) == 0
		}
		if eventually(t, moved); !moved() {
			t.Fatal("the records were not moved")
		}
		for _, path := range []string{"/v1/audit?limit=40&to=" + long.AddDate(0, 6, 0).Format(time.RFC3339),
			"/v1/audit?limit=300&kind=status", "/v1/stations/seoul/as-run?date=" + long.Format(time.DateOnly)} {
			got := h.do(http.MethodGet, path, secret, nil, nil)
			if got.status != http.StatusOK {
				t.Fatalf("%s: %d %s", path, got.status, got.body)
			}
			out = append(out, string(got.body))
		}
		h.stop()
		return out
	}
	first := look(dir)
	var page wire.Page[schedules.AsRun]
	if err := json.Unmarshal([]byte(first[2]), &page); err != nil || len(page.Items) < 15 {
		t.Errorf("%d old reports of a day, %v", len(page.Items), err)
	}
	if n := strings.Count(first[1], `"station.status"`); n != 200 {
		t.Errorf("%d old changes of the status; want 200", n)
	}
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "lifeline.db"))
	if err != nil {
		t.Fatal(err)
	}
	if left, err := s.Audit(t.Context(), store.AuditQuery{To: long.AddDate(0, 6, 0), Limit: 500}); err != nil ||
		len(left) > 3 {
		t.Errorf("%d old changes are still in the store, %v", len(left), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	succeed(t, "fsck", "--data", dir)
	file := filepath.Join(t.TempDir(), "b.tar")
	succeed(t, "backup", "--plain", "--with-keys", "--data", dir, file)
	other := t.TempDir()
	succeed(t, "restore", "--data", other, file)
	succeed(t, "fsck", "--data", other)
	if second := look(other); fmt.Sprint(second) != fmt.Sprint(first) {
		t.Errorf("before:\n%.600s\nafter:\n%.600s", first, second)
	}
}

// seedOldRecords makes a store with 200 reports and statuses of a station since at.
func seedOldRecords(t *testing.T, dir string, at time.Time) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "lifeline.db"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(kind, id string, expect int64, action string, at time.Time, v any) {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: kind, ID: id, Expect: expect,
			Body: body}},
			Origin: store.Origin{At: at, By: "Minjun", Action: action}}); err != nil {
			t.Fatal(err)
		}
	}
	write("station", "seoul", 0, "station.put", at, schedules.Station{ID: "seoul", Name: "Seoul", Timezone: "Asia/Seoul",
		Languages: []string{"ko-KP"}, Revision: 1})
	var entries []store.Entry
	for n, r := range reports(200, at) {
		write("status", "seoul", int64(n), "station.status", r.StartedAt.Time, wire.Status{Station: "seoul"})
		body, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, store.Entry{Station: "seoul", Sequence: r.Sequence, At: r.StartedAt.Time, Body: body})
	}
	if _, err := s.Append(context.Background(), entries); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
