package control

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"lifeline/internal/wire"
)

// Sealed is a signed document: what it says, its exact bytes, and the envelope that signs them.
type Sealed[T any] struct {
	Value    T
	Payload  []byte
	Envelope []byte
}

// unseal reads what sealJSON made. The signature is for stations to check; the store is trusted to keep bytes.
func unseal[T any](envelope []byte) (Sealed[T], error) {
	s := Sealed[T]{Envelope: envelope}
	var err error
	if s.Payload, err = payloadOf(envelope); err != nil {
		return s, err
	}
	if err := json.Unmarshal(s.Payload, &s.Value); err != nil {
		return s, fmt.Errorf("control: sealed document: %w", err)
	}
	return s, nil
}

// payloadOf is the signed document within an envelope.
func payloadOf(envelope []byte) ([]byte, error) {
	var e wire.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil {
		return nil, fmt.Errorf("control: envelope: %w", err)
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("control: envelope: %w", err)
	}
	return payload, nil
}

// sealJSON is the envelope of v's JSON.
func sealJSON(s Sealer, payloadType string, v any) ([]byte, error) {
	payload, err := encode(v)
	if err != nil {
		return nil, err
	}
	return s.Seal(payloadType, payload)
}

func plain[T any](body []byte) (T, error) {
	var v T
	err := json.Unmarshal(body, &v)
	return v, err
}
