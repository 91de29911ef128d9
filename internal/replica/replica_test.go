package replica

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/search"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// open is a replica of docs.
func open(t *testing.T, docs Store) *Replica {
	t.Helper()
	r, err := Open(t.Context(), docs, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// put stores a document as its next revision.
func put(t *testing.T, r *Replica, kind, id string, v any) {
	t.Helper()
	body, err := Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.Store.Get(t.Context(), kind, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	if err := r.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: kind, ID: id, Expect: d.Revision,
		Body: body}}}); err != nil {
		t.Fatal(err)
	}
}

func TestWorkIsDoneByOneReplicaAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := memory.New(100)
		here, there := NewWorkLock(open(t, docs), "here", time.Minute), NewWorkLock(open(t, docs), "there", time.Minute)
		nothing := func(context.Context) error { return nil }
		err := here.Do(t.Context(), "repair", time.Hour, func(ctx context.Context) error {
			time.Sleep(10 * time.Minute) // far longer than the lease, which is renewed
			if err := there.Do(t.Context(), "repair", 0, nothing); !errors.Is(err, ErrElsewhere) {
				t.Errorf("meanwhile another: %v", err)
			}
			return ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := there.Do(t.Context(), "repair", 0, nothing); !errors.Is(err, ErrElsewhere) {
			t.Errorf("while it rests: %v", err)
		}
		time.Sleep(time.Hour)
		if err := there.Do(t.Context(), "repair", 0, nothing); err != nil {
			t.Errorf("after its rest: %v", err)
		}
		if err := here.Do(t.Context(), "repair", 0, nothing); err != nil {
			t.Errorf("after work that needs no rest: %v", err)
		}
	})
}

// deaf is a store that gives no lease from a time on.
type deaf struct {
	Store
	since time.Time
}

func (d deaf) Claim(ctx context.Context, name, holder string, life time.Duration) (bool, error) {
	if time.Now().After(d.since) {
		return false, errors.New("the store is gone")
	}
	return d.Store.Claim(ctx, name, holder, life)
}

func TestWorkWhoseLeaseIsLostEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lock := NewWorkLock(open(t, deaf{memory.New(100), time.Now().Add(time.Minute)}), "here", time.Minute)
		begun := time.Now()
		err := lock.Do(t.Context(), "repair", 0, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if !errors.Is(err, errLost) || time.Since(begun) > 4*time.Minute {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

// slow is a store that answers after a time.
type slow struct {
	Store
	after time.Duration
}

func (s slow) Get(ctx context.Context, kind, id string) (store.Document, error) {
	select {
	case <-ctx.Done():
		return store.Document{}, ctx.Err()
	case <-time.After(s.after):
		return s.Store.Get(ctx, kind, id)
	}
}

func TestAStoreThatDoesNotAnswerIsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := Bounded(slow{memory.New(10), time.Minute}, time.Second).Get(t.Context(), KindStation, "s"); !fault.Is(
			err, fault.Unavailable) {
			t.Errorf("after its time: %v", err)
		}
		if _, err := Bounded(slow{memory.New(10), time.Millisecond}, time.Second).Get(t.Context(), KindStation,
			"s"); !fault.Is(err, fault.NotFound) {
			t.Errorf("in time: %v", err)
		}
	})
}

func TestWhatStopsSomethingFromAiringIsUrgent(t *testing.T) {
	for action, want := range map[string]Urgency{"segment.recall": Urgent, "queue.publish": Urgent, "segment.upload": Bulk,
		"upload.append": Bulk, "upload.cancel": Urgent,
		"rundown.plan": Ordinary, "network.apply": Ordinary} {
		if got := UrgencyOf(store.Commit{Origin: store.Origin{Action: action}, Writes: []store.Write{{}}}); got != want {
			t.Errorf("%s is %d", action, got)
		}
	}
	if got := UrgencyOf(store.Commit{Origin: store.Origin{Action: "rundown.remove"},
		Writes: []store.Write{{Delete: true}}}); got != Urgent {
		t.Errorf("what makes room is %d", got)
	}
}

func TestAWaiterIsAnsweredAtTheChangeOrWhenItsWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, memory.New(100))
		wait := func(ctx context.Context, known int64) (int64, error) {
			return Await(ctx, r, Topic(KindStation, "s"), known, func() (int64, int64, error) {
				n := StationsIn(r).Revision("s")
				return n, n, nil
			})
		}
		if n, err := wait(t.Context(), -1); err != nil || n != 0 {
			t.Errorf("who knows nothing waits for nothing: %d, %v", n, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if n, err := wait(ctx, 0); err != nil || n != 0 {
			t.Errorf("nothing changed: %d, %v", n, err)
		}
		got := make(chan int64)
		go func() { n, _ := wait(context.Background(), 0); got <- n }()
		synctest.Wait()
		put(t, r, KindStation, "s", schedules.Station{ID: "s"})
		if n := <-got; n != 1 {
			t.Errorf("woken with %d", n)
		}
	})
}

func TestAReadChangeCommitIsBegunAnewAfterALostRace(t *testing.T) {
	docs := memory.New(100)
	here, there := open(t, docs), open(t, docs)
	put(t, there, KindStation, "s", schedules.Station{ID: "s"})
	tries := 0
	err := here.Retry(t.Context(), func() error {
		tries++
		return here.Commit(t.Context(),
			store.Commit{Writes: []store.Write{{Kind: KindStation, ID: "s", Expect: StationsIn(here).Revision("s"),
				Body: []byte(`{"id":"s"}`)}}})
	})
	if err != nil || tries != 2 || StationsIn(here).Revision("s") != 2 {
		t.Errorf("%d tries, %v", tries, err)
	}
	if err := here.Retry(t.Context(), func() error { return ErrRace }); !fault.Is(err, fault.Unavailable) {
		t.Errorf("always lost: %v", err)
	}
}

func TestFollowersReadTheChangesInOrder(t *testing.T) {
	docs := memory.New(100)
	r := open(t, docs)
	for n := range 3 {
		put(t, r, KindStation, fmt.Sprint("s", n), schedules.Station{ID: fmt.Sprint("s", n)})
	}
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	changes, err := r.Changes(t.Context(), 1)
	if err != nil || len(changes) != 2 || changes[0].ID != "s1" {
		t.Errorf("%+v, %v", changes, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Changes(ctx, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("no more: %v", err)
	}
	// from the store, what is not in memory
	if changes, err := open(t, docs).Changes(t.Context(), 0); err != nil || len(changes) != 3 {
		t.Errorf("%+v, %v", changes, err)
	}
}

func TestASignedDocumentIsReadWithItsBytes(t *testing.T) {
	signed := func(v any) []byte {
		payload, err := Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Encode(map[string]any{"payload": payload, "signatures": []map[string]string{{"keyid": "k"}}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	q, err := decodeQueue(signed(wire.Queue{Schema: wire.QueueSchema, Station: "s", Revision: 3}))
	if err != nil || q.Value.Revision != 3 || q.Signer != "k" || !bytes.Contains(q.Payload.Plain, []byte(`"s"`)) {
		t.Errorf("%+v, %v", q, err)
	}
	if zipped, err := q.Envelope.Zipped(); err != nil || len(zipped) == 0 {
		t.Errorf("compressed to %d bytes, %v", len(zipped), err)
	}
	for _, damaged := range []string{"{", `{"payload":"!"}`, `{"payload":"ew=="}`} {
		if _, err := decodeQueue([]byte(damaged)); err == nil {
			t.Errorf("%s is read", damaged)
		}
	}
}

func TestFsckNamesWhatTheUseCasesCouldNotHaveWritten(t *testing.T) {
	var told []string
	i := NewInspector(testKinds, func(p string) { told = append(told, p) })
	look := func(kind, id string, revision int64, v any) {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.Document(store.Document{Kind: kind, ID: id, Revision: revision, Body: body}); err != nil {
			t.Error(err)
		}
	}
	look(KindStation, "s", 2, schedules.Station{ID: "s", Revision: 1, Timezone: "UTC"})
	look(KindClock, "c", 1, schedules.Clock{ID: "d", Revision: 1})
	look(KindSegment, "a", 1, schedules.Segment{ID: "a", Revision: 1, State: schedules.Approved})
	look(KindScript, "p", 1, schedules.Script{ID: "p", Revision: 1})
	look(KindCampaign, "k", 1, schedules.Campaign{ID: "k", Revision: 1})
	look(KindRundown, "s/2026-11-29", 1, schedules.Rundown{Station: "s", Date: schedules.Date{Year: 2026, Month: 11,
		Day: 30}, Revision: 9})
	look(KindCounter, "s", 1, 4)
	look(KindStatus, "s", 1, wire.Status{Station: "t"})
	i.Entry(store.Entry{Station: "x", Sequence: 2, Body: []byte(`{"sequence":1}`)})
	i.Entry(store.Entry{Station: "x", Sequence: 1, Body: []byte(`{`)})
	i.Finish()
	all := strings.Join(told, "\n")
	for _, want := range []string{"station s has the body of s at revision 1",
		"clock c has the body of d", "segment a is approved and has no recording",
		"rundown s/2026-11-29 has the body of s/2026-11-30", "last one is 4", "status s has the body of t",
		"as-run 2 of x is of a station that is not known",
		"as-run 1 of x comes after 2", "as-run 1 of x cannot be read", "has the body of 1"} {
		if !strings.Contains(all, want) {
			t.Errorf("it does not say %q in\n%s", want, all)
		}
	}
}

func TestSegmentsAreFoundAndForgottenByTheirIndex(t *testing.T) {
	r := open(t, memory.New(100))
	segments := SegmentsIn(r)
	for _, id := range []string{"a", "b"} {
		put(t, r, KindSegment, id, schedules.Segment{ID: id, Title: "river " + id, State: schedules.Pending,
			Persons: []string{"hana"}, Recording: &schedules.Recording{SHA256: id}})
	}
	if named, err := r.Naming("hana"); err != nil || len(named) != 2 {
		t.Errorf("naming: %v, %v", named, err)
	}
	if _, err := r.Naming("nobody"); !fault.Is(err, fault.NotFound) {
		t.Errorf("naming nobody: %v", err)
	}
	seen := segments.Changes()
	put(t, r, KindSegment, "b", schedules.Segment{ID: "b", Title: "lake", State: schedules.Approved})
	if changed, ok := segments.Since(seen); !ok || len(changed) != 1 || changed[0].Title != "lake" {
		t.Errorf("changed since: %+v, %v", changed, ok)
	}
	if err := r.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: KindSegment, ID: "a", Expect: 1,
		Delete: true}}}); err != nil {
		t.Fatal(err)
	}
	if _, ok := segments.Since(seen); ok {
		t.Error("one is there no more, and nothing says so")
	}
	if got := segments.Living(); !slices.Equal(got, []string{"b"}) || segments.Count(ByState, "approved") != 1 ||
		segments.Revision("a") != 2 {
		t.Errorf("left are %v", got)
	}
	if found := segments.Find(search.Query{Terms: []search.Term{{Field: search.Word, Value: "lake"}}}, 0,
		nil); len(found) != 1 {
		t.Errorf("found: %v", found)
	}
	if _, ok := segments.Get("a"); ok {
		t.Error("a is there still")
	}
	segments.Clear()
	if len(segments.Living()) != 0 {
		t.Error("the index is not clear")
	}
}

func TestACacheIsReadInOrderFromAnyPlace(t *testing.T) {
	r := open(t, memory.New(100))
	for _, id := range []string{"b/2", "a/1", "b/1"} {
		put(t, r, KindStation, id, schedules.Station{ID: id})
	}
	stations := StationsIn(r)
	var got []string
	for id := range stations.After("b/", "b/1") {
		got = append(got, id)
	}
	for id := range stations.After("", "") {
		got = append(got, id)
		break
	}
	if !slices.Equal(got, []string{"b/2", "a/1"}) {
		t.Errorf("%v", got)
	}
	stations.Forget(func(id string) bool { return strings.HasPrefix(id, "b/") })
	if !slices.Equal(stations.Living(), []string{"a/1"}) {
		t.Errorf("left are %v", stations.Living())
	}
	stations.Clear()
	if len(stations.Living()) != 0 {
		t.Error("the cache is not clear")
	}
}

// A store that was put back to an older state has the copy begin anew.
func TestTheCopyFollowsAStoreThatWasSetBack(t *testing.T) {
	docs := memory.New(100)
	r := open(t, docs)
	put(t, r, KindStation, "s", schedules.Station{ID: "s"})
	put(t, r, KindStation, "t", schedules.Station{ID: "t"})
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	older := memory.New(100)
	if _, err := older.Commit(t.Context(),
		store.Commit{Writes: []store.Write{{Kind: KindStation, ID: "s", Body: []byte(`{"id":"s"}`)}}}); err != nil {
		t.Fatal(err)
	}
	r.Store = older
	if err := r.list(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := StationsIn(r).Living(); !slices.Equal(got, []string{"s"}) || r.Sequence() != 1 {
		t.Errorf("it has %v at %d", got, r.Sequence())
	}
}

func TestTextsOfOldDocumentsAreBroughtIntoOneForm(t *testing.T) {
	r := open(t, memory.New(100))
	put(t, r, KindStation, "s", schedules.Station{ID: "s", Languages: []string{"ko-kp", "ko-KP"},
		Windows: []schedules.Window{{Languages: []string{"EN"}}}})
	put(t, r, KindClock, "c", schedules.Clock{ID: "c",
		Positions: []schedules.Position{{Pick: &schedules.Selector{Voice: " Ruth  A ", Tags: []string{"x ", "x"},
			Language: "ko-kp"}}},
		Rules: []schedules.Rule{{Of: schedules.Of{Match: map[string]string{"tag": " x", "language": "ko-kp",
			"voice": "Ruth  A", "kind": "music"}}}}})
	put(t, r, KindScript, "p", schedules.Script{ID: "p", Languages: []string{"ko-kp"}, Versions: []schedules.ScriptVersion{
		{Passages: []schedules.Passage{{Text: map[string]string{"ko-kp": "a"}}}}}})
	put(t, r, KindCampaign, "k", schedules.Campaign{ID: "k", Of: schedules.Selector{Series: " y "}})
	st, _ := StationsIn(r).Get("s")
	c, _ := ClocksIn(r).Get("c")
	p, _ := ScriptsIn(r).Get("p")
	k, _ := CampaignsIn(r).Get("k")
	if !slices.Equal(st.Value.Languages, []string{"ko-KP"}) || st.Value.Windows[0].Languages[0] != "en" {
		t.Errorf("%+v", st.Value)
	}
	if s := c.Value.Positions[0].Pick; s.Voice != "Ruth A" || !slices.Equal(s.Tags, []string{"x"}) ||
		s.Language != "ko-KP" {
		t.Errorf("%+v", s)
	}
	if m := c.Value.Rules[0].Of.Match; m["tag"] != "x" || m["language"] != "ko-KP" || m["voice"] != "Ruth A" {
		t.Errorf("%v", m)
	}
	if p.Value.Languages[0] != "ko-KP" || p.Value.Versions[0].Passages[0].Text["ko-KP"] != "a" ||
		k.Value.Of.Series != "y" {
		t.Errorf("%+v %+v", p.Value, k.Value)
	}
}

func TestAChangeIsToldUnderTheNameOfItsKind(t *testing.T) {
	if names := testKinds.ChangeNames(); !slices.Contains(names, "station") || !slices.IsSorted(names) ||
		slices.Contains(names, "") {
		t.Errorf("%q", names)
	}
	if name, station, ok := testKinds.Told(store.Change{Kind: KindQueue, ID: "s/2026-11-29"}); !ok || name != "queue" ||
		station != "s" {
		t.Errorf("a queue is told as %q of %q (%v)", name, station, ok)
	}
	for _, kind := range []string{KindCounter, "rumour"} {
		if name, _, ok := testKinds.Told(store.Change{Kind: kind, ID: "s"}); ok {
			t.Errorf("a %s is told as %q", kind, name)
		}
	}
}

func TestARefusalSaysWhatIsWrongAndWhere(t *testing.T) {
	given := int64(2)
	if err := CheckRevision(&given, 3); !fault.Is(err, fault.Stale) || !strings.Contains(err.Error(),
		"latest revision is 3") {
		t.Errorf("an old revision: %v", err)
	}
	if err := errors.Join(CheckRevision(nil, 3), CheckRevision(&given, 2), NeedReason("because"),
		Invalid(nil)); err != nil {
		t.Errorf("what is right is refused: %v", err)
	}
	if err := NeedReason(" "); !fault.Is(err, fault.Invalid) {
		t.Errorf("no reason: %v", err)
	}
	if err := Invalid([]schedules.Problem{{Field: "title", Message: "is missing"}}); len(fault.FieldsOf(err)) != 1 ||
		fault.FieldsOf(err)[0].Field != "title" {
		t.Errorf("a problem: %v", err)
	}
}
