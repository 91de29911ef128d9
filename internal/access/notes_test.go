package access

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
)

// noted returns the records of the audit that changed nothing.
func (h *house) noted() (out []wire.AuditRecord) {
	h.t.Helper()
	changes, err := h.replica.Store.Audit(h.t.Context(), store.AuditQuery{Limit: 500})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range changes {
		if c.Kind == "" {
			out = append(out, replica.AuditRecord(c))
		}
	}
	return out
}

func TestReadingOfWhatIsSensitiveIsOnTheAuditBeforeItIsAnswered(t *testing.T) {
	h := newHouse(t)
	n := NewNotes(h.replica, func() time.Time { return h.now })
	viewer := Actor{Name: "Hana", Person: "hana", Token: "t1", Remote: "203.0.113.7", RequestID: "r1"}
	for range 3 {
		if err := n.Note(t.Context(), viewer, "segment.listen", "segment", "witness-ko", "listened"); err != nil {
			t.Fatal(err)
		}
	}
	got := h.noted()
	if len(got) != 1 || got[0].Kind != "segment" || got[0].ID != "witness-ko" || got[0].Person != "hana" ||
		got[0].Token != "t1" || got[0].Remote != "203.0.113.7" || got[0].Action != "segment.listen" || got[0].To != 0 {
		t.Fatalf("the audit has %+v", got)
	}
	if err := n.Flush(t.Context(), false); err != nil || len(h.noted()) != 1 {
		t.Fatalf("repeats were written before their minute was over: %v, %+v", err, h.noted())
	}
	h.now = h.now.Add(time.Minute)
	if err := n.Note(t.Context(), viewer, "segment.listen", "segment", "witness-ko", "listened"); err != nil ||
		len(h.noted()) != 2 {
		t.Fatalf("a reading in another minute is not on the audit at once: %v", err)
	}
	if err := n.Flush(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if got = h.noted(); len(got) != 3 || got[2].Times != 2 || got[2].ID != "witness-ko" || got[2].Person != "hana" {
		t.Fatalf("after the minute the audit has %+v", got)
	}
}

func TestRefusalsCannotFillTheStore(t *testing.T) {
	h := newHouse(t)
	n := NewNotes(h.replica, func() time.Time { return h.now })
	const asked = 30_000
	for i := range asked {
		a := Actor{Remote: fmt.Sprintf("2001:db8::%x", i)}
		if err := n.Refused(t.Context(), a, "GET /v1/segments", "the token is not known"); err != nil {
			t.Fatal(err)
		}
	}
	h.now = h.now.Add(time.Minute)
	if err := n.Flush(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	got, times := h.noted(), int64(0)
	for _, r := range got {
		times += max(r.Times, 1)
	}
	if len(got) != refusalsWritten+1 || times != asked {
		t.Fatalf("%d records tell of %d refusals, want %d of %d", len(got), times, refusalsWritten+1, asked)
	}
	if last := got[len(got)-1]; !strings.Contains(last.Reason, "more refusals of other callers") ||
		last.Action != "request.refused" {
		t.Errorf("the rest is told as %+v", last)
	}
	if len(n.seen) != 0 {
		t.Errorf("%d callers are remembered after their minute", len(n.seen))
	}
}

func TestRepeatedRefusalsOfOneCallerAreOneRecordAMinute(t *testing.T) {
	h := newHouse(t)
	n := NewNotes(h.replica, func() time.Time { return h.now })
	thief := Actor{Name: "Ruth", Person: "ruth", Token: "t2", Remote: "203.0.113.9"}
	for i := range 1000 {
		reason := fmt.Sprintf("try %d %s", i, strings.Repeat("x", 5000))
		if err := n.Refused(t.Context(), thief, "POST /v1/segments/:id/approve", reason); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Flush(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	got := h.noted()
	if len(got) != 2 || got[0].Times != 0 || got[1].Times != 999 || got[1].Person != "ruth" || len(got[1].Reason) > 500 {
		t.Fatalf("the audit has %d records, the last %+v", len(got), got[len(got)-1])
	}
}

func TestRefusalsOfUnknownCallersDoNotHideThoseOfKnownOnes(t *testing.T) {
	h := newHouse(t)
	n := NewNotes(h.replica, func() time.Time { return h.now })
	for i := range 1000 {
		a := Actor{Remote: fmt.Sprintf("2001:db8::%x", i)}
		if err := n.Refused(t.Context(), a, "GET /v1/segments", "the token is not known"); err != nil {
			t.Fatal(err)
		}
	}
	thief := Actor{Name: "Ruth", Person: "ruth", Token: "t2", Remote: "203.0.113.9"}
	if err := n.Refused(t.Context(), thief, "POST /v1/erasures", "not permitted"); err != nil {
		t.Fatal(err)
	}
	got := h.noted()
	if last := got[len(got)-1]; last.Person != "ruth" || last.Token != "t2" {
		t.Errorf("the refusal of a known person is not on the audit: %+v", last)
	}
}
