package signin

import (
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// terminal is a command line that asks to be signed in.
type terminal struct {
	wire.Login
	secret string
}

func (h *house) terminal() terminal {
	h.t.Helper()
	t := terminal{secret: "the secret of a terminal"}
	var err error
	t.Login, err = h.in.AskToLogIn(wire.LoginAsk{Hash: access.Hash(t.secret), Machine: "desk\x1b[2J-2"}, "192.0.2.9")
	h.must(err)
	return t
}

func (t terminal) approval() wire.LoginApproval {
	return wire.LoginApproval{Request: t.Request, Code: t.Code}
}

func (t terminal) check() wire.LoginCheck {
	return wire.LoginCheck{Request: t.Request, Secret: t.secret}
}

// pending fails unless the request waits for approval.
func (h *house) pending(what string, t terminal) {
	h.t.Helper()
	if got, done, err := h.in.LoggedIn(t.check()); done || err != nil {
		h.t.Errorf("%s: %+v %v", what, got, err)
	}
}

func TestACommandLineIsSignedInByThePersonWhoTypesItsCode(t *testing.T) {
	h := newHouse(t)
	sora, _ := h.settled("sora", "producer")
	c := h.terminal()
	h.pending("before", c)
	approval := c.approval()
	approval.Code = strings.ToLower(strings.ReplaceAll(c.Code, "-", " "))
	shown, err := h.in.ApproveLogin(t.Context(), sora, approval)
	h.must(err)
	got, done, err := h.in.LoggedIn(c.check())
	h.must(err)
	if by := h.actor(got); !done || by.Person != "sora" || by.Session != shown.ID || got.By != ByCommandLine ||
		got.Remote != "192.0.2.9" || strings.Contains(got.Agent, "\x1b") || !strings.Contains(got.Agent, "desk") {
		t.Errorf("%+v %+v", by, got)
	}
	if mine := h.in.Sessions(sora); len(mine) != 2 {
		t.Errorf("%+v", mine)
	}
	h.must(h.in.EndSession(t.Context(), h.actor(got), got.ID))
	_, err = h.in.Authenticate(got.Secret)
	h.refuses("after logout", fault.Unauthenticated, err)
	h.pending("after logout", c)
}

func TestTheLinkOfALoginIsWorthNothingWithoutTheCodeAndTheSecret(t *testing.T) {
	h := newHouse(t)
	sora, _ := h.settled("sora", "admin")
	c := h.terminal()
	other := h.terminal()
	for what, code := range map[string]string{"none": "", "a wrong one": "7K3F-9QXT-M2WB", "another's": other.Code} {
		_, err := h.in.ApproveLogin(t.Context(), sora, wire.LoginApproval{Request: c.Request, Code: code})
		h.refuses(what, fault.Invalid, err)
	}
	for what, change := range map[string]func(*wire.LoginRequest){
		"another address": func(r *wire.LoginRequest) { r.Remote = "203.0.113.1" },
		"another machine": func(r *wire.LoginRequest) { r.Machine = "your own desk" },
		"another secret":  func(r *wire.LoginRequest) { r.Hash = access.Hash("of a thief") },
		"no challenge":    func(r *wire.LoginRequest) { r.Challenge = nil },
		"one to sign in":  func(r *wire.LoginRequest) { r.Challenge = h.in.challenge(toSignIn) },
	} {
		forged := c
		change(&forged.Request)
		_, err := h.in.ApproveLogin(t.Context(), sora, forged.approval())
		h.refuses(what, fault.Conflict, err)
	}
	_, err := h.in.ApproveLogin(t.Context(), sora, c.approval())
	h.must(err)
	_, _, err = h.in.LoggedIn(wire.LoginCheck{Request: c.Request, Secret: "of a thief"})
	h.refuses("without the secret", fault.Invalid, err)
	h.pending("the other request", other)
}

func TestALoginIsApprovedOnceAndWithinFiveMinutes(t *testing.T) {
	h := newHouse(t)
	sora, _ := h.settled("sora", "admin")
	hana, _ := h.settled("hana", "viewer")
	c := h.terminal()
	_, err := h.in.ApproveLogin(t.Context(), sora, c.approval())
	h.must(err)
	for _, by := range []string{"sora", "hana"} {
		actor := sora
		if by == "hana" {
			actor = hana
		}
		_, err := h.in.ApproveLogin(t.Context(), actor, c.approval())
		h.refuses("again, by "+by, fault.Conflict, err)
	}
	late := h.terminal()
	h.now = h.now.Add(challengeLife)
	got, done, err := h.in.LoggedIn(c.check())
	if h.must(err); !done || h.actor(got).Person != "sora" {
		t.Errorf("%+v", got)
	}
	_, err = h.in.ApproveLogin(t.Context(), sora, late.approval())
	h.refuses("too late", fault.Conflict, err)
	_, _, err = h.in.LoggedIn(late.check())
	h.refuses("nobody approved it", fault.Conflict, err)
	h.must(h.in.EndSession(t.Context(), sora, got.ID))
	_, _, err = h.in.LoggedIn(c.check())
	h.refuses("the session was ended", fault.Conflict, err)
}

func TestAFloodOfLoginRequestsStoresNothing(t *testing.T) {
	h := newHouse(t)
	before := h.replica.Sequence()
	for range 1000 {
		c := h.terminal()
		h.pending("", c)
	}
	if after := h.replica.Sequence(); after != before {
		t.Errorf("%d writes", after-before)
	}
	for _, bad := range []string{"", "abc", strings.Repeat("g", 64), strings.Repeat("A", 64), strings.Repeat("a", 66)} {
		_, err := h.in.AskToLogIn(wire.LoginAsk{Hash: bad}, "")
		h.refuses(bad, fault.Invalid, err)
	}
}

// commandLine signs in a command line of a person.
func (h *house) commandLine(by access.Actor) access.Actor {
	h.t.Helper()
	c := h.terminal()
	_, err := h.in.ApproveLogin(h.t.Context(), by, c.approval())
	h.must(err)
	got, _, err := h.in.LoggedIn(c.check())
	h.must(err)
	return h.actor(got)
}

func TestAPersonConfirmsInTheConsoleOneActOfTheirCommandLineOnce(t *testing.T) {
	h := newHouse(t)
	sora, devices := h.settled("sora", "admin")
	hana, others := h.settled("hana", "admin")
	line, second := h.commandLine(sora), h.commandLine(sora)
	act := Act{Operation: "recallSegment", Method: "POST", Path: "/v1/segments/a/recall", IfMatch: `"4"`, Body: []byte(`{}`)}
	asked, err := h.in.AskToConfirm(line, act)
	h.must(err)
	request := act.of(line.Session)
	request.Challenge = asked.Challenge
	if link, err := h.in.link("confirm", request); err != nil || asked.Link != link {
		t.Errorf("%s %v", asked.Link, err)
	}
	if inBrowser, err := h.in.AskToConfirm(sora, act); err != nil || inBrowser.Link != "" {
		t.Errorf("%+v %v", inBrowser, err)
	}
	good := wire.Confirmation{Request: request, Assertion: devices[0].Says(t, asked)}
	use := func() error { return h.in.Confirmed(t.Context(), line, act, asked.Challenge) }

	h.refuses("before", fault.Unconfirmed, use())
	h.refuses("another person", fault.NotFound, h.in.ConfirmFor(t.Context(), hana, good))
	shown := good
	shown.Request.Operation, shown.Request.Path = "planDay", "/v1/plan"
	h.refuses("a page that shows something else", fault.Conflict, h.in.ConfirmFor(t.Context(), sora, shown))
	elsewhere := good
	elsewhere.Request.Session = second.Session
	h.refuses("another command line", fault.Conflict, h.in.ConfirmFor(t.Context(), sora, elsewhere))
	browser := good
	browser.Request.Session = sora.Session
	h.refuses("a browser", fault.NotFound, h.in.ConfirmFor(t.Context(), sora, browser))
	h.refuses("still", fault.Unconfirmed, use())

	h.must(h.in.ConfirmFor(t.Context(), sora, good))
	h.refuses("confirmed twice", fault.Unconfirmed, h.in.ConfirmFor(t.Context(), sora, good))
	other := act
	other.Body = []byte(`{"reason":"x"}`)
	h.refuses("another body", fault.Unconfirmed, h.in.Confirmed(t.Context(), line, other, asked.Challenge))
	h.refuses("another session", fault.Unconfirmed, h.in.Confirmed(t.Context(), second, act, asked.Challenge))
	h.must(use())
	h.refuses("used twice", fault.Unconfirmed, use())

	// a passkey of another person, which uses the challenge up
	asked, err = h.in.AskToConfirm(line, act)
	h.must(err)
	request.Challenge = asked.Challenge
	foreign := wire.Confirmation{Request: request, Assertion: others[0].Says(t, asked)}
	h.refuses("another's passkey", fault.Unconfirmed, h.in.ConfirmFor(t.Context(), sora, foreign))
	h.refuses("after another's passkey", fault.Unconfirmed, use())

	// what a browser confirmed at once leaves nothing for a command line
	asked, err = h.in.AskToConfirm(line, act)
	h.must(err)
	h.must(h.in.Confirm(t.Context(), line, act, devices[0].Says(t, asked)))
	h.refuses("after it was used", fault.Unconfirmed, use())

	// too late
	asked, err = h.in.AskToConfirm(line, act)
	h.must(err)
	request.Challenge = asked.Challenge
	late := wire.Confirmation{Request: request, Assertion: devices[1].Says(t, asked)}
	h.now = h.now.Add(challengeLife)
	h.refuses("too late", fault.Conflict, h.in.ConfirmFor(t.Context(), sora, late))
	h.refuses("too late to use", fault.Unconfirmed, use())
}
