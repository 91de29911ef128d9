package endtoend

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/descope/virtualwebauthn"

	"lifeline/audio/samples"
	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/access"
	"lifeline/internal/access/signin/signintest"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// plugs adds an authenticator to a page.
func (b *tab) plugs(transport webauthn.AuthenticatorTransport) webauthn.AuthenticatorID {
	b.t.Helper()
	got, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: transport,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
	if err != nil {
		b.t.Fatal(err)
	}
	return got.AuthenticatorID
}

// unplugs takes an authenticator away, with what it holds.
func (b *tab) unplugs(id webauthn.AuthenticatorID) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{
		AuthenticatorID: id}); err != nil {
		b.t.Fatal(err)
	}
}

// enrols enrols a person in the console, with a passkey in the machine and one in a security key.
func (b *tab) enrols(code string) (inside, outside webauthn.AuthenticatorID) {
	b.t.Helper()
	inside = b.plugs(webauthn.AuthenticatorTransportInternal)
	b.goes("#/enrol")
	b.fills("One-time code", code)
	b.fills("Name of the first passkey", "blue laptop")
	b.press("Make the first passkey")
	b.sees("The first passkey is made")
	outside = b.plugs(webauthn.AuthenticatorTransportUsb)
	b.fills("Name of the second passkey", "grey key")
	b.press("Make the second passkey")
	b.sees("Sign out")
	return inside, outside
}

// A person's whole way in a real browser: enrol, sign in, confirm, lose a device, wipe one, be recovered by two others.
func TestAPersonEnrolsSignsInConfirmsAndIsRecoveredInTheConsole(t *testing.T) {
	longform.Only(t)
	h := open(t, filepath.Join(t.TempDir(), "data"))
	h.as("admin", access.NewToken{Name: "first admin", Role: access.Admin})
	add := func(m wire.Member) {
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.do("POST", "/v1/people", h.secrets["admin"], nil, body); got.status != http.StatusCreated {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	add(wire.Member{ID: "sora", Name: "소라", Roles: []string{"admin"}, Active: true})
	var code wire.PersonCode
	h.do("POST", "/v1/people/sora/code", h.secrets["admin"], nil, nil).into(t, &code)
	hana, hanas := h.enrolled("hana", "admin")
	ruth, ruths := h.enrolled("ruth", "producer")

	b := h.tabAt(browser(t), h.console())
	b.refused(http.StatusForbidden) // what is to be confirmed
	b.refused(http.StatusUnauthorized)
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	inside, outside := b.enrols(code.Code)
	b.press("Sign out")
	b.sees("You are signed out.")
	b.press("Sign in by passkey")
	b.sees("Sign out")
	b.do(chromedp.Navigate(h.console() + "/#/people")) // the session outlives the page
	b.sees("Add a person")

	// what counts is confirmed by the same passkey
	b.press("Add a person…")
	b.fills("Name", "Ines")
	b.fills("Roles", "viewer")
	b.fills("Id", "ines")
	b.press("Add")
	b.seesIn("tr", "ines", "viewer")
	b.press("Code ines")
	b.press("Make it")
	b.until(`/^[0-9A-Z]{4}(-[0-9A-Z]{4}){2}$/.test(document.getElementById("code")?.innerText)`)
	b.press("Done")
	h.signsInTheCommandLine(b)

	// another sign-in is told, and ended
	copied := b.copies(inside, h.console())
	secret := h.signsIn(copied)
	b.do(chromedp.Navigate(h.console()+"/#/account"), chromedp.Reload())
	b.sees("New sign-in as you: browser from 127.0.0.1")
	asked[bool](b, `document.querySelector(".notices button.danger").click() ?? true`)
	b.until(`!document.querySelector(".notices button")`)
	if got := h.do("GET", "/v1/me", secret, nil, nil); got.status != http.StatusUnauthorized {
		t.Errorf("the ended session gets %d", got.status)
	}

	h.stolenCookieConfirmsNothing(b)
	h.phisherGetsNothing(b)

	// a lost device
	b.unplugs(inside)
	b.goes("#/account")
	b.press("End passkey blue laptop")
	b.press("End it")
	b.until(`![...document.querySelectorAll("td")].some(e => e.innerText.includes("blue laptop"))`)
	b.press("Sign out")
	b.sees("You are signed out.")
	b.press("Sign in by passkey")
	b.sees("Sign out")

	// two others, and neither alone: it is shown until the second approves
	recover := "/v1/people/sora/recovery"
	var first, second wire.PersonCode
	h.confirmed(hana[0], hanas, "POST", recover).into(t, &first)
	if first.Code != "" {
		t.Errorf("one person alone got the code %s", first.Code)
	}
	b.goes("#/people")
	b.seesIn("tr", "sora", "A second person must approve until")

	// a wiped device
	if _, err := chromedp.Call(b.ctx, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{
		AuthenticatorID: outside}); err != nil {
		t.Fatal(err)
	}
	b.press("Sign out")
	b.sees("You are signed out.")
	b.press("Sign in by passkey")
	b.sees("The passkey was not used")

	h.confirmed(ruth[0], ruths, "POST", recover).into(t, &second)
	b.unplugs(outside)
	b.enrols(second.Code)
	b.goes("#/account")
	b.sees("grey key")
}

// runs runs a command in the background. after returns what follows a label in a line that the command says next, and
// done how it exits.
func (h *house) runs(args ...string) (after func(label string) string, done func() int) {
	h.t.Helper()
	said, told := io.Pipe()
	exit := make(chan int, 1)
	go func() {
		exit <- commands.Run(h.t.Context(), append(args, "--server", h.url), told, told)
		told.Close()
	}()
	lines := bufio.NewScanner(said)
	return func(label string) string {
			for lines.Scan() {
				if _, value, ok := strings.Cut(lines.Text(), label); ok {
					return strings.TrimSpace(value)
				}
			}
			h.t.Fatalf("lifeline %v does not say %q", args, label)
			return ""
		}, func() int {
			for lines.Scan() {
			}
			return <-exit
		}
}

// signsInTheCommandLine runs lifeline login, and the person of a page follows its link and types its code.
func (h *house) signsInTheCommandLine(b *tab) {
	h.t.Helper()
	h.t.Setenv("XDG_CONFIG_HOME", h.t.TempDir())
	after, done := h.runs("login", "--no-browser")
	code, link := after("Code:"), after("Address:")
	if strings.Contains(link, code) {
		h.t.Errorf("the link %s has the code", link)
	}
	b.do(chromedp.Navigate(link), chromedp.Reload())
	b.sees("It asks from")
	b.sees("127.0.0.1")
	b.fills("The code in your terminal", code)
	b.press("Sign it in as me")
	b.sees("The command line is signed in")
	if name := after("signed in as"); !strings.HasPrefix(name, "소라") || done() != 0 {
		h.t.Errorf("signed in as %s", name)
	}
	run := func(want int, says string, args ...string) {
		h.t.Helper()
		var out bytes.Buffer
		got := commands.Run(h.t.Context(), append(args, "--server", h.url), &out, &out)
		if got != want || !strings.Contains(out.String(), says) {
			h.t.Errorf("%v: exit %d: %s", args, got, out.String())
		}
	}
	run(0, "ines", "people", "list")

	// what counts waits for its confirmation in the console
	after, done = h.runs("people", "set", "ines", "--role", "producer")
	after("confirm it there")
	after("")
	b.do(chromedp.Navigate(after("")), chromedp.Reload())
	b.sees("PATCH /v1/people/ines")
	b.press("Confirm by passkey")
	b.sees("It is confirmed")
	after("ines")
	if code := done(); code != 0 {
		h.t.Errorf("exit %d", code)
	}
	h.changesWhatIsOnTheAir(b)
	run(0, "signed out", "logout")
	run(1, "lifeline login", "people", "list")
}

// changesWhatIsOnTheAir edits an approved segment and replaces its recording, in the console and in the command line,
// in which the person of a page is signed in. Each time the person confirms it by passkey.
func (h *house) changesWhatIsOnTheAir(b *tab) {
	h.t.Helper()
	recording, err := samples.Files.ReadFile("time-signal.mp3")
	if err != nil {
		h.t.Fatal(err)
	}
	if got := h.upload(h.secrets["producer"], `{"id":"jingle","kind":"music","title":"Jingle","language":"zxx"}`,
		recording); got.status != http.StatusCreated {
		h.t.Fatalf("%d %s", got.status, got.body)
	}
	h.approveAgain("jingle")
	b.goes("#/segments/jingle")
	b.press("Edit…")
	b.fills("Title", "Jingle of the morning")
	b.press("Save")
	b.until(`!document.querySelector("dialog")`)
	b.sees("Jingle of the morning")
	at := filepath.Join(h.t.TempDir(), "jingle.mp3")
	for name, content := range map[string][]byte{at: recording,
		strings.TrimSuffix(at, ".mp3") + ".yaml": []byte("id: jingle\ntitle: Jingle of the evening\n")} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	confirms := func(what, request string, args ...string) {
		h.t.Helper()
		h.approveAgain("jingle") // what is not approved needs no confirmation
		after, done := h.runs(args...)
		after("confirm it there")
		after("")
		b.do(chromedp.Navigate(after("")), chromedp.Reload())
		b.sees(what)
		b.sees(request)
		b.press("Confirm by passkey")
		b.sees("It is confirmed")
		if code := done(); code != 0 {
			h.t.Errorf("%v: exit %d", args, code)
		}
	}
	confirms("Change the metadata of a segment", "PATCH /v1/segments/jingle", "upload", at, "--update", "--quiet")
	other := append(bytes.Clone(recording), ("TAG" + strings.Repeat("\x00", 125))...)
	if err := os.WriteFile(at, other, 0o600); err != nil {
		h.t.Fatal(err)
	}
	confirms("Replace the recording of a segment", "PUT /v1/segments/jingle/audio", "upload", at, "--replace", "--quiet")
	var s schedules.Segment
	h.get("/v1/segments/jingle", &s)
	if s.Title != "Jingle of the evening" || s.State != schedules.Pending || len(s.Previous) != 1 {
		h.t.Errorf("%+v", s)
	}
}

// confirmed sends a request of a session that must be confirmed, and confirms it.
func (h *house) confirmed(d *signintest.Device, secret, method, path string) answer {
	h.t.Helper()
	var p wire.Problem
	h.do(method, path, secret, nil, nil).into(h.t, &p)
	if p.StepUp == nil {
		h.t.Fatalf("%s %s: %+v", method, path, p)
	}
	return h.do(method, path, secret, map[string]string{wire.AssertionHeader: d.Header(h.t, *p.StepUp)}, nil)
}

// stolenCookieConfirmsNothing uses the cookie of a page elsewhere: it reads, and can confirm nothing.
func (h *house) stolenCookieConfirmsNothing(b *tab) {
	h.t.Helper()
	jar, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil || len(jar.Cookies) != 1 {
		h.t.Fatal(jar, err)
	}
	c := jar.Cookies[0]
	if c.Name != "__Host-lifeline" || !c.HTTPOnly || !c.Secure || c.SameSite != network.CookieSameSiteStrict {
		h.t.Errorf("%+v", c)
	}
	stolen := map[string]string{"Cookie": c.Name + "=" + c.Value, "Origin": h.console(),
		"Sec-Fetch-Site": "same-origin", "User-Agent": asked[string](b, "navigator.userAgent")} // as a thief copies it too
	if got := h.do("GET", "/v1/me", "", stolen, nil); got.status != http.StatusOK {
		h.t.Errorf("%d %s", got.status, got.body)
	}
	for _, path := range []string{"/v1/people", "/v1/tokens", "/v1/segments/a/recall", "/v1/publish",
		"/v1/people/ines/code"} {
		if got := h.do("POST", path, "", stolen, []byte("{}")); !strings.Contains(string(got.body), "step-up-required") {
			h.t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// copies returns a device with a copy of the passkey that an authenticator of the page holds.
func (b *tab) copies(id webauthn.AuthenticatorID, origin string) *signintest.Device {
	b.t.Helper()
	got, err := chromedp.Call(b.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: id})
	if err != nil || len(got.Credentials) != 1 {
		b.t.Fatal(got, err)
	}
	c := got.Credentials[0]
	d := signintest.New(b.t, origin)
	d.Key = virtualwebauthn.NewCredentialWithImportedKey(virtualwebauthn.KeyTypeEC2, c.PrivateKey)
	d.Key.ID, d.Key.Counter, d.Options.UserHandle = c.CredentialID, uint32(c.SignCount)+9, c.UserHandle
	return d
}

// signsIn signs in by a device elsewhere, and returns the secret of the session.
func (h *house) signsIn(d *signintest.Device) string {
	h.t.Helper()
	r, err := h.service.SignIn.Ask()
	if err != nil {
		h.t.Fatal(err)
	}
	body, err := json.Marshal(d.Says(h.t, r))
	if err != nil {
		h.t.Fatal(err)
	}
	got := h.do("POST", "/v1/sign-in", "", map[string]string{"Content-Type": "application/json"}, body)
	secret, _, _ := strings.Cut(strings.TrimPrefix(got.header.Get("Set-Cookie"), "__Host-lifeline="), ";")
	if got.status != http.StatusCreated || secret == "" {
		h.t.Fatalf("%d %s", got.status, got.body)
	}
	return secret
}

// visits goes to a page of another service.
func (b *tab) visits(origin, path string) {
	b.t.Helper()
	b.mu.Lock()
	b.others = append(b.others, origin+"/")
	b.mu.Unlock()
	b.do(chromedp.Navigate(origin + path))
}

// phisherGetsNothing lures the person of a page, with the real devices, to pages that relay to the service.
func (h *house) phisherGetsNothing(b *tab) {
	h.t.Helper()
	target, err := url.Parse(h.url)
	if err != nil {
		h.t.Fatal(err)
	}
	var answers []string
	relay := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Set("Origin", h.console()) // as if the console asked
		r.Out.Header.Set("Sec-Fetch-Site", "same-origin")
	}, ModifyResponse: func(r *http.Response) error {
		if r.Request.URL.Path == "/v1/sign-in" {
			body, err := io.ReadAll(r.Body)
			answers = append(answers, fmt.Sprint(r.StatusCode, " ", string(body)))
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			return err
		}
		return nil
	}}
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/lure" {
			w.Header().Set("Content-Type", "text/html")
			return
		}
		relay.ServeHTTP(w, r)
	}))
	defer evil.Close()
	port := evil.URL[strings.LastIndexByte(evil.URL, ':'):]
	for _, host := range []string{"localhost", "evil.localhost"} {
		b.visits("http://"+host+port, "/lure")
		for _, party := range []string{"localhost", host} {
			said := asked[string](b, fmt.Sprintf(`(async () => {
				const bytes = t => Uint8Array.from(atob(t), c => c.charCodeAt(0)), text = b => btoa(String.fromCharCode(...new Uint8Array(b)))
				const asked = await (await fetch('/v1/sign-in/options', {method: 'POST'})).json()
				try {
					const {rawId, response: r} = await navigator.credentials.get({publicKey: {challenge: bytes(asked.challenge), rpId: %s, userVerification: 'required'}, signal: AbortSignal.timeout(3000)})
					return String((await fetch('/v1/sign-in', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({credential: text(rawId),
						client_data: text(r.clientDataJSON), authenticator_data: text(r.authenticatorData), signature: text(r.signature), user_handle: text(r.userHandle)})})).status)
				} catch (e) { return e.name }
			})()`, quoted(party)))
			h.t.Logf("a page of %s that asks for a passkey of %s: %s", host, party, said)
		}
	}
	b.do(chromedp.Navigate(h.console() + "/"))
	b.sees("Sign out")
	evil.Close() // no answer is written any more
	if len(answers) == 0 {
		h.t.Error("no assertion reached the service by way of the phisher: the lure tests nothing")
	}
	for _, a := range answers {
		if !strings.HasPrefix(a, "401 ") {
			h.t.Errorf("the phisher got %s", a)
		}
	}
}
