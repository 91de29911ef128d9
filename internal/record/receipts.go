package record

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// ReceiptBook keeps which as-run entries others than their station brought, such as those who read its drops, so that
// mirrors and bundles can tell the station that they are on record.
type ReceiptBook struct {
	replica  *replica.Replica
	signer   replica.Signer
	accounts *Accounts
	now      func() time.Time
}

// storedReceipts are the receipts of a station. Entries that the station has learned of come no more, because it drops
// all that it still has: those that have not come for receiptsKept are forgotten.
type storedReceipts struct {
	Entries []storedReceipt `json:"entries"` // by sequence
}

type storedReceipt struct {
	Sequence int64             `json:"sequence"`
	Digest   string            `json:"digest"`
	At       schedules.Instant `json:"at"` // when it came last
}

const (
	receiptsKept  = 3 * 24 * time.Hour
	receiptsAgain = 24 * time.Hour // after which a receipt of an entry that came again is renewed

	unstartedReach = 14 * 24 * time.Hour // how far back entries without a start are looked for
)

func receiptsIn(m *replica.Replica) *replica.Cache[storedReceipts] {
	return replica.CacheOf[*replica.Cache[storedReceipts]](m, KindReceipts)
}

// Keep keeps receipts of those of the entries that are on record as the station's word with the same content, after
// somebody else than the station reported them.
func (r *ReceiptBook) Keep(ctx context.Context, a access.Actor, station string, sent []schedules.AsRun) error {
	known, err := r.onRecord(ctx, station, sent)
	if err != nil || len(known) == 0 {
		return err
	}
	return r.replica.Retry(ctx, func() error {
		now := schedules.At(r.now())
		held, _ := receiptsIn(r.replica).Get(station)
		next := map[wire.Receipt]schedules.Instant{}
		for _, e := range held.Value.Entries {
			if now.Sub(e.At.Time) < receiptsKept {
				next[wire.Receipt{Sequence: e.Sequence, Digest: e.Digest}] = e.At
			}
		}
		news := false
		for _, e := range known {
			if at, ok := next[e]; !ok || now.Sub(at.Time) >= receiptsAgain {
				next[e], news = now, true
			}
		}
		if !news {
			return nil
		}
		body, err := replica.Encode(storedReceipts{newestReceipts(next)})
		if err != nil {
			return err
		}
		return r.replica.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: KindReceipts, ID: station,
			Expect: receiptsIn(r.replica).Revision(station), Body: body}}, Origin: a.Origin(r.now(), "station.receipts", "")})
	})
}

// newestReceipts returns those that came last, up to a bound, by sequence.
func newestReceipts(all map[wire.Receipt]schedules.Instant) (out []storedReceipt) {
	for e, at := range all {
		out = append(out, storedReceipt{e.Sequence, e.Digest, at})
	}
	slices.SortFunc(out, func(a, b storedReceipt) int {
		return cmp.Or(b.At.Compare(a.At.Time), cmp.Compare(b.Sequence, a.Sequence), cmp.Compare(a.Digest, b.Digest))
	})
	out = out[:min(len(out), wire.MostReceipts)]
	slices.SortFunc(out, func(a, b storedReceipt) int {
		return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Digest, b.Digest))
	})
	return out
}

// onRecord returns which of the entries are on record, also where another entry has their sequence.
func (r *ReceiptBook) onRecord(ctx context.Context, station string, sent []schedules.AsRun) ([]wire.Receipt, error) {
	asked, from, to := map[wire.Receipt]bool{}, time.Time{}, time.Time{}
	for _, e := range sent {
		digest, err := e.Digest()
		if err != nil {
			return nil, err
		}
		asked[wire.Receipt{Sequence: e.Sequence, Digest: digest}] = true
		early, late := e.StartedAt.Time, e.StartedAt.Time
		if e.StartedAt.IsZero() { // it is filed under its planned start, or its first arrival
			early, late = r.now().Add(-unstartedReach), r.now().Add(sentDays)
		}
		if from.IsZero() || early.Before(from) {
			from = early
		}
		if late.After(to) {
			to = late
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	entries, err := r.accounts.AsRun(ctx, station, from, to.Add(time.Millisecond))
	if err != nil {
		return nil, err
	}
	found := map[wire.Receipt]bool{}
	for _, e := range entries {
		digest, err := e.Digest()
		if err != nil {
			return nil, err
		}
		if is := (wire.Receipt{Sequence: cmp.Or(e.ReportedAs, e.Sequence), Digest: digest}); e.Counts() && asked[is] {
			found[is] = true
		}
	}
	return slices.Collect(maps.Keys(found)), nil
}

// Envelope returns a station's receipts, signed. It fails with NotFound if there are none. The same receipts give the
// same bytes.
func (r *ReceiptBook) Envelope(station string) ([]byte, error) {
	row, _ := receiptsIn(r.replica).Get(station)
	out := wire.Receipts{Schema: wire.ReceiptsSchema, Station: station}
	for _, e := range row.Value.Entries {
		if r.now().Sub(e.At.Time) < receiptsKept {
			out.Entries = append(out.Entries, wire.Receipt{Sequence: e.Sequence, Digest: e.Digest})
			if e.At.After(out.IssuedAt.Time) {
				out.IssuedAt = e.At
			}
		}
	}
	if len(out.Entries) == 0 {
		return nil, fault.New(fault.NotFound, "nobody else has brought reports of station %q in the last %d days", station,
			int(receiptsKept.Hours()/24))
	}
	return replica.SignJSON(r.signer, wire.ReceiptsType, out)
}
