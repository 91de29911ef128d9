package servicetest

import (
	"lifeline/internal/replica"
)

// Seal returns documents in an envelope with a mark in place of a signature. End-to-end tests use the real signer.
type Seal struct{}

func (Seal) Seal(payloadType string, payload []byte) ([]byte, error) {
	return replica.Encode(map[string]any{"payloadType": payloadType, "payload": payload, "signatures": []any{}})
}

func (Seal) KeyID(string) string { return "" }
