package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
)

// Prove returns the envelope of a wire.EnrolmentProof for a player's nonce.
func (e *Enrolments) Prove(nonce string) ([]byte, error) {
	seal, err := e.sealing()
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(wire.EnrolmentProof{Schema: wire.ProofSchema, Nonce: nonce, Key: e.signer.Public(),
		Seal: seal.Public()})
	if err != nil {
		return nil, fmt.Errorf("access: prove: %w", err)
	}
	return e.signer.Sign(wire.ProofType, payload)
}

// sealing returns the key to which players seal their enrolments. All replicas have the same.
func (e *Enrolments) sealing() (trust.SealingKey, error) {
	mac := hmac.New(sha256.New, e.key)
	mac.Write([]byte("lifeline enrolments are sealed to this key 1\n"))
	return trust.DerivedSealingKey(mac.Sum(nil))
}

// EnrolSealed does what Enrol does with a wire.SealedEnrolment, and seals the answer, which names the service: whoever
// passes both on learns neither the code nor the token. It also fails with Conflict for what is sealed to another key.
func (e *Enrolments) EnrolSealed(ctx context.Context, sealed []byte, service wire.Fingerprint) ([]byte, error) {
	seal, err := e.sealing()
	if err != nil {
		return nil, err
	}
	text, err := seal.Open(wire.SealedEnrolmentPurpose, sealed)
	if err != nil {
		return nil, fault.New(fault.Conflict, "the enrolment cannot be read: it is sealed for another service, or for this one "+
			"before its keys were changed. Enrol again")
	}
	in, err := replica.Parse[wire.SealedEnrolment](text)
	if err != nil {
		return nil, fault.New(fault.Invalid, "this is no enrolment of a station: send what playout enrol makes")
	}
	if _, err := trust.Seal(in.Answer, wire.SealedEnrolledPurpose, nil); err != nil { // before the code is used
		return nil, fault.New(fault.Invalid, "the answer_key of the enrolment: %v", err)
	}
	out, err := e.Enrol(ctx, in.Enrolment)
	if err != nil {
		return nil, err
	}
	out.Service = service
	if text, err = json.Marshal(out); err != nil {
		return nil, fmt.Errorf("access: enrolled: %w", err)
	}
	return trust.Seal(in.Answer, wire.SealedEnrolledPurpose, text)
}
