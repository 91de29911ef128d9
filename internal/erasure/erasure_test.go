package erasure_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"lifeline/internal/access"
	"lifeline/internal/blob"
	"lifeline/internal/erasure"
	"lifeline/internal/fault"
	"lifeline/internal/hashchain"
	"lifeline/internal/kinds"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/servicetest"
	"lifeline/internal/sign"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

var (
	hana = access.Actor{Name: "Hana", Person: "hana", Role: access.Producer}
	ruth = access.Actor{Name: "Ruth", Person: "ruth", Role: access.Producer}
)

// witness is the name of the person in a segment.
const witness = "리은혜-kim"

// title is that of the segment.
const title = "What the witness saw in Hoeryong"

// house is a service with one station, whose day of one item is over and sealed, and the next is published.
type house struct {
	*testing.T
	*scheduling.Scheduler
	replica  *replica.Replica
	store    *memory.Store
	records  *record.Records
	lock     *replica.WorkLock
	lib      *library.Library
	erasures *erasure.Erasures
	public   ed25519.PublicKey
	audio    string // the folder
	now      time.Time
	day      schedules.Date
	sound    []byte
	segment  string
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func newHouse(t *testing.T) *house {
	h := &house{T: t, store: memory.New(100_000), now: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC),
		day: schedules.Date{Year: 2026, Month: 11, Day: 2}, audio: t.TempDir(), segment: "t1"}
	now := func() time.Time { return h.now }
	r, err := replica.Open(t.Context(), h.store, kinds.All)
	h.must(err)
	h.replica = r
	signer, err := sign.NewSigner(ed25519.NewKeyFromSeed(make([]byte, 32)))
	h.must(err)
	h.public = signer.Public()
	audio, err := blob.OpenLocal(h.audio)
	h.must(err)
	t.Cleanup(func() { h.must(audio.Close()) })
	records := record.NewRecords(r, r.Store, audio, now, 0)
	h.records = records
	h.Scheduler = scheduling.New(r, records, trust.OneKey(signer), now, "http://x", time.Hour)
	h.lib = library.New(r, audio, trust.OneKey(signer), servicetest.Heard, now,
		library.Limits{Concurrency: 1, MaxBytes: 1 << 20})
	h.erasures = erasure.New(r, records, h.Record.Links, audio, trust.OneKey(signer), now)
	h.lock = replica.NewWorkLock(r, "here", time.Minute)
	h.must(h.lib.Recalls.Ensure(t.Context()))
	h.sound = bytes.Repeat([]byte("the sound of a voice that nobody is to hear again. "), 200)
	for _, id := range []string{"m1", "m2", "m3", h.segment} {
		s := servicetest.Music(id)
		if id == h.segment {
			b, err := audio.Put(t.Context(), bytes.NewReader(h.sound), 1<<20)
			h.must(err)
			s.Kind, s.Title, s.Voice, s.Persons, s.Recording.SHA256 = "testimony", title, witness, []string{witness}, b.SHA256
			s.Recording.Bytes = b.Bytes
		}
		servicetest.Put(t, r, replica.KindSegment, id, s)
	}
	n := servicetest.OneStation()
	n.Clocks[0].Positions[0].Fill.Kinds = []schedules.Kind{"testimony"}
	_, err = h.Network.Apply(t.Context(), ruth, n, nil, false)
	h.must(err)
	h.publish(h.day)
	h.air(h.day)
	return h
}

func (h *house) publish(day schedules.Date) {
	h.Helper()
	_, err := h.Drafts.Plan(h.Context(), ruth, "s", day, scheduling.PlanOptions{})
	h.must(err)
	_, err = h.Publisher.Publish(h.Context(), ruth, "s", day, scheduling.PublishOptions{})
	h.must(err)
}

// air reports the item of a day as aired, with words of the station, and lets the day end and be sealed.
func (h *house) air(day schedules.Date) {
	h.Helper()
	q, err := h.Record.Queues.Queue(h.Context(), "s", day)
	h.must(err)
	i := q.Value.Items[0]
	h.now = i.StartAt.Add(time.Hour)
	results, err := h.Record.Logbook.Report(h.Context(), "s", []schedules.AsRun{{Sequence: 1, ItemID: i.ID,
		SegmentID: i.SegmentID, SHA256: i.Audio.SHA256, Outcome: schedules.Aired, StartedAt: *i.StartAt,
		EndedAt: schedules.At(i.StartAt.Add(i.Duration.Duration)), Detail: "the operator heard " + witness}})
	h.must(err)
	if results[0].Status != "accepted" || i.SegmentID != h.segment {
		h.Fatalf("aired %s: %+v", i.SegmentID, results)
	}
	h.now = h.now.AddDate(0, 0, 3)
	h.must(h.Record.Sealing.SealAll(h.Context()))
	h.must(h.Record.Sealing.SealAudit(h.Context(), false))
}

// sweep runs the background work.
func (h *house) sweep() {
	h.Helper()
	for range 3 {
		h.now = h.now.Add(time.Hour)
		h.must(h.replica.CatchUp(h.Context()))
		h.must(h.Repairer.Repair(h.Context(), h.lock))
		h.must(h.Fallbacks.IssueAll(h.Context(), h.lock))
		h.must(h.erasures.Sweep(h.Context(), h.lock))
	}
}

// closes checks that the signed record still verifies and tells of the airing.
func (h *house) closes() hashchain.Proof {
	h.Helper()
	p, err := hashchain.Verify(h.Context(), record.NewHashChain(h.records), []ed25519.PublicKey{h.public}, nil)
	h.must(err)
	if len(p.Differences) > 0 || p.Links == 0 {
		h.Errorf("the proof of %d links does not close: %v", p.Links, p.Differences)
	}
	report, err := h.Record.Logbook.AiringReport(h.Context(), record.ReportQuery{From: h.day, To: h.day.AddDays(1)})
	h.must(err)
	day, err := h.Record.Logbook.Reconcile(h.Context(), "s", h.day, "")
	h.must(err)
	if report.Totals.Aired != 1 || len(day.Items) != 1 || day.Items[0].SegmentID != h.segment ||
		day.Items[0].Verdict != schedules.AsPlanned {
		h.Errorf("the reports no longer have the airing: %+v, %+v", report.Totals, day)
	}
	return p
}

// forms returns a text in the forms in which a file may have it.
func forms(text string) (out [][]byte) {
	quoted, _ := json.Marshal(text)
	escaped := strings.Builder{}
	wide := []byte{}
	for _, u := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&escaped, `\u%04x`, u)
		wide = append(wide, byte(u), byte(u>>8))
	}
	out = [][]byte{[]byte(text), bytes.Trim(quoted, `"`), []byte(escaped.String()), wide,
		[]byte(hex.EncodeToString([]byte(text)))}
	for shift := range 3 { // of base64, what does not depend on its neighbours
		coded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), text...))
		out = append(out, []byte(coded[4:len(coded)-4]))
	}
	return out
}

// everything returns what is stored, with what is inside signed documents.
func (h *house) everything() map[string][]byte {
	h.Helper()
	all := map[string][]byte{}
	h.must(h.store.Export(h.Context(), func(int64) error { return nil }, func(d store.Document) error {
		all[d.Kind+" "+d.ID] = d.Body
		if payload, err := replica.PayloadOf(d.Body); err == nil {
			all[d.Kind+" "+d.ID+" inside"] = payload
		}
		return nil
	}, func(c store.Change) error {
		all[fmt.Sprint("change ", c.Sequence)] = fmt.Appendf(nil, "%+v", c)
		return nil
	}, func(e store.Entry) error {
		all[fmt.Sprint("entry ", e.Sequence)] = e.Body
		return nil
	}))
	h.must(filepath.WalkDir(h.audio, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			all[path], err = os.ReadFile(path)
		}
		return err
	}))
	return all
}

// lacks checks that nothing stored has a text, in any form.
func (h *house) lacks(texts ...string) {
	h.Helper()
	for place, content := range h.everything() {
		for _, text := range texts {
			for _, form := range forms(text) {
				if bytes.Contains(content, form) {
					h.Errorf("%s still has %q: %.300s", place, text, content)
				}
			}
		}
		for at := 0; at+32 <= len(h.sound); at += 32 {
			if bytes.Contains(content, h.sound[at:at+32]) {
				h.Fatalf("%s still has the recording", place)
			}
		}
	}
}

func (h *house) erase(in wire.ErasureRequest) wire.Erasure {
	h.Helper()
	in.Reason = "withdrawn by " + witness
	asked, err := h.erasures.Ask(h.Context(), hana, in)
	h.must(err)
	_, err = h.erasures.Confirm(h.Context(), ruth, asked.ID, &asked.Revision, "confirmed for "+witness)
	h.must(err)
	h.sweep()
	e, err := h.erasures.Get(asked.ID)
	h.must(err)
	return e
}

func TestErasedPersonIsNowhereAndTheProofCloses(t *testing.T) {
	h := newHouse(t)
	next := schedules.DateOf(h.now).AddDays(1)
	h.publish(next)
	h.closes()
	e := h.erase(wire.ErasureRequest{Person: witness})
	if e.State != "done" || len(e.Left) > 0 || len(e.Segments) != 1 || len(e.Recordings) != 1 || e.DoneAt.IsZero() {
		t.Fatalf("the erasure is %+v", e)
	}
	h.lacks(witness, title)
	p := h.closes()
	if p.Erased == 0 || p.Records != 1 || p.Entries == 0 || len(p.Replaced) == 0 || p.Replaced[0].Erasure != e.ID {
		t.Errorf("the proof does not tell of the erasure: %+v", p)
	}
	s, err := h.lib.Segments.Get(h.segment)
	h.must(err)
	if s.State != schedules.Recalled || s.Recording == nil || s.Recording.SHA256 != e.Recordings[0].SHA256 ||
		len(s.Persons) > 0 {
		t.Errorf("the tombstone is %+v", s)
	}
	q, err := h.Record.Queues.Queue(t.Context(), "s", next)
	h.must(err)
	for _, i := range q.Value.Items {
		if i.SegmentID == h.segment {
			t.Error("a coming queue still has the segment")
		}
	}
	if list := h.lib.Recalls.List().Value.Segments; len(list) != 1 || list[0].SHA256 != s.Recording.SHA256 {
		t.Errorf("the recall list has %+v", list)
	}
	if told := h.lib.Recalls.List().Value.Erased; len(told) != 1 || told[0] != s.Recording.SHA256 {
		t.Errorf("the recall list tells players to delete %v", told)
	}
}

func TestNothingBringsBackAnErasedSegment(t *testing.T) {
	h := newHouse(t)
	h.erase(wire.ErasureRequest{Segments: []string{h.segment}})
	for name, do := range map[string]func() error{
		"reinstate": func() error {
			_, err := h.lib.Recalls.Reinstate(t.Context(), ruth, h.segment, nil, "again")
			return err
		},
		"edit": func() error {
			_, err := h.lib.Segments.Edit(t.Context(), ruth, h.segment, nil, func(s *schedules.Segment) { s.Title = title })
			return err
		},
		"recall": func() error {
			_, err := h.lib.Recalls.Recall(t.Context(), ruth, h.segment, nil, "again")
			return err
		},
	} {
		if err := do(); !fault.Is(err, fault.Gone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.erasures.Ask(t.Context(), hana, wire.ErasureRequest{Segments: []string{h.segment},
		Reason: "again"}); !fault.Is(err, fault.Conflict) {
		t.Errorf("erased twice: %v", err)
	}
}

func TestErasureTakesTwoPersonsAndGoesByWhatWasShown(t *testing.T) {
	h := newHouse(t)
	asked, err := h.erasures.Ask(t.Context(), hana, wire.ErasureRequest{Segments: []string{h.segment}, Reason: "r"})
	h.must(err)
	if len(asked.Recordings) != 1 || asked.Recordings[0].SHA256 == "" || len(asked.Left) == 0 {
		t.Errorf("the request does not list what goes: %+v", asked)
	}
	alike := access.Actor{Name: "hana", Role: access.Producer} // another token, whose name looks the same
	machine := access.Actor{Name: "Console", Role: access.Admin}
	for _, none := range []access.Actor{hana, alike, machine} {
		if _, err := h.erasures.Confirm(t.Context(), none, asked.ID, nil, "r"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%+v confirmed it, who asked or is no person: %v", none, err)
		}
	}
	servicetest.ChangeSegment(t, h.replica, h.segment, func(s *schedules.Segment) {
		s.Previous = []string{strings.Repeat("a", 64)}
	})
	if _, err := h.erasures.Confirm(t.Context(), ruth, asked.ID, nil, "r"); !fault.Is(err, fault.Conflict) {
		t.Errorf("confirmed what was not shown: %v", err)
	}
	_, err = h.erasures.Drop(t.Context(), hana, asked.ID, nil, "r")
	h.must(err)
	h.sweep()
	if s, err := h.lib.Segments.Get(h.segment); err != nil || s.Title != title {
		t.Errorf("the segment is %+v, %v", s, err)
	}
}

func TestRecordingThatAnotherSegmentHasIsNotErased(t *testing.T) {
	h := newHouse(t)
	s, err := h.lib.Segments.Get(h.segment)
	h.must(err)
	twin := servicetest.Music("m4")
	twin.Recording.SHA256 = s.Recording.SHA256
	servicetest.Put(t, h.replica, replica.KindSegment, "m4", twin)
	if _, err := h.erasures.Ask(t.Context(), hana, wire.ErasureRequest{Segments: []string{h.segment},
		Reason: "r"}); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "m4") {
		t.Errorf("asked: %v", err)
	}
}

func TestErasedMemberHasNoNameAndStaysOnePerson(t *testing.T) {
	h := newHouse(t)
	members := access.NewMembers(h.replica, func() time.Time { return h.now })
	const name, subject, short = "Brigitta Żółć", "00u1brigitta", "vqxzj"
	identity := wire.Identity{Issuer: "https://id.example", Subject: subject}
	for _, m := range []wire.Member{{ID: "admin", Name: "Ada", Roles: []string{"admin"}, Active: true},
		{ID: "bri", Name: name, Others: []string{"brigitta_z"}, Roles: []string{"producer"}, Active: true,
			Identities: []wire.Identity{identity, {Issuer: identity.Issuer, Subject: short}}}} {
		_, err := members.Add(t.Context(), ruth, m)
		h.must(err)
	}
	h.must(h.replica.CatchUp(t.Context()))
	h.must(access.NewNotes(h.replica, func() time.Time { return h.now }).Refused(t.Context(), access.Actor{}, "signIn",
		"before the link it knew you as \""+subject+"\""))
	bri := access.Actor{Name: name, Person: "bri", Role: access.Producer}
	_, err := h.lib.Segments.Edit(t.Context(), bri, "m1", nil, func(s *schedules.Segment) { s.Title = "by brigitta_z" })
	h.must(err)
	in := wire.ErasureRequest{Member: "bri", Reason: "she asked"}
	if _, err := h.erasures.Ask(t.Context(), hana, in); !fault.Is(err, fault.Conflict) {
		t.Errorf("an active person: %v", err)
	}
	_, err = members.Set(t.Context(), access.System, "bri", nil, func(m *wire.Member) error {
		m.Active = false
		return nil
	})
	h.must(err)
	h.must(h.replica.CatchUp(t.Context()))
	if e := h.erase(in); e.State != "done" {
		t.Fatalf("the erasure is %+v", e)
	}
	h.sound = nil // it stays
	h.lacks(name, "brigitta_z", subject)
	for place, content := range h.everything() {
		if bytes.Contains(content, []byte(short)) {
			t.Errorf("%s still has %q: %.300s", place, short, content)
		}
	}
	_, err = members.Add(t.Context(), ruth, wire.Member{ID: "cho", Name: "Cho", Roles: []string{"viewer"}, Active: true,
		Identities: []wire.Identity{identity}})
	h.must(err) // the identity is free
	h.closes()
	s, err := h.lib.Segments.Get("m1")
	h.must(err)
	if len(s.Edits) != 1 || !h.replica.SamePerson("bri", "", s.Edits[0].ByID, s.Edits[0].By) {
		t.Errorf("the edits are no longer hers: %+v", s.Edits)
	}
}

func TestFormerRecordingIsErasedAloneAndItsHashStays(t *testing.T) {
	h := newHouse(t)
	s, err := h.lib.Segments.Get(h.segment)
	h.must(err)
	former := s.Recording.SHA256
	if _, err := h.erasures.Ask(t.Context(), hana, wire.ErasureRequest{Recordings: []string{former},
		Reason: "r"}); !fault.Is(err, fault.Conflict) {
		t.Errorf("the present recording of a segment that stays: %v", err)
	}
	servicetest.ChangeSegment(t, h.replica, h.segment, func(s *schedules.Segment) {
		next := *s.Recording
		next.SHA256 = strings.Repeat("b", 64)
		s.Recording, s.Previous = &next, []string{former}
	})
	if e := h.erase(wire.ErasureRequest{Recordings: []string{former}}); e.State != "done" || len(e.Segments) > 0 {
		t.Fatalf("the erasure is %+v", e)
	}
	h.lacks()
	s, err = h.lib.Segments.Get(h.segment)
	h.must(err)
	if s.Title != title || s.State != schedules.Approved || s.Previous[0] != former {
		t.Errorf("the segment is %+v", s)
	}
	_, err = h.lib.Recalls.Recall(t.Context(), ruth, "m3", nil, "later")
	h.must(err)
	if list := h.lib.Recalls.List().Value; len(list.Segments) != 1 || len(list.Erased) != 1 || list.Erased[0] != former {
		t.Errorf("the recall list is %+v", list)
	}
	h.closes()
}

// Whatever name is given, only free text changes: the store still opens, and what programs read is as it was.
func TestErasedNameChangesOnlyFreeText(t *testing.T) {
	h := newHouse(t)
	was := h.bodies(replica.KindStation, replica.KindClock)
	if e := h.erase(wire.ErasureRequest{Segments: []string{h.segment}, Names: []string{"2026", "Ko", "Seoul", "UTC",
		"music", "approved", "09", "m2"}}); e.State != "done" {
		t.Fatalf("the erasure is %+v", e)
	}
	if _, err := replica.Open(t.Context(), h.store, kinds.All); err != nil {
		t.Fatalf("the store does not open: %v", err)
	}
	for place, body := range h.bodies(replica.KindStation, replica.KindClock) {
		if body != was[place] {
			t.Errorf("%s was %s and is %s", place, was[place], body)
		}
	}
	for _, id := range []string{"m1", "m2", "m3"} {
		if s, err := h.lib.Segments.Get(id); err != nil || s.ID != id || s.State != schedules.Approved || s.Kind != "music" {
			t.Errorf("%s is %+v, %v", id, s, err)
		}
	}
	h.closes()
}

// bodies returns the documents of some kinds.
func (h *house) bodies(kinds ...string) map[string]string {
	all := map[string]string{}
	for _, kind := range kinds {
		docs, err := h.store.List(h.Context(), kind, "", 100)
		h.must(err)
		for _, d := range docs {
			all[kind+" "+d.ID] = string(d.Body)
		}
	}
	return all
}

func TestErasureNeverTouchesTheAccessOfSomebodyElse(t *testing.T) {
	h := newHouse(t)
	members := access.NewMembers(h.replica, func() time.Time { return h.now })
	servicetest.ChangeSegment(t, h.replica, h.segment, func(s *schedules.Segment) { s.Persons = []string{"ada"} })
	asked, err := h.erasures.Ask(t.Context(), hana, wire.ErasureRequest{Person: "ada", Reason: "r"})
	h.must(err)
	_, err = members.Add(t.Context(), access.System, wire.Member{ID: "ada", Name: "Ada Park", Roles: []string{"admin"},
		Active: true})
	h.must(err)
	h.must(h.replica.CatchUp(t.Context()))
	if _, err := h.erasures.Confirm(t.Context(), ruth, asked.ID, &asked.Revision, "r"); err == nil {
		t.Error("confirmed the erasure of the id of somebody who is active")
	}
	for _, in := range []wire.ErasureRequest{{Person: "ada"}, {Segments: []string{h.segment}, Names: []string{"ADA"}},
		{Segments: []string{h.segment}, Names: []string{"ada park"}}, {Person: "a"}} {
		in.Reason = "r"
		if _, err := h.erasures.Ask(t.Context(), hana, in); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", in, err)
		}
	}
	_, err = h.erasures.Drop(t.Context(), hana, asked.ID, nil, "r")
	h.must(err)
	was := h.bodies(replica.KindPerson)
	e := h.erase(wire.ErasureRequest{Segments: []string{h.segment}, Names: []string{"Park", "admin"}})
	if e.State != "done" {
		t.Fatalf("the erasure is %+v", e)
	}
	if is := h.bodies(replica.KindPerson); is["person ada"] != was["person ada"] {
		t.Errorf("the member was %s and is %s", was, is)
	}
}

func TestErasureShowsEveryTextThatGoesAndAppliesIt(t *testing.T) {
	h := newHouse(t)
	servicetest.ChangeSegment(t, h.replica, "m1", func(s *schedules.Segment) { s.Title = "A song for Zygmunt" })
	asked, err := h.erasures.Ask(t.Context(), hana, wire.ErasureRequest{Person: witness, Names: []string{"Zygmunt"},
		Reason: "r"})
	h.must(err)
	counts := map[string]int{}
	for _, n := range asked.Names {
		counts[n.Name] = n.Documents
	}
	if len(counts) != 3 || counts["Zygmunt"] != 1 || counts[witness] == 0 || counts[title] == 0 {
		t.Errorf("the request shows %+v", asked.Names)
	}
	done, err := h.erasures.Confirm(t.Context(), ruth, asked.ID, &asked.Revision, "r")
	h.must(err)
	if len(done.Names) > 0 {
		t.Errorf("the confirmed erasure shows %+v", done.Names)
	}
	h.sweep()
	h.lacks(witness, title, "Zygmunt")
}

func TestErasureOfASegmentSparesTheAudioOfOthers(t *testing.T) {
	h := newHouse(t)
	audio, err := blob.OpenLocal(h.audio)
	h.must(err)
	defer func() { h.must(audio.Close()) }()
	kept := bytes.Repeat([]byte("a song that stays"), 100)
	b, err := audio.Put(t.Context(), bytes.NewReader(kept), 1<<20)
	h.must(err)
	servicetest.ChangeSegment(t, h.replica, "m1", func(s *schedules.Segment) {
		next := *s.Recording
		next.SHA256 = b.SHA256
		s.Recording = &next
	})
	servicetest.Put(t, h.replica, library.KindUpload, "u1", library.Upload{ID: "u1", By: "Hana",
		Segment: schedules.Segment{ID: h.segment}, Length: b.Bytes + 1, ExpiresAt: schedules.At(h.now.AddDate(1, 0, 0)),
		Parts: []library.Part{{SHA256: b.SHA256, Bytes: b.Bytes}}})
	asked, err := h.erasures.Ask(t.Context(), hana, wire.ErasureRequest{Segments: []string{h.segment}, Reason: "r"})
	h.must(err)
	_, err = h.erasures.Confirm(t.Context(), ruth, asked.ID, &asked.Revision, "r")
	h.must(err)
	h.must(h.replica.CatchUp(t.Context()))
	sha := asked.Recordings[0].SHA256
	twin := servicetest.Music("m4")
	twin.Recording.SHA256 = sha
	servicetest.Put(t, h.replica, replica.KindSegment, "m4", twin)
	h.sweep()
	for _, hash := range []string{sha, b.SHA256} {
		content, _, err := audio.Open(t.Context(), hash)
		if err != nil {
			t.Fatalf("the audio of a segment that stays is gone: %v", err)
		}
		h.must(content.Close())
	}
	if e, err := h.erasures.Get(asked.ID); err != nil || len(e.Left) != 1 || !strings.Contains(e.Left[0], "m4") {
		t.Errorf("the erasure does not name what keeps the audio: %+v, %v", e, err)
	}
}

func TestErasedRecordingIsNotStoredAgain(t *testing.T) {
	h := newHouse(t)
	r, err := h.lib.Recordings.Receive(t.Context(), bytes.NewReader(h.sound))
	h.must(err)
	again := schedules.Segment{ID: "again", Kind: "music", Title: "Again", Language: "zxx"}
	first, err := h.lib.Segments.Create(t.Context(), hana, again, r)
	h.must(err)
	h.must(h.replica.CatchUp(t.Context()))
	h.erase(wire.ErasureRequest{Segments: []string{first.ID}})
	again.ID = "other"
	if _, err := h.lib.Segments.Create(t.Context(), hana, again, r); !fault.Is(err, fault.Gone) {
		t.Errorf("a new segment: %v", err)
	}
	if _, err := h.lib.Segments.Replace(t.Context(), hana, "m1", nil, r); !fault.Is(err, fault.Gone) {
		t.Errorf("another segment: %v", err)
	}
}

// A pass that ends in the middle is completed by the next.
func TestInterruptedErasureIsCompleted(t *testing.T) {
	h := newHouse(t)
	asked, err := h.erasures.Ask(t.Context(), hana, wire.ErasureRequest{Person: witness, Reason: "r"})
	h.must(err)
	_, err = h.erasures.Confirm(t.Context(), ruth, asked.ID, nil, "r")
	h.must(err)
	for n := range 40 {
		h.now = h.now.Add(time.Hour)
		ctx := &ending{Context: t.Context(), left: n * 3}
		_ = h.erasures.Sweep(ctx, h.lock) // cut somewhere
		h.must(h.replica.CatchUp(t.Context()))
		h.closes()
	}
	h.sweep()
	if e, err := h.erasures.Get(asked.ID); err != nil || e.State != "done" {
		t.Fatalf("%+v, %v", e, err)
	}
	h.lacks(witness, title)
	h.closes()
}

// ending is a context that ends after its error was asked for so often.
type ending struct {
	context.Context
	left int
}

func (e *ending) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestErasureOfAPersonTakesTheNameFromSegmentsThatNamedThemBefore(t *testing.T) {
	h := newHouse(t)
	servicetest.ChangeSegment(t, h.replica, h.segment, func(s *schedules.Segment) {
		s.Persons, s.FormerPersons = nil, []string{witness}
	})
	before, err := h.lib.Segments.Get(h.segment)
	h.must(err)
	if e := h.erase(wire.ErasureRequest{Person: witness}); len(e.Segments) > 0 {
		t.Errorf("segments that no longer name the person go: %+v", e.Segments)
	}
	s, err := h.lib.Segments.Get(h.segment)
	if err != nil || s.State != before.State || strings.Contains(strings.Join(s.FormerPersons, " "), witness) {
		t.Errorf("the segment is %+v, %v", s, err)
	}
}
