package endtoend

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/access"
	"lifeline/internal/access/provider/providertest"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
)

// provided starts the service of a house that has an identity provider.
func provided(t *testing.T, there *providertest.OpenID) *house {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(providertest.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := serveDefaults(filepath.Join(t.TempDir(), "data"))
	c.OIDC.Issuer, c.OIDC.ClientID, c.OIDC.SecretFile = there.Issuer, providertest.ClientID, secret
	return start(t, c)
}

func TestAProviderThatHangsStopsNeitherTheStartNorOthers(t *testing.T) {
	there := providertest.Start(t)
	entered, release := make(chan struct{}), make(chan struct{})
	there.Answer("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		http.Error(w, "late", http.StatusBadGateway)
	})
	h := provided(t, there)
	answered := make(chan answer, 1)
	go func() { answered <- h.do("POST", "/v1/sign-in/provider/options", "", nil, nil) }()
	<-entered
	for path, method := range map[string]string{"/readyz": "GET", "/v1/sign-in": "GET", "/v1/sign-in/options": "POST"} {
		if got := h.do(method, path, "", nil, nil); got.status != http.StatusOK {
			t.Errorf("%s while the provider hangs: %d %s", path, got.status, got.body)
		}
	}
	close(release)
	if got := <-answered; got.status != http.StatusServiceUnavailable {
		t.Errorf("of the provider: %d %s", got.status, got.body)
	}
}

func TestPeopleAreLinkedAndUnlinkedByTheCommandLine(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	there := providertest.Start(t)
	h := provided(t, there)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	h.as("admin", access.NewToken{Name: "first admin", Role: access.Admin})
	h.enrolled("hana", "producer")
	run := func(want int, says string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		if got := commands.Run(t.Context(), args, &out, &out); got != want || !strings.Contains(out.String(), says) {
			t.Errorf("%v: exit %d: %s", args, got, out.String())
		}
	}
	remote := func(want int, says string, args ...string) {
		t.Helper()
		run(want, says, append(args, "--server", h.url, "--token", h.secrets["admin"])...)
	}
	here := func(want int, says, id, subject string) {
		t.Helper()
		run(want, says, "people", "link-here", id, "--subject", subject, "--by", "Omar", "--data", h.config.Data,
			"--oidc-issuer", there.Issuer, "--oidc-client-id", providertest.ClientID, "--oidc-secret-file",
			h.config.OIDC.SecretFile)
	}
	remote(0, "sora (소라) is active", "people", "add", "sora", "--name", "소라", "--role", "producer")
	linked := "sora may sign in by the identity provider " + there.Issuer + " as "
	remote(0, linked+"00u1", "people", "link", "sora", "--subject", "00u1")
	remote(0, linked+"00u1", "people", "show", "sora")
	remote(1, "no other person links them alone", "people", "link", "hana", "--subject", "00u2")
	here(1, "소라 is linked with the identity \"00u1\" already", "hana", "00u1")
	here(0, "hana may sign in by the identity provider "+there.Issuer+" as 00u2", "hana", "00u2")
	remote(1, "소라 is not linked with \"00u2\"", "people", "unlink", "sora", "--subject", "00u2")
	remote(0, "sora (소라) is active", "people", "unlink", "sora", "--subject", "00u1")
	var m wire.Member
	h.do("GET", "/v1/people/sora", h.secrets["admin"], nil, nil).into(t, &m)
	if len(m.Identities) != 0 {
		t.Errorf("%+v", m)
	}
}

// leaves presses a control that leaves the page, and waits for the next page.
func (b *tab) leaves(control string) {
	b.t.Helper()
	const page = "performance.timeOrigin"
	before := asked[float64](b, page)
	b.press(control)
	ctx, cancel := context.WithTimeout(b.ctx, viewPatience)
	defer cancel()
	for now, err := before, error(nil); err != nil || now == before; { // it fails while the browser is on its way
		if ctx.Err() != nil {
			b.t.Fatalf("%q does not leave the page: %v", control, err)
		}
		now, err = chromedp.Run(ctx, chromedp.Evaluate[float64](page))
	}
}

// A person's way by the house's identity provider in a real browser: linked in the console, signed in, asked for a
// passkey for what counts, and in the command line.
func TestAPersonSignsInByTheIdentityProviderAndConfirmsByPasskey(t *testing.T) {
	longform.Only(t)
	there := providertest.Start(t)
	h := provided(t, there)
	h.as("admin", access.NewToken{Name: "first admin", Role: access.Admin})
	got := h.do("POST", "/v1/people", h.secrets["admin"], nil, []byte(`{"id":"sora","name":"소라","roles":["admin"],`+
		`"active":true}`))
	if got.status != http.StatusCreated {
		t.Fatalf("%d %s", got.status, got.body)
	}
	var code wire.PersonCode
	h.do("POST", "/v1/people/sora/code", h.secrets["admin"], nil, nil).into(t, &code)
	b := h.tabAt(browser(t), h.console())
	b.others = append(b.others, there.Issuer+"/")
	b.refused(http.StatusForbidden)
	b.refused(http.StatusUnauthorized)
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	at := "Sign in at " + strings.TrimPrefix(there.Issuer, "http://")
	inside, outside := b.enrols(code.Code)
	b.press("Sign out")
	b.leaves(at)
	b.sees(fmt.Sprintf("knows you as %q, and no person here is linked with that", there.Subject))

	b.press("Sign in by passkey")
	b.sees("Sign out")
	b.goes("#/people")
	b.press("Identities sora")
	b.fills("Subjects at "+there.Issuer, there.Subject)
	b.press("Change")
	b.until(`!document.querySelector("dialog")`)
	b.press("Sign out")
	b.leaves(at)
	b.sees("Sign out")
	b.goes("#/account")
	b.seesIn("tr", "this one", there.Issuer)
	b.until(`location.search === ""`)

	approval := asked[string](b, `(async () => {
		const r = await fetch('/v1/segments/ident-ko/approve', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})
		return r.status + ' ' + (await r.json()).type })()`)
	if approval != "403 urn:lifeline:problem:step-up-required" {
		t.Errorf("an approval without a passkey gets %s", approval)
	}

	// lifeline login, in a browser that is not signed in
	b.press("Sign out")
	b.sees("You are signed out.")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	after, done := h.runs("login", "--no-browser")
	shown, link := after("Code:"), after("Address:")
	b.do(chromedp.Navigate(link), chromedp.Reload())
	b.leaves(at)
	b.fills("The code in your terminal", shown)
	b.press("Sign it in as me")
	b.sees("The command line is signed in")
	if name := after("signed in as"); !strings.HasPrefix(name, "소라") || done() != 0 {
		t.Errorf("signed in as %s", name)
	}

	// without a device nothing that counts is done
	b.unplugs(inside)
	b.unplugs(outside)
	b.plugs(webauthn.AuthenticatorTransportInternal) // of somebody else
	b.goes("#/people")
	b.press("End sora")
	b.press("End")
	b.sees("The passkey was not used")
	var m wire.Member
	h.do("GET", "/v1/people/sora", h.secrets["admin"], nil, nil).into(t, &m)
	if !m.Active || len(m.Identities) != 1 || m.Identities[0] != (wire.Identity{Issuer: there.Issuer,
		Subject: there.Subject}) {
		t.Errorf("%+v", m)
	}
}
