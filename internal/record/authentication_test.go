package record_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/network"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// enrolled is a station with a published day, which signs its reports.
type enrolled struct {
	*missedDay
	keys trust.StationIdentity
}

func newEnrolled(t *testing.T) *enrolled {
	t.Helper()
	e := &enrolled{missedDay: newMissedDay(t), keys: newKeys(t)}
	e.has(replica.StationKeys{Station: "s", Keys: []replica.StationKey{keyOf(e.keys, replica.KeyActive)}})
	return e
}

func newKeys(t *testing.T) trust.StationIdentity {
	t.Helper()
	made, err := trust.NewStationIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func keyOf(keys trust.StationIdentity, state replica.KeyState) replica.StationKey {
	return replica.StationKey{ID: keys.Signer().KeyID(), Signing: keys.Signer().Public(), Recipient: keys.Recipient(),
		State: state}
}

func (e *enrolled) has(k replica.StationKeys) {
	e.t.Helper()
	servicetest.Put(e.t, e.store, replica.KindStationKeys, k.Station, k)
}

func signedBy(t *testing.T, keys trust.StationIdentity, payloadType string, v any) []byte {
	t.Helper()
	payload, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := keys.Signer().Sign(payloadType, payload)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

// sends has the keys of somebody sign a report for a station, and returns the results as text.
func (e *enrolled) sends(by trust.StationIdentity, station string, entries ...schedules.AsRun) string {
	e.t.Helper()
	in := wire.SignedAsRun{Schema: wire.AsRunSchema, Station: station, Entries: entries}
	results, err := e.Record.Logbook.ReportSigned(e.t.Context(), "s", signedBy(e.t, by, wire.AsRunType, in), in)
	return said(e.t, results, err)
}

// sendsUnsigned reports with a token alone.
func (e *enrolled) sendsUnsigned(entries ...schedules.AsRun) string {
	e.t.Helper()
	results, err := e.Record.Logbook.Report(e.t.Context(), "s", entries)
	return said(e.t, results, err)
}

func said(t *testing.T, results []wire.AsRunResult, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range results {
		word := r.Status
		if r.Message != "" {
			word += ": " + r.Message
		}
		out = append(out, word)
	}
	return strings.Join(out, "; ")
}

// aired is a report of the day's item under a sequence, and forged one of another segment in its place.
func (e *enrolled) aired(sequence int64, segment string) schedules.AsRun {
	return schedules.AsRun{Sequence: sequence, ItemID: e.item.ID, SegmentID: segment, Outcome: schedules.Aired,
		StartedAt: *e.item.StartAt, EndedAt: schedules.At(e.item.StartAt.Add(e.item.Duration.Duration))}
}

// onRecord returns the entries of the day, each as SEGMENT VOUCH.
func (e *enrolled) onRecord() (out []string) {
	e.t.Helper()
	entries, err := e.Record.Logbook.AsRun(e.t.Context(), "s", e.now.Add(-48*time.Hour), e.now.Add(48*time.Hour))
	if err != nil {
		e.t.Fatal(err)
	}
	for _, a := range entries {
		if a.Counts() == (a.ReportedAs > 0) {
			e.t.Errorf("not flagged by its sequence: %+v", a)
		}
		out = append(out, a.SegmentID+" "+string(a.Authenticity))
	}
	slices.Sort(out)
	return out
}

// alarms returns the codes of the doubts about the station's reports.
func (e *enrolled) alarms() (out []string) {
	for _, p := range e.Network.StationProblems.Of("s") {
		if network.DoubtCodes[p.Code] != "" {
			out = append(out, p.Code)
		}
	}
	return out
}

// A thief of the token forges an entry; the station's own has the same sequence.
func TestForgedAndTrueReportOfOneSequenceAreBothOnRecordAndReconciliationSaysWhichWasSigned(t *testing.T) {
	for _, forgedFirst := range []bool{true, false} {
		e := newEnrolled(t)
		forge := func() {
			if got := e.sendsUnsigned(e.aired(17, "forged")); !strings.HasPrefix(got, "rejected: it is kept beside") {
				t.Errorf("the forged report is answered %q", got)
			}
		}
		if forgedFirst {
			forge()
		}
		if got := e.sends(e.keys, "s", e.aired(17, e.item.SegmentID)); got != "accepted" {
			t.Errorf("the true report is answered %q", got)
		}
		forge()
		forge() // again, which changes nothing
		if got := e.sends(e.keys, "s", e.aired(17, e.item.SegmentID)); got != "repeated" {
			t.Errorf("the true report, again, is answered %q", got)
		}
		want := []string{"forged unsigned", e.item.SegmentID + " signed"}
		if got := e.onRecord(); !slices.Equal(got, want) {
			t.Errorf("on record is %v", got)
		}
		if got := e.alarms(); !slices.Equal(got, []string{network.UnsignedReports}) {
			t.Errorf("the alarms are %v", got)
		}
		r, err := e.Record.Logbook.Reconcile(t.Context(), "s", e.day, "")
		if err != nil || r.Items[0].Verdict != schedules.AsPlanned || !r.Items[0].Signed ||
			!slices.Equal(r.Items[0].Sequences, []int64{17}) {
			t.Errorf("%+v, %v", r.Items, err)
		}
		if len(r.Doubted) != 1 || r.Doubted[0].SegmentID != "forged" || r.Doubted[0].Authenticity != schedules.Unsigned ||
			r.Doubted[0].ReportedAs != 17 {
			t.Errorf("beside it is %+v", r.Doubted)
		}
		e.now = e.now.Add(network.DoubtTold)
		if got := e.alarms(); got != nil {
			t.Errorf("days later the alarms are %v", got)
		}
	}
}

// doubt returns the message of the doubt with a code, or "".
func (e *enrolled) doubt(code string) string {
	for _, p := range e.Network.StationProblems.Of("s") {
		if p.Code == code {
			return p.Message
		}
	}
	return ""
}

// signs has keys of the station sign a status now.
func (e *enrolled) signs(by trust.StationIdentity) {
	e.t.Helper()
	if err := e.stands(by, e.now, wire.Status{}); err != nil {
		e.t.Fatal(err)
	}
}

func TestUnsignedReportsEndAsAnAlarmWhenTheStationEnrolsAndSigns(t *testing.T) {
	e := newEnrolled(t)
	e.sendsUnsigned(e.aired(17, "forged"))
	e.now = e.now.Add(time.Minute)
	if got := e.doubt(network.UnsignedReports); !strings.Contains(got, "enrol the player anew") {
		t.Errorf("before the cure: %q", got)
	}
	e.signs(e.keys) // the key that it had: somebody else sends without it
	if got := e.doubt(network.UnsignedReports); strings.Contains(got, "enrol the player anew") ||
		!strings.Contains(got, "needs no enrolment: somebody else has a token") {
		t.Errorf("after the key signed that the station had: %q", got)
	}
	made, old := newKeys(t), keyOf(e.keys, replica.KeyReplaced)
	key := keyOf(made, replica.KeyActive)
	key.Since, old.Until = schedules.At(e.now.Add(time.Second)), schedules.At(e.now.Add(time.Second))
	e.has(replica.StationKeys{Station: "s", Keys: []replica.StationKey{old, key}})
	e.now = e.now.Add(time.Minute)
	if got := e.doubt(network.UnsignedReports); !strings.Contains(got, "enrol the player anew") {
		t.Errorf("before the new key has signed: %q", got)
	}
	e.signs(made)
	if got := e.alarms(); got != nil {
		t.Errorf("after it signed: %v", got)
	}
	e.now = e.now.Add(time.Minute)
	e.sendsUnsigned(e.aired(18, "forged"))
	e.now = e.now.Add(time.Second)
	e.signs(made)
	if got := e.alarms(); !slices.Equal(got, []string{network.UnsignedReports}) {
		t.Errorf("after another without a signature: %v", got)
	}
	e.has(replica.StationKeys{Station: "s", Keys: []replica.StationKey{old}, SeizedAt: schedules.At(e.now)})
	if got := e.alarms(); got != nil {
		t.Errorf("after the seizure, which ends the tokens: %v", got)
	}
	e.now = e.now.Add(2 * time.Minute)
	e.sendsUnsigned(e.aired(19, "forged"))
	if got := e.doubt(network.UnsignedReports); !strings.Contains(got, "counts as seized") ||
		strings.Contains(got, "anew") {
		t.Errorf("after the seizure: %q", got)
	}
}

func TestAnAcceptedSignedReportAlsoTellsThatThePlayerNeedsNoEnrolment(t *testing.T) {
	e := newEnrolled(t)
	e.sendsUnsigned(e.aired(17, "forged"))
	e.now = e.now.Add(time.Minute)
	e.sends(e.keys, "s", e.aired(18, e.item.SegmentID))
	if got := e.doubt(network.UnsignedReports); !strings.Contains(got, "needs no enrolment") {
		t.Errorf("%q", got)
	}
}

func TestDoubtsThatPeopleMustLookAtStandAfterTheStationSigned(t *testing.T) {
	e := newEnrolled(t)
	e.sends(newKeys(t), "s", e.aired(17, "forged"))
	e.now = e.now.Add(time.Second)
	e.sends(e.keys, "s", e.aired(18, e.item.SegmentID))
	e.sends(e.keys, "s", e.aired(18, "other"))
	e.now = e.now.Add(time.Second)
	e.signs(e.keys)
	if got := e.doubt(network.WrongSignatures); !strings.Contains(got, "needs no enrolment") ||
		strings.Contains(got, "anew") {
		t.Errorf("%q", got)
	}
}

// Who copied the state directory has the station's key: that it signs proves nothing before the station has another.
func TestACopiedStateDirectoryNeedsANewEnrolmentThoughTheKeySigns(t *testing.T) {
	e := newEnrolled(t)
	e.sends(e.keys, "s", e.aired(18, e.item.SegmentID))
	e.sends(e.keys, "s", e.aired(18, "other"))
	e.now = e.now.Add(time.Second)
	e.signs(e.keys)
	if got := e.doubt(network.SequenceTwice); strings.Contains(got, "needs no enrolment") ||
		!strings.Contains(got, "enrol that one anew") {
		t.Errorf("while the copy has the key: %q", got)
	}
	next := newKeys(t)
	key := keyOf(next, replica.KeyActive)
	key.Since = schedules.At(e.now)
	e.has(replica.StationKeys{Station: "s", Keys: []replica.StationKey{keyOf(e.keys, replica.KeyReplaced), key}})
	e.now = e.now.Add(time.Second)
	e.signs(next)
	if got := e.doubt(network.SequenceTwice); !strings.Contains(got, "needs no enrolment") {
		t.Errorf("after the enrolment: %q", got)
	}
}

// The forged entry comes before the station has enrolled, and so cannot be told from the true one by its signature.
func TestASignedReportPrevailsOverAnEarlierOneOfItsSequence(t *testing.T) {
	e := newEnrolled(t)
	e.has(replica.StationKeys{Station: "s"})
	if got := e.sendsUnsigned(e.aired(17, "forged")); got != "accepted" {
		t.Errorf("without keys it is answered %q", got)
	}
	e.has(replica.StationKeys{Station: "s", Keys: []replica.StationKey{keyOf(e.keys, replica.KeyActive)}})
	got := e.sends(e.keys, "s", e.aired(17, e.item.SegmentID))
	if !strings.HasPrefix(got, "accepted: another report has") {
		t.Errorf("the true report is answered %q", got)
	}
	r, err := e.Record.Logbook.Reconcile(t.Context(), "s", e.day, "")
	if err != nil || r.Items[0].Verdict != schedules.AsPlanned || !r.Items[0].Signed || len(r.Doubted) != 1 ||
		r.Doubted[0].SegmentID != "forged" {
		t.Errorf("%+v, beside it %+v, %v", r.Items, r.Doubted, err)
	}
	if got := e.alarms(); !slices.Equal(got, []string{network.SequenceTwice}) {
		t.Errorf("the alarms are %v", got)
	}
}

func TestAReportCountsOnlyWithTheSignatureOfTheStationsPresentKey(t *testing.T) {
	e := newEnrolled(t)
	former, seized, thief := newKeys(t), newKeys(t), newKeys(t)
	e.has(replica.StationKeys{Station: "s", Keys: []replica.StationKey{keyOf(former, replica.KeyReplaced),
		keyOf(seized, replica.KeySeized), keyOf(e.keys, replica.KeyActive)}})
	for what, c := range map[string]struct {
		by      trust.StationIdentity
		station string
		code    string
	}{
		"by the key of nobody":          {thief, "s", network.WrongSignatures},
		"by a key that was replaced":    {former, "s", network.WrongSignatures},
		"by a key that was seized":      {seized, "s", network.SeizedReports},
		"that was for another station":  {e.keys, "other", network.WrongSignatures},
		"that names no station, seized": {seized, "", network.SeizedReports},
	} {
		if got := e.sends(c.by, c.station, e.aired(18, "forged")); !strings.HasPrefix(got, "rejected: it is kept beside") {
			t.Errorf("%s: answered %q", what, got)
		}
		if got := e.alarms(); !slices.Contains(got, c.code) {
			t.Errorf("%s: the alarms are %v", what, got)
		}
	}
	in := wire.SignedAsRun{Schema: wire.AsRunSchema, Station: "s", Entries: []schedules.AsRun{e.aired(18, "forged")}}
	status := signedBy(t, e.keys, wire.StatusType, in) // what was signed as something else
	results, err := e.Record.Logbook.ReportSigned(t.Context(), "s", status, in)
	if got := said(t, results, err); !strings.HasPrefix(got, "rejected") {
		t.Errorf("a signature for another purpose is answered %q", got)
	}
	if got := e.onRecord(); len(got) != 2 { // one for each authenticity: the entry is the same
		t.Errorf("on record is %v", got)
	}
	r, err := e.Record.Logbook.Reconcile(t.Context(), "s", e.day, "")
	if err != nil || r.Items[0].StartedAt.IsZero() == false || len(r.Doubted) != 2 {
		t.Errorf("%+v, beside it %+v, %v", r.Items, r.Doubted, err)
	}
}

func TestTimesAndSequencesOfReportsAreBounded(t *testing.T) {
	e := newEnrolled(t)
	year := func(y int) schedules.Instant { return schedules.At(time.Date(y, 1, 2, 3, 4, 5, 0, time.UTC)) }
	for what, c := range map[string]struct {
		change func(*schedules.AsRun)
		says   string
	}{
		"the last sequence": {func(a *schedules.AsRun) { a.Sequence = 1<<63 - 1 }, "sequence must be less than"},
		"no sequence":       {func(a *schedules.AsRun) { a.Sequence = 0 }, "sequence must count from 1"},
		"the year 9999":     {func(a *schedules.AsRun) { a.StartedAt, a.EndedAt = year(9999), year(9999) }, "still to come"},
		"the year 200":      {func(a *schedules.AsRun) { a.StartedAt, a.EndedAt = year(200), year(200) }, "before the year"},
		"for decades":       {func(a *schedules.AsRun) { a.StartedAt = year(1970) }, "no item lasts longer"},
	} {
		a := e.aired(19, e.item.SegmentID)
		c.change(&a)
		if got := e.sends(e.keys, "s", a); !strings.HasPrefix(got, "rejected: ") || !strings.Contains(got, c.says) {
			t.Errorf("%s: answered %q", what, got)
		}
	}
	// A station whose clock began in 1970 after a power failure aired its fallback.
	a := schedules.AsRun{Sequence: 20, SegmentID: "fallback", Outcome: schedules.FellBack, StartedAt: year(1970),
		EndedAt: schedules.At(year(1970).Add(time.Minute))}
	if got := e.sends(e.keys, "s", a); got != "accepted" {
		t.Errorf("by a clock of 1970: answered %q", got)
	}
}

// stands sends a status that keys sign at an instant.
func (e *enrolled) stands(by trust.StationIdentity, at time.Time, s wire.Status) error {
	in := wire.SignedStatus{Schema: wire.StatusSchema, Station: "s", SignedAt: schedules.At(at), Status: s}
	return e.Record.Logbook.SetSignedStatus(e.t.Context(), ruth, "s", signedBy(e.t, by, wire.StatusType, in), in)
}

func TestAStatusIsTheStationsWordOnlyWithItsSignatureAndInItsOrder(t *testing.T) {
	e := newEnrolled(t)
	holds := func(what, version string, refused error, want ...string) {
		t.Helper()
		if (refused != nil) != (len(want) > 0) || refused != nil && !fault.Is(refused, fault.Conflict) {
			t.Errorf("%s: %v", what, refused)
		}
		if s, err := e.Record.Logbook.Status("s"); err != nil || s.PlayerVersion != version ||
			s.Enrolment != wire.EnrolledState || s.KeyID != e.keys.Signer().KeyID() || s.SignedAt.IsZero() {
			t.Errorf("%s: %+v, %v", what, s, err)
		}
		if got := e.alarms(); len(want) > 0 && !slices.Contains(got, want[0]) {
			t.Errorf("%s: the alarms are %v", what, got)
		}
	}
	version := func(v string) wire.Status { return wire.Status{PlayerVersion: v} }
	first := e.now
	holds("signed", "1", e.stands(e.keys, first, version("1")))
	e.now = e.now.Add(20 * time.Minute)
	holds("unsigned", "1", e.Record.Logbook.SetStatus(t.Context(), ruth, "s", version("stolen")), network.UnsignedReports)
	holds("by another key", "1", e.stands(newKeys(t), e.now, version("stolen")), network.WrongSignatures)
	holds("later", "2", e.stands(e.keys, e.now, version("2")))
	holds("the first again", "2", e.stands(e.keys, first, version("1")), network.OldStatus)
	e.now = e.now.Add(20 * time.Minute)
	holds("the latest again", "2", e.stands(e.keys, e.now.Add(-20*time.Minute), version("2")))
	holds("of 1970", "2", e.stands(e.keys, time.Unix(60, 0), version("1970")), network.OldStatus)
	holds("of the year 9999", "2", e.stands(e.keys, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), version("9999")),
		network.OldStatus)
	holds("after all that", "3", e.stands(e.keys, e.now, version("3")))
}

func TestAStationAcknowledgesOnlyARecallListThatItWasShown(t *testing.T) {
	e := newEnrolled(t)
	list := wire.Recalls{Schema: wire.RecallsSchema, Revision: 7, IssuedAt: schedules.At(e.now)}
	payload, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	servicetest.Put(t, e.store, replica.KindRecalls, replica.RecallsID, wire.Envelope{PayloadType: wire.RecallsType,
		Payload: base64.StdEncoding.EncodeToString(payload), Signatures: []wire.Signature{{KeyID: "k", Sig: "c2ln"}}})
	row, ok := replica.RecallsIn(e.store).Get(replica.RecallsID)
	if !ok || row.Value.Value.Revision != 7 {
		t.Fatalf("%+v", row)
	}
	envelope := row.Value.Envelope.Plain
	seen := func(what string, err error, want int64) {
		t.Helper()
		if s, known := replica.StatusesIn(e.store).Get("s"); err != nil || !known || s.Value.RecallsSeen != want {
			t.Errorf("%s: revision %d is acknowledged, %v", what, s.Value.RecallsSeen, err)
		}
		e.now = e.now.Add(20 * time.Minute)
	}
	claim := func(proof string) wire.Status { return wire.Status{RecallsSeen: 7, RecallsProof: proof} }
	seen("without a proof", e.stands(e.keys, e.now, claim("")), 6)
	seen("with the proof of another station", e.stands(e.keys, e.now, claim(wire.RecallsProof("other", envelope))), 6)
	if got := e.alarms(); !slices.Equal(got, []string{network.RecallNotShown}) {
		t.Errorf("the alarms are %v", got)
	}
	seen("with the proof", e.stands(e.keys, e.now, claim(wire.RecallsProof("s", envelope))), 7)
	if got := e.alarms(); got != nil {
		t.Errorf("after the station has shown it, the alarms are %v", got)
	}
	e.has(replica.StationKeys{Station: "s"})
	set := func(s wire.Status) error { return e.Record.Logbook.SetStatus(t.Context(), ruth, "s", s) }
	seen("by a player of an earlier release", set(claim("")), 7)
	seen("without keys, with a wrong proof", set(claim("0a")), 6)
}
