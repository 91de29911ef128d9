// Package signintest has an authenticator in software, and the page that uses it, for tests of signing in.
package signintest

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"testing"

	"github.com/descope/virtualwebauthn"

	"lifeline/internal/wire"
)

// Device is an authenticator with one passkey, and the page that uses it.
type Device struct {
	virtualwebauthn.Authenticator
	Key        virtualwebauthn.Credential
	Page       virtualwebauthn.RelyingParty
	Attachment string // platform, cross-platform
}

// wholeKey is the size in bytes of a COSE key of P-256 whose coordinates have 32 bytes each.
const wholeKey = 77

// New returns a device that is used at a page of an origin.
func New(t testing.TB, origin string) *Device {
	t.Helper()
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	key := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	for len(key.Key.AttestationData()) != wholeKey { // the library leaves out leading zeros, which no real device does
		key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	return &Device{Authenticator: virtualwebauthn.NewAuthenticator(), Key: key,
		Page: virtualwebauthn.RelyingParty{ID: u.Hostname(), Origin: origin}, Attachment: "cross-platform"}
}

// answers reads the library's JSON, whose bytes are in base64url.
func answers(t testing.TB, text string) map[string][]byte {
	t.Helper()
	var read struct {
		RawID    string            `json:"rawId"`
		Response map[string]string `json:"response"`
	}
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	read.Response["rawId"] = read.RawID
	for name, value := range read.Response {
		b, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil {
			t.Fatal(name, err)
		}
		out[name] = b
	}
	return out
}

// Makes makes the passkey of the device.
func (d *Device) Makes(t testing.TB, r wire.PasskeyCreation) wire.NewPasskey {
	t.Helper()
	d.Options.UserHandle = r.Handle
	got := answers(t, virtualwebauthn.CreateAttestationResponse(d.Page, d.Authenticator, d.Key,
		virtualwebauthn.AttestationOptions{Challenge: r.Challenge}))
	return wire.NewPasskey{Credential: got["rawId"], ClientData: got["clientDataJSON"],
		Attestation: got["attestationObject"], Attachment: d.Attachment, Transports: []string{"usb"}}
}

// Says answers a challenge by the passkey.
func (d *Device) Says(t testing.TB, r wire.PasskeyChallenge) wire.Assertion {
	t.Helper()
	got := answers(t, virtualwebauthn.CreateAssertionResponse(d.Page, d.Authenticator, d.Key,
		virtualwebauthn.AssertionOptions{Challenge: r.Challenge}))
	return wire.Assertion{Credential: got["rawId"], ClientData: got["clientDataJSON"],
		AuthenticatorData: got["authenticatorData"], Signature: got["signature"], UserHandle: got["userHandle"]}
}

// Header is Says as the value of the header that confirms a request.
func (d *Device) Header(t testing.TB, r wire.PasskeyChallenge) string {
	t.Helper()
	b, err := json.Marshal(d.Says(t, r))
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}
