package playout

import (
	"fmt"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

const receiptsName = "receipts.dsse"

// OfferReceipts accepts the envelope of receipts, or returns why not: the entries that they name leave the spool. Old
// ones are accepted too, because they name what was on record then.
func (v *DocumentStore) OfferReceipts(envelope []byte) error {
	r, err := v.openReceipts(envelope)
	if err != nil {
		return fmt.Errorf("the receipts are refused: %w", err)
	}
	if v.acknowledge == nil {
		return nil
	}
	return v.acknowledge(r)
}

func (v *DocumentStore) openReceipts(envelope []byte) (r wire.Receipts, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err = v.open(envelope, wire.ReceiptsType, &r)
	if err == nil {
		err = checkHead(r.Schema, wire.ReceiptsSchema, r.Station, v.station)
	}
	switch {
	case err != nil:
	case len(r.Entries) > wire.MostReceipts:
		err = fmt.Errorf("it names %d entries, and receipts have at most %d", len(r.Entries), wire.MostReceipts)
	default:
		err = plausible(r.IssuedAt, schedules.Instant{}, 0, v.now())
	}
	return r, err
}
