package playout

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/playout/spool"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// bundleOf returns a bundle of the service's documents and recordings.
func bundleOf(t *testing.T, s *service, now time.Time, have ...string) []byte {
	t.Helper()
	known := map[string]bool{}
	for _, sha := range have {
		known[sha] = true
	}
	var b bytes.Buffer
	if err := WriteBundle(t.Context(), &b, s.api(), BundleOptions{Station: "lantern", Days: 8, Have: known,
		Now: now}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A station that has never reached the service imports a bundle and plays two days from it, or with
// LIFELINE_PROVE=offline a week.
func TestDaysOfflineFromABundle(t *testing.T) {
	longform.Only(t)
	days := 2
	if os.Getenv("LIFELINE_PROVE") == "offline" {
		days = 7
	}
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		var wants []recording
		begun := time.Now()
		last := time.Time{}
		for d := range days {
			start := begun.Add(time.Duration(d)*24*time.Hour + 6*time.Hour)
			one, two := rec(2*d+1, 12), rec(2*d+2, 8)
			wants = append(wants, one, two)
			s.publish(day("lantern", 1, start, 20*time.Second, []wire.QueueItem{s.record(one), s.record(two)}))
			last = start
		}
		s.setFallback(wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern", Revision: 1,
			IssuedAt: schedules.At(begun)})
		s.recall(1)
		bundle := bundleOf(t, s, begun)
		s.down = true

		st := newStation(t, s)
		st.keys = append(st.keys, s.signer.Public())
		state, err := statedir.Open(st.dir)
		if err != nil {
			t.Fatal(err)
		}
		// The first part is truncated, as on a removed memory stick; then the complete bundle follows.
		for _, part := range [][]byte{bundle[:len(bundle)*2/3], bundle} {
			name, err := LayIn(state, bytes.NewReader(part), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			st.run(ctx)
			cancel()
			if result, err := Result(state, name); err != nil || result.Whole != (len(part) == len(bundle)) {
				t.Errorf("taken as %+v, %v", result, err)
			}
		}
		st.until = last.Add(time.Minute)
		st.run(t.Context())
		for d := range days {
			heard := st.heardWAV(begun.AddDate(0, 0, d).UTC().Format(time.DateOnly) + "-evening.wav")
			expectSound(t, heard, 0, seconds(12), wants[2*d], 0)
			expectSound(t, heard, seconds(12), seconds(20), wants[2*d+1], 0)
		}
		entries, err := spool.Unsent(state)
		if err != nil || len(entries) != 2*days {
			t.Fatalf("%d entries wait, %v", len(entries), err)
		}
		// The link returns.
		s.down = false
		st.until = time.Now().Add(5 * time.Second)
		st.run(t.Context())
		if got := s.entries(); !reflect.DeepEqual(got, entries) {
			t.Errorf("reported %v", outcomes(got))
		}
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestBundleIsTheSameBytesAndADeltaLeavesOutWhatIsThere(t *testing.T) {
	s := newShelf(t)
	s.service.publish(s.queue(1))
	s.service.setFallback(s.fallbackDoc(1))
	s.service.put("/v1/recalls", s.recallsDoc(1))
	whole := bundleOf(t, s.service, documentsNow)
	if !bytes.Equal(whole, bundleOf(t, s.service, documentsNow)) {
		t.Error("the same content is not the same bytes")
	}
	state, cache := s.inbox(t)
	if r := state.Import(t.Context(), bytes.NewReader(whole)); !r.Whole || r.Documents != 3 || r.Recordings != 7 ||
		len(r.Refused) > 0 {
		t.Fatalf("%+v", r)
	}
	have, err := Inventory(cache.state)
	if err != nil || len(have) != 7 {
		t.Fatalf("%v, %v", have, err)
	}
	delta := bundleOf(t, s.service, documentsNow, have[:6]...)
	if len(delta) >= len(whole) || !bytes.Contains(delta, []byte(have[6])) {
		t.Errorf("the delta has %d bytes, the whole %d", len(delta), len(whole))
	}
	if r := state.Import(t.Context(), bytes.NewReader(whole)); r.Recordings != 0 || r.Here != 7 || r.Documents != 3 {
		t.Errorf("taken again: %+v", r)
	}
}

func TestABundleForAnotherStationIsRefusedWithBothStationsNamed(t *testing.T) {
	s := newShelf(t)
	box, _ := s.inbox(t)
	head, err := json.Marshal(BundleHead{Schema: BundleSchema, Station: "harbour"})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := tarOf([]tarEntry{{bundleHead, head}})
	if err != nil {
		t.Fatal(err)
	}
	r := box.Import(t.Context(), bytes.NewReader(bundle))
	if !strings.Contains(r.Foreign, `"harbour"`) || !strings.Contains(r.Foreign, `"lantern"`) || r.Whole || r.Documents+
		r.Recordings > 0 {
		t.Errorf("%+v", r)
	}
}

func TestABundleTellsWhichDaysItHasAndLacks(t *testing.T) {
	s := newShelf(t)
	s.service.publish(s.queue(1))
	days, err := SaveBundle(t.Context(), filepath.Join(t.TempDir(), "b.tar"), s.service.api(),
		BundleOptions{Station: "lantern", Days: 3, Now: documentsNow})
	if err != nil || len(days.Held) != 1 || days.Held[0] != s.queue(1).Date {
		t.Fatalf("%v, %v", days, err)
	}
	if len(days.Lacking) != 2 || slices.Contains(days.Lacking, days.Held[0]) {
		t.Errorf("it has %v and lacks %v", days.Held, days.Lacking)
	}
}

func TestTheDaysThatABundleLacksAreDaysOfTheStation(t *testing.T) {
	day := func(text string) schedules.Date {
		d, err := schedules.ParseDate(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	at := func(text string) time.Time {
		out, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const evening = "T18:00:00+13:45" // morning of that day in UTC
	airs := func(zone string, dates ...string) *wire.Fallback {
		f := &wire.Fallback{Timezone: zone, ExpiresAt: schedules.At(at("2026-12-13T00:00:00Z"))}
		for _, date := range dates {
			start := at(date + evening)
			f.Windows = append(f.Windows, schedules.Occurrence{Window: "w", Date: day(date), StartAt: schedules.At(start),
				EndAt: schedules.At(start.Add(time.Hour))})
		}
		return f
	}
	for name, c := range map[string]struct {
		now      string
		fallback *wire.Fallback
		queues   map[string]string
		want     []string
	}{
		"the station's today is UTC's tomorrow": {"2026-11-29T20:00:00Z", airs("Pacific/Chatham", "2026-11-30", "2026-12-01",
			"2026-12-02"), map[string]string{"2026-11-30": "Pacific/Chatham"}, []string{"2026-12-01", "2026-12-02"}},
		"a day without a window lacks nothing": {"2026-11-29T20:00:00Z", airs("Pacific/Chatham", "2026-12-02"), nil,
			[]string{"2026-12-02"}},
		"nor does a day that is over": {"2026-11-29T20:00:00Z", airs("Pacific/Chatham", "2026-11-29"), nil, nil},
		"nor a window that has ended": {"2026-11-30T09:00:00Z", airs("Pacific/Chatham", "2026-11-30"), nil, nil},
		"the zone by a queue": {"2026-11-29T20:00:00Z", airs("", "2026-11-30", "2026-12-02"),
			map[string]string{"2026-12-01": "Pacific/Chatham"}, []string{"2026-11-30", "2026-12-02"}},
		"nothing says which days have windows": {"2026-11-29T20:00:00Z", nil,
			map[string]string{"2026-12-01": "Pacific/Chatham"}, []string{"2026-11-30", "2026-12-02"}},
		"behind the list's end": {"2026-12-11T20:00:00Z", airs("Pacific/Chatham"), nil, []string{"2026-12-13", "2026-12-14"}},
	} {
		held := &Holdings{Queues: map[schedules.Date]*wire.Queue{}, Fallback: c.fallback}
		for date, zone := range c.queues {
			held.Queues[day(date)] = &wire.Queue{Timezone: zone}
		}
		var got []string
		dates, err := missingDays(held, BundleOptions{Days: 3, Now: at(c.now)})
		for _, d := range dates {
			got = append(got, d.String())
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v: %v", name, got, c.want, err)
		}
	}
}

// An interrupted bundle is resumed: recordings that have arrived are not fetched again, and the file has the same bytes
// as one without an interruption. Content that changed meanwhile, or arrived damaged, is fetched again from there.
func TestBundleThatBrokeOffIsGoneOnWith(t *testing.T) {
	s := newShelf(t)
	s.service.publish(s.queue(1))
	s.service.setFallback(s.fallbackDoc(1))
	s.service.put("/v1/recalls", s.recallsDoc(1))
	whole := bundleOf(t, s.service, documentsNow)
	name := filepath.Join(t.TempDir(), "week.tar")
	opt := BundleOptions{Station: "lantern", Days: 8, Now: documentsNow.Add(time.Hour)}
	fetched := func() (n int) {
		s.service.mu.Lock()
		defer s.service.mu.Unlock()
		for path, count := range s.service.requests {
			if strings.HasPrefix(path, "/v1/audio/") {
				n += count
			}
		}
		clear(s.service.requests)
		return n
	}
	fetched()
	ends := map[int]int{} // offsets from which so many recordings remain to be fetched
	last := 0
	for at, left := 0, 7; left > 0; left-- {
		at = last + bytes.Index(whole[last:], []byte("audio/"))
		last = at + 1
		ends[left] = at
	}
	for _, cut := range []int{0, 100, ends[7], ends[7] + 700, ends[5] - 1, ends[5], ends[5] + 600, ends[1] + 600,
		len(whole) - 1000, len(whole)} {
		if err := os.WriteFile(name+".part", whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		opt.Now = documentsNow.Add(time.Hour)
		if cut < 1024 { // no head to resume from
			opt.Now = documentsNow
		}
		if _, err := SaveBundle(t.Context(), name, s.service.api(), opt); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(got, whole) {
			t.Fatalf("cut at %d of %d: another file, %v", cut, len(whole), err)
		}
		left := 0
		for n, at := range ends {
			if cut < at+2*tarBlock { // header and data of a test recording
				left = max(left, n)
			}
		}
		if n := fetched(); n != left {
			t.Errorf("cut at %d: %d recordings were fetched, not %d", cut, n, left)
		}
	}
	damaged := bytes.Clone(whole)
	damaged[ends[4]+520] ^= 1
	if err := os.WriteFile(name+".part", damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	s.service.publish(s.queue(1)) // the same content again
	if _, err := SaveBundle(t.Context(), name, s.service.api(), opt); err != nil || fetched() != 4 {
		t.Errorf("after damage: %v", err)
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("after damage: another file, %v", err)
	}
	if err := os.WriteFile(name+".part", whole[:len(whole)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	s.service.publish(s.queue(2))
	if _, err := SaveBundle(t.Context(), name, s.service.api(), opt); err != nil {
		t.Fatal(err)
	}
	box, _ := s.inbox(t)
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if r := box.Import(t.Context(), f); !r.Whole || len(r.Refused) > 0 || r.Recordings != 7 ||
		s.Holdings().Queues[s.queue(2).Date].Revision != 2 {
		t.Errorf("after a change: %+v", r)
	}
	// Deltas by the previous bundle, and by the revision that the station holds.
	for _, since := range []string{name, "2"} {
		delta := filepath.Join(t.TempDir(), "delta.tar")
		opt := BundleOptions{Station: "lantern", Days: 8, Now: documentsNow}
		if err := opt.LeaveOut("", []string{since}); err != nil {
			t.Fatal(err)
		}
		if _, err := SaveBundle(t.Context(), delta, s.service.api(), opt); err != nil {
			t.Fatal(err)
		}
		in, err := os.Open(delta)
		if err != nil {
			t.Fatal(err)
		}
		brings, err := BundleRecordings(in)
		if err = errors.Join(err, in.Close()); err != nil || len(brings) > 1 { // a fallback item is in no queue
			t.Errorf("since %s the delta brings %d recordings, %v", since, len(brings), err)
		}
	}
	s.service.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/v1/audio/") {
			return false
		}
		w.Write(bytes.Repeat([]byte("x"), 1000))
		return true
	}
	if _, err := SaveBundle(t.Context(), filepath.Join(t.TempDir(), "bad.tar"), s.service.api(), opt); err == nil ||
		!strings.Contains(err.Error(), "arrived damaged") {
		t.Errorf("damaged audio: %v", err)
	}
}

// inbox returns an inbox for the shelf's documents, with an empty cache.
func (s *shelf) inbox(t *testing.T) (*Inbox, *Cache) {
	t.Helper()
	state, err := statedir.Open(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	cache, err := OpenCache(state, s.problems, s.now)
	if err != nil {
		t.Fatal(err)
	}
	return &Inbox{state, "lantern", s.DocumentStore, cache, s.problems}, cache
}

func TestBundleOfAnotherStationIsNotSaidToBreakOff(t *testing.T) {
	s := newShelf(t)
	s.service.publish(s.queue(5))
	box, _ := s.inbox(t)
	good := bundleOf(t, s.service, documentsNow)
	for says, bundle := range map[string]string{
		`this bundle is for station "harbour", and this player is of station "lantern"`: strings.Replace(string(good),
			`"station":"lantern"`, `"station":"harbour"`, 1),
		"this is not a bundle": "a letter\n",
	} {
		r := box.Import(t.Context(), strings.NewReader(bundle))
		if !strings.Contains(r.Foreign, says) || r.Documents+r.Recordings > 0 {
			t.Errorf("%q: %+v", says, r)
		}
	}
	if r := box.Import(t.Context(), bytes.NewReader(good[:len(good)/2])); r.Foreign != "" || r.Whole {
		t.Errorf("cut short: %+v", r)
	}
}

// TestTamperedBundleBringsNothingFalse changes a bundle at random: every document that a player accepts from it is one
// that the service signed, and every recording in the cache has the hash of its name.
func TestTamperedBundleBringsNothingFalse(t *testing.T) {
	s := newShelf(t)
	s.service.publish(s.queue(5))
	s.service.setFallback(s.fallbackDoc(5))
	s.service.put("/v1/recalls", s.recallsDoc(5, "x"))
	good := bundleOf(t, s.service, documentsNow)
	box, _ := s.inbox(t)
	box.Import(t.Context(), bytes.NewReader(good))
	right := *s.Holdings()
	foreign := []byte(strings.Replace(string(good), `"station":"lantern"`, `"station":"harbour"`, 1))
	r := rand.New(rand.NewPCG(9, 9))
	changes, taken := 80, 0
	if os.Getenv("LIFELINE_PROVE") == "offline" {
		changes = 2000
	}
	for range changes {
		s.dir = t.TempDir()
		s.reopen()
		box, cache := s.inbox(t)
		bad := tamper(r, good, good[:1024], foreign, good[512:])
		if len(bad) == len(good) {
			bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		}
		taken += box.Import(t.Context(), bytes.NewReader(bad)).Recordings
		now := s.Holdings()
		for date, q := range now.Queues {
			if !reflect.DeepEqual(q, right.Queues[date]) {
				t.Fatal("a changed queue was taken")
			}
		}
		if now.Fallback != nil && !reflect.DeepEqual(now.Fallback, right.Fallback) || now.Recalls != nil &&
			!reflect.DeepEqual(now.Recalls, right.Recalls) {
			t.Fatal("a changed document was taken")
		}
		for sha := range cache.sizes {
			b, err := os.ReadFile(filepath.Join(s.dir, recordingName(sha)))
			if sum := sha256.Sum256(b); err != nil || hex.EncodeToString(sum[:]) != sha {
				t.Fatalf("a false recording is in the cache: %v", err)
			}
		}
	}
	t.Logf("%d bundles changed at random brought nothing false, and %d right recordings", changes, taken)
}

func TestBundleNameLeadsNowhereElse(t *testing.T) {
	s := newShelf(t)
	box, _ := s.inbox(t)
	for _, name := range []string{"../key", "audio/../../key.mp3", "queues/../key.dsse", "/etc/passwd", "key"} {
		var b bytes.Buffer
		out := tar.NewWriter(&b)
		for _, e := range []tarEntry{{bundleHead, []byte(`{"schema":"lifeline.bundle/1","station":"lantern"}`)},
			{name, []byte("x")}} {
			if err := e.header(out, int64(len(e.content))); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Write(e.content); err != nil {
				t.Fatal(err)
			}
		}
		r := box.Import(t.Context(), &b)
		if r.Documents+r.Recordings != 0 {
			t.Errorf("%s: %+v", name, r)
		}
		if _, err := os.Stat(filepath.Join(s.dir, "key")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a file was written", name)
		}
	}
}

// The command that lays a bundle in knows whose directory it is, whether a player runs or not.
func TestABundleOfAnotherStationIsRefusedBeforeItIsLaidIn(t *testing.T) {
	s := newShelf(t)
	s.service.publish(s.queue(5))
	good := bundleOf(t, s.service, documentsNow)
	foreign := bytes.Replace(good, []byte(`"station":"lantern"`), []byte(`"station":"harbour"`), 1)
	state, err := statedir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	if _, err := LayIn(state, bytes.NewReader(foreign), documentsNow); err != nil {
		t.Errorf("nothing says whose directory it is, and the bundle is refused: %v", err)
	}
	if err := state.Belong("lantern"); err != nil {
		t.Fatal(err)
	}
	later := documentsNow.Add(time.Second)
	const says = `this bundle is for station "harbour", and this player is of station "lantern"`
	if name, err := LayIn(state, bytes.NewReader(foreign), later); err == nil || err.Error() != says {
		t.Errorf("the bundle of another station is laid in as %q: %v", name, err)
	}
	unknown := bytes.Replace(good, []byte(BundleSchema), []byte("lifeline.bundle/9"), 1)
	if name, err := LayIn(state, bytes.NewReader(unknown), later); !errors.Is(err, errNoBundle) {
		t.Errorf("a bundle of an unknown form is laid in as %q: %v", name, err)
	}
	name, err := LayIn(state, bytes.NewReader(good), later)
	if err != nil {
		t.Fatal(err)
	}
	if laid, err := state.Read(name, 1<<24); err != nil || !bytes.Equal(laid, good) {
		t.Errorf("the bundle is not laid in whole: %v", err)
	}
	// A copy of the name that is damaged excludes no station that the other names.
	if err := state.Replace("station", []byte("harbour\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := LayIn(state, bytes.NewReader(good), later.Add(time.Second)); err != nil {
		t.Errorf("with a damaged name: %v", err)
	}
}

// Who makes a bundle learns how many items it does not carry, why, of which segments, and what to do about it.
func TestABundleTellsOfTheSensitiveItemsThatItLeavesOut(t *testing.T) {
	s := newService(t)
	start := time.Now().Add(time.Hour).Truncate(time.Second)
	plain, secret, listed := s.record(rec(1, 12)), s.record(rec(2, 8)), s.record(rec(3, 4))
	secret.Sensitive, listed.Sensitive = true, true
	again := secret
	again.ID += "-again"
	s.publish(day("lantern", 1, start, 28*time.Second, []wire.QueueItem{secret, plain, again}))
	s.setFallback(wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern", Revision: 1,
		IssuedAt: schedules.At(time.Now()), ExpiresAt: schedules.At(start.Add(48 * time.Hour)),
		Items: []wire.QueueItem{listed}})
	told := func(now time.Time) (string, int) {
		c, err := Collect(t.Context(), s.api(), BundleOptions{Station: "lantern", Days: 2, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return c.Days.LeftOut.Told("The bundle carries"), len(c.Recordings)
	}
	said, carried := told(time.Now())
	for _, part := range []string{"The bundle carries no recordings of sensitive", ": 3 items left out (" +
		secret.SegmentID + ", " + listed.SegmentID + ").", "a recall would not reach", "the fallback airs in their place"} {
		if !strings.Contains(said, part) {
			t.Errorf("%q does not say %q", said, part)
		}
	}
	if carried != 1 {
		t.Errorf("%d recordings are carried", carried)
	}
	if said, _ := told(start.Add(25 * time.Second)); !strings.Contains(said, ": 2 items left out") {
		t.Errorf("after the first of them: %q", said)
	}
	if said := (LeftOut{}).Told("The bundle carries"); said != "" {
		t.Errorf("of nothing left out: %q", said)
	}
}
