package record_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"lifeline/internal/access"
	"lifeline/internal/blob"
	"lifeline/internal/hashchain"
	"lifeline/internal/kinds"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/sign"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/store/redis"
	"lifeline/internal/store/sqlite"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// forged is a store in which somebody changed the audit.
type forged struct {
	replica.Store
	change func([]store.Change) []store.Change
	before func() // a Redact
}

func (f *forged) Audit(ctx context.Context, q store.AuditQuery) ([]store.Change, error) {
	changes, err := f.Store.Audit(ctx, q)
	if f.change != nil {
		changes = f.change(changes)
	}
	return changes, err
}

func (f *forged) Redact(ctx context.Context, changes []store.Change, entries []store.Entry) error {
	if f.before != nil {
		f.before()
	}
	return f.Store.Redact(ctx, changes, entries)
}

// audited is a service on a store, whose audit grows.
type audited struct {
	*testing.T
	*record.Record
	docs    *forged
	replica *replica.Replica
	records *record.Records
	audio   *blob.Local
	public  ed25519.PublicKey
	signer  *sign.Signer
	now     time.Time
}

// onEveryStore runs a test on every back end.
func onEveryStore(t *testing.T, keep time.Duration, test func(a *audited)) {
	for name, open := range map[string]func(*testing.T) replica.Store{
		"memory": func(*testing.T) replica.Store { return memory.New(100) },
		"sqlite": func(t *testing.T) replica.Store {
			s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		},
		"redis": func(t *testing.T) replica.Store {
			s, err := redis.Open(t.Context(), redis.Options{URL: "redis://" + miniredis.RunT(t).Addr(), Prefix: "t", Feed: 100,
				AcceptLoss: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		},
	} {
		t.Run(name, func(t *testing.T) { test(newAudited(t, open(t), keep)) })
	}
}

func newAudited(t *testing.T, s replica.Store, keep time.Duration) *audited {
	a := &audited{T: t, docs: &forged{Store: s}, now: time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)}
	signer, err := sign.NewSigner(ed25519.NewKeyFromSeed(make([]byte, 32)))
	a.must(err)
	a.public, a.signer = signer.Public(), signer
	a.replica, err = replica.Open(t.Context(), a.docs, kinds.All)
	a.must(err)
	a.audio, err = blob.OpenLocal(t.TempDir())
	a.must(err)
	t.Cleanup(func() { _ = a.audio.Close() })
	now := func() time.Time { return a.now }
	a.records = record.NewRecords(a.replica, a.docs, a.audio, now, keep)
	a.Record = scheduling.New(a.replica, a.records, trust.OneKey(signer), now, "", time.Hour).Record
	return a
}

func (a *audited) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// note adds entries by Ruth, and lets ten minutes pass.
func (a *audited) note(n int) {
	a.Helper()
	for i := range n {
		a.must(a.replica.Commit(a.Context(), store.Commit{Origin: access.Actor{Name: "Ruth", Person: "ruth",
			Remote: "203.0.113.7"}.Origin(a.now, "request.refused", fmt.Sprint("why ", i)),
			Fields: replica.NoteOn("segment", "letter-7", 2)}))
	}
	a.now = a.now.Add(10 * time.Minute)
}

func (a *audited) seal() {
	a.Helper()
	a.must(a.Sealing.SealAudit(a.Context(), false))
}

func (a *audited) verify(known ...wire.ChainHead) hashchain.Proof {
	a.Helper()
	p, err := hashchain.Verify(a.Context(), record.NewHashChain(a.records), []ed25519.PublicKey{a.public}, known)
	a.must(err)
	return p
}

// redact erases a name from the audit.
func (a *audited) redact(name, erasure string) (int, error) {
	return record.NewRedactor(a.records, a.Links, a.audio.Erase).Audit(a.Context(), func(c store.Change) store.Change {
		c.By, c.Reason = strings.ReplaceAll(c.By, name, "(erased)"), strings.ReplaceAll(c.Reason, name, "(erased)")
		return c
	}, erasure)
}

// finds checks that a verification finds one difference of the audit that has these words.
func (a *audited) finds(what, words string) {
	a.Helper()
	p := a.verify()
	if len(p.Differences) != 1 || p.Differences[0].Station != wire.AuditChain ||
		!strings.Contains(fmt.Sprint(p.Differences), words) {
		a.Errorf("%s: %v", what, p.Differences)
	}
}

func TestAuditIsSealedWithinTenMinutesAndRestsWithIt(t *testing.T) {
	a := newAudited(t, memory.New(100), 0)
	began := a.now
	a.note(700)
	a.seal()
	if p := a.verify(); p.Links != 1 || p.Entries != 700 || p.Stations != 0 || len(p.Differences) > 0 ||
		p.Since == nil || !p.Since.Equal(began.Add(10*time.Minute)) || p.Open != 2 {
		t.Fatalf("700 entries: %+v", p)
	}
	a.note(3)
	a.now = a.now.Add(-time.Minute)
	a.seal()
	if p := a.verify(); p.Links != 1 || p.Open != 5 {
		t.Errorf("within ten minutes: %+v", p)
	}
	a.now = a.now.Add(24 * time.Hour)
	for range 5 {
		a.seal()
	}
	if p := a.verify(); p.Links != 2 || p.Entries != 705 || len(p.Differences) > 0 {
		t.Fatalf("after a day without changes: %+v", p)
	}
}

func TestChangedRemovedInsertedOrMovedEntryOfTheAuditIsFound(t *testing.T) {
	onEveryStore(t, 0, func(a *audited) {
		a.note(20)
		a.seal()
		a.note(7)
		a.seal()
		if p := a.verify(); p.Links != 2 || p.Entries != 29 || len(p.Differences) > 0 {
			a.Fatalf("the chain does not close: %+v", p)
		}
		for name, change := range map[string]func(*store.Change){
			"person": func(c *store.Change) { c.Person = "hana" },
			"by":     func(c *store.Change) { c.By = "Hana" },
			"action": func(c *store.Change) { c.Action = "segment.approve" },
			"remote": func(c *store.Change) { c.Remote = "203.0.113.8" },
			"fields": func(c *store.Change) { c.Fields = replica.NoteOn("segment", "letter-8", 2) },
			"at":     func(c *store.Change) { c.At = c.At.Add(time.Millisecond) },
			"reason": func(c *store.Change) { c.Reason += " " },
		} {
			for _, sequence := range []int64{1, 20, 21, 29} {
				a.docs.change = each(func(c store.Change) []store.Change {
					if c.Sequence == sequence {
						change(&c)
					}
					return []store.Change{c}
				})
				a.finds(fmt.Sprint(name, " of entry ", sequence), "the audit was changed")
			}
		}
		for _, sequence := range []int64{1, 9, 20, 29} {
			a.docs.change = each(func(c store.Change) []store.Change {
				if c.Sequence == sequence {
					return nil
				}
				return []store.Change{c}
			})
			a.finds("removed", fmt.Sprintf("entry %d is gone", sequence))
		}
		a.docs.change = each(func(c store.Change) []store.Change {
			if c.Sequence == 9 {
				return []store.Change{c, c}
			}
			return []store.Change{c}
		})
		a.finds("inserted", "the audit was changed")
		a.docs.change = func(changes []store.Change) []store.Change { // 4 and 5 change places
			for i := range changes[:max(len(changes)-1, 0)] {
				if c := changes[i : i+2]; c[0].Sequence == 4 {
					c[0], c[1] = c[1], c[0]
					c[0].Sequence, c[1].Sequence = 4, 5
				}
			}
			return changes
		}
		a.finds("moved", "the audit was changed")
	})
}

// each returns the change of a trail by what f makes of each entry.
func each(f func(store.Change) []store.Change) func([]store.Change) []store.Change {
	return func(changes []store.Change) (out []store.Change) {
		for _, c := range changes {
			out = append(out, f(c)...)
		}
		return out
	}
}

func TestEntryOfTheAuditThatIsRemovedBeforeItIsSealedIsFound(t *testing.T) {
	a := newAudited(t, memory.New(100), 0)
	a.note(3)
	a.seal()
	a.note(5)
	a.docs.change = each(func(c store.Change) []store.Change {
		if c.Sequence == 7 {
			return nil
		}
		return []store.Change{c}
	})
	a.finds("while it is open", "entry 7 of the audit was gone")
	a.seal()
	a.finds("once the others are sealed", "entry 7 of the audit was gone")
}

func TestLinksOfTheAuditCannotBeCutOffOrForged(t *testing.T) {
	a := newAudited(t, memory.New(100), 0)
	a.note(3)
	a.seal()
	a.note(5)
	a.seal()
	heads := a.verify().Heads
	if len(heads) != 1 || heads[0].Station != wire.AuditChain || heads[0].Number != 2 {
		t.Fatalf("the heads are %+v", heads)
	}
	cut := newAudited(t, memory.New(100), 0)
	cut.note(3)
	cut.seal()
	if p := cut.verify(heads...); len(p.Differences) != 1 {
		t.Errorf("a chain that was cut off: %+v", p.Differences)
	}
	other, err := sign.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte("f"), 32)))
	a.must(err)
	a.public = other.Public()
	if p := a.verify(); len(p.Differences) == 0 {
		t.Error("links of another key close")
	}
}

// A store whose older entries are not chained, and partly removed as stores without older records once did, is chained
// as it stands.
func TestAuditOfAnOldStoreIsChainedAsItStands(t *testing.T) {
	a := newAudited(t, memory.New(100), 0)
	a.note(30)
	servicePut(a, "x", "1")
	a.must(a.docs.Trim(t.Context(), 20))
	a.now = a.now.AddDate(0, 2, 0)
	since := a.now
	a.seal()
	a.note(2)
	a.seal()
	p := a.verify()
	if len(p.Differences) > 0 || !p.Since.Equal(since) || p.Links != 2 || p.Entries != 15 {
		t.Errorf("%+v", p)
	}
}

// servicePut commits a document.
func servicePut(a *audited, id, body string) {
	a.Helper()
	a.must(a.replica.Commit(a.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindCounter, ID: id,
		Body: []byte(body)}}, Origin: access.System.Origin(a.now, "test", "")}))
}

func TestErasedAuditStillClosesAndTellsWhatWasReplaced(t *testing.T) {
	onEveryStore(t, 0, func(a *audited) {
		a.note(4)
		a.seal()
		a.note(3)
		a.docs.before = a.seal // the background seals meanwhile what is open
		for i, why := range []string{"why 1", "why 2"} {
			if n, err := a.redact(why, fmt.Sprint("e", i+1)); err != nil || n != 2 {
				a.Fatalf("%d entries had %q, %v", n, why, err)
			}
		}
		p := a.verify()
		if len(p.Differences) > 0 {
			a.Fatalf("the chain does not close: %v", p.Differences)
		}
		told := map[string][][2]int64{}
		for _, r := range p.Replaced {
			told[r.Erasure] = hashchain.Join(told[r.Erasure], r.Entries)
		}
		// 1 to 4 were sealed, by 5 and 6; then come 7 to 9
		if want := map[string][][2]int64{"e1": {{2, 2}, {8, 8}}, "e2": {{3, 3}, {9, 9}}}; !reflect.DeepEqual(told, want) {
			a.Errorf("the erasures replaced %v, want %v", told, want)
		}
		if n, err := a.redact("why 1", "e3"); err != nil || n != 0 {
			a.Errorf("a second pass finds %d entries, %v", n, err)
		}
		a.docs.change = each(func(c store.Change) []store.Change {
			if c.Sequence == 2 {
				c.Reason = "why 1" // as it was
			}
			if c.Sequence == 9 {
				c.Reason = "why not"
			}
			return []store.Change{c}
		})
		if p := a.verify(); len(p.Differences) != 2 {
			a.Errorf("changes of erased entries: %v", p.Differences)
		}
	})
}

// A pass that ends after its links, and before the entries change, is completed by the next.
func TestErasureOfTheAuditThatWasInterruptedIsCompleted(t *testing.T) {
	a := newAudited(t, memory.New(100), 0)
	a.note(4)
	stopped := false
	a.docs.before = func() {
		if !stopped {
			stopped = true
			panic("killed")
		}
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = a.redact("why", "e1")
	}()
	if p := a.verify(); len(p.Differences) > 0 || !stopped {
		t.Errorf("in the middle: %v", p.Differences)
	}
	if n, err := a.redact("why", "e1"); err != nil || n != 4 {
		t.Errorf("the next pass changed %d entries, %v", n, err)
	}
	if p := a.verify(); len(p.Differences) > 0 || len(p.Replaced) != 1 {
		t.Errorf("at the end: %+v", p)
	}
}

func TestErasureOfAuditFilesStillClosesAndTellsWhatWasReplaced(t *testing.T) {
	a := newAudited(t, memory.New(10_000), 24*time.Hour)
	a.note(12)
	a.seal()
	a.note(9)
	a.seal()
	a.now = a.now.AddDate(0, 2, 0)
	a.must(a.records.Move(t.Context()))
	a.note(3)
	if n, err := a.docs.Store.Audit(t.Context(), store.AuditQuery{By: "Ruth"}); err != nil || len(n) != 3 {
		t.Fatalf("the older entries did not move: %v, %v", n, err)
	}
	if p := a.verify(); len(p.Differences) > 0 || p.Entries != 23 {
		t.Fatalf("files: %+v", p)
	}
	if n, err := a.redact("Ruth", "e1"); err != nil || n != 24 {
		t.Fatalf("%d entries, %v", n, err)
	}
	p := a.verify()
	if len(p.Differences) > 0 {
		t.Fatalf("the chain does not close: %v", p.Differences)
	}
	var told [][2]int64
	for _, r := range p.Replaced {
		told = hashchain.Join(told, r.Entries)
	}
	if n := slices.IndexFunc(told, func(r [2]int64) bool { return r[0] == 1 && r[1] == 12 }); n < 0 || len(told) != 3 {
		t.Errorf("the erasure replaced %v", told)
	}
}

// cutAudit removes the links of the audit after a number, and sets its head to that link, or removes it, as somebody
// does who may write to the database and has no key.
func (a *audited) cutAudit(number int64) {
	a.Helper()
	var writes []store.Write
	var last hashchain.Stored
	for l, err := range record.NewHashChain(a.records).Links(a.Context(), wire.AuditChain) {
		a.must(err)
		if l.Number <= number {
			last = l
			continue
		}
		id := fmt.Sprintf("%s/%012d/%s", wire.AuditChain, l.Number, l.Date)
		d, err := a.docs.Get(a.Context(), record.KindLink, id)
		a.must(err)
		writes = append(writes, store.Write{Kind: record.KindLink, ID: id, Expect: d.Revision, Delete: true})
	}
	d, err := a.docs.Get(a.Context(), record.KindHead, wire.AuditChain)
	a.must(err)
	head := store.Write{Kind: record.KindHead, ID: wire.AuditChain, Expect: d.Revision, Delete: number == 0}
	if number > 0 {
		head.Body = fmt.Appendf(nil, `{"station":%q,"number":%d,"sha256":%q,"until":null}`, wire.AuditChain, number,
			hashchain.Hash(last.Envelope))
	}
	_, err = a.docs.Commit(a.Context(), store.Commit{Writes: append(writes, head),
		Origin: access.System.Origin(a.now, "test", "")})
	a.must(err)
}

// publishLink adds a link to the chain of the station relay.
func (a *audited) publishLink() {
	a.Helper()
	writes, err := a.Links.Writes(a.Context(), wire.Link{Station: "relay", Kind: wire.LinkAsRun, Late: true,
		Date: schedules.DateOf(a.now), From: schedules.At(a.now), To: schedules.At(a.now),
		Records: hashchain.Records(nil)})
	a.must(err)
	a.must(a.replica.Commit(a.Context(), store.Commit{Writes: writes, Origin: access.System.Origin(a.now, "test", "")}))
}

func TestStationsLinksFindAnAuditWhoseLinksAreGoneOrMadeAnew(t *testing.T) {
	for name, left := range map[string]int64{"the whole chain is gone": 0, "the last link is gone": 2} {
		t.Run(name, func(t *testing.T) {
			onEveryStore(t, 0, func(a *audited) {
				third := a.now.Add(20 * time.Minute)
				a.publishLink() // before the audit is sealed, as in stores of earlier releases
				for range 3 {
					a.note(3)
					a.seal()
				}
				a.publishLink()
				a.publishLink()
				if p := a.verify(); len(p.Differences) > 0 || p.Stations != 1 || p.Named != 3 {
					a.Fatalf("as it was: %+v", p)
				}
				a.cutAudit(left)
				a.docs.change = each(func(c store.Change) []store.Change {
					if c.By == "Ruth" && c.At.Equal(third) {
						c.By = "Hana"
					}
					return []store.Change{c}
				})
				const words = "of the audit is gone, or is not the one"
				a.finds("after the links are gone", words)
				a.note(2)
				a.seal()
				a.publishLink()
				a.finds("after the service sealed what was changed", words)
			})
		})
	}
}

func TestStationsLinksCloseAfterAnErasureOfTheAudit(t *testing.T) {
	a := newAudited(t, memory.New(100), 0)
	a.note(3)
	a.seal()
	a.publishLink()
	if n, err := a.redact("Ruth", "e1"); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	a.publishLink()
	if p := a.verify(); len(p.Differences) > 0 || len(p.Replaced) == 0 {
		t.Errorf("%+v", p)
	}
}

func TestDamagedHeadOfTheAuditStopsNoPublication(t *testing.T) {
	a := newAudited(t, memory.New(100), 0)
	a.note(3)
	a.seal()
	d, err := a.docs.Get(t.Context(), record.KindHead, wire.AuditChain)
	a.must(err)
	_, err = a.docs.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: record.KindHead, ID: wire.AuditChain,
		Expect: d.Revision, Body: []byte(`{}x`)}}, Origin: access.System.Origin(a.now, "test", "")})
	a.must(err)
	a.publishLink()
	a.finds("a damaged head", "its head says 0")
}

// published is a station whose queue of a day is published, with a link, and whose audit is sealed.
func published(a *audited, station string) schedules.Date {
	a.Helper()
	date := schedules.DateOf(a.now)
	body, err := replica.Encode(schedules.Station{ID: station, Timezone: "UTC"})
	a.must(err)
	queue, err := replica.SignJSON(trust.OneKey(a.signer), wire.QueueType, wire.Queue{Schema: wire.QueueSchema,
		Station: station, Date: date, Revision: 1})
	a.must(err)
	rundown, err := replica.Encode(schedules.Rundown{Station: station, Date: date, Revision: 1,
		Status: schedules.Published, PublishedAt: schedules.At(a.now)})
	a.must(err)
	links, err := a.Links.Writes(a.Context(), wire.Link{Station: station, Kind: wire.LinkQueue, Date: date, Revision: 1,
		Queue: hashchain.Hash(queue), Rundown: hashchain.Hash(rundown)})
	a.must(err)
	a.must(a.replica.Commit(a.Context(), store.Commit{Origin: access.System.Origin(a.now, "test", ""),
		Writes: append(links, store.Write{Kind: replica.KindStation, ID: station, Body: body},
			store.Write{Kind: replica.KindQueue, ID: replica.DayID(station, date), Body: queue},
			store.Write{Kind: replica.KindRevision, ID: replica.RevisionID(station, date, 1), Body: rundown})}))
	return date
}

// remove takes the documents of kinds whose ids begin with a text out of the store.
func (a *audited) remove(prefix string, kinds ...string) {
	a.Helper()
	for _, kind := range kinds {
		docs, err := a.docs.List(a.Context(), kind, "", 100)
		a.must(err)
		for _, d := range docs {
			if strings.HasPrefix(d.ID, prefix) {
				_, err := a.docs.Commit(a.Context(), store.Commit{Origin: access.System.Origin(a.now, "test", ""),
					Writes: []store.Write{{Kind: kind, ID: d.ID, Expect: d.Revision, Delete: true}}})
				a.must(err)
			}
		}
	}
}

// A station whose links are gone differs, with its queue, with its rundown alone, and with neither.
func TestChainOfAStationThatIsGoneIsFound(t *testing.T) {
	chain := []string{record.KindLink, record.KindHead}
	for name, c := range map[string]struct {
		kinds []string
		words string
	}{
		"its chain":           {chain, "the day is published, and the chain has no link of it"},
		"its chain and queue": {append(slices.Clone(chain), replica.KindQueue), "the day is published"},
		"all that is published": {append(slices.Clone(chain), replica.KindQueue, replica.KindRevision),
			"link 1 is gone: entry"},
		"the station too": {append(slices.Clone(chain), replica.KindQueue, replica.KindRevision, replica.KindStation),
			"link 1 is gone: entry"},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryStore(t, 0, func(a *audited) {
				date := published(a, "relay")
				published(a, "other")
				a.now = a.now.Add(10 * time.Minute)
				a.seal()
				if p := a.verify(); len(p.Differences) > 0 || p.Queues != 2 {
					a.Fatalf("before: %+v", p)
				}
				a.remove("relay", c.kinds...)
				found := a.verify().Differences
				if !slices.ContainsFunc(found, func(d hashchain.Difference) bool {
					return d.Station == "relay" && d.Date == date && strings.Contains(d.What, c.words)
				}) || slices.ContainsFunc(found, func(d hashchain.Difference) bool { return d.Station != "relay" }) {
					a.Errorf("found %v, want %q", found, c.words)
				}
			})
		})
	}
}

// Reports of many days without any link differ; those of a day that is not over do not.
func TestReportsWithoutALinkAreFound(t *testing.T) {
	for days, want := range map[int]int{1: 0, 5: 1} {
		onEveryStore(t, 0, func(a *audited) {
			body, err := replica.Encode(schedules.Station{ID: "relay", Timezone: "UTC"})
			a.must(err)
			a.must(a.replica.Commit(a.Context(), store.Commit{Origin: access.System.Origin(a.now, "test", ""),
				Writes: []store.Write{{Kind: replica.KindStation, ID: "relay", Body: body}}}))
			var reports []schedules.AsRun
			for n := range days {
				at := a.now.AddDate(0, 0, -n)
				reports = append(reports, schedules.AsRun{Sequence: int64(n + 1), ItemID: fmt.Sprint("i", n), SegmentID: "m1",
					SHA256: strings.Repeat("0", 64), StartedAt: schedules.At(at), EndedAt: schedules.At(at.Add(time.Minute)),
					Outcome: schedules.Aired})
			}
			_, err = a.Logbook.Report(a.Context(), "relay", reports)
			a.must(err)
			if found := a.verify().Differences; len(found) != want ||
				want > 0 && !strings.Contains(found[0].What, "5 reports are stored") {
				a.Errorf("%d days: %v", days, found)
			}
		})
	}
}

// An audit without a chain differs where the store's format is of programs that chain it.
func TestAuditWithoutItsChainIsFoundWhereProgramsChainIt(t *testing.T) {
	for version, want := range map[int]string{2: "", 3: "and no chain: its links are gone"} {
		onEveryStore(t, 0, func(a *audited) {
			body, err := replica.Encode(replica.Format{Kinds: map[string]int{access.KindToken: version}})
			a.must(err)
			a.must(a.replica.Commit(a.Context(), store.Commit{Origin: access.System.Origin(a.now, "format.raise", ""),
				Writes: []store.Write{{Kind: replica.KindFormat, ID: "format", Body: body}}}))
			a.note(1)
			if p := a.verify(); len(p.Differences) > 0 {
				a.Errorf("entries of ten minutes: %v", p.Differences)
			}
			a.note(1)
			a.note(1)
			if found := a.verify().Differences; (want == "") != (len(found) == 0) ||
				want != "" && !strings.Contains(found[0].What, want) {
				a.Errorf("version %d: %v, want %q", version, found, want)
			}
			a.seal()
			if p := a.verify(); len(p.Differences) > 0 || p.Entries == 0 {
				a.Errorf("sealed: %+v", p)
			}
		})
	}
}
