package provider

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lifeline/internal/access/provider/providertest"
	"lifeline/internal/fault"
)

const redirect = "https://lifeline.example/"

var login = Exchange{State: "the-state", Nonce: "the-nonce", Verifier: strings.Repeat("v", 43)}

// asked is the service at a provider for tests.
func asked(there *providertest.OpenID) *Provider {
	return New(Settings{Issuer: there.Issuer, ClientID: providertest.ClientID, Secret: providertest.Secret,
		Redirect: redirect}, func() time.Time { return there.Now() })
}

// code returns the code of a browser that went to the provider.
func code(t *testing.T, p *Provider, there *providertest.OpenID) string {
	t.Helper()
	address, err := p.Address(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	back := there.Visit(address)
	if got := back.Query().Get("state"); !strings.HasPrefix(back.String(), redirect) || got != login.State {
		t.Fatal(back)
	}
	return back.Query().Get("code")
}

func TestASubjectIsTakenFromATokenThatTheProviderSignedForThisSignIn(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256"} {
		there := providertest.Start(t)
		there.Alg = alg
		p := asked(there)
		if got, err := p.Subject(t.Context(), code(t, p, there), login); err != nil || got != "00u1hana" {
			t.Errorf("%s: %q, %v", alg, got, err)
		}
	}
}

func TestATokenThatIsNotForThisSignInIsRefused(t *testing.T) {
	set := func(name string, v any) func(*providertest.OpenID) {
		return func(there *providertest.OpenID) {
			there.Spoil = func(claims map[string]any) {
				if claims[name] = v; v == nil {
					delete(claims, name)
				}
			}
		}
	}
	alg := func(name string) func(*providertest.OpenID) {
		return func(there *providertest.OpenID) { there.Alg = name }
	}
	for what, c := range map[string]struct {
		spoil func(*providertest.OpenID)
		says  string
	}{
		"nonce":         {set("nonce", "another"), "nonce is of another sign-in"},
		"no nonce":      {set("nonce", nil), "nonce is of another sign-in"},
		"audience":      {set("aud", "another"), "audience"},
		"no audience":   {set("aud", nil), "audience"},
		"audiences":     {set("aud", []string{providertest.ClientID, "another"}), "another client"},
		"party":         {set("azp", "another"), "another client"},
		"issuer":        {set("iss", "https://id.example"), "issued by a different provider"},
		"expired":       {set("exp", time.Now().Add(-time.Second).Unix()), "expired"},
		"no expiry":     {set("exp", nil), "expired"},
		"no subject":    {set("sub", nil), "subject is malformed"},
		"long subject":  {set("sub", strings.Repeat("a", 256)), "subject is malformed"},
		"subject":       {set("sub", "ha\u202ena"), "subject is malformed"},
		"none":          {alg("none"), "unexpected signature algorithm"},
		"shared key":    {alg("HS256"), "unexpected signature algorithm"},
		"no such alg":   {alg("XS256"), "unexpected signature algorithm"},
		"another party": {set("azp", 7), "refused"},
	} {
		there := providertest.Start(t)
		c.spoil(there)
		p := asked(there)
		got, err := p.Subject(t.Context(), code(t, p, there), login)
		if !fault.Is(err, fault.Unauthenticated) || got != "" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}

// A thief brings the code of another browser, or one that was issued to another client, in place of their own.
func TestACodeOfAnotherBrowserOrClientIsRefused(t *testing.T) {
	for _, lax := range []bool{false, true} { // also where the provider itself refuses nothing
		there := providertest.Start(t)
		there.Lax = lax
		p, others := asked(there), asked(there)
		others.ClientID, others.Secret = "another", "another"
		for what, from := range map[string]*Provider{"client": others, "browser": p} {
			stolen := code(t, from, there)
			own := login
			if what == "browser" {
				own = Exchange{State: "my-state", Nonce: "my-nonce", Verifier: strings.Repeat("w", 43)}
			}
			if got, err := p.Subject(t.Context(), stolen, own); !fault.Is(err, fault.Unauthenticated) || got != "" {
				t.Errorf("lax %v, of another %s: %q, %v", lax, what, got, err)
			}
		}
		if got, err := p.Subject(t.Context(), "no-code", login); !fault.Is(err, fault.Unauthenticated) || got != "" {
			t.Errorf("no code: %q, %v", got, err)
		}
	}
}

func TestAfterARotationTokensOfTheNewKeysCountAndThoseOfOldOnesDoNot(t *testing.T) {
	there := providertest.Start(t)
	p := asked(there)
	for range 3 {
		if got, err := p.Subject(t.Context(), code(t, p, there), login); err != nil || got != there.Subject {
			t.Fatalf("%q, %v", got, err)
		}
		there.Rotate()
	}
	stale := providertest.Start(t) // signs by keys that are not in there's set, under the same names
	stale.Issuer = there.Issuer
	for range 3 {
		stale.Rotate()
	}
	there.Answer("/token", stale.ServeHTTP)
	address, err := p.Address(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	there.Answer("/authorize", stale.ServeHTTP)
	back := there.Visit(address)
	got, err := p.Subject(t.Context(), back.Query().Get("code"), login)
	if !fault.Is(err, fault.Unauthenticated) || !strings.Contains(err.Error(), "signature") {
		t.Errorf("by other keys: %q, %v", got, err)
	}
}

// A provider that hangs holds nobody for longer than a question may take, and works as soon as it answers again.
func TestAProviderThatHangsIsWaitedForAWhile(t *testing.T) {
	for _, path := range []string{"/.well-known/openid-configuration", "/token", "/keys"} {
		there := providertest.Start(t)
		p := asked(there)
		brought := ""
		if path != "/.well-known/openid-configuration" {
			brought = code(t, p, there)
		}
		release := make(chan struct{})
		there.Answer(path, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			http.NewResponseController(w).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		p.patience = 50 * time.Millisecond
		if _, err := p.Subject(t.Context(), brought, login); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s hangs: %v", path, err)
		}
		close(release)
		there.Answer(path, nil)
		p.patience = patience
		for try := 0; ; try++ { // the keys may still be on their way to the first
			got, err := p.Subject(t.Context(), code(t, p, there), login)
			if err == nil && got == there.Subject {
				break
			}
			if try > 100 {
				t.Fatalf("%s answers again: %q, %v", path, got, err)
			}
		}
	}
}

func TestOnlySoManyAskTheProviderAtOnce(t *testing.T) {
	there := providertest.Start(t)
	p := asked(there)
	entered := make(chan struct{}, 1)
	there.Answer("/.well-known/openid-configuration", func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, mostAsking)
	for range mostAsking {
		go func() {
			_, err := p.Address(ctx, login)
			ended <- err
		}()
	}
	<-entered
	for len(p.asking) < mostAsking { // until all have begun
		select {
		case err := <-ended:
			t.Fatal(err)
		default:
		}
	}
	if _, err := p.Address(t.Context(), login); !fault.Is(err, fault.Unavailable) ||
		!strings.Contains(err.Error(), "too many") {
		t.Errorf("one more: %v", err)
	}
	stop()
	for range mostAsking {
		if err := <-ended; !fault.Is(err, fault.Unavailable) {
			t.Error(err)
		}
	}
}

func TestNoMoreThanAMebibyteOfAnAnswerIsRead(t *testing.T) {
	for _, path := range []string{"/.well-known/openid-configuration", "/token", "/keys"} {
		there := providertest.Start(t)
		p := asked(there)
		there.Answer(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"access_token":"`+strings.Repeat("a", 2*mostBytes)+`"}`)
		})
		var err error
		if path == "/.well-known/openid-configuration" {
			_, err = p.Address(t.Context(), login)
		} else {
			_, err = p.Subject(t.Context(), code(t, p, there), login)
		}
		if err == nil || fault.Is(err, fault.Internal) || len(err.Error()) > 1000 {
			t.Errorf("%s: %v", path, err)
		}
	}
	there := providertest.Start(t)
	var read atomic.Int64
	there.Answer("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		for err := error(nil); err == nil && read.Load() < 1<<30; { // without an end
			var n int
			n, err = w.Write(make([]byte, 64<<10))
			read.Add(int64(n))
		}
	})
	if _, err := asked(there).Address(t.Context(), login); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without an end: %v", err)
	}
	if read.Load() >= 1<<30 {
		t.Error("all of it was read")
	}
}

// What the service sends to the provider has its secret and the code.
func TestNoRedirectOfTheProviderIsFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other host got %s %s", r.Method, r.URL)
	}))
	defer other.Close()
	for _, path := range []string{"/.well-known/openid-configuration", "/token", "/keys"} {
		for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
			there := providertest.Start(t)
			p := asked(there)
			brought := ""
			if path != "/.well-known/openid-configuration" {
				brought = code(t, p, there)
			}
			there.Answer(path, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, other.URL+path, status)
			})
			if got, err := p.Subject(t.Context(), brought, login); err == nil {
				t.Errorf("%s %d: %q", path, status, got)
			}
		}
	}
}

func TestADescriptionOfAnotherIssuerOrWithPlainAddressesIsRefused(t *testing.T) {
	const good = `{"issuer":"ISSUER","authorization_endpoint":"ISSUER/authorize","token_endpoint":"ISSUER/token",` +
		`"jwks_uri":"ISSUER/keys"}`
	for what, change := range map[string][2]string{
		"another issuer": {`"issuer":"ISSUER"`, `"issuer":"https://id.example"`},
		"plain token":    {"ISSUER/token", "http://192.0.2.7/token"},
		"plain keys":     {"ISSUER/keys", "http://192.0.2.7/keys"},
		"plain page":     {"ISSUER/authorize", "http://192.0.2.7/authorize"},
		"a script":       {"ISSUER/authorize", "javascript:alert(1)"},
		"no keys":        {`"jwks_uri":"ISSUER/keys"`, `"x":""`},
		"no JSON":        {"{", "<"},
	} {
		there := providertest.Start(t)
		says := strings.ReplaceAll(strings.Replace(good, change[0], change[1], 1), "ISSUER", there.Issuer)
		there.Answer("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, says)
		})
		if got, err := asked(there).Address(t.Context(), login); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}

func TestADescriptionIsReadAgainAfterAnHour(t *testing.T) {
	there := providertest.Start(t)
	now := time.Now()
	there.Now = func() time.Time { return now }
	p := asked(there)
	first, err := p.Address(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	there.Answer("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"issuer":"`+there.Issuer+`","authorization_endpoint":"`+there.Issuer+`/moved","token_endpoint":"`+
			there.Issuer+`/token","jwks_uri":"`+there.Issuer+`/keys"}`)
	})
	now = now.Add(kept - time.Second)
	if again, err := p.Address(t.Context(), login); err != nil || again != first {
		t.Errorf("within the hour: %s, %v", again, err)
	}
	now = now.Add(time.Second)
	if again, err := p.Address(t.Context(), login); err != nil || !strings.Contains(again, "/moved?") {
		t.Errorf("after it: %s, %v", again, err)
	}
}

func TestAWrongSecretOfTheServiceIsNoFaultOfThePerson(t *testing.T) {
	there := providertest.Start(t)
	p := asked(there)
	p.Secret = "another"
	if _, err := p.Subject(t.Context(), code(t, p, there), login); !fault.Is(err, fault.Unavailable) ||
		!strings.Contains(err.Error(), "invalid_client") || strings.Contains(err.Error(), p.Secret) {
		t.Error(err)
	}
}
