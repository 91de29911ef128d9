package record

import (
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// storedMakeGood is the stored form of a make-good.
type storedMakeGood struct {
	ID        string            `json:"id"`
	Station   string            `json:"station"`
	SegmentID string            `json:"segment_id"`
	ItemID    string            `json:"item_id"`
	MissedAt  schedules.Instant `json:"missed_at"`
	Revision  int64             `json:"revision"`
	Date      schedules.Date    `json:"date"`
	Verdict   schedules.Verdict `json:"verdict"`
	Detail    string            `json:"detail,omitempty"`
	State     string            `json:"state"`
	By        *storedMadeGoodBy `json:"by,omitempty"`
	Tried     []string          `json:"tried,omitempty"`
	WaivedBy  string            `json:"waived_by,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Settled   schedules.Instant `json:"settled_at"`
}

type storedMadeGoodBy struct {
	Date    schedules.Date    `json:"date"`
	ItemID  string            `json:"item_id"`
	StartAt schedules.Instant `json:"start_at"`
}

func encodeMakeGood(m *wire.OwedAiring) ([]byte, error) {
	return replica.Encode(storedMakeGood{ID: m.ID, Station: m.Station, SegmentID: m.SegmentID, ItemID: m.ItemID,
		MissedAt: m.MissedAt, Revision: m.Revision, Date: m.Date, Verdict: m.Verdict, Detail: m.Detail, State: m.State,
		By: (*storedMadeGoodBy)(m.By), Tried: m.Tried, WaivedBy: m.WaivedBy, Reason: m.Reason, Settled: m.Settled})
}

// decodeMakeGood reads a make-good at its document's revision.
func decodeMakeGood(d store.Document) (wire.OwedAiring, error) {
	m, err := replica.Decode[storedMakeGood](d)
	return wire.OwedAiring{
		MakeGood: schedules.MakeGood{ID: m.ID, Station: m.Station, SegmentID: m.SegmentID, ItemID: m.ItemID,
			MissedAt: m.MissedAt},
		Revision: d.Revision, Date: m.Date, Verdict: m.Verdict, Detail: m.Detail, State: m.State,
		By: (*wire.MadeGoodBy)(m.By), Tried: m.Tried, WaivedBy: m.WaivedBy, Reason: m.Reason, Settled: m.Settled}, err
}

// storedHead is the stored form of a wire.ChainHead.
type storedHead struct {
	Station string            `json:"station"`
	Number  int64             `json:"number"`
	SHA256  string            `json:"sha256"`
	Until   schedules.Instant `json:"until"`
}

func encodeHead(h wire.ChainHead) ([]byte, error) { return replica.Encode(storedHead(h)) }

func decodeHead(d store.Document) (wire.ChainHead, error) {
	h, err := replica.Decode[storedHead](d)
	return wire.ChainHead(h), err
}
