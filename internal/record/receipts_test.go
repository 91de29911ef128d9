package record_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// named returns the entries that the station's receipts name, each as SEQUENCE DIGEST.
func (e *enrolled) named() (out []string) {
	e.t.Helper()
	envelope, err := e.Record.Receipts.Envelope("s")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		e.t.Fatal(err)
	}
	again, err := e.Record.Receipts.Envelope("s")
	if err != nil || !bytes.Equal(envelope, again) {
		e.t.Error("the same receipts give other bytes")
	}
	payload, err := sign.Payload(envelope)
	var r wire.Receipts
	if err == nil {
		err = json.Unmarshal(payload, &r)
	}
	if err != nil || r.Schema != wire.ReceiptsSchema || r.Station != "s" || r.IssuedAt.After(e.now) {
		e.t.Errorf("%s, %v", payload, err)
	}
	for _, x := range r.Entries {
		out = append(out, fmt.Sprintf("%d %s", x.Sequence, x.Digest))
	}
	return out
}

func (e *enrolled) brings(entries ...schedules.AsRun) {
	e.t.Helper()
	if err := e.Record.Receipts.Keep(e.t.Context(), ruth, "s", entries); err != nil {
		e.t.Fatal(err)
	}
}

func digests(t *testing.T, entries ...schedules.AsRun) (out []string) {
	t.Helper()
	for _, a := range entries {
		digest, err := a.Digest()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d %s", a.Sequence, digest))
	}
	slices.Sort(out)
	return out
}

// A receipt for an entry that the service does not have would lose it.
func TestReceiptsNameExactlyTheEntriesOnRecordThatOthersBrought(t *testing.T) {
	e := newEnrolled(t)
	one, two, other := e.aired(7, "seg-1"), e.aired(8, "seg-1"), e.aired(7, "seg-2")
	two.Detail = "the last of the hour"
	skipped := schedules.AsRun{Sequence: 9, ItemID: e.item.ID, SegmentID: "seg-1", Outcome: schedules.Skipped}
	forged := e.aired(20, "seg-1")
	e.sends(e.keys, "s", one)
	if got := e.named(); got != nil {
		t.Errorf("what the station sent itself has the receipts %q", got)
	}
	e.brings(one, two, skipped, other)
	if got, want := e.named(), digests(t, one); !slices.Equal(got, want) {
		t.Errorf("only the first is on record, and %q are named, not %q", got, want)
	}
	e.sends(e.keys, "s", two, skipped, other)
	e.sends(newKeys(t), "s", forged)
	e.sendsUnsigned(e.aired(21, "seg-1"))
	e.brings(two, skipped, other, forged, e.aired(21, "seg-1"), e.aired(22, "seg-1"), e.aired(8, "seg-3"))
	if got, want := e.named(), digests(t, one, two, skipped, other); !slices.Equal(got, want) {
		t.Errorf("%q are named, not %q: the other under a sequence, and details, are on record too", got, want)
	}
}

func TestReceiptsAreForgottenThatNobodyHasBroughtForThreeDays(t *testing.T) {
	e := newEnrolled(t)
	one, two := e.aired(7, "seg-1"), e.aired(8, "seg-1")
	e.sends(e.keys, "s", one, two)
	e.brings(one)
	writes := e.store.Sequence()
	e.now = e.now.Add(23 * time.Hour)
	e.brings(one)
	if n := e.store.Sequence() - writes; n > 0 {
		t.Errorf("what was brought again within a day made %d changes", n)
	}
	e.now = e.now.Add(time.Hour)
	e.brings(one, two)
	e.now = e.now.Add(72*time.Hour - time.Second)
	e.brings(two)
	if got := strings.Join(e.named(), ","); got != strings.Join(digests(t, one, two), ",") {
		t.Errorf("before three days are over %s are named", got)
	}
	e.now = e.now.Add(time.Second)
	if got := e.named(); !slices.Equal(got, digests(t, two)) {
		t.Errorf("after three days %q are named", got)
	}
	e.now = e.now.Add(72 * time.Hour)
	if got := e.named(); got != nil {
		t.Errorf("at the end %q are named", got)
	}
}
