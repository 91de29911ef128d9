package hashchain

import (
	"context"
	"encoding/json"

	"lifeline/internal/sign"
	"lifeline/internal/wire"
)

// Missing returns what the chains lack as a whole, without a key: published days and reports without a link, and an
// audit without a chain. It says nothing of links that were changed.
func Missing(ctx context.Context, s Source) ([]Difference, error) {
	stations, err := s.Stations(ctx)
	if err != nil {
		return nil, err
	}
	var out []Difference
	for _, station := range stations {
		v := verifier{source: s, station: station, whole: true, erased: map[string]string{},
			proof: Proof{anchors: anchors{}, ends: ends{}}}
		for stored, err := range s.Links(ctx, station) {
			if err != nil {
				return nil, err
			}
			var l wire.Link
			if payload, err := sign.Payload(stored.Envelope); err == nil && json.Unmarshal(payload, &l) == nil {
				v.take(l, stored.Envelope)
			}
		}
		if err := v.unlinked(ctx); err != nil {
			return nil, err
		}
		if len(v.audits) == 0 {
			if err := v.unchained(ctx); err != nil {
				return nil, err
			}
		}
		out = append(out, v.proof.Differences...)
	}
	return out, nil
}
