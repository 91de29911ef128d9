package httpapi

import (
	"net/http"

	"lifeline/internal/access/signin"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
)

// commandLine are the routes by which a person signs in a command line through the console.
func (a signInHandlers) commandLine(session wire.Session) []route {
	request := wire.LoginRequest{Challenge: []byte("challenge"), Hash: exampleHash, Machine: "desk-2", Remote: "192.0.2.7"}
	session.By, session.Agent, session.Present = signin.ByCommandLine, request.Machine, false
	own := session
	own.Present = true
	assertion := wire.Assertion{Credential: []byte("credential"), ClientData: []byte("{…}"),
		AuthenticatorData: []byte("data"), Signature: []byte("signature")}
	none := "The service's address can have no passkeys: it has no name, or no TLS."
	return []route{
		{a.askToLogIn, apidoc.Route{Method: http.MethodPost, Path: "/v1/sign-in/command-line/options", Open: true,
			ID: "beginLogin", Tag: apidoc.ForEverybody, Summary: "Ask that a person signs in a command line",
			Detail:   "The command line shows the link and the code. The request is valid for 5 minutes. Nothing is stored.",
			MaxBytes: maxPasskeys, Takes: apidoc.TakesJSON(wire.LoginAsk{Hash: exampleHash, Machine: "desk-2"}),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The request and its code.", wire.Login{Request: request,
				Code: "7K3F-9QXT-M2WB", Link: "https://lifeline.example/#/login/eyJ9",
				ExpiresAt: exampleStart})},
			Faults: map[int]string{http.StatusConflict: none, http.StatusTooManyRequests: "Too many from this address.",
				http.StatusForbidden: "The service takes no secrets without TLS."}}},
		{a.approveLogin, apidoc.Route{Method: http.MethodPost, Path: "/v1/sign-in/command-line/approval", Roles: people,
			Confirmed: true, BySession: true, ID: "approveLogin", Tag: apidoc.ForEverybody,
			Summary: "Sign in a command line as yourself",
			Detail:  "The code is the one that the terminal shows. Only who keeps the secret of the request gets the session.",
			Takes:   apidoc.TakesJSON(wire.LoginApproval{Request: request, Code: "7K3F-9QXT-M2WB"}), MaxBytes: maxPasskeys,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusCreated, "The session of the command line.", session)},
			Faults:  map[int]string{http.StatusConflict: "The request has expired, or was used. Or: " + none}}},
		{a.loggedIn, apidoc.Route{Method: http.MethodPost, Path: "/v1/sign-in/command-line", Open: true,
			ID: "awaitLogin", Tag: apidoc.ForEverybody, Summary: "Get the session of a command line, once it was approved",
			Detail: "Every answer to the session then has a header " + wire.SignInHeader + " for each later sign-in of the " +
				"person that has not ended: session, name, at, remote and agent, as JSON in base64.",
			MaxBytes: maxPasskeys, Takes: apidoc.TakesJSON(wire.LoginCheck{Request: request, Secret: "secret"}),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The session, and its secret, which acts as a token.",
				wire.SignedIn{Session: own, Secret: "lifelinesession_0d9c6f2e41b7a8035c1e_secret"}),
				apidoc.GivesNothing(http.StatusNoContent, "Nobody has approved it yet.")},
			Faults: map[int]string{http.StatusConflict: "The request has expired, or its session has ended.",
				http.StatusForbidden: "The service takes no secrets without TLS."}}},
		{a.confirmFor, apidoc.Route{Method: http.MethodPost, Path: "/v1/sessions/confirmation", Roles: people,
			BySession: true, ID: "confirmAct", Tag: apidoc.ForEverybody,
			Summary:  "Confirm by passkey what your command line does",
			Detail:   "The command line then sends its request again, with the challenge in " + wire.ConfirmedHeader + ", once.",
			MaxBytes: maxPasskeys, Takes: apidoc.TakesJSON(wire.Confirmation{Request: wire.ConfirmationRequest{
				Challenge: []byte("challenge"), Session: session.ID, Operation: "recallSegment", Method: http.MethodPost,
				Path: "/v1/segments/letter-ko-sister/recall", Hash: exampleHash}, Assertion: assertion}),
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent, "The command line may do this, once.")},
			Faults: map[int]string{http.StatusNotFound: "It is not of a command line of yours.",
				http.StatusForbidden: "The passkey does not confirm it.",
				http.StatusConflict:  "It is not what the command line asked, or too old. Or: " + none}}},
	}
}

func (a signInHandlers) confirmFor(c *call) error {
	var in wire.Confirmation
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := a.SignIn.ConfirmFor(c.r.Context(), c.actor, in); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a signInHandlers) askToLogIn(c *call) error {
	var in wire.LoginAsk
	err := a.limitPace(c, a.codes, a.outside.addressOf(c.r), "too many logins were asked for from this address")
	if err == nil {
		err = a.ofStranger(c, &in)
	}
	if err != nil {
		return err
	}
	out, err := a.SignIn.AskToLogIn(in, c.actor.Remote)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

func (a signInHandlers) approveLogin(c *call) error {
	var in wire.LoginApproval
	if err := c.decode(&in); err != nil {
		return err
	}
	out, err := a.SignIn.ApproveLogin(c.r.Context(), c.actor, in)
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, out)
}

func (a signInHandlers) loggedIn(c *call) error {
	var in wire.LoginCheck
	if err := a.ofStranger(c, &in); err != nil {
		return err
	}
	out, done, err := a.SignIn.LoggedIn(in)
	if err != nil {
		return err
	}
	if !done {
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return c.json(http.StatusOK, out)
}
