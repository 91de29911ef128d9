package endtoend

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/harness/longform"
	"lifeline/internal/playout"
	"lifeline/internal/playout/spool"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A player that does not reach the service drops what aired, and lifeline drops read reports it.
func TestWhatAPlayerDropsComesOnRecordWithoutItsLink(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	h, dir := open(t, furnish(t)), t.TempDir()
	h.as("admin", access.NewToken{Name: "Ada", Role: access.Admin})
	admin := client.New(h.url, h.secrets["admin"], http.DefaultClient)
	const station = "harbour-dawn"
	code, err := admin.EnrolmentCode(t.Context(), station, 0)
	if err != nil {
		t.Fatal(err)
	}
	state, err := statedir.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := playout.Enrol(t.Context(), state, client.New(h.url, "", http.DefaultClient), code.Code, station,
		time.Now()); err != nil {
		t.Fatal(err)
	}
	log, err := spool.Open(state, 1, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-time.Hour)
	for n := range 3 {
		if _, err := log.Append(schedules.AsRun{ItemID: fmt.Sprint(n), SegmentID: "music-lamp", Outcome: schedules.FellBack,
			SHA256: strings.Repeat("1", 64), StartedAt: schedules.At(began),
			EndedAt: schedules.At(began.Add(time.Minute))}, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}

	key, drops := filepath.Join(dir, "drops.key"), filepath.Join(dir, "drops")
	made := strings.Fields(succeed(t, "key", "drops", "--plain", key))
	if err := os.Mkdir(drops, 0o700); err != nil {
		t.Fatal(err)
	}
	elsewhere := httptest.NewServer(nil)
	elsewhere.Close() // nothing answers there
	service, err := program()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := admin.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	player := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(service), "playout"), "sync", "--once",
		"--server", elsewhere.URL, "--station", station, "--state", filepath.Join(dir, "state"),
		"--key", keys.Keys[0].PublicKey,
		"--drop", drops, "--drop-recipient", made[len(made)-1])
	if said, err := player.CombinedOutput(); err == nil || !strings.Contains(string(said), "they were dropped") {
		t.Fatalf("the player ended with %v and said %s", err, said)
	}
	unsent := func() int {
		t.Helper()
		state, err := statedir.Open(filepath.Join(dir, "state"))
		if err != nil {
			t.Fatal(err)
		}
		left, err := spool.Unsent(state)
		if err = errors.Join(err, state.Close()); err != nil {
			t.Fatal(err)
		}
		return len(left)
	}
	for n, want := range []string{"3 entries are new, 0 were on record", "0 entries are new, 3 were on record"} {
		said := succeed(t, "drops", "read", drops, "--identity", key, "--server", h.url, "--token", h.secrets["admin"])
		if !strings.Contains(said, station+": "+want) {
			t.Errorf("reading %d says %s", n+1, said)
		}
	}
	if unsent() != 3 {
		t.Errorf("%d entries wait before the station can know", unsent())
	}
	// What mirrors and bundles carry says that all of it came.
	doc, err := admin.Station(station).Receipts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var receipts wire.Receipts
	payload, err := sign.Payload(doc.Bytes)
	if err == nil {
		err = json.Unmarshal(payload, &receipts)
	}
	if err != nil {
		t.Fatal(err)
	}
	if state, err = statedir.Open(filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
	if log, err = spool.Open(state, 1, t.Logf); err != nil {
		t.Fatal(err)
	}
	if n, err := log.Acknowledge(receipts); err != nil || n != 3 {
		t.Errorf("%d entries of %+v leave the spool: %v", n, receipts, err)
	}
	if err := errors.Join(log.Close(), state.Close()); err != nil || unsent() > 0 {
		t.Errorf("%d entries wait at the end: %v", unsent(), err)
	}
}
