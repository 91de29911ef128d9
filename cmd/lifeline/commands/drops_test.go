package commands

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"lifeline/internal/access"
	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/kinds"
	"lifeline/internal/playout"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/servicetest"
	"lifeline/internal/sign"
	"lifeline/internal/store/memory"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// dropped is a service with the enrolled station s, the station bare without a key, and a folder of drops.
type dropped struct {
	t      *testing.T
	server *httptest.Server
	book   *record.Logbook
	began  time.Time
	folder string
	own    *playout.Identity // of the station s
	key    *age.X25519Identity
	file   string // of key
	down   bool
}

func newDropped(t *testing.T) *dropped {
	t.Helper()
	d := &dropped{t: t, folder: t.TempDir(), file: filepath.Join(t.TempDir(), "drops.key"),
		began: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)}
	r, err := replica.Open(t.Context(), memory.New(1000), kinds.All)
	d.must(err)
	now := func() time.Time { return d.began.Add(24 * time.Hour) }
	s := scheduling.New(r, record.NewRecords(r, r.Store, nil, now, 0), servicetest.Signer{}, now, "http://x", time.Hour)
	servicetest.Put(t, r, replica.KindSegment, "m1", servicetest.Music("m1"))
	n := servicetest.OneStation()
	bare := n.Stations[0]
	bare.ID = "bare"
	n.Stations = append(n.Stations, bare)
	_, err = s.Network.Apply(t.Context(), access.Actor{Name: "Ruth"}, n, nil, false)
	d.must(err)
	d.book = s.Record.Logbook
	d.own = d.identity("s")
	servicetest.Put(t, r, replica.KindStationKeys, "s", replica.StationKeys{Station: "s", Keys: []replica.StationKey{{
		ID: d.own.Signer().KeyID(), Signing: d.own.Signer().Public(), Recipient: d.own.Recipient(),
		State: replica.KeyActive}}})
	d.key, err = age.GenerateX25519Identity()
	d.must(err)
	d.must(os.WriteFile(d.file, []byte(d.key.String()+"\n"), 0o600))
	d.server = httptest.NewServer(d)
	t.Cleanup(d.server.Close)
	return d
}

func (d *dropped) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// identity returns new keys for a station.
func (d *dropped) identity(station string) *playout.Identity {
	d.t.Helper()
	keys, err := trust.NewStationIdentity()
	d.must(err)
	return &playout.Identity{StationIdentity: keys, Station: station}
}

func (d *dropped) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := strings.Split(r.URL.Path, "/")[3]
	w.Header().Set("Content-Type", "application/json")
	switch {
	case d.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case id != "s" && id != "bare":
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(wire.Problem{Status: http.StatusNotFound, Title: "Not found"})
	case r.Method == http.MethodGet:
		var keys wire.Page[wire.StationKey]
		if id == "s" {
			keys.Items = []wire.StationKey{{State: "active", Recipient: d.own.Recipient()}}
		}
		_ = json.NewEncoder(w).Encode(keys)
	default:
		envelope, _ := io.ReadAll(r.Body)
		var in wire.SignedAsRun
		payload, err := sign.Payload(envelope)
		if err == nil {
			err = json.Unmarshal(payload, &in)
		}
		results, failed := d.book.ReportSigned(r.Context(), id, envelope, in)
		if err != nil || failed != nil {
			d.t.Error(err, failed)
		}
		_ = json.NewEncoder(w).Encode(wire.AsRunResults{Results: results})
	}
}

// entries returns what aired, from sequence 1 to n.
func (d *dropped) entries(n int) (out []schedules.AsRun) {
	for i := range n {
		out = append(out, schedules.AsRun{Sequence: int64(i + 1), ItemID: fmt.Sprint(i), SegmentID: "m1",
			Outcome: schedules.Aired,
			SHA256:  strings.Repeat("1", 64), StartedAt: schedules.At(d.began.Add(time.Duration(i) * time.Minute)),
			EndedAt: schedules.At(d.began.Add(time.Duration(i+1) * time.Minute))})
	}
	return out
}

func (d *dropped) drop(by *playout.Identity, entries []schedules.AsRun) []byte {
	d.t.Helper()
	b, err := by.Drop(entries, d.key.Recipient().String())
	d.must(err)
	return b
}

func (d *dropped) put(name string, b []byte) {
	d.t.Helper()
	d.must(os.WriteFile(filepath.Join(d.folder, name), b, 0o600))
}

// reads returns the command. It reads the folder as often as it is run.
func (d *dropped) reads() (read func() (said string, err error)) {
	d.t.Helper()
	c := &dropsReadCmd{remote: remote{Server: d.server.URL, Token: "token"}, From: d.folder, Identity: []string{d.file}}
	d.must(c.AfterApply())
	return func() (string, error) {
		var out bytes.Buffer
		err := c.Run(d.t.Context(), &out)
		return out.String(), err
	}
}

// counted returns the item that counts under each sequence of the station s, and fails if one counts twice.
func (d *dropped) counted() map[int64]string {
	d.t.Helper()
	all, err := d.book.AsRun(d.t.Context(), "s", d.began.Add(-time.Hour), d.began.Add(24*time.Hour))
	d.must(err)
	counted, _ := schedules.Counted(all)
	out := map[int64]string{}
	for _, e := range counted {
		if _, twice := out[e.Sequence]; twice || e.ReportedAs != 0 {
			d.t.Errorf("sequence %d counts twice", e.Sequence)
		}
		out[e.Sequence] = e.ItemID
	}
	return out
}

func TestDropsReadReportsWhatIsNewAndRepeatsNothing(t *testing.T) {
	d := newDropped(t)
	read := d.reads()
	if _, err := read(); cmdline.CodeOf(err) != cmdline.Nothing {
		t.Errorf("an empty folder: %v", err)
	}
	d.put("one", d.drop(d.own, d.entries(3)))
	if said, err := read(); err != nil || said != "s: 3 entries are new, 0 were on record.\n" {
		t.Errorf("%q, %v", said, err)
	}
	d.put("one", d.drop(d.own, d.entries(450)))
	if said, err := read(); err != nil || said != "s: 447 entries are new, 3 were on record.\n" {
		t.Errorf("%q, %v", said, err)
	}
	if said, err := read(); err != nil || !strings.Contains(said, "s: 0 entries are new, 450") {
		t.Errorf("again: %q, %v", said, err)
	}
	if got := len(d.counted()); got != 450 {
		t.Errorf("%d entries count", got)
	}
}

func TestDropsReadNamesWhatItCannotTakeAndTakesTheRest(t *testing.T) {
	d := newDropped(t)
	good := d.drop(d.own, d.entries(2))
	foreign, err := age.GenerateX25519Identity()
	d.must(err)
	other, err := d.own.Drop(d.entries(2), foreign.Recipient().String())
	d.must(err)
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"broken":    {good[:len(good)/2], "no encrypted file"},
		"empty":     {nil, "no encrypted file"},
		"index":     {[]byte("<html>"), "no encrypted file"},
		"another":   {other, "not to this reader"},
		"forged":    {d.drop(d.identity("s"), d.entries(2)), "no key of the station signed it"},
		"keyless":   {d.drop(d.identity("bare"), d.entries(2)), "no key of its own"},
		"stranger":  {d.drop(d.identity("nowhere"), d.entries(2)), "nowhere"},
		"elsewhere": {d.drop(d.identity("../x"), d.entries(2)), "no report of a station"},
	} {
		d.put(name, c.content)
		d.put("whole", good)
		said, err := d.reads()()
		if cmdline.CodeOf(err) != cmdline.Partly || !strings.Contains(err.Error(), name+": ") ||
			!strings.Contains(err.Error(), c.says) || !strings.Contains(said, "s: ") {
			t.Errorf("%s: %q, %v", name, said, err)
		}
		d.must(os.Remove(filepath.Join(d.folder, name)))
	}
	if got := d.counted(); len(got) != 2 {
		t.Errorf("%d entries count", len(got))
	}
	d.put(".one.part", good[:9])
	if _, err := d.reads()(); err != nil {
		t.Errorf("a file that is being written: %v", err)
	}
	d.down = true
	if _, err := d.reads()(); cmdline.CodeOf(err) != cmdline.Later {
		t.Errorf("a service that is down: %v", err)
	}
	d.folder += "/none"
	if _, err := d.reads()(); !fault.Is(err, fault.NotFound) {
		t.Errorf("no folder: %v", err)
	}
}

// A drop may be lost, come again, come late or be cut short, and forged ones may lie beside it.
func TestWhateverBecomesOfDropsNothingIsLostAndNothingCountsTwice(t *testing.T) {
	for range 3 {
		seed := rand.Uint64()
		dice := rand.New(rand.NewPCG(seed, 1))
		d := newDropped(t)
		read, evil := d.reads(), d.identity("s")
		all := d.entries(40)
		var made [][]byte
		aired, acknowledged := 0, 0
		for range 25 {
			aired = min(aired+dice.IntN(4), len(all))
			if aired > acknowledged {
				made = append(made, d.drop(d.own, all[acknowledged:aired]))
			}
			name := string(rune('a' + dice.IntN(3)))
			if len(made) > 0 {
				b := made[dice.IntN(len(made))]
				switch dice.IntN(4) {
				case 0:
					b = b[:dice.IntN(len(b))]
				case 1:
					forged := d.entries(1 + dice.IntN(len(all)))
					for i := range forged {
						forged[i].ItemID = "forged"
					}
					b = d.drop(evil, forged)
				case 2:
					b = made[len(made)-1]
				}
				d.put(name, b)
			}
			_, _ = read()          // damaged and forged ones are told
			if dice.IntN(8) == 0 { // the link is back for a moment: the service acknowledges
				in := wire.SignedAsRun{Schema: wire.AsRunSchema, Station: "s", Entries: all[acknowledged:aired]}
				envelope, err := d.own.Report(in.Entries)
				d.must(err)
				_, err = d.book.ReportSigned(t.Context(), "s", envelope, in)
				d.must(err)
				acknowledged = aired
			}
		}
		if acknowledged < aired {
			d.put("last", d.drop(d.own, all[acknowledged:aired]))
		}
		_, _ = read()
		got := d.counted()
		for _, e := range all[:aired] {
			if got[e.Sequence] != e.ItemID {
				t.Errorf("seed %d: sequence %d is %q", seed, e.Sequence, got[e.Sequence])
			}
		}
		if len(got) != aired {
			t.Errorf("seed %d: %d entries count, and %d aired", seed, len(got), aired)
		}
	}
}
