package playout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/playout/spool"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// kept is a player whose state directory has each kind of file; tests damage them.
type kept struct {
	t       *testing.T
	service *service
	dir     string
	now     time.Time         // by the machine's clock, which is wrong
	files   map[string][]byte // as they were written
	queue   wire.Queue
}

// open starts the player in the directory without running it, and returns it.
func (k *kept) open() (p *Player, end func()) {
	k.t.Helper()
	state, err := statedir.Open(k.dir)
	if err != nil {
		k.t.Fatal(err)
	}
	p, err = OpenPlayer(Options{Station: "lantern", State: state, API: k.service.api(), Open: openRecording,
		Rate: testRate, Follow: FollowOptions{TrustFirst: true}, Now: func() time.Time { return k.now },
		Uptime: Uptime{Boot: "boot", Since: func() time.Duration { return time.Hour }},
		Log:    discardLog(), Version: "test", Built: "test"})
	if err != nil {
		k.t.Fatal(errors.Join(err, state.Close()))
	}
	return p, func() {
		p.cuer.Close()
		over, cancel := context.WithCancel(k.t.Context())
		cancel()
		if err := errors.Join(p.log.Run(over, time.Minute), p.spool.Close(), state.Close()); err != nil {
			k.t.Fatal(err)
		}
	}
}

// newKept fills a directory: a clock that the service has set by three minutes, a day with a recalled and a sensitive
// item, a fallback, a lease, a recording, and an airing that a crash interrupted.
func newKept(t *testing.T) *kept {
	k := &kept{t: t, service: newService(t), dir: inMemory(t), now: documentsNow.Add(-3 * time.Minute)}
	p, end := k.open()
	s := &shelf{DocumentStore: p.documents, t: t, service: k.service}
	p.time.Compare(p.time.Now(), 0, documentsNow, 0)
	k.queue = s.queue(5)
	k.queue.Items[3].Sensitive = true
	audio := k.queue.Items[0].Audio
	recalls := k.service.recallsBody(wire.Recalls{Revision: 11, IssuedAt: schedules.At(documentsNow),
		Segments: []wire.Recalled{{SegmentID: "segment-2"}}})
	lease := wire.Lease{Schema: wire.LeaseSchema, Station: "lantern", IssuedAt: schedules.At(documentsNow),
		ExpiresAt: schedules.At(documentsNow.Add(10 * time.Minute)), Segments: []string{"segment-4"}}
	for _, err := range []error{
		p.documents.Pin(k.service.signer.Public()),
		s.OfferFallback(k.service.sign(wire.FallbackType, s.fallbackDoc(3))), s.offer(k.queue), s.OfferRecalls(recalls),
		s.OfferLease(k.service.sign(wire.LeaseType, lease), "", time.Now()),
		p.documents.contact.save(p.documents.state),
		os.WriteFile(filepath.Join(k.dir, recordingName(audio.SHA256)), k.service.audio[audio.SHA256], 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	started := schedules.At(documentsNow.Add(-time.Minute))
	p.log.Aside(schedules.AsRun{ItemID: "item-7", SegmentID: "segment-7", Outcome: schedules.Skipped, StartedAt: started,
		EndedAt: started})
	p.log.Begin(spool.OnAir{ItemID: "item-8", SegmentID: "segment-8", StartedAt: started})
	p.log.Heard(spool.Heard{ItemID: "item-8", StartedAt: started, Until: schedules.At(started.Add(30 * time.Second))})
	end()
	k.files = map[string][]byte{}
	err := filepath.WalkDir(k.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(k.dir, path)
		if err == nil {
			k.files[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// with restarts the player with the original files, except that one has other content, and returns its state and its
// messages.
func (k *kept) with(name string, content []byte) (now standing, said string) {
	for file, b := range k.files {
		if file == name {
			b = content
		}
		if err := os.WriteFile(filepath.Join(k.dir, file), b, 0o600); err != nil {
			k.t.Fatal(err)
		}
	}
	p, end := k.open()
	h := p.documents.Holdings()
	now = standing{time: p.time.Now(), queue: h.Revision(k.queue.Date), holdsBack: h.forgot,
		recalls: h.Barred(&k.queue.Items[1]) != "", airs: h.Barred(&k.queue.Items[0]) == ""}
	if h.Fallback != nil {
		now.fallback = h.Fallback.Revision
	}
	if h.Lease != nil {
		now.service = h.serviceTime.at(documentsNow).Truncate(time.Minute)
	}
	now.sensitive = h.Unleased(&k.queue.Items[3], documentsNow) == ""
	pending, _ := p.spool.Pending(9)
	now.pending = len(pending)
	for _, e := range pending {
		if e.ItemID == "item-8" {
			now.heard = e.EndedAt.Time
		}
	}
	e, err := p.spool.Append(schedules.AsRun{ItemID: "item-9", Outcome: schedules.Skipped}, false)
	if err != nil {
		k.t.Fatal(err)
	}
	now.next = e.Sequence
	if f, err := p.cache.Open(k.queue.Items[0].Audio); err == nil {
		now.audio = true
		if err := f.Close(); err != nil {
			k.t.Fatal(err)
		}
	} else {
		p.problems.Add("%v", err)
	}
	for _, x := range append(p.problems.List(), p.problems.Alarms()...) {
		if !strings.Contains(x, "the kept time stays in use") { // the machine's clock is wrong in every run
			said += x + "\n"
		}
	}
	end()
	return now, said
}

// standing is the state of a player that has just started.
type standing struct {
	time, service, heard time.Time
	queue, fallback      int64
	recalls              bool // recalled items do not air
	holdsBack            bool // nothing airs, because the recalls are unknown
	airs, sensitive      bool
	pending              int
	next                 int64
	audio                bool
}

// TestNoDamageToOneFileStopsThePlayerOrMovesItsTimeOrBringsARecallBack changes each file of the state directory at many
// positions, truncates it at each, and empties it. The player starts; it reports the damage if its state differs from
// before; and it neither airs nor trusts anything that it did not before.
func TestNoDamageToOneFileStopsThePlayerOrMovesItsTimeOrBringsARecallBack(t *testing.T) {
	k := newKept(t)
	whole, said := k.with("", nil)
	if said != "" || !whole.recalls || !whole.airs || !whole.sensitive || whole.queue != 5 || whole.fallback != 3 ||
		whole.pending != 2 || !whole.audio || !whole.time.Equal(documentsNow) || whole.service.IsZero() {
		t.Fatalf("whole, it stands as %+v and says %q", whole, said)
	}
	want := []string{"asrun.log", "asrun.next", "contact.json", "fallback.dsse", "format-2.json", "format.json", "key",
		"key-2", "lease-clock.json", "lease.dsse", "lock", "onair", "queues/2026-11-23.dsse", "recalls-2.dsse",
		"recalls.dsse", "seen-2.json", "seen.json", "station", "station-2", "time-2.json", "time.json"}
	var names []string
	for name := range k.files {
		if !strings.HasPrefix(name, "audio/") {
			names = append(names, name)
		}
	}
	if slices.Sort(names); !slices.Equal(names, want) {
		t.Fatalf("the files are %q: say here what each may do when it is damaged", names)
	}
	for name, b := range k.files {
		step := max(1, len(b)/24)
		try := func(how string, bad []byte) {
			got, said := k.with(name, bad)
			as := fmt.Sprintf("%s with %s", name, how)
			if said == "" && got != whole {
				t.Errorf("%s: it says nothing and stands as %+v, not %+v", as, got, whole)
			}
			if said == "" && strings.HasSuffix(name, ".json") {
				t.Errorf("%s: it says nothing", as)
			}
			if !got.time.Equal(whole.time) || got.sensitive && got.service.Before(whole.service) {
				t.Errorf("%s: its time is %v and the service's %v", as, got.time, got.service)
			}
			if !got.recalls {
				t.Errorf("%s: what is recalled airs", as)
			}
			if used := whole.next - 2; got.next <= used || got.next > max(whole.next, documentsNow.Unix()+9) {
				t.Errorf("%s: the sequences go on at %d, and were at %d", as, got.next, used)
			}
			if got.heard.After(whole.heard) {
				t.Errorf("%s: it was heard until %v", as, got.heard)
			}
		}
		for at := 0; at < len(b); at += step {
			bad := bytes.Clone(b)
			bad[at] ^= 1 << (at / step % 8)
			try(fmt.Sprintf("byte %d changed", at), bad)
		}
		for at := 0; at < len(b); at += 4 * step {
			try(fmt.Sprintf("%d bytes left", at), b[:at])
		}
	}
}

// TestTheStateDirectoryOfAnEarlierPlayerIsTakenUpAsItWas starts with files without checksums and second copies.
func TestTheStateDirectoryOfAnEarlierPlayerIsTakenUpAsItWas(t *testing.T) {
	k := newKept(t)
	whole, _ := k.with("", nil)
	k.files["format.json"] = []byte(`{"version":1,"by":"playout 1"}`)
	for _, name := range []string{"time.json", "lease-clock.json"} {
		b := k.files[name]
		k.files[name] = append(bytes.Clone(b[:bytes.LastIndex(b, []byte(`,"sum":`))]), '}')
	}
	k.files["asrun.next"] = append(bytes.Clone(k.files["asrun.next"][:20]), '\n')
	for _, name := range []string{"time-2.json", "format-2.json", "station-2"} {
		delete(k.files, name)
		if err := os.Remove(filepath.Join(k.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if got, said := k.with("", nil); got != whole || said != "" {
		t.Errorf("it stands as %+v, not %+v, and says %q", got, whole, said)
	}
	for _, name := range []string{"time.json", "time-2.json", "format.json", "format-2.json"} {
		if b, err := os.ReadFile(filepath.Join(k.dir, name)); err != nil || !bytes.Contains(b, []byte(`"sum":"`)) {
			t.Errorf("%s is not written anew: %q, %v", name, b, err)
		}
		mark := fmt.Sprintf(`{"version":%d,`, statedir.Format)
		if b, err := os.ReadFile(filepath.Join(k.dir, name)); strings.HasPrefix(name, "format") &&
			!strings.HasPrefix(string(b), mark) {
			t.Errorf("%s is not raised: %q, %v", name, b, err)
		}
	}
}
