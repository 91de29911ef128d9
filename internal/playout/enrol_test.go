package playout

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/onetime"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
)

// prover is a service that proves itself, or a server that stands in its place and changes its answers.
type prover struct {
	t      *testing.T
	keys   trust.StationIdentity // of which only the signer is used
	seal   trust.SealingKey
	proof  func(wire.EnrolmentProof) (wire.EnrolmentProof, trust.StationIdentity)
	answer func(sealed []byte) []byte
	sent   [][]byte // every body that came, and every query
}

func newProver(t *testing.T) *prover {
	t.Helper()
	keys, err := trust.NewStationIdentity()
	if err != nil {
		t.Fatal(err)
	}
	seal, err := trust.NewSealingKey()
	if err != nil {
		t.Fatal(err)
	}
	return &prover{t: t, keys: keys, seal: seal}
}

const proverToken = "lifeline_a_b"

func (p *prover) RoundTrip(r *http.Request) (*http.Response, error) {
	p.sent = append(p.sent, []byte(r.URL.String()))
	var out []byte
	if r.Method == http.MethodGet {
		out = p.prove(r.URL.Query().Get("nonce"))
	} else {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			p.t.Fatal(err)
		}
		p.sent = append(p.sent, b)
		out = p.enrol(b)
	}
	return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(out)), Request: r}, nil
}

func (p *prover) prove(nonce string) []byte {
	proof, by := wire.EnrolmentProof{Schema: wire.ProofSchema, Nonce: nonce, Key: p.keys.Signer().Public(),
		Seal: p.seal.Public()}, p.keys
	if p.proof != nil {
		proof, by = p.proof(proof)
	}
	payload, err := json.Marshal(proof)
	if err != nil {
		p.t.Fatal(err)
	}
	envelope, err := by.Signer().Sign(wire.ProofType, payload)
	if err != nil {
		p.t.Fatal(err)
	}
	return envelope
}

func (p *prover) enrol(body []byte) []byte {
	var in wire.Sealed
	var asked wire.SealedEnrolment
	if err := json.Unmarshal(body, &in); err != nil {
		p.t.Fatal(err)
	}
	text, err := p.seal.Open(wire.SealedEnrolmentPurpose, in.Sealed)
	if err == nil {
		err = json.Unmarshal(text, &asked)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	payload, err := sign.Payload(asked.Enrolment)
	var enrolment wire.Enrolment
	if err == nil {
		err = json.Unmarshal(payload, &enrolment)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := json.Marshal(wire.Enrolled{Station: "harbour", KeyID: sign.KeyID(enrolment.Signing), Token: proverToken})
	if err == nil {
		out, err = trust.Seal(asked.Answer, wire.SealedEnrolledPurpose, out)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	if p.answer != nil {
		out = p.answer(out)
	}
	if out, err = json.Marshal(wire.Sealed{Sealed: out}); err != nil {
		p.t.Fatal(err)
	}
	return out
}

// enrolWith enrols with a code at p.
func (p *prover) enrolWith(code string) (wire.Enrolled, error) {
	p.t.Helper()
	state, err := statedir.Open(p.t.TempDir())
	if err != nil {
		p.t.Fatal(err)
	}
	defer state.Close()
	return Enrol(p.t.Context(), state, client.New("http://service", "", &http.Client{Transport: p}), code, "",
		time.Unix(1e9, 0))
}

// tells reports whether anything that was sent has a part of the code's secret, or of the token.
func (p *prover) tells(code onetime.Code) bool {
	all := bytes.ToUpper(bytes.Join(p.sent, nil))
	return bytes.Contains(all, []byte(code[4:8])) || bytes.Contains(all, []byte(code.Handle())) ||
		bytes.Contains(all, []byte(strings.ToUpper(proverToken)))
}

func TestAPlayerEnrolsAtTheServiceThatItsCodeNamesHoweverItIsTyped(t *testing.T) {
	p, code := newProver(t), onetime.Fresh(func(string) bool { return false })
	shown := code.Naming(p.keys.Signer().Public())
	for _, typed := range []string{shown, strings.ToLower(strings.ReplaceAll(shown, "-", " "))} {
		if out, err := p.enrolWith(typed); err != nil || out.Station != "harbour" || out.Token != proverToken {
			t.Errorf("%+v, %v", out, err)
		}
	}
}

func TestAForgedServerLearnsNothingOfTheCode(t *testing.T) {
	code := onetime.Fresh(func(string) bool { return false })
	service, other := newProver(t), newProver(t)
	for what, forge := range map[string]func(wire.EnrolmentProof) (wire.EnrolmentProof, trust.StationIdentity){
		"a key of its own": func(p wire.EnrolmentProof) (wire.EnrolmentProof, trust.StationIdentity) {
			p.Key = other.keys.Signer().Public()
			return p, other.keys
		},
		"the service's key, which another signs for": func(p wire.EnrolmentProof) (wire.EnrolmentProof,
			trust.StationIdentity) {
			p.Seal = other.seal.Public()
			return p, other.keys
		},
		"an old proof": func(p wire.EnrolmentProof) (wire.EnrolmentProof, trust.StationIdentity) {
			p.Nonce = "of-another-request"
			return p, service.keys
		},
		"no key": func(p wire.EnrolmentProof) (wire.EnrolmentProof, trust.StationIdentity) {
			p.Key = nil
			return p, service.keys
		},
		"another document": func(p wire.EnrolmentProof) (wire.EnrolmentProof, trust.StationIdentity) {
			p.Schema = wire.StatusSchema
			return p, service.keys
		},
	} {
		service.proof, service.sent = forge, nil
		_, err := service.enrolWith(code.Naming(service.keys.Signer().Public()))
		if !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "was sent nothing of the code") {
			t.Errorf("%s: %v", what, err)
		}
		if len(service.sent) != 1 || service.tells(code) {
			t.Errorf("%s: it was sent %s", what, service.sent)
		}
	}
}

func TestAForgedAnswerToAnEnrolmentIsNoEnrolment(t *testing.T) {
	p, code := newProver(t), onetime.Fresh(func(string) bool { return false })
	for what, answer := range map[string][]byte{"nothing": nil, "noise": bytes.Repeat([]byte{4}, 200)} {
		p.answer = func([]byte) []byte { return answer }
		if out, err := p.enrolWith(code.Naming(p.keys.Signer().Public())); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %+v, %v", what, out, err)
		}
	}
}

func TestAMistypedCodeIsNotSentAndSaidToBeMistyped(t *testing.T) {
	p, code := newProver(t), onetime.Fresh(func(string) bool { return false })
	b := []byte(code.Naming(p.keys.Signer().Public()))
	at := 5 // in the secret
	for b[at] == b[at+1] || b[at] == '-' || b[at+1] == '-' {
		at++
	}
	b[at], b[at+1] = b[at+1], b[at]
	if _, err := p.enrolWith(string(b)); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "mistyped") ||
		len(p.sent) > 0 {
		t.Errorf("%v; it was sent %s", err, p.sent)
	}
}
