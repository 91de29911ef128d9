package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// signInHandlers sign persons in by passkey or by the identity provider, and serve their passkeys and sessions.
type signInHandlers struct{ *api }

// maxPasskeys bounds the body of what anybody may send to sign in or enrol, in bytes.
const maxPasskeys = 64 << 10

var exampleRequest = wire.PasskeyChallenge{Challenge: []byte("challenge"), Host: "lifeline.example",
	Origin: "https://lifeline.example", Timeout: schedules.Ms(300000)}

func (a signInHandlers) routes() []route {
	making := wire.PasskeyCreation{PasskeyChallenge: exampleRequest, Party: "Lifeline", Handle: []byte("handle"),
		Name: "Sora", Algorithms: []int64{-7}}
	made := wire.NewPasskey{Name: "grey key", Credential: []byte("credential"), ClientData: []byte("{…}"),
		Attestation: []byte("attestation")}
	session := wire.Session{ID: "0d9c6f2e41b7a8035c1e", Person: "sora", By: signin.ByBrowser, Remote: "192.0.2.7",
		CreatedAt: exampleStart, UsedAt: exampleStart, ExpiresAt: examplePlus(12), Present: true}
	tooFast := "Too many tries from this address."
	none := "The service's address can have no passkeys: it has no name, or no TLS."
	begun := apidoc.Gives(http.StatusCreated, "The session. Its secret is in the cookie "+sessionCookie+".",
		wire.SignedIn{Session: session}, "Set-Cookie")
	return append(append(a.commandLine(session), a.byProvider(begun)...), []route{
		{a.ask, apidoc.Route{Method: http.MethodPost, Path: "/v1/sign-in/options", Open: true,
			ID: "beginSignIn", Tag: apidoc.ForEverybody, Summary: "Get a challenge to sign in by passkey",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "What the browser needs.", exampleRequest)},
			Faults: map[int]string{http.StatusConflict: none,
				http.StatusForbidden: "The service takes no secrets without TLS."}}},
		{a.enter, apidoc.Route{Method: http.MethodPost, Path: "/v1/sign-in", Open: true,
			ID: "signIn", Tag: apidoc.ForEverybody, Summary: "Sign in by passkey",
			Detail: "The session ends after 12 hours, and after an hour without a request.", MaxBytes: maxPasskeys,
			Takes: apidoc.TakesJSON(wire.Assertion{Credential: []byte("credential"), ClientData: []byte("{…}"),
				AuthenticatorData: []byte("data"), Signature: []byte("signature"), UserHandle: []byte("handle")}),
			Answers: []apidoc.Answer{begun},
			Faults: map[int]string{http.StatusUnauthorized: "The passkey is not accepted.", http.StatusConflict: none,
				http.StatusTooManyRequests: tooFast, http.StatusForbidden: "A page of another site may not do this."}}},
		{a.askToEnrol, apidoc.Route{Method: http.MethodPost, Path: "/v1/sign-in/enrolment/options", Open: true,
			ID: "beginEnrolment", Tag: apidoc.ForEverybody, Summary: "Get a challenge to make a passkey with a one-time code",
			MaxBytes: maxPasskeys, Takes: apidoc.TakesJSON(wire.EnrolmentCheck{Code: "7K3F-9QXT-M2WB"}),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "What the browser needs.", making)},
			Faults: map[int]string{http.StatusForbidden: "The code is not valid.", http.StatusConflict: none,
				http.StatusUnauthorized: "The person was ended.", http.StatusTooManyRequests: tooFast}}},
		{a.enrol, apidoc.Route{Method: http.MethodPost, Path: "/v1/sign-in/enrolment", Open: true,
			ID: "enrolPerson", Tag: apidoc.ForEverybody, Summary: "Enrol a person with a one-time code and two passkeys",
			Detail:   "All passkeys are stored, or none. The passkeys and sessions that the person had before end.",
			MaxBytes: maxPasskeys,
			Takes:    apidoc.TakesJSON(wire.PasskeyEnrolment{Code: "7K3F-9QXT-M2WB", Passkeys: []wire.NewPasskey{made, made}}),
			Answers:  []apidoc.Answer{begun},
			Faults: map[int]string{http.StatusForbidden: "The code is not valid.",
				http.StatusUnauthorized: "A challenge has expired, or was used.",
				http.StatusConflict:     "A passkey is enrolled already. Or: " + none, http.StatusTooManyRequests: tooFast}}},
		{a.sessions, apidoc.Route{Method: http.MethodGet, Path: "/v1/sessions", Roles: people,
			ID: "listSessions", Tag: apidoc.ForEverybody, Summary: "List where you are signed in",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "Your sessions, the latest first.",
				wire.Page[wire.Session]{Items: []wire.Session{session}})}}},
		{a.endSession, apidoc.Route{Method: http.MethodDelete, Path: "/v1/sessions/:session", Roles: people, Confirmed: true,
			ID: "endSession", Tag: apidoc.ForEverybody, Summary: "End a session: sign out",
			Detail: "An administrator may end every session, others their own. Nobody need confirm the end of a session of " +
				"their own. More than five ends of others' access within ten minutes wait (/v1/waiting).",
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent, "The session permits nothing any more.")}}},
		{a.passkeys, apidoc.Route{Method: http.MethodGet, Path: "/v1/passkeys", Roles: people,
			ID: "listPasskeys", Tag: apidoc.ForEverybody, Summary: "List your passkeys",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "Your passkeys, the oldest first.",
				wire.Page[wire.Passkey]{Items: []wire.Passkey{{ID: "9f2c51d07be3a8460d9c", Name: "grey key",
					CreatedAt: exampleStart, UsedAt: exampleStart}}})}}},
		{a.askToAdd, apidoc.Route{Method: http.MethodPost, Path: "/v1/passkeys/options", Roles: people,
			ID: "beginPasskey", Tag: apidoc.ForEverybody, Summary: "Get a challenge to make a further passkey",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "What the browser needs.", making)},
			Faults:  map[int]string{http.StatusConflict: "You have no passkeys yet. Or: " + none}}},
		{a.add, apidoc.Route{Method: http.MethodPost, Path: "/v1/passkeys", Roles: people, Confirmed: true, BySession: true,
			ID: "addPasskey", Tag: apidoc.ForEverybody, Summary: "Add a further passkey", MaxBytes: maxPasskeys,
			Takes: apidoc.TakesJSON(made),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusCreated, "The passkey.", wire.Passkey{
				ID: "9f2c51d07be3a8460d9c", Name: "grey key", CreatedAt: exampleStart})},
			Faults: map[int]string{http.StatusConflict: "It is enrolled already, or you have too many. Or: " + none}}},
		{a.endPasskey, apidoc.Route{Method: http.MethodDelete, Path: "/v1/passkeys/:passkey", Roles: people,
			Confirmed: true, BySession: true, ID: "endPasskey", Tag: apidoc.ForEverybody,
			Summary: "End one of your passkeys, such as that of a lost device",
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent, "The passkey signs nobody in any more.")},
			Faults:  map[int]string{http.StatusConflict: "It is your only one: add another first."}}},
		{a.newCode, apidoc.Route{Method: http.MethodPost, Path: "/v1/people/:person/code", Roles: admins, Confirmed: true,
			ID: "createPersonCode", Tag: apidoc.ForSchedulers, Summary: "Create a one-time code by which a person enrols",
			Detail: "Hand it over in person. A new code replaces an earlier one. After 10 wrong tries a code is void.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusCreated, "The code.", wire.PersonCode{Person: "sora",
				Code: "7K3F-9QXT-M2WB", ExpiresAt: new(examplePlus(24))})},
			Faults: map[int]string{http.StatusConflict: "The person was enrolled before, or was ended. Or: " + none}}},
		{a.recover, apidoc.Route{Method: http.MethodPost, Path: "/v1/people/:person/recovery", Roles: makers,
			Confirmed: true, BySession: true,
			ID: "recoverMember", Tag: apidoc.ForSchedulers,
			Summary: "Approve that a person who lost every passkey gets a new code",
			Detail: "Two other persons who are signed in by passkey must approve within a day. The second gets the code, to " +
				"hand it over in person.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The code, or who has approved so far.",
				wire.PersonCode{Person: "sora", Approved: []string{"Hana"}, ExpiresAt: new(examplePlus(24))})},
			Faults: map[int]string{http.StatusConflict: "The person was never enrolled, or was ended. Or: " + none}}},
	}...)
}

// sessionCookie is the cookie that holds the secret of a session. The prefix makes browsers refuse it unless it is
// Secure, of this host alone, and of every path.
const sessionCookie = "__Host-lifeline"

func cookieOf(name, secret string, life int) *http.Cookie {
	return &http.Cookie{Name: name, Value: secret, Path: "/", MaxAge: life, Secure: true, HttpOnly: true,
		SameSite: http.SameSiteStrictMode}
}

// ofStranger reads the body of a request that anybody may send, unless others could read it.
func (a signInHandlers) ofStranger(c *call, in any) error {
	if err := a.requirePrivate(c); err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	if err := c.decode(in); err != nil {
		return err
	}
	return a.Replica.CatchUp(c.r.Context())
}

// withCode is ofStranger for a request with a code: who tries too often from one address is slowed down.
func (a signInHandlers) withCode(c *call, in any) error {
	if err := a.limitPace(c, a.codes, a.outside.addressOf(c.r), "too many codes were sent from this address"); err != nil {
		return err
	}
	return a.ofStranger(c, in)
}

func (a signInHandlers) ask(c *call) error {
	if err := a.requirePrivate(c); err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	out, err := a.SignIn.Ask()
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

func (a signInHandlers) enter(c *call) error {
	var in wire.Assertion
	err := a.limitPace(c, a.signIns, a.outside.addressOf(c.r), "too many sign-ins were tried from this address")
	if err == nil {
		err = a.ofStranger(c, &in)
	}
	if err != nil {
		return err
	}
	out, err := a.SignIn.Enter(c.r.Context(), in, visitor(c))
	return a.begun(c, out, err)
}

func visitor(c *call) signin.Visitor {
	return signin.Visitor{Remote: c.actor.Remote, Agent: c.r.UserAgent(), By: signin.ByBrowser, ID: c.actor.RequestID}
}

// begun answers with a new session of a browser.
func (a signInHandlers) begun(c *call, out wire.SignedIn, err error) error {
	if err != nil {
		return err
	}
	http.SetCookie(c.w, cookieOf(sessionCookie, out.Secret, int(signin.Life.Seconds())))
	out.Secret = ""
	return c.json(http.StatusCreated, out)
}

func (a signInHandlers) askToEnrol(c *call) error {
	var in wire.EnrolmentCheck
	if err := a.withCode(c, &in); err != nil {
		return err
	}
	out, err := a.SignIn.AskToEnrol(c.r.Context(), in.Code, in.Known)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

func (a signInHandlers) enrol(c *call) error {
	var in wire.PasskeyEnrolment
	if err := a.withCode(c, &in); err != nil {
		return err
	}
	out, err := a.SignIn.Enrol(c.r.Context(), in, visitor(c))
	return a.begun(c, out, err)
}

func (a signInHandlers) sessions(c *call) error { return page(c, a.SignIn.Sessions(c.actor), "") }

func (a signInHandlers) endSession(c *call) error {
	id := c.param("session")
	if err := a.SignIn.EndSession(c.r.Context(), c.actor, id); err != nil {
		return err
	}
	if id == c.actor.Session {
		http.SetCookie(c.w, cookieOf(sessionCookie, "", -1))
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a signInHandlers) passkeys(c *call) error {
	return page(c, a.SignIn.Passkeys(c.actor.Person), "")
}

func (a signInHandlers) askToAdd(c *call) error {
	out, err := a.SignIn.AskToAdd(c.actor)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusOK, out)
}

func (a signInHandlers) add(c *call) error {
	var in wire.NewPasskey
	if err := c.decode(&in); err != nil {
		return err
	}
	out, err := a.SignIn.Add(c.r.Context(), c.actor, in)
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, out)
}

func (a signInHandlers) endPasskey(c *call) error {
	if err := a.SignIn.End(c.r.Context(), c.actor, c.param("passkey")); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a signInHandlers) newCode(c *call) error {
	out, err := a.SignIn.NewCode(c.r.Context(), c.actor, c.param("person"))
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusCreated, out)
}

func (a signInHandlers) recover(c *call) error {
	out, err := a.SignIn.Recover(c.r.Context(), c.actor, c.param("person"))
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusOK, out)
}

// secretOf returns the secret by which a request authenticates: that of its token, or else of its session.
func secretOf(r *http.Request) string {
	if r.Header.Get("Authorization") != "" {
		return bearer(r)
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil && signin.Is(cookie.Value) {
		return cookie.Value
	}
	return ""
}

// unattended marks a request that a page makes by itself, while nobody is there: it keeps no session alive.
const unattended = "Lifeline-Unattended"

// identifySession returns the actor of a session. A cookie counts only from the console's own pages.
func (a *api) identifySession(c *call, secret string) (access.Actor, error) {
	if c.r.Header.Get("Authorization") == "" {
		if err := a.fromConsole(c.r); err != nil {
			return access.Actor{}, err
		}
	}
	actor, err := a.SignIn.Authenticate(secret)
	if err == nil {
		actor.Remote, actor.RequestID = c.actor.Remote, c.actor.RequestID
		err = a.SignIn.SameBrowser(c.r.Context(), actor, c.r.UserAgent())
	}
	if err != nil || c.r.Header.Get(unattended) != "" {
		return actor, err
	}
	if err := a.SignIn.Touch(c.r.Context(), actor); err != nil {
		a.Log.Warn("the use of a session could not be noted", "request_id", c.actor.RequestID, "error", err)
	}
	return actor, tellSignIns(c.w.Header(), a.SignIn.News(actor))
}

// tellSignIns has the answer tell a command line of sign-ins.
func tellSignIns(h http.Header, news []wire.SignInNotice) error {
	h.Del(wire.SignInHeader)
	for _, n := range news {
		b, err := json.Marshal(n)
		if err != nil {
			return err
		}
		h.Add(wire.SignInHeader, base64.StdEncoding.EncodeToString(b))
	}
	return nil
}

// fromConsole fails with Forbidden for a request with a cookie that the browser does not say to be of the console.
func (a *api) fromConsole(r *http.Request) error {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	changes := r.Method != http.MethodGet && r.Method != http.MethodHead
	switch {
	case origin != "" && !a.SignIn.From(origin):
	case site != "" && site != "same-origin" && (changes || site != "none"):
	case changes && origin == "":
	default:
		return nil
	}
	return fault.New(fault.Forbidden, "a page of another site may not use your sign-in")
}

// holds fails with Unauthenticated once the token or session of an actor has ended.
func (a *api) holds(by access.Actor) error {
	if by.Session != "" {
		return a.SignIn.Holds(by)
	}
	return a.Access.Holds(by)
}
