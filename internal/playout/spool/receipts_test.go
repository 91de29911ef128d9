package spool

import (
	"testing"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestReceiptsDropExactlyTheEntriesThatAreTheSame(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, dir)
	var entries []schedules.AsRun
	for _, item := range []string{"a", "b", "c", "d"} {
		e, err := s.Append(schedules.AsRun{ItemID: item, Outcome: schedules.Aired, Detail: "heard"}, true)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	receipt := func(e schedules.AsRun) wire.Receipt {
		digest, err := e.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return wire.Receipt{Sequence: e.Sequence, Digest: digest}
	}
	kept, onRecord := entries[3], entries[0]
	onRecord.Detail, onRecord.Authenticity = "heard; and more", schedules.Signed
	other := receipt(entries[1])
	other.Digest = receipt(entries[2]).Digest
	beyond := receipt(entries[2])
	beyond.Sequence = 10_000
	n, err := s.Acknowledge(wire.Receipts{Entries: []wire.Receipt{receipt(onRecord), other, receipt(entries[2]), beyond,
		{Sequence: kept.Sequence}}})
	if err != nil || n != 2 {
		t.Errorf("%d entries are dropped, %v", n, err)
	}
	if _, err := s.Acknowledge(wire.Receipts{}); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openSpool(t, dir)
	left, _ := again.Pending(10)
	if len(left) != 2 || left[0].Sequence != entries[1].Sequence || left[1].Sequence != kept.Sequence {
		t.Errorf("%+v are left", left)
	}
	if next := appendEntry(t, again, "e", true); next != kept.Sequence+1 {
		t.Errorf("the next sequence is %d", next)
	}
}
