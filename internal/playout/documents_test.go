package playout

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

var documentsNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// shelf is a document store under test, with a service that signs its documents.
type shelf struct {
	*DocumentStore
	t        *testing.T
	service  *service
	dir      string
	problems *Problems
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{t: t, service: newService(t), dir: t.TempDir()}
	s.reopen()
	return s
}

// reopen opens the document store in its directory again, as a restarted player does.
func (s *shelf) reopen() {
	s.t.Helper()
	state, err := statedir.Open(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = state.Close() })
	now := func() time.Time { return documentsNow }
	s.problems = NewProblems(now, slog.New(slog.DiscardHandler))
	if s.DocumentStore, err = OpenDocumentStore(state, "lantern",
		Pins{Keys: []ed25519.PublicKey{s.service.signer.Public()}}, now,
		s.problems); err != nil {
		s.t.Fatal(err)
	}
}

// queue returns a day of six items of ten minutes.
func (s *shelf) queue(revision int64) wire.Queue {
	var items []wire.QueueItem
	for i := range 6 {
		items = append(items, s.service.record(rec(i+1, 600)))
	}
	q := day("lantern", revision, documentsNow.Add(time.Hour), time.Hour, items, s.service.record(rec(11, 60)))
	q.PublishedAt = schedules.At(documentsNow.Add(time.Duration(revision) * time.Second))
	return q
}

func (s *shelf) offer(q wire.Queue) error {
	return s.OfferQueue(s.service.sign(wire.QueueType, q), schedules.DateOf(documentsNow))
}

func (s *shelf) fallbackDoc(revision int64) wire.Fallback {
	start := documentsNow.Add(time.Hour)
	return wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern", Revision: revision,
		IssuedAt:  schedules.At(documentsNow.Add(time.Duration(revision) * time.Second)),
		ExpiresAt: schedules.At(documentsNow.AddDate(0, 0, 14)), Items: []wire.QueueItem{s.service.record(rec(11, 60))},
		Windows: []schedules.Occurrence{{Window: "evening", Date: schedules.DateOf(start), StartAt: schedules.At(start),
			EndAt: schedules.At(start.Add(time.Hour))}}}
}

func (s *shelf) recallsDoc(revision int64, segments ...string) []byte {
	r := wire.Recalls{Revision: revision, IssuedAt: schedules.At(documentsNow.Add(time.Duration(revision) * time.Second))}
	for _, id := range segments {
		r.Segments = append(r.Segments, wire.Recalled{SegmentID: id})
	}
	return s.service.recallsBody(r)
}

// lease returns a lease for segment-90, issued second seconds after documentsNow.
func (s *shelf) lease(station string, second int) []byte {
	at := documentsNow.Add(time.Duration(second) * time.Second)
	return s.service.sign(wire.LeaseType, wire.Lease{Schema: wire.LeaseSchema, Station: station,
		IssuedAt:  schedules.At(at),
		ExpiresAt: schedules.At(at.Add(10 * time.Minute)), Segments: []string{"segment-90"}})
}

func TestADayThatIsMeantToBeShorterIsTaken(t *testing.T) {
	s := newShelf(t)
	if err := s.offer(s.queue(5)); err != nil {
		t.Fatal(err)
	}
	q := s.queue(6)
	q.Items, q.Windows, q.Shortened = nil, nil, true
	if err := s.offer(q); err != nil {
		t.Error(err)
	}
}

func TestQueueIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*wire.Queue)
		says  string
	}{
		"of another station": {func(q *wire.Queue) { q.Station = "harbour" }, `for station "harbour"`},
		"of another day":     {func(q *wire.Queue) { q.Date = q.Date.AddDays(1) }, "it is for 2026-11-24"},
		"of another schema":  {func(q *wire.Queue) { q.Schema = "lifeline.queue/2" }, "schema"},
		"that is older":      {func(q *wire.Queue) { q.Revision = 4 }, "older than 5"},
		"that has expired":   {func(q *wire.Queue) { q.ExpiresAt = schedules.At(documentsNow) }, "expired"},
		"that is empty":      {func(q *wire.Queue) { q.Items, q.Windows = nil, nil }, "implausibly shrinks"},
		"with empty windows": {func(q *wire.Queue) { q.Items = nil }, "implausibly fills"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			if err := s.offer(s.queue(5)); err != nil {
				t.Fatal(err)
			}
			before := s.Holdings()
			q := s.queue(6)
			c.spoil(&q)
			if err := s.offer(q); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("offered: %v", err)
			}
			if s.Holdings() != before {
				t.Error("what is held changed")
			}
			s.reopen()
			if got := s.Holdings().Revision(schedules.DateOf(documentsNow)); got != 5 {
				t.Errorf("after a restart revision %d is held", got)
			}
		})
	}
}

// Items that expired, were rejected or had begun before the publication leave most of a window open. The service states
// that, and the station accepts the day with the gap instead of airing the old items.
func TestQueueThatSaysWhatItLeavesOpenIsTaken(t *testing.T) {
	for name, held := range map[string]bool{"over a fuller one": true, "as the first of its day": false} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			if held {
				if err := s.offer(s.queue(5)); err != nil {
					t.Fatal(err)
				}
			}
			q := s.queue(6)
			w := q.Windows[0].Occurrence
			w.EndAt = *q.Items[5].StartAt
			q.Items = q.Items[5:]
			if err := s.offer(q); err == nil {
				t.Fatal("a queue that does not say what it leaves open was taken")
			}
			q.Open = []schedules.Occurrence{w}
			if err := s.offer(q); err != nil {
				t.Error(err)
			}
			if got := s.Holdings().Revision(schedules.DateOf(documentsNow)); got != 6 {
				t.Errorf("revision %d is held", got)
			}
		})
	}
}

func TestOlderDocumentsAreRefusedAfterTheNewerOnesWereLost(t *testing.T) {
	s := newShelf(t)
	for _, err := range []error{s.offer(s.queue(5)), s.OfferFallback(s.service.sign(wire.FallbackType, s.fallbackDoc(5))),
		s.OfferRecalls(s.recallsDoc(5, "x"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"queues/2026-11-23.dsse", "fallback.dsse", "recalls.dsse"} {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.reopen()
	for _, err := range []error{s.offer(s.queue(4)), s.OfferFallback(s.service.sign(wire.FallbackType, s.fallbackDoc(4))),
		s.OfferRecalls(s.recallsDoc(4))} {
		if err == nil || !strings.Contains(err.Error(), "older") {
			t.Errorf("offered: %v", err)
		}
	}
	for _, err := range []error{s.offer(s.queue(5)), s.OfferFallback(s.service.sign(wire.FallbackType, s.fallbackDoc(5))),
		s.OfferRecalls(s.recallsDoc(5, "x"))} {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestOneBadItemVoidsOnlyItself(t *testing.T) {
	s := newShelf(t)
	q := s.queue(1)
	q.Items[2].CueOut = q.Items[2].CueIn
	q.Items[3].Audio.SHA256 = "../../../etc/passwd"
	if err := s.offer(q); err != nil {
		t.Fatal(err)
	}
	if got := s.Holdings().Queues[q.Date]; len(got.Items) != 4 {
		t.Errorf("%d items are held", len(got.Items))
	}
	if p := s.problems.List(); len(p) != 2 || !strings.Contains(p[0], "item-4") {
		t.Errorf("reported %q", p)
	}
}

func TestKeyIsPinnedOnceAndForAll(t *testing.T) {
	s := newShelf(t)
	other, err := sign.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	state, err := statedir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	for range 2 {
		v, err := OpenDocumentStore(state, "lantern", Pins{}, s.now, s.problems)
		if err != nil {
			t.Fatal(err)
		}
		if !v.Pinned() {
			if err := v.OfferRecalls(s.recallsDoc(1)); err == nil {
				t.Error("believed without a key")
			}
			if err := v.Pin(s.service.signer.Public()); err != nil {
				t.Fatal(err)
			}
		}
		if v.Pin(other.Public()) == nil {
			t.Error("another key was pinned")
		}
		if err := v.OfferRecalls(s.recallsDoc(1)); err != nil {
			t.Error(err)
		}
	}
}

// TestTamperedDocumentsAreRefused makes 10,000 random changes to the service's documents and the state directory's
// files: after each, the document store either refuses the document and keeps what it held, or the accepted content is
// the same.
func TestTamperedDocumentsAreRefused(t *testing.T) {
	s := newShelf(t)
	date := schedules.DateOf(documentsNow)
	older := map[string][]byte{"lease": s.lease("lantern", 4), "queue": s.service.sign(wire.QueueType, s.queue(4)),
		"fallback": s.service.sign(wire.FallbackType, s.fallbackDoc(4)), "recalls": s.recallsDoc(4)}
	foreignQueue := s.queue(9)
	foreignQueue.Station = "harbour"
	foreignFallback := s.fallbackDoc(9)
	foreignFallback.Station = "harbour"
	foreign := map[string][]byte{"lease": s.lease("harbour", 9), "queue": s.service.sign(wire.QueueType, foreignQueue),
		"fallback": s.service.sign(wire.FallbackType, foreignFallback), "recalls": older["queue"]}
	good := map[string][]byte{"lease": s.lease("lantern", 5), "queue": s.service.sign(wire.QueueType, s.queue(5)),
		"fallback": s.service.sign(wire.FallbackType, s.fallbackDoc(5)), "recalls": s.recallsDoc(5, "segment-1")}
	offer := map[string]func([]byte) error{"queue": func(b []byte) error { return s.OfferQueue(b, date) },
		"fallback": s.OfferFallback, "recalls": s.OfferRecalls, "lease": func(b []byte) error {
			return s.OfferLease(b, "",
				time.Now())
		}}
	names := []string{"queue", "fallback", "recalls", "lease"}
	for _, n := range names {
		if err := offer[n](good[n]); err != nil {
			t.Fatal(err)
		}
	}
	held := *s.Holdings()
	r := rand.New(rand.NewPCG(1, 2))
	refused, same := 0, 0
	for refused+same < 10_000 {
		name := names[r.IntN(len(names))]
		bad := tamper(r, good[name], older[name], foreign[name], good[names[r.IntN(len(names))]])
		if bytes.Equal(bad, good[name]) {
			continue
		}
		if err := offer[name](bad); err != nil {
			refused++
		} else {
			same++
		}
		now := s.Holdings()
		if !reflect.DeepEqual(now.Queues, held.Queues) || !reflect.DeepEqual(now.Fallback, held.Fallback) ||
			!reflect.DeepEqual(now.Recalls, held.Recalls) ||
			!reflect.DeepEqual(now.Lease, held.Lease) {
			t.Fatalf("a changed %s was taken:\n%s", name, bad)
		}
	}
	t.Logf("%d changes refused, %d changed nothing that is signed", refused, same)
	if refused < 9_000 {
		t.Errorf("only %d were refused", refused)
	}
}

// tamper changes a document: bits, bytes, cuts, swaps, and replays of older and of other documents.
func tamper(r *rand.Rand, good, older, foreign, other []byte) []byte {
	b := bytes.Clone(good)
	switch r.IntN(9) {
	case 0, 1:
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	case 2:
		b[r.IntN(len(b))] = byte(r.IntN(256))
	case 3:
		b = b[:r.IntN(len(b))]
	case 4:
		i, j := r.IntN(len(b)), r.IntN(len(b))
		b[i], b[j] = b[j], b[i]
	case 5:
		return older
	case 6:
		return foreign
	case 7:
		return other
	case 8: // the signature of one on the edited payload of another
		var env, from map[string]any
		if json.Unmarshal(b, &env) != nil || json.Unmarshal(older, &from) != nil {
			return nil
		}
		if e, ok := env["envelope"].(map[string]any); ok {
			env = e
			from = from["envelope"].(map[string]any)
		}
		payload, err := base64.StdEncoding.DecodeString(env["payload"].(string))
		if err != nil {
			return nil
		}
		payload[r.IntN(len(payload))]++
		env["payload"] = base64.StdEncoding.EncodeToString(payload)
		if r.IntN(2) == 0 {
			env["signatures"] = from["signatures"]
		}
		b, _ = json.Marshal(env)
		if bytes.Contains(good, []byte(`"envelope"`)) {
			b = []byte(`{"envelope":` + string(b) + `}`)
		}
	}
	return b
}

func TestTamperedStateDirectoryIsLeftOut(t *testing.T) {
	s := newShelf(t)
	good := s.service.sign(wire.QueueType, s.queue(5))
	if err := s.OfferQueue(good, schedules.DateOf(documentsNow)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.dir, "queues", "2026-11-23.dsse")
	want := s.Holdings().Queues
	r := rand.New(rand.NewPCG(3, 4))
	older, foreign := s.service.sign(wire.QueueType, s.queue(4)), s.service.sign(wire.FallbackType, s.fallbackDoc(9))
	for range 300 {
		if err := os.WriteFile(file, tamper(r, good, older, foreign, foreign), 0o600); err != nil {
			t.Fatal(err)
		}
		s.reopen()
		if got := s.Holdings().Queues; len(got) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("took up a changed queue")
		}
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.reopen()
	if p := s.problems.List(); len(p) != 1 || !strings.Contains(p[0], "left out") {
		t.Errorf("reported %q", p)
	}
}

func TestDayThatARecallEmptiesIsTaken(t *testing.T) {
	s := newShelf(t)
	if err := s.offer(s.queue(5)); err != nil {
		t.Fatal(err)
	}
	q := s.queue(6)
	for _, it := range q.Items {
		q.Recalled = append(q.Recalled, it.SegmentID)
	}
	q.Items = []wire.QueueItem{}
	if err := s.offer(q); err != nil {
		t.Error(err)
	}
}
