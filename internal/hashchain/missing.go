package hashchain

import (
	"context"
	"encoding/json"

	"lifeline/internal/sign"
	"lifeline/internal/wire"
)

// Erased returns a function that reports whether erasures took texts from an entry of the audit, as the links of its
// chain say. It does not verify them.
func Erased(ctx context.Context, s Source) (func(sequence int64) bool, error) {
	var erasures []Replaced
	for stored, err := range s.Links(ctx, wire.AuditChain) {
		if err != nil {
			return nil, err
		}
		var l wire.Link
		if payload, err := sign.Payload(stored.Envelope); err == nil && json.Unmarshal(payload, &l) == nil &&
			l.Kind == wire.LinkErasure {
			erasures = append(erasures, Replaced{Entries: l.Sequences})
		}
	}
	return tookFrom(erasures), nil
}

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
