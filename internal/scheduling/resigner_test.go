package scheduling

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
)

// namedSigner signs documents under its name as the key id.
type namedSigner string

func (s namedSigner) Sign(payloadType string, payload []byte) ([]byte, error) {
	return replica.Encode(wire.Envelope{PayloadType: payloadType, Payload: base64.StdEncoding.EncodeToString(payload),
		Signatures: []wire.Signature{{KeyID: string(s)}}})
}

func (s namedSigner) KeyID(string) string { return string(s) }

func TestANewKeySignsWhatStationsStillPullAndNothingElse(t *testing.T) {
	n, published := twoWindows(t) // signed by a key without a name
	n.sign("", replica.KindRecalls, replica.RecallsID, wire.Recalls{Schema: wire.RecallsSchema, Revision: 1,
		Segments: []wire.Recalled{{SegmentID: "lost"}}})
	before, err := n.Record.Queues.Queue(t.Context(), "fz", repairDate)
	if err != nil {
		t.Fatal(err)
	}
	n.Rundowns.signer = namedSigner("new")
	for range 2 { // the second run finds nothing to do
		if err := n.Resigner.Resign(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	recalls, _ := replica.RecallsIn(n.replica).Get(replica.RecallsID)
	if r := recalls.Value; r.Signer != "new" || r.Value.Revision != 2 || len(r.Value.Segments) != 1 {
		t.Errorf("recalls: signed by %q, %+v", r.Signer, r.Value)
	}
	list, _ := replica.FallbacksIn(n.replica).Get("fz")
	if f := list.Value; f.Signer != "new" || f.Value.Revision != list.Revision || len(f.Value.Items) != 1 {
		t.Errorf("fallback: signed by %q, %+v", f.Signer, f.Value)
	}
	after, err := n.Record.Queues.Queue(t.Context(), "fz", repairDate)
	if err != nil || after.Signer != "new" || after.Value.Revision != published.Revision+1 ||
		!reflect.DeepEqual(after.Value.Items, before.Value.Items) {
		t.Errorf("queue: signed by %q, revision %d after %d, %v", after.Signer, after.Value.Revision, published.Revision, err)
	}
	n.Rundowns.signer, n.now = namedSigner("newer"), n.now.AddDate(0, 0, 2)
	if err := n.Resigner.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if q, err := n.Record.Queues.Queue(t.Context(), "fz", repairDate); err != nil || q.Signer != "new" {
		t.Errorf("a day that is over is signed by %q, %v", q.Signer, err)
	}
}

// sign stores a document that a key has signed.
func (n *fixture) sign(key, kind, id string, v any) {
	n.t.Helper()
	body, err := replica.SignJSON(namedSigner(key), "test", v)
	if err != nil {
		n.t.Fatal(err)
	}
	n.put(kind, id, json.RawMessage(body))
}

func TestTheStoreKnowsEveryKeyThatSigned(t *testing.T) {
	n := newFixture(t, time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC))
	docs := n.replica.Store
	if keys, _, err := access.ReadSigningKeys(t.Context(), docs, "a"); err != nil || keys.Current != "" {
		t.Fatalf("an empty store: %+v, %v", keys, err)
	}
	n.sign("a", replica.KindRecalls, replica.RecallsID, wire.Recalls{})
	if keys, _, err := access.ReadSigningKeys(t.Context(), docs, "b"); err != nil || keys.Current != "a" ||
		len(keys.Former()) != 0 {
		t.Fatalf("a store of an earlier version: %+v, %v", keys, err)
	}
	use := func(id string) {
		for range 2 {
			if err := access.UseSigningKey(t.Context(), docs, "Ruth", id, []byte(id), n.now); err != nil {
				t.Fatal(err)
			}
		}
	}
	use("a")
	n.sign("z", replica.KindRecalls, replica.RecallsID, wire.Recalls{}) // the list's signature alone counts
	use("b")
	keys, revision, err := access.ReadSigningKeys(t.Context(), docs, "z")
	if err != nil || keys.Current != "b" || revision != 2 || len(keys.Former()) != 1 || keys.Former()[0].ID != "a" {
		t.Fatalf("%+v at %d, %v", keys, revision, err)
	}
}
