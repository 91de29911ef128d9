// Package providertest is an identity provider for tests: OpenID Connect over http on this machine, with keys of its
// own.
package providertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The client that the provider knows. Other names are clients too, each with its name as the secret.
const (
	ClientID = "lifeline"
	Secret   = "the secret of lifeline"
)

// OpenID is the provider. Its fields may be changed while no request is under way.
type OpenID struct {
	Issuer  string
	Subject string                      // who is signed in there
	Alg     string                      // of ID tokens: RS256, ES256, HS256 with the public key, or none
	Spoil   func(claims map[string]any) // changes the claims of an ID token before it is signed
	Lax     bool                        // takes every code from everybody, as a provider that is not careful
	Now     func() time.Time

	t       testing.TB
	mu      sync.Mutex
	codes   map[string]url.Values       // of the request for each code that was not used
	instead map[string]http.HandlerFunc // by path
	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	turn    int // of the keys
}

// Start starts a provider, which ends with the test.
func Start(t testing.TB) *OpenID {
	p := &OpenID{t: t, Subject: "00u1hana", Alg: "RS256", Now: time.Now, codes: map[string]url.Values{},
		instead: map[string]http.HandlerFunc{}}
	p.rsa, p.ec = first()
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.Issuer = s.URL
	return p
}

// first returns the keys with which every provider starts: making them takes its time.
var first = sync.OnceValues(newKeys)

func newKeys() (*rsa.PrivateKey, *ecdsa.PrivateKey) {
	a, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	b, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return a, b
}

// Answer lets f answer at a path in place of the provider, or with nil the provider again.
func (p *OpenID) Answer(path string, f http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instead[path] = f
}

// Rotate replaces all keys.
func (p *OpenID) Rotate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn++
	p.rsa, p.ec = newKeys()
}

// Visit is a browser that comes with an address, where its person is signed in: it returns what the provider sends
// back.
func (p *OpenID) Visit(address string) (back *url.URL) {
	p.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(address)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if back, err = resp.Location(); err != nil {
		p.t.Fatal(resp.Status, err)
	}
	return back
}

func (p *OpenID) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	instead := p.instead[r.URL.Path]
	p.mu.Unlock()
	switch {
	case instead != nil:
		instead(w, r)
	case r.URL.Path == "/.well-known/openid-configuration":
		p.says(w, http.StatusOK, map[string]any{"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize",
			"token_endpoint": p.Issuer + "/token", "jwks_uri": p.Issuer + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"}})
	case r.URL.Path == "/authorize":
		p.authorize(w, r)
	case r.URL.Path == "/token":
		p.token(w, r)
	case r.URL.Path == "/keys":
		p.keys(w)
	default:
		http.NotFound(w, r)
	}
}

func (p *OpenID) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "no such request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = q
	p.mu.Unlock()
	answer := back.Query()
	answer.Set("code", code)
	answer.Set("state", q.Get("state"))
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *OpenID) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	client, secret, _ := r.BasicAuth()
	if client != ClientID && secret != client || client == ClientID && secret != url.QueryEscape(Secret) {
		p.says(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	asked, known := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || !p.Lax && (asked.Get("client_id") != client || asked.Get("redirect_uri") != r.FormValue("redirect_uri") ||
		asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:])) {
		p.says(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"iss": p.Issuer, "aud": asked.Get("client_id"), "sub": p.Subject,
		"nonce": asked.Get("nonce"), "iat": p.Now().Unix(), "exp": p.Now().Add(5 * time.Minute).Unix(),
		"email": "hana@lifeline.example", "name": "Hana"}
	if p.Spoil != nil {
		p.Spoil(claims)
	}
	p.says(w, http.StatusOK, map[string]any{"access_token": "unused", "token_type": "Bearer", "id_token": p.sign(claims)})
}

func (p *OpenID) sign(claims map[string]any) string {
	head := map[string]any{"alg": p.Alg, "kid": p.Alg + strconv.Itoa(p.turn)}
	if p.Alg == "HS256" {
		head["kid"] = "RS256" + strconv.Itoa(p.turn)
	}
	signed := p.part(head) + "." + p.part(claims)
	sum := sha256.Sum256([]byte(signed))
	var signature []byte
	var err error
	switch p.Alg {
	case "RS256":
		signature, err = rsa.SignPKCS1v15(nil, p.rsa, crypto.SHA256, sum[:])
	case "ES256":
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, p.ec, sum[:]); err == nil {
			signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	case "HS256":
		var der []byte
		if der, err = x509.MarshalPKIXPublicKey(&p.rsa.PublicKey); err == nil {
			mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
			mac.Write([]byte(signed))
			signature = mac.Sum(nil)
		}
	}
	if err != nil {
		p.t.Error(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (p *OpenID) part(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		p.t.Error(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func (p *OpenID) keys(w http.ResponseWriter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	write := base64.RawURLEncoding.EncodeToString
	point, err := p.ec.PublicKey.Bytes() // 4, x, y
	if err != nil {
		p.t.Error(err)
		return
	}
	p.says(w, http.StatusOK, map[string]any{"keys": []map[string]any{
		{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "RS256" + strconv.Itoa(p.turn), "n": write(p.rsa.N.Bytes()),
			"e": write(big.NewInt(int64(p.rsa.E)).Bytes())},
		{"kty": "EC", "use": "sig", "alg": "ES256", "kid": "ES256" + strconv.Itoa(p.turn), "crv": "P-256",
			"x": write(point[1:33]), "y": write(point[33:])}}})
}

func (p *OpenID) says(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}
