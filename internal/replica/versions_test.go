package replica

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/store/redis"
)

// A kind that an older and a newer program know in different versions: the newer one calls the text words.
type (
	olderNote struct {
		Text string `json:"text"`
	}
	newerNote struct {
		Words string `json:"words"`
	}
)

const kindOfNotes = "note"

var (
	olderKinds = append(slices.Clone(testKinds), Kind{Name: kindOfNotes, Copy: Copied(Parse[olderNote]),
		Inspect: Readable[olderNote]})
	newerKinds = append(slices.Clone(testKinds), Kind{Name: kindOfNotes, Copy: Copied(Parse[newerNote]),
		Inspect: Readable[newerNote],
		Upgrades: []Upgrade{{Up: func(body []byte) ([]byte, error) {
			note, err := Parse[olderNote](body)
			return fmt.Appendf(nil, "{\"words\":%q}", note.Text), err
		}, Down: func(body []byte) ([]byte, error) {
			note, err := Parse[newerNote](body)
			return fmt.Appendf(nil, "{\"text\":%q}", note.Words), err
		}}}}, Kind{Name: "echo", Inspect: Readable[newerNote]})
)

// aged is a replica of a program.
type aged struct {
	t       *testing.T
	store   *Versioned
	replica *Replica
}

func newAged(t *testing.T, s Store, kinds Kinds, program string) aged {
	t.Helper()
	v, err := NewVersioned(t.Context(), s, kinds, program)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(t.Context(), v, kinds)
	if err != nil {
		t.Fatal(err)
	}
	return aged{t, v, m}
}

// write stores a document, from the revision that the replica knows.
func (a aged) write(kind, id, body string) {
	a.t.Helper()
	var expect int64
	if kind == kindOfNotes {
		expect = a.replica.caches[kind].Revision(id)
	}
	err := a.replica.Commit(a.t.Context(), store.Commit{Writes: []store.Write{{Kind: kind, ID: id, Expect: expect,
		Body: []byte(body)}},
		Origin: store.Origin{At: time.Unix(0, 0), By: "system", Action: "note"}})
	if err != nil {
		a.t.Fatal(err)
	}
}

// texts are the replica's notes, as it reads them.
func (a aged) texts() (out []string) {
	a.t.Helper()
	if err := a.replica.CatchUp(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	switch notes := a.replica.caches[kindOfNotes].keeps().(type) {
	case *Cache[olderNote]:
		for id, row := range notes.After("", "") {
			out = append(out, id+" "+row.Value.Text)
		}
	case *Cache[newerNote]:
		for id, row := range notes.After("", "") {
			out = append(out, id+" "+row.Value.Words)
		}
	}
	return out
}

func TestReplicasOfTwoAgesShareAStoreUntilItsFormatIsRaised(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) Store{
		"memory": func(*testing.T) Store { return memory.New(1000) },
		"Redis": func(t *testing.T) Store {
			s, err := redis.Open(t.Context(), redis.Options{URL: "redis://" + harness.StartRedis(t, harness.Durable...).Addr,
				Prefix: "x", Feed: 1000})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			docs := open(t)
			older, slow := newAged(t, docs, olderKinds, "lifeline 1"), newAged(t, docs, olderKinds, "lifeline 1")
			if err := older.store.Raise(t.Context(), "system", time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
			newer := newAged(t, docs, newerKinds, "lifeline 2")

			older.write(kindOfNotes, "a", `{"text":"old"}`)
			newer.write(kindOfNotes, "b", `{"words":"new"}`)
			newer.write("echo", "e", `{"words":"of a kind that the older ones do not know"}`)
			older.texts()
			older.write(kindOfNotes, "b", `{"text":"new, changed by the older"}`)
			newer.texts()
			newer.write(kindOfNotes, "a", `{"words":"old, changed by the newer"}`)
			want := []string{"a old, changed by the newer", "b new, changed by the older"}
			for which, replica := range map[string]aged{"older": older, "slow": slow, "newer": newer} {
				if got := replica.texts(); !slices.Equal(got, want) {
					t.Errorf("while the upgrade rolls, the %s replica has %q, want %q", which, got, want)
				}
			}

			if err := newer.store.Raise(t.Context(), "system", time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
			newer.write(kindOfNotes, "c", `{"words":"newest"}`)
			if d, err := docs.Get(t.Context(), kindOfNotes, "c"); err != nil || !strings.HasPrefix(string(d.Body), "v2.") {
				t.Errorf("after the raise a note is stored as %s, %v", d.Body, err)
			}
			slow.write(kindOfNotes, "d", `{"text":"by one that has not heard of the raise"}`)
			want = append(want, "c newest", "d by one that has not heard of the raise")
			if got := newer.texts(); !slices.Equal(got, want) {
				t.Errorf("after the raise the newer replica has %q, want %q", got, want)
			}
			refuses := func(what string, err error) {
				t.Helper()
				for _, words := range []string{kindOfNotes, "version 2", "up to 1", "lifeline 2",
					"Start that one, or restore a backup from before"} {
					if err == nil || !strings.Contains(err.Error(), words) {
						t.Errorf("%s gave %v, which does not say %q", what, err, words)
					}
				}
				if !fault.Is(err, fault.Conflict) {
					t.Errorf("%s gave a failure of kind %v", what, fault.KindOf(err))
				}
			}
			refuses("an older replica that catches up", older.replica.CatchUp(t.Context()))
			_, err := NewVersioned(t.Context(), docs, olderKinds, "lifeline 1")
			refuses("an older program that starts", err)
			if _, err := slow.store.Get(t.Context(), kindOfNotes, "c"); !errors.As(err, new(*NewerVersion)) {
				t.Errorf("an older replica that reads a newer note got %v", err)
			}
		})
	}
}

func TestWhatTheOlderFormatCannotHoldIsRefusedWithItsReasonAndNotAsARace(t *testing.T) {
	m := newAged(t, memory.New(10), SharedKinds, "lifeline 2")
	write := func() error {
		return m.replica.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: KindStation, ID: "s",
			Body: []byte(`{"id":"s","starved":{"policy":"drop_sensitive"}}`)}},
			Origin: store.Origin{At: time.Unix(0, 0), By: "system", Action: "network.apply"}})
	}
	err := write()
	if errors.Is(err, ErrRace) || !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "upgrade-store") {
		t.Errorf("it is answered %v", err)
	}
	if err := m.store.Raise(t.Context(), "system", time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil {
		t.Error(err)
	}
}

func TestAReplicaThatRunsEndsWhenTheFormatIsRaisedPastIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := memory.New(100)
		older, newer := newAged(t, docs, olderKinds, "lifeline 1"), newAged(t, docs, newerKinds, "lifeline 2")
		ended := make(chan error, 1)
		go func() { ended <- older.replica.Run(t.Context(), func(err error) { t.Error(err) }) }()
		synctest.Wait()
		if err := newer.store.Raise(t.Context(), "system", time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case err := <-ended:
			if !errors.As(err, new(*NewerVersion)) {
				t.Errorf("it ended with %v", err)
			}
		default:
			t.Error("it still runs")
		}
	})
}

func TestADocumentOfAKindThatIsNotDeclaredIsNotStored(t *testing.T) {
	v, err := NewVersioned(t.Context(), memory.New(100), testKinds, "lifeline")
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: "rumour", ID: "a", Body: []byte("{}")}}})
	latest, _ := v.Latest(t.Context())
	if err == nil || latest != 0 {
		t.Errorf("a commit of a kind that is not declared gave %v, and the store is at %d", err, latest)
	}
}

// An older program that passed over what it does not know would lose it with its next change of the document.
func TestAFieldThatTheProgramDoesNotKnowIsRefusedAndNamed(t *testing.T) {
	for _, body := range []string{
		`{"id":"a","revision":1,"title":"A","state":"approved","consented":true}`,
		`{"id":"a","revision":1,"title":"A","state":"approved","recording":{"sha256":"00","consented":true}}`,
	} {
		docs := memory.New(100)
		_, err := docs.Commit(t.Context(),
			store.Commit{Writes: []store.Write{{Kind: KindSegment, ID: "a", Body: []byte(body)}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(t.Context(), docs, testKinds)
		if !errors.As(err, new(*NewerVersion)) || !strings.Contains(err.Error(), "segment a") ||
			!strings.Contains(err.Error(), `"consented"`) {
			t.Errorf("of %s it says %v", body, err)
		}
		var told []string
		err = NewInspector(testKinds, func(p string) { told = append(told, p) }).Document(store.Document{Kind: KindSegment,
			ID: "a", Revision: 1, Body: []byte(body)})
		if !errors.As(err, new(*NewerVersion)) || len(told) != 1 || !strings.Contains(told[0], `"consented"`) {
			t.Errorf("of %s fsck says %q and %v", body, told, err)
		}
	}
}
