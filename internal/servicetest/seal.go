package servicetest

import (
	"lifeline/internal/replica"
)

// Seal marks instead of signing: what is sealed is tested with the real one, end to end.
type Seal struct{}

func (Seal) Seal(payloadType string, payload []byte) ([]byte, error) {
	return replica.Encode(map[string]any{"payloadType": payloadType, "payload": payload, "signatures": []any{}})
}

func (Seal) KeyID() string { return "" }
