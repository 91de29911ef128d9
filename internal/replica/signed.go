package replica

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"

	"lifeline/internal/wire"
)

// SignerOf returns the key id that an envelope names, unverified.
func SignerOf(envelope []byte) (string, error) {
	e, err := Parse[wire.Envelope](envelope)
	if err != nil || len(e.Signatures) == 0 {
		return "", err
	}
	return e.Signatures[0].KeyID, nil
}

// Signed is a signed document: its decoded payload, the payload's exact bytes, and the envelope with the signatures.
type Signed[T any] struct {
	Value    T
	Payload  Text
	Envelope Text
	Signer   string // the id of the signing key
}

// Text holds bytes that many requests read. Zipped compresses them with gzip at its first call and keeps the result.
type Text struct {
	Plain  []byte
	Zipped func() ([]byte, error)
}

// NewText returns a Text of b, which must not change afterwards.
func NewText(b []byte) Text {
	return Text{b, sync.OnceValues(func() ([]byte, error) { return gzipped(b) })}
}

func gzipped(b []byte) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		return nil, fmt.Errorf("replica: compress: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("replica: compress: %w", err)
	}
	return out.Bytes(), nil
}

// payloadDecoder returns a decoder of SignJSON's output. A signed document is never upgraded: its version is its
// schema, and another schema means a newer program. The decoder does not verify signatures: stations do, and the store
// is trusted.
func payloadDecoder[T any](schema string, of func(T) string) func(envelope []byte) (Signed[T], error) {
	return func(envelope []byte) (s Signed[T], err error) {
		payload, err := PayloadOf(envelope)
		if err != nil {
			return s, err
		}
		if s.Signer, err = SignerOf(envelope); err != nil {
			return s, err
		}
		s.Payload, s.Envelope = NewText(payload), NewText(envelope)
		if s.Value, err = Parse[T](payload); err != nil {
			return s, fmt.Errorf("replica: signed document: %w", err)
		}
		if got := of(s.Value); got != "" && got != schema {
			return s, &NewerVersion{Says: fmt.Sprintf("it has the schema %q, and this program knows %q", got, schema)}
		}
		return s, nil
	}
}

// PayloadOf returns the payload of an envelope.
func PayloadOf(envelope []byte) ([]byte, error) {
	var e wire.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil {
		return nil, fmt.Errorf("replica: envelope: %w", err)
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("replica: envelope: %w", err)
	}
	return payload, nil
}

// SignJSON returns the envelope of v's JSON.
func SignJSON(s Signer, payloadType string, v any) ([]byte, error) {
	payload, err := Encode(v)
	if err != nil {
		return nil, err
	}
	return s.Sign(payloadType, payload)
}
