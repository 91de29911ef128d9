package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/access/provider"
	"lifeline/internal/access/provider/providertest"
	"lifeline/internal/access/signin"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
)

// providing gives the service an identity provider.
func (s *served) providing() *providertest.OpenID {
	there := providertest.Start(s.t)
	there.Now = func() time.Time { return s.now }
	s.parts.SignIn.Offer(provider.New(provider.Settings{Issuer: there.Issuer, ClientID: providertest.ClientID,
		Secret: providertest.Secret, Redirect: consoleOrigin + "/"}, there.Now))
	return there
}

// linked adds a person, and links the person with an identity on the service's machine.
func (s *served) linked(id string, there *providertest.OpenID, roles ...string) {
	s.t.Helper()
	_, err := s.parts.Members.Add(s.t.Context(), access.System, wire.Member{ID: id, Name: "Person " + id, Roles: roles,
		Identities: []wire.Identity{{Issuer: there.Issuer, Subject: there.Subject}}})
	s.must(err)
}

// leaves begins a sign-in at the provider, and returns what the provider sends back and the cookie that is kept
// meanwhile.
func (c *browserTab) leaves(there *providertest.OpenID) (wire.ProviderAnswer, *http.Cookie) {
	c.t.Helper()
	got := c.does("POST", "/v1/sign-in/provider/options", nil, nil)
	var out wire.ProviderSignIn
	c.into(got, &out)
	if got.Code != http.StatusOK || out.Origin != consoleOrigin || !strings.HasPrefix(out.Address, there.Issuer+"/") {
		c.t.Fatalf("%d %s", got.Code, got.Body)
	}
	back := there.Visit(out.Address)
	if back.Scheme+"://"+back.Host+back.Path != consoleOrigin+"/" {
		c.t.Fatal(back)
	}
	return wire.ProviderAnswer{State: back.Query().Get("state"), Code: back.Query().Get("code")}, got.Result().Cookies()[0]
}

// returns ends a sign-in at the provider.
func (c *browserTab) returns(in wire.ProviderAnswer, kept *http.Cookie) *httptest.ResponseRecorder {
	c.t.Helper()
	c.cookie = kept
	got := c.does("POST", "/v1/sign-in/provider", in, nil)
	c.cookie = nil
	for _, cookie := range got.Result().Cookies() {
		if cookie.Name == sessionCookie {
			c.cookie = cookie
		}
	}
	return got
}

// enters signs in by the provider.
func (c *browserTab) enters(there *providertest.OpenID) *httptest.ResponseRecorder {
	c.t.Helper()
	return c.returns(c.leaves(there))
}

// says fails the test unless an answer has a status and a text.
func (c *browserTab) says(what string, got *httptest.ResponseRecorder, status int, text string) {
	c.t.Helper()
	if got.Code != status || !strings.Contains(got.Body.String(), text) {
		c.t.Errorf("%s: %d %s", what, got.Code, got.Body)
	}
}

func TestAPersonSignsInByTheIdentityThatTheyAreLinkedWith(t *testing.T) {
	s := newServed(t)
	c := &browserTab{served: s}
	c.says("without a provider", c.does("GET", "/v1/sign-in", nil, nil), http.StatusOK, "{}")
	c.says("without a provider", c.does("POST", "/v1/sign-in/provider/options", nil, nil), http.StatusNotFound, "")
	c.says("without a provider", c.does("POST", "/v1/sign-in/provider", wire.ProviderAnswer{}, nil), http.StatusNotFound,
		"")
	there := s.providing()
	s.linked("sora", there, "producer")
	c.says("the ways", c.does("GET", "/v1/sign-in", nil, nil), http.StatusOK, there.Issuer)
	answer, kept := c.leaves(there)
	if kept.Name != providerCookie || !strings.HasPrefix(kept.Name, "__Host-") || !kept.Secure || !kept.HttpOnly ||
		kept.SameSite != http.SameSiteStrictMode || kept.Path != "/" || kept.Domain != "" || kept.MaxAge != 300 {
		t.Errorf("%+v", kept)
	}
	got := c.returns(answer, kept)
	c.says("the sign-in", got, http.StatusCreated, `"person":"sora"`)
	if c.cookie == nil || c.cookie.MaxAge != 12*60*60 || strings.Contains(got.Body.String(), c.cookie.Value) {
		t.Fatalf("%+v %s", c.cookie, got.Body)
	}
	var me wire.Me
	c.into(c.does("GET", "/v1/me", nil, nil), &me)
	if me.Person != "sora" || me.Session == "" {
		t.Errorf("%+v", me)
	}
	var sessions wire.Page[wire.Session]
	c.into(c.does("GET", "/v1/sessions", nil, nil), &sessions)
	if len(sessions.Items) != 1 || sessions.Items[0].Provider != there.Issuer {
		t.Errorf("%+v", sessions)
	}
	entries, err := s.store.Audit(t.Context(), store.AuditQuery{Limit: 100})
	s.must(err)
	if !slices.ContainsFunc(entries, func(e store.Change) bool {
		return e.Action == "session.start" && e.Person == "sora" && strings.Contains(e.Reason, there.Issuer)
	}) {
		t.Errorf("on the audit: %+v", entries)
	}
	s.now = s.now.Add(time.Hour) // without a request
	c.says("after an hour", c.does("GET", "/v1/me", nil, nil), http.StatusUnauthorized, "")
}

func TestASignInByTheProviderIsNeverEnoughForWhatIsConfirmed(t *testing.T) {
	s := newServed(t)
	there := s.providing()
	s.linked("sora", there, "admin")
	c := &browserTab{served: s}
	c.says("the sign-in", c.enters(there), http.StatusCreated, "")
	person := map[string]any{"name": "Ines", "roles": []string{"viewer"}, "active": true}
	c.says("without a passkey", c.does("POST", "/v1/people", person, nil), http.StatusConflict,
		"must be confirmed by passkey, and you have none; a sign-in by the identity provider is not enough")
	c.says("a command line", c.does("POST", "/v1/sign-in/command-line/approval", map[string]any{}, nil),
		http.StatusConflict, "you have none")

	hana := s.signedIn("hana-2", "admin") // has passkeys
	there.Subject = "00u2hana"
	member, err := s.parts.Members.Get("hana-2")
	s.must(err)
	_, err = s.parts.Members.Set(t.Context(), access.System, "hana-2", &member.Revision, func(m *wire.Member) error {
		m.Identities = []wire.Identity{{Issuer: there.Issuer, Subject: there.Subject}}
		return nil
	})
	s.must(err)
	c.says("the sign-in", c.enters(there), http.StatusCreated, "")
	asked := c.does("POST", "/v1/people", person, nil)
	c.says("with passkeys", asked, http.StatusForbidden, "step-up-required")
	var p wire.Problem
	c.into(asked, &p)
	c.says("confirmed", c.does("POST", "/v1/people", person, map[string]string{
		wire.AssertionHeader: hana.device.Header(t, *p.StepUp)}), http.StatusCreated, "Ines")
}

// Who has passkeys is given no other access by another person.
func TestNobodyGivesAccessToAPersonWhoHasPasskeysButThatPerson(t *testing.T) {
	s := newServed(t)
	there := s.providing()
	sora, hana := s.signedIn("sora", "admin"), s.signedIn("hana-2", "admin")
	link := map[string]any{"identities": []wire.Identity{{Issuer: there.Issuer, Subject: there.Subject}}}
	confirms := func(c *browserTab, person string, body any) *httptest.ResponseRecorder {
		t.Helper()
		var p wire.Problem
		c.into(c.does("PATCH", wire.People(person), body, map[string]string{"If-Match": "*"}), &p)
		if p.StepUp == nil {
			t.Fatalf("%s is linked without a confirmation: %+v", person, p)
		}
		return c.does("PATCH", wire.People(person), body, map[string]string{"If-Match": "*",
			wire.AssertionHeader: c.device.Header(t, *p.StepUp)})
	}
	sora.says("another", confirms(sora, "hana-2", link), http.StatusForbidden, "no other person links them alone")
	hana.says("themselves", confirms(hana, "hana-2", link), http.StatusOK, there.Subject)
	sora.says("the end of a link", confirms(sora, "hana-2", map[string]any{"identities": []any{}}), http.StatusOK, "")
	given, err := s.parts.Access.Create(t.Context(), access.Actor{Name: "Ada", Role: access.Admin, Token: "t"},
		access.NewToken{Name: "Kim two", Role: access.Admin})
	s.must(err)
	for what, change := range map[string]map[string]any{"another name": {"other_names": []string{"kim  two"}},
		"the name": {"name": "Kim two"}} {
		sora.says(what, confirms(sora, "hana-2", change), http.StatusForbidden, "token "+given.ID)
	}
	sora.says("a name of no token", confirms(sora, "hana-2", map[string]any{"other_names": []string{"Kim"}}),
		http.StatusOK, "Kim")
	hana.says("themselves", confirms(hana, "hana-2", map[string]any{"other_names": []string{"Kim two"}}), http.StatusOK,
		"Kim two")
	sora.says("a name of theirs", confirms(sora, "hana-2", map[string]any{"name": "Kim two"}), http.StatusOK, "")
	sora.says("who has none", confirms(sora, "hana", link), http.StatusOK, there.Subject)
}

func TestASignInAtTheProviderIsOfOneBrowserAndOnce(t *testing.T) {
	s := newServed(t)
	there := s.providing()
	s.linked("sora", there, "producer")
	c := &browserTab{served: s}
	answer, kept := c.leaves(there)
	another, others := c.leaves(there)
	c.says("another browser", c.returns(answer, others), http.StatusUnauthorized, "this browser did not begin")
	c.says("no cookie", c.returns(answer, nil), http.StatusUnauthorized, "this browser did not begin")
	c.says("a state of nobody", c.returns(wire.ProviderAnswer{State: "AAAA", Code: answer.Code}, kept),
		http.StatusUnauthorized, "this browser did not begin")
	// a code of another browser, whose person a thief would have this one signed in as
	c.says("another's code", c.returns(wire.ProviderAnswer{State: answer.State, Code: another.Code}, kept),
		http.StatusUnauthorized, "does not accept the code")
	answer, kept = c.leaves(there)
	c.says("the first time", c.returns(answer, kept), http.StatusCreated, "")
	c.says("again", c.returns(answer, kept), http.StatusUnauthorized, "used already")
	answer, kept = c.leaves(there)
	s.now = s.now.Add(5 * time.Minute)
	c.says("too late", c.returns(answer, kept), http.StatusUnauthorized, "too long ago")
	c.cookie = nil
	c.says("a page of another site", c.does("POST", "/v1/sign-in/provider/options", nil, map[string]string{
		"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}), http.StatusForbidden, "another site")
}

func TestNoHeaderOfARequestChangesWhereTheProviderSendsABrowser(t *testing.T) {
	s := newServed(t)
	s.providing()
	r := httptest.NewRequest("POST", "https://evil.example/v1/sign-in/provider/options", nil)
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Host"} {
		r.Header.Set(name, "evil.example")
	}
	r.Header.Set("Forwarded", "host=evil.example")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var out wire.ProviderSignIn
	(&browserTab{served: s}).into(w, &out)
	u, err := url.Parse(out.Address)
	if err != nil || u.Query().Get("redirect_uri") != consoleOrigin+"/" || strings.Contains(w.Body.String(), "evil") {
		t.Errorf("%s, %v", w.Body, err)
	}
}

func TestAnIdentityThatNobodyIsLinkedWithIsToldAndRefused(t *testing.T) {
	s := newServed(t)
	there := s.providing()
	_, err := s.parts.Members.Add(t.Context(), access.System, wire.Member{ID: "sora", // as the provider says of them
		Name: "Hana", Others: []string{"hana@lifeline.example"}, Roles: []string{"admin"}})
	s.must(err)
	c := &browserTab{served: s}
	got := c.enters(there)
	c.says("an unknown subject", got, http.StatusForbidden, there.Subject)
	c.says("an unknown subject", got, http.StatusForbidden, "Give it to an administrator")
	if c.cookie != nil {
		t.Errorf("signed in: %+v", c.cookie)
	}
	entries, err := s.store.Audit(t.Context(), store.AuditQuery{Limit: 100})
	s.must(err)
	if !slices.ContainsFunc(entries, func(e store.Change) bool {
		return e.Action == "request.refused" && strings.Contains(e.Reason, "no person is linked")
	}) {
		t.Errorf("on the audit: %+v", entries)
	}
}

func TestWithTheLinkTheSignInsByItEnd(t *testing.T) {
	s := newServed(t)
	there := s.providing()
	s.linked("sora", there, "producer")
	c := &browserTab{served: s}
	c.says("the sign-in", c.enters(there), http.StatusCreated, "")
	set := func(change func(*wire.Member)) {
		t.Helper()
		_, err := s.parts.Members.Set(t.Context(), access.System, "sora", nil, func(m *wire.Member) error {
			change(m)
			return nil
		})
		s.must(err)
	}
	set(func(m *wire.Member) { m.Identities = nil })
	c.says("after the link", c.does("GET", "/v1/me", nil, nil), http.StatusUnauthorized, "")
	c.says("a new sign-in", c.enters(there), http.StatusForbidden, there.Subject)

	set(func(m *wire.Member) { m.Identities = []wire.Identity{{Issuer: there.Issuer, Subject: there.Subject}} })
	c.says("linked again", c.enters(there), http.StatusCreated, "")
	set(func(m *wire.Member) { m.Active = false })
	c.says("an ended person", c.does("GET", "/v1/me", nil, nil), http.StatusUnauthorized, "")
	c.says("an ended person", c.enters(there), http.StatusUnauthorized, "was ended")

	set(func(m *wire.Member) { m.Active = true })
	c.says("activated", c.enters(there), http.StatusCreated, "")
	own := c.cookie
	other := s.providing() // the house changes its provider, where another has that subject
	c.cookie = own
	c.says("by the provider of before", c.does("GET", "/v1/me", nil, nil), http.StatusUnauthorized, "")
	c.cookie = nil
	c.says("by another provider", c.enters(other), http.StatusForbidden, "knows you as")
}

// An identity of before would stay on the audit when its person is erased.
func TestTheAuditNamesNoIdentityOfARefusedSignIn(t *testing.T) {
	s := newServed(t)
	there := s.providing()
	s.linked("sora", there, "producer")
	linked := s.parts.Replica.Sequence()
	c := &browserTab{served: s}
	for _, change := range []func(*wire.Member){func(m *wire.Member) { m.Active = false },
		func(m *wire.Member) { m.Identities = nil }} {
		_, err := s.parts.Members.Set(t.Context(), access.System, "sora", nil, func(m *wire.Member) error {
			change(m)
			return nil
		})
		s.must(err)
		if got := c.enters(there); got.Code != http.StatusForbidden && got.Code != http.StatusUnauthorized {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		s.now = s.now.Add(time.Minute) // for a record of each
	}
	changes, err := s.store.Changes(t.Context(), linked, 100)
	s.must(err)
	refused := 0
	for _, e := range changes {
		if e.Kind != replica.KindPerson && strings.Contains(e.Reason+e.Fields+e.By, there.Subject) {
			t.Errorf("on the audit: %+v", e)
		}
		if e.Action == "request.refused" {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d refusals are on the audit: %+v", refused, changes)
	}
}

func TestReturnsOfStrangersCannotFillTheStore(t *testing.T) {
	s := newServed(t)
	there := s.providing()
	c := &browserTab{served: s}
	for _, code := range []string{"", "of another"} {
		answer, kept := c.leaves(there)
		if code != "" {
			answer.Code = code
		}
		s.must(s.parts.Replica.CatchUp(t.Context()))
		before := s.parts.Replica.Sequence()
		if got := c.returns(answer, kept); got.Code != http.StatusForbidden && got.Code != http.StatusUnauthorized {
			t.Fatalf("a stranger: %d %s", got.Code, got.Body)
		}
		changes, err := s.store.Changes(t.Context(), before, 100)
		s.must(err)
		for _, e := range changes {
			if e.Action != "request.refused" { // of which there is a bound
				t.Errorf("stored: %+v", e)
			}
		}
	}
}

// Linked again at once, before any sweep, or activated again.
func TestASessionDoesNotComeBackWithItsLinkOrItsPerson(t *testing.T) {
	s := newServed(t)
	there := s.providing()
	s.linked("sora", there, "producer")
	admin := &browserTab{served: s}
	set := func(change map[string]any) {
		t.Helper()
		admin.says("the change", admin.does("PATCH", wire.People("sora"), change, map[string]string{"If-Match": "*",
			"Authorization": "Bearer " + s.token}), http.StatusOK, "")
	}
	link := []wire.Identity{{Issuer: there.Issuer, Subject: there.Subject}}
	for what, change := range map[string][2]map[string]any{
		"the link":   {{"identities": []any{}}, {"identities": link}},
		"the person": {{"active": false}, {"active": true}},
	} {
		c := &browserTab{served: s}
		c.says("the sign-in", c.enters(there), http.StatusCreated, "")
		set(map[string]any{"name": "Sora after " + what})
		c.says("another change", c.does("GET", "/v1/me", nil, nil), http.StatusOK, "")
		before := s.parts.Replica.Sequence()
		set(change[0])
		changes, err := s.store.Changes(t.Context(), before, 100)
		s.must(err)
		if !slices.ContainsFunc(changes, func(e store.Change) bool { return e.Kind == signin.KindSession && e.Deleted }) {
			t.Errorf("the end of %s is no end of the session: %+v", what, changes)
		}
		set(change[1])
		c.says("after "+what+" came back", c.does("GET", "/v1/me", nil, nil), http.StatusUnauthorized, "")
	}
}

func TestAProviderOutOfReachIsToldAndHoldsNoOther(t *testing.T) {
	s := newServed(t)
	there := s.providing()
	there.Answer("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the secret of another", http.StatusBadGateway)
	})
	c := &browserTab{served: s}
	got := c.does("POST", "/v1/sign-in/provider/options", nil, nil)
	c.says("the provider is down", got, http.StatusServiceUnavailable, "does not answer as it should")
	if strings.Contains(got.Body.String(), "secret") || len(got.Result().Cookies()) != 0 {
		t.Errorf("%s %v", got.Body, got.Result().Cookies())
	}
	c.says("by passkey", c.does("POST", "/v1/sign-in/options", nil, nil), http.StatusOK, "challenge")
}
