package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/access/signin/signintest"
	"lifeline/internal/store"
	"lifeline/internal/wire"
)

const consoleOrigin = "https://lifeline.example"

// browserTab is a browser in which a person is signed in.
type browserTab struct {
	*served
	cookie *http.Cookie
	device *signintest.Device
}

// signedIn enrols a new person and signs in by the browser's own requests.
func (s *served) signedIn(id string, roles ...string) *browserTab {
	s.t.Helper()
	_, err := s.parts.Members.Add(s.t.Context(), access.System, wire.Member{ID: id, Name: "Person " + id, Roles: roles})
	s.must(err)
	code, err := s.parts.SignIn.NewCode(s.t.Context(), access.System, id)
	s.must(err)
	c := &browserTab{served: s, device: signintest.New(s.t, consoleOrigin)}
	in := wire.PasskeyEnrolment{Code: code.Code}
	for _, d := range []*signintest.Device{c.device, signintest.New(s.t, consoleOrigin)} {
		var r wire.PasskeyCreation
		c.into(c.does("POST", "/v1/sign-in/enrolment/options", wire.EnrolmentCheck{Code: code.Code}, nil), &r)
		in.Passkeys = append(in.Passkeys, d.Makes(s.t, r))
	}
	got := c.does("POST", "/v1/sign-in/enrolment", in, nil)
	if got.Code != http.StatusCreated {
		s.t.Fatal(got.Code, got.Body)
	}
	c.cookie = got.Result().Cookies()[0]
	return c
}

// does sends a request as the console's page does, but for the headers that are given.
func (c *browserTab) does(method, path string, body any, headers map[string]string) *httptest.ResponseRecorder {
	c.t.Helper()
	text := ""
	if body != nil {
		b, err := json.Marshal(body)
		c.must(err)
		text = string(b)
	}
	r := httptest.NewRequest(method, consoleOrigin+path, strings.NewReader(text))
	r.Header.Set("Origin", consoleOrigin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.cookie != nil {
		r.AddCookie(c.cookie)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w
}

func (c *browserTab) into(w *httptest.ResponseRecorder, v any) {
	c.t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
		c.t.Fatalf("%v: %d %s", err, w.Code, w.Body)
	}
}

func TestTheCookieOfASessionIsOfThisHostAloneAndUnreadable(t *testing.T) {
	c := newServed(t).signedIn("sora", "admin")
	got := c.cookie
	if got.Name != "__Host-lifeline" || !got.Secure || !got.HttpOnly || got.SameSite != http.SameSiteStrictMode ||
		got.Path != "/" || got.Domain != "" || got.MaxAge != 12*60*60 || !signin.Is(got.Value) {
		t.Errorf("%+v", got)
	}
	var me wire.Me
	c.into(c.does("GET", "/v1/me", nil, nil), &me)
	if me.Person != "sora" || me.Session == "" || len(me.Roles) != 1 || me.Role != "admin" {
		t.Errorf("%+v", me)
	}
	var sessions wire.Page[wire.Session]
	c.into(c.does("GET", "/v1/sessions", nil, nil), &sessions)
	if len(sessions.Items) != 1 || strings.Contains(c.does("GET", "/v1/sessions", nil, nil).Body.String(), got.Value) {
		t.Errorf("%+v", sessions)
	}
	out := c.does("DELETE", "/v1/sessions/"+me.Session, nil, nil)
	if out.Code != http.StatusNoContent || out.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("%d %+v", out.Code, out.Result().Cookies())
	}
	if got := c.does("GET", "/v1/me", nil, nil); got.Code != http.StatusUnauthorized {
		t.Errorf("after the end: %d %s", got.Code, got.Body)
	}
}

func TestACookieCountsOnlyFromTheConsolesOwnPages(t *testing.T) {
	c := newServed(t).signedIn("sora", "admin")
	for what, headers := range map[string]map[string]string{
		"another origin":       {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
		"a sibling":            {"Origin": "https://evil.lifeline.example", "Sec-Fetch-Site": "same-site"},
		"no origin":            {"Origin": "", "Sec-Fetch-Site": ""},
		"another port":         {"Origin": consoleOrigin + ":8443"},
		"plain HTTP":           {"Origin": "http://lifeline.example"},
		"an origin and a site": {"Sec-Fetch-Site": "cross-site"},
		"a page without one":   {"Origin": "null"},
	} {
		if got := c.does("POST", "/v1/plan", map[string]any{}, headers); got.Code != http.StatusForbidden {
			t.Errorf("a change by %s: %d %s", what, got.Code, got.Body)
		}
	}
	for what, headers := range map[string]map[string]string{
		"another site": {"Origin": "", "Sec-Fetch-Site": "cross-site"},
		"a sibling":    {"Origin": "", "Sec-Fetch-Site": "same-site"},
	} {
		if got := c.does("GET", "/v1/me", nil, headers); got.Code != http.StatusForbidden {
			t.Errorf("a reading by %s: %d %s", what, got.Code, got.Body)
		}
	}
	if got := c.does("GET", "/v1/me", nil, map[string]string{"Origin": ""}); got.Code != http.StatusOK {
		t.Errorf("the console's own: %d %s", got.Code, got.Body)
	}
}

// sparing lists what must be confirmed for some documents only.
var sparing = []string{"editSegment", "replaceAudio", "startUpload", "putScript"}

// Whoever has only the cookie can ask to confirm, and cannot.
func TestAStolenSessionDoesNothingThatMustBeConfirmed(t *testing.T) {
	s := newServed(t)
	c, other := s.signedIn("sora", "admin"), s.signedIn("ruth", "admin")
	tried := 0
	for _, r := range (&api{Parts: s.parts}).routes() {
		if !r.Confirmed || slices.Contains(sparing, r.ID) {
			continue
		}
		tried++
		path := r.Path
		for name, value := range map[string]string{":segment": "a", ":station": "s", ":person": "ruth", ":token": "t",
			":date": "2026-12-02", ":passkey": "k", ":session": "s"} {
			path = strings.ReplaceAll(path, name, value)
		}
		before := s.parts.Replica.Sequence()
		got := c.does(r.Method, path, map[string]any{}, nil)
		var p wire.Problem
		c.into(got, &p)
		if got.Code != http.StatusForbidden || p.Type != "urn:lifeline:problem:step-up-required" || p.StepUp == nil ||
			len(p.StepUp.Allow) != 2 {
			t.Errorf("%s: %d %s", r.ID, got.Code, got.Body)
			continue
		}
		for what, header := range map[string]string{"nothing": "", "noise": "bm9pc2U=",
			"another's passkey": other.device.Header(t, *p.StepUp)} {
			got := c.does(r.Method, path, map[string]any{}, map[string]string{wire.AssertionHeader: header})
			if got.Code != http.StatusForbidden && got.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s with %s: %d %s", r.ID, what, got.Code, got.Body)
			}
		}
		changes, err := s.store.Changes(t.Context(), before, 100)
		s.must(err)
		for _, change := range changes {
			if !strings.HasPrefix(change.Action, "session.") && change.Action != "request.refused" {
				t.Errorf("%s did %s", r.ID, change.Action)
			}
		}
	}
	if tried < 34 {
		t.Errorf("only %d acts must be confirmed", tried)
	}
}

func TestASessionEndsWhenAnotherBrowserSendsItsSecret(t *testing.T) {
	s := newServed(t)
	c := s.signedIn("sora", "admin")
	before := s.parts.Replica.Sequence()
	if got := c.does("GET", "/v1/me", nil, map[string]string{"User-Agent": "curl/8"}); got.Code !=
		http.StatusUnauthorized || !strings.Contains(got.Body.String(), "another browser") {
		t.Errorf("another browser: %d %s", got.Code, got.Body)
	}
	if got := c.does("GET", "/v1/me", nil, nil); got.Code != http.StatusUnauthorized {
		t.Errorf("the session goes on: %d %s", got.Code, got.Body)
	}
	changes, err := s.store.Changes(t.Context(), before, 100)
	s.must(err)
	if !slices.ContainsFunc(changes, func(c store.Change) bool {
		return c.Action == "session.end" && strings.Contains(c.Reason, "curl/8") && c.Person == "sora"
	}) {
		t.Errorf("the audit has %+v", changes)
	}
}

func TestADryRunNeedsNoConfirmationAndWhatItWouldDoDoes(t *testing.T) {
	c := newServed(t).signedIn("sora", "scheduler")
	for query, want := range map[string]int{"?dry_run=true": http.StatusOK, "": http.StatusForbidden,
		"?dry_run=false": http.StatusForbidden, "?dry_run=x": http.StatusForbidden} {
		if got := c.does("POST", "/v1/apply"+query, map[string]any{"stations": []any{}}, nil); got.Code != want {
			t.Errorf("apply%s: %d %s", query, got.Code, got.Body)
		}
	}
	if got := c.does("POST", "/v1/publish?dry_run=true", map[string]any{}, nil); got.Code == http.StatusOK {
		t.Errorf("publish has no dry run: %d %s", got.Code, got.Body)
	}
}

func TestAConfirmedRequestIsDoneOnceAndNoOtherIs(t *testing.T) {
	s := newServed(t)
	c := s.signedIn("sora", "admin")
	hana := wire.Member{Name: "Ines", Roles: []string{"viewer"}, Active: true}
	var p wire.Problem
	c.into(c.does("POST", "/v1/people", hana, nil), &p)
	answer := map[string]string{wire.AssertionHeader: c.device.Header(t, *p.StepUp)}
	stronger := hana
	stronger.Roles = []string{"admin"}
	if got := c.does("POST", "/v1/people", stronger, answer); got.Code != http.StatusForbidden {
		t.Errorf("another body: %d %s", got.Code, got.Body)
	}
	if got := c.does("POST", "/v1/people", hana, answer); got.Code != http.StatusCreated {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := c.does("POST", "/v1/people", hana, answer); got.Code != http.StatusForbidden {
		t.Errorf("again: %d %s", got.Code, got.Body)
	}
}

func TestATokenNeitherAddsPasskeysNorRecoversAPerson(t *testing.T) {
	s := newServed(t)
	s.signedIn("sora", "admin")
	c := &browserTab{served: s, device: signintest.New(t, consoleOrigin)}
	bearer := map[string]string{"Authorization": "Bearer " + s.token, "Origin": "", "Sec-Fetch-Site": ""}
	for _, path := range []string{"/v1/passkeys", "/v1/people/sora/recovery"} {
		if got := c.does("POST", path, map[string]any{}, bearer); got.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
	if got := c.does("POST", "/v1/people/sora/code", nil, bearer); got.Code != http.StatusConflict {
		t.Errorf("a code for who is enrolled: %d %s", got.Code, got.Body)
	}
}

// A browser that gets Basic asks the person for a user name and a password.
func TestABrowserIsNeverToldToAskForAPassword(t *testing.T) {
	s := newServed(t)
	c := s.signedIn("sora", "admin")
	s.now = s.now.Add(2 * time.Hour)
	for what, headers := range map[string]map[string]string{"a script": {"Sec-Fetch-Mode": "cors"},
		"an old browser": {"Origin": "", "Sec-Fetch-Site": ""}} {
		got := c.does("GET", "/v1/me", nil, headers)
		if said := got.Header().Values("WWW-Authenticate"); got.Code != http.StatusUnauthorized || len(said) != 1 ||
			!strings.HasPrefix(said[0], "Bearer") {
			t.Errorf("%s: %d %q", what, got.Code, said)
		}
	}
	c.cookie = nil
	got := c.does("GET", "/v1/me", nil, map[string]string{"Origin": "", "Sec-Fetch-Site": ""})
	if said := got.Header().Values("WWW-Authenticate"); len(said) != 2 {
		t.Errorf("a player: %q", said)
	}
}

func TestAPageThatNobodyUsesKeepsNoSessionAlive(t *testing.T) {
	s := newServed(t)
	c := s.signedIn("sora", "admin")
	for n := range 4 {
		s.now = s.now.Add(20 * time.Minute)
		got := c.does("GET", "/v1/me", nil, map[string]string{unattended: "true"})
		if alive := n < 2; alive != (got.Code == http.StatusOK) {
			t.Errorf("after %d minutes: %d %s", (n+1)*20, got.Code, got.Body)
		}
	}
}

func TestACommandLineGetsItsSessionOnceAPersonHasConfirmedIt(t *testing.T) {
	c := newServed(t).signedIn("sora", "admin")
	stranger := &browserTab{served: c.served}
	sum := sha256.Sum256([]byte("a secret"))
	var login wire.Login
	c.into(stranger.does("POST", "/v1/sign-in/command-line/options",
		wire.LoginAsk{Hash: hex.EncodeToString(sum[:]), Machine: "desk-2"}, nil), &login)
	if strings.Contains(login.Link, login.Code) || !strings.HasPrefix(login.Link, consoleOrigin+"/#/login/") ||
		login.Request.Remote == "" {
		t.Errorf("%+v", login)
	}
	check := wire.LoginCheck{Request: login.Request, Secret: "a secret"}
	if got := stranger.does("POST", "/v1/sign-in/command-line", check, nil); got.Code != http.StatusNoContent {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	const approval = "/v1/sign-in/command-line/approval"
	body := wire.LoginApproval{Request: login.Request, Code: login.Code}
	var asked wire.Problem
	c.into(c.does("POST", approval, body, nil), &asked)
	if asked.StepUp == nil {
		t.Fatalf("a session alone approves: %+v", asked)
	}
	got := c.does("POST", approval, body, map[string]string{wire.AssertionHeader: c.device.Header(t, *asked.StepUp)})
	if got.Code != http.StatusCreated || strings.Contains(got.Body.String(), "a secret") {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	var in wire.SignedIn
	c.into(stranger.does("POST", "/v1/sign-in/command-line", check, nil), &in)
	bearer := map[string]string{"Authorization": "Bearer " + in.Secret, "Origin": "", "Sec-Fetch-Site": ""}
	var me wire.Me
	c.into(stranger.does("GET", "/v1/me", nil, bearer), &me)
	if me.Person != "sora" || me.Session != in.ID || in.By != signin.ByCommandLine {
		t.Errorf("%+v %+v", me, in)
	}
	if got := stranger.does("POST", "/v1/people/sora/recovery", nil, bearer); got.Code != http.StatusForbidden ||
		!strings.Contains(got.Body.String(), "step-up-required") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// inCommandLine signs a command line in as the person of the tab, and returns the headers of its requests.
func (c *browserTab) inCommandLine() (in wire.SignedIn, headers map[string]string) {
	c.t.Helper()
	login, err := c.parts.SignIn.AskToLogIn(wire.LoginAsk{Hash: access.Hash("a secret")}, "192.0.2.9")
	c.must(err)
	by, err := c.parts.SignIn.Authenticate(c.cookie.Value)
	c.must(err)
	approval := wire.LoginApproval{Request: login.Request, Code: login.Code}
	_, err = c.parts.SignIn.ApproveLogin(c.t.Context(), by, approval)
	c.must(err)
	in, _, err = c.parts.SignIn.LoggedIn(wire.LoginCheck{Request: login.Request, Secret: "a secret"})
	c.must(err)
	return in, map[string]string{"Authorization": "Bearer " + in.Secret, "Origin": "", "Sec-Fetch-Site": ""}
}

func TestEachAnswerTellsACommandLineOfTheSignInsSinceItsOwn(t *testing.T) {
	c := newServed(t).signedIn("sora", "admin")
	c.signedIn("ines", "admin")
	stranger := &browserTab{served: c.served}
	c.now = c.now.Add(time.Minute)
	in, bearer := c.inCommandLine()
	if got := stranger.does("GET", "/v1/me", nil, bearer).Header()[wire.SignInHeader]; len(got) != 0 {
		t.Errorf("of what was before: %q", got)
	}
	later := &browserTab{served: c.served, device: c.device}
	var request wire.PasskeyChallenge
	c.into(later.does("POST", "/v1/sign-in/options", nil, nil), &request)
	entered := later.does("POST", "/v1/sign-in", c.device.Says(t, request), nil)
	if entered.Code != http.StatusCreated {
		t.Fatalf("%d %s", entered.Code, entered.Body)
	}
	later.cookie = entered.Result().Cookies()[0]
	for _, path := range []string{"/v1/me", "/v1/people/nobody"} {
		got := stranger.does("GET", path, nil, bearer).Header()[wire.SignInHeader]
		if len(got) != 1 {
			t.Fatalf("%s tells of %d sign-ins, and not of the one since its own", path, len(got))
		}
		var n wire.SignInNotice
		b, err := base64.StdEncoding.DecodeString(got[0])
		c.must(err)
		c.must(json.Unmarshal(b, &n))
		if n.Name != "Person sora" || n.Session == "" || n.Session == in.ID || n.Remote == "" {
			t.Errorf("%s: %+v", path, n)
		}
	}
	if got := later.does("GET", "/v1/me", nil, nil).Header()[wire.SignInHeader]; len(got) != 0 {
		t.Errorf("the console is told by a header: %q", got)
	}
}

func TestARequestOfACommandLineIsDoneOnceItsPersonHasConfirmedItInTheConsole(t *testing.T) {
	c := newServed(t).signedIn("sora", "admin")
	line := &browserTab{served: c.served}
	in, headers := c.inCommandLine()
	add := func(id, challenge string) *httptest.ResponseRecorder {
		headers[wire.ConfirmedHeader] = challenge
		return line.does("POST", "/v1/people", map[string]any{"id": id, "name": "Person " + id, "roles": []string{"viewer"}},
			headers)
	}
	var asked wire.Problem
	c.into(add("ines", ""), &asked)
	if asked.StepUp == nil || !strings.HasPrefix(asked.StepUp.Link, consoleOrigin+"/#/confirm/") {
		t.Fatalf("%+v", asked)
	}
	_, part, _ := strings.Cut(asked.StepUp.Link, "/#/confirm/")
	text, err := base64.RawURLEncoding.DecodeString(part)
	c.must(err)
	var request wire.ConfirmationRequest
	c.must(json.Unmarshal(text, &request))
	if request.Operation != "addMember" || request.Path != "/v1/people" || request.Session != in.ID {
		t.Errorf("%+v", request)
	}
	challenge := base64.StdEncoding.EncodeToString(asked.StepUp.Challenge)
	refused := func(what string, got *httptest.ResponseRecorder, status int) {
		t.Helper()
		if got.Code != status {
			t.Errorf("%s: %d %s", what, got.Code, got.Body)
		}
	}
	refused("before", add("ines", challenge), http.StatusForbidden)
	refused("no base64", add("ines", "?"), http.StatusUnprocessableEntity)
	given := wire.Confirmation{Request: request, Assertion: c.device.Says(t, *asked.StepUp)}
	refused("the person confirms", c.does("POST", "/v1/sessions/confirmation", given, nil), http.StatusNoContent)
	refused("something else", add("hana", challenge), http.StatusForbidden)
	refused("it is done", add("ines", challenge), http.StatusCreated)
	refused("again", add("ines", challenge), http.StatusForbidden)
}

func TestOnlyThePersonMakesTokensOfAPersonWithPasskeys(t *testing.T) {
	s := newServed(t)
	asks := func(person string) *httptest.ResponseRecorder {
		body := strings.NewReader(`{"person":"` + person + `","role":"producer"}`)
		r := httptest.NewRequest(http.MethodPost, "/v1/tokens", body)
		r.Header.Set("Authorization", "Bearer "+s.token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w
	}
	jisu := wire.Member{ID: "jisu", Name: "Jisu", Roles: []string{"producer"}}
	_, err := s.parts.Members.Add(t.Context(), access.System, jisu)
	s.must(err)
	if w := asks("jisu"); w.Code != http.StatusCreated {
		t.Errorf("of a person without passkeys: %d %s", w.Code, w.Body)
	}
	s.signedIn("sora", "producer")
	if w := asks("sora"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "passkeys") {
		t.Errorf("of a person with passkeys: %d %s", w.Code, w.Body)
	}
	handlers := tokenHandlers{Parts: &s.parts}
	s.must(handlers.onlyByThemselves(access.Actor{Person: "sora", Session: "id"}, "sora"))
	if handlers.onlyByThemselves(access.Actor{Person: "sora"}, "sora") == nil ||
		handlers.onlyByThemselves(access.Actor{Person: "jisu", Session: "id"}, "sora") == nil {
		t.Error("a token, or another person, makes tokens of a person with passkeys")
	}
}

// What is refused so was not even read.
func TestSignInsAndEnrolmentsArePacedBeforeTheirWork(t *testing.T) {
	s := newServed(t)
	c := &browserTab{served: s}
	for _, path := range []string{"/v1/sign-in", "/v1/sign-in/enrolment", "/v1/sign-in/command-line/options",
		"/v1/sign-in/provider/options"} {
		last := 0
		for range loginBurst + 1 {
			last = c.does("POST", path, "nonsense", nil).Code
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("%s, after %d tries: %d", path, loginBurst, last)
		}
	}
}
