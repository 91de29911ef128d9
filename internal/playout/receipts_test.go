package playout

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"lifeline/internal/mirror"
	"lifeline/internal/playout/spool"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// with returns the tree of a push after the last that also has a document.
func (w *mirrored) with(name string, content []byte) memoryTree {
	tree, err := mirror.OpenTree(w.t.TempDir())
	w.must(err)
	defer tree.Close()
	c := w.composition(pushes-1, mirrorKeyNext)
	c.Now = w.at(pushes)
	c.Stations[0].Documents = append(c.Stations[0].Documents, mirror.Document{Name: name, Content: content})
	place := memoryTree{}
	w.must(tree.Compose(w.t.Context(), c))
	_, err = tree.Push(w.t.Context(), place)
	w.must(err)
	return place
}

// A station that reaches mirrors alone drops what it aired for somebody to bring it to the service. It learns from a
// mirror what came, and keeps all that nobody signed for.
func TestAMirrorsReceiptsEmptyTheSpoolOfWhatIsOnRecordAlone(t *testing.T) {
	w := newMirrored(t, documentsNow)
	state, err := statedir.Open(t.TempDir())
	w.must(err)
	log, err := spool.Open(state, 100, t.Logf)
	w.must(err)
	t.Cleanup(func() { _ = log.Close(); _ = state.Close() })
	p := &Player{spool: log, opt: Options{Log: discardLog()}}
	receipts := wire.Receipts{Schema: wire.ReceiptsSchema, Station: "lantern", IssuedAt: schedules.At(w.at(pushes - 1))}
	for range 3 {
		e, err := log.Append(schedules.AsRun{ItemID: "item", SegmentID: "segment", Outcome: schedules.Aired}, true)
		w.must(err)
		digest, err := e.Digest()
		w.must(err)
		receipts.Entries = append(receipts.Entries, wire.Receipt{Sequence: e.Sequence, Digest: digest})
	}
	receipts.Entries = receipts.Entries[:2] // the last is still on its way
	foreign, other, ahead := receipts, receipts, receipts
	foreign.Station = "harbour"
	other.Schema = wire.QueueSchema
	ahead.IssuedAt = schedules.At(w.at(pushes).Add(400 * 24 * time.Hour))
	for _, c := range []struct {
		name, why string
		content   []byte
		left      int
	}{
		{"signed by the key of mirrors", "signed it", byKey(t, mirrorKeyNext, wire.ReceiptsType, receipts), 3},
		{"signed by the key of queues", "signed it", byKey(t, queueKey, wire.ReceiptsType, receipts), 3},
		{"of another type", "refused", byKey(t, recordKey, wire.LinkType, receipts), 3},
		{"of another station", `for station "harbour"`, byKey(t, recordKey, wire.ReceiptsType, foreign), 3},
		{"of another schema", "schema", byKey(t, recordKey, wire.ReceiptsType, other), 3},
		{"of the far future", "dated", byKey(t, recordKey, wire.ReceiptsType, ahead), 3},
		{"of nothing", "refused", []byte("{}"), 3},
		{"of the service", "", byKey(t, recordKey, wire.ReceiptsType, receipts), 1},
		{"of the service, again", "", byKey(t, recordKey, wire.ReceiptsType, receipts), 1},
	} {
		r := w.station(t, t.TempDir(), w.at(pushes).Add(time.Second), map[string]http.RoundTripper{
			"mirror-0": honest(w.with(receiptsName, c.content))})
		r.documents.acknowledge = p.acknowledge
		r.Poll(t.Context())
		left, _ := log.Pending(10)
		said := strings.Join(r.problems.List(), "; ")
		if len(left) != c.left || (c.why == "") != (said == "") || !strings.Contains(said, c.why) {
			t.Errorf("receipts %s: %d entries are left, and the station says: %s", c.name, len(left), said)
		}
		if r.revision() != pushes {
			t.Errorf("receipts %s: revision %d is held", c.name, r.revision())
		}
	}
}

// A bundle brings receipts too: a station without any link sends its reports by hand.
func TestABundleBringsReceipts(t *testing.T) {
	s := newService(t)
	s.publish(day("lantern", 1, time.Now().Add(time.Hour), 12*time.Second, []wire.QueueItem{s.record(rec(1, 12))}))
	receipts := s.sign(wire.ReceiptsType, wire.Receipts{Schema: wire.ReceiptsSchema, Station: "lantern",
		Entries: []wire.Receipt{{Sequence: 7, Digest: "abc"}}})
	s.put("/v1/stations/lantern/receipts.dsse", receipts)
	c, err := Collect(t.Context(), s.api(), BundleOptions{Station: "lantern", Days: 2, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range c.Documents {
		if d.Name == receiptsName && json.Valid(d.Content) && string(d.Content) == string(receipts) {
			return
		}
	}
	t.Errorf("the bundle has %v", c.Documents)
}

// What a later service adds must not keep an earlier player from the rest.
func TestADocumentThatAPlayerDoesNotKnowHoldsUpNoPointer(t *testing.T) {
	w := newMirrored(t, documentsNow)
	r := w.station(t, t.TempDir(), w.at(pushes).Add(time.Second), map[string]http.RoundTripper{
		"mirror-0": honest(w.with("later.dsse", []byte("{}")))})
	r.Poll(t.Context())
	if r.revision() != pushes || r.documents.pointerSeen() != w.at(pushes).Unix() || len(r.problems.List()) > 0 {
		t.Errorf("revision %d and pointer %d are held: %v", r.revision(), r.documents.pointerSeen(), r.problems.List())
	}
}
