package access

import (
	"bytes"
	"encoding/json"
	"testing"

	"lifeline/internal/fault"
	"lifeline/internal/onetime"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
)

// proof opens the proof of a service.
func (e *enrolling) proof(t *testing.T, nonce string) (p wire.EnrolmentProof) {
	t.Helper()
	envelope, err := e.Prove(nonce)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := sign.Verify(envelope, wire.ProofType, e.signer.Public())
	if err == nil {
		err = json.Unmarshal(payload, &p)
	}
	if err != nil || p.Nonce != nonce || p.Schema != wire.ProofSchema {
		t.Fatalf("%+v, %v", p, err)
	}
	return p
}

// sealed is an enrolment of keys with a code, as the player seals it.
func sealed(t *testing.T, to []byte, by trust.StationIdentity, code string, answer []byte) []byte {
	t.Helper()
	text, err := json.Marshal(wire.SealedEnrolment{Enrolment: asked(t, by, code), Answer: answer})
	if err != nil {
		t.Fatal(err)
	}
	out, err := trust.Seal(to, wire.SealedEnrolmentPurpose, text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestACodeNamesTheKeyByWhichTheServiceProvesItself(t *testing.T) {
	e, forger := newEnrolling(t), newEnrolling(t)
	code, err := onetime.ReadTyped(e.code(t, "harbour"))
	if err != nil || !code.Names(e.proof(t, "n1").Key) || code.Names(forger.proof(t, "n1").Key) {
		t.Errorf("%+v, %v", code, err)
	}
}

func TestASealedEnrolmentAndItsAnswerAreReadByTheTwoAlone(t *testing.T) {
	e, forger, player := newEnrolling(t), newEnrolling(t), keys(t)
	forger.key = []byte("another key")
	answer, err := trust.NewSealingKey()
	if err != nil {
		t.Fatal(err)
	}
	code := onetime.Read(e.code(t, "harbour"))
	sent := sealed(t, e.proof(t, "n1").Seal, player, code.String(), answer.Public())
	if bytes.Contains(sent, []byte(code.String())) || bytes.Contains(sent, []byte(code)) {
		t.Error("the code is sent in the clear")
	}
	if _, err := forger.EnrolSealed(t.Context(), sent, wire.Fingerprint{}); !fault.Is(err, fault.Conflict) {
		t.Errorf("another service reads it: %v", err)
	}
	got, err := e.EnrolSealed(t.Context(), sent, wire.Fingerprint{Keys: []string{"k"}})
	if err != nil {
		t.Fatal(err)
	}
	var out wire.Enrolled
	text, err := answer.Open(wire.SealedEnrolledPurpose, got)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil || out.Station != "harbour" || out.KeyID != player.Signer().KeyID() || out.Service.Keys[0] != "k" ||
		bytes.Contains(got, []byte(out.Token)) {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, err := e.access.Authenticate(out.Token); err != nil {
		t.Error(err)
	}
}

func TestASealedEnrolmentThatCannotBeAnsweredLeavesItsCodeUnused(t *testing.T) {
	e, player := newEnrolling(t), keys(t)
	code, to := e.code(t, "harbour"), e.proof(t, "n1").Seal
	for what, answer := range map[string][]byte{"none": nil, "short": {1}, "of low order": make([]byte, 32)} {
		if _, err := e.EnrolSealed(t.Context(), sealed(t, to, player, code, answer), wire.Fingerprint{}); !fault.Is(err,
			fault.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	text, err := trust.Seal(to, wire.SealedEnrolmentPurpose, []byte("no JSON"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.EnrolSealed(t.Context(), text, wire.Fingerprint{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("no JSON: %v", err)
	}
	if _, err := e.Enrol(t.Context(), asked(t, player, code)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
