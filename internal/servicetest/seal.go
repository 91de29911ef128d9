package servicetest

import (
	"lifeline/internal/replica"
)

// Signer returns documents in an envelope with a mark in place of a signature. End-to-end tests use the real signer.
type Signer struct{}

func (Signer) Sign(payloadType string, payload []byte) ([]byte, error) {
	return replica.Encode(map[string]any{"payloadType": payloadType, "payload": payload, "signatures": []any{}})
}

func (Signer) KeyID(string) string { return "" }
