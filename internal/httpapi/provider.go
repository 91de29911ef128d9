package httpapi

import (
	"net/http"

	"lifeline/internal/access/signin"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
)

// byProvider are the routes by which a person signs in by the house's identity provider.
func (a signInHandlers) byProvider(begun apidoc.Answer) []route {
	const (
		none   = "The house has no identity provider."
		issuer = "https://id.example"
	)
	return []route{
		{a.ways, apidoc.Route{Method: http.MethodGet, Path: "/v1/sign-in", Open: true,
			ID: "getSignInWays", Tag: apidoc.ForEverybody, Summary: "Get how persons sign in",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The ways, besides passkeys.",
				wire.SignInWays{Provider: issuer})}}},
		{a.askProvider, apidoc.Route{Method: http.MethodPost, Path: "/v1/sign-in/provider/options", Open: true,
			ID: "beginProviderSignIn", Tag: apidoc.ForEverybody, Summary: "Begin to sign in by the identity provider",
			Detail: "The browser keeps a secret in a cookie for 5 minutes. Nothing is stored.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "Where the browser goes.", wire.ProviderSignIn{
				Address: issuer + "/authorize?…", Origin: "https://lifeline.example"}, "Set-Cookie")},
			Faults: map[int]string{http.StatusNotFound: none, http.StatusTooManyRequests: "Too many from this address.",
				http.StatusForbidden: "The service takes no secrets without TLS."}}},
		{a.enterByProvider, apidoc.Route{Method: http.MethodPost, Path: "/v1/sign-in/provider", Open: true,
			ID: "signInByProvider", Tag: apidoc.ForEverybody,
			Summary: "Sign in by what a browser brought back from the identity provider",
			Detail: "The session ends like that of a passkey. It is never enough for what must be confirmed by passkey. Only " +
				"who is linked with the identity signs in.",
			MaxBytes: maxPasskeys, Takes: apidoc.TakesJSON(wire.ProviderAnswer{State: "state", Code: "code"}),
			Answers: []apidoc.Answer{begun},
			Faults: map[int]string{http.StatusNotFound: none,
				http.StatusUnauthorized:    "Another browser began this, it was used, or the provider's answer is not accepted.",
				http.StatusForbidden:       "Nobody is linked with the identity, which the answer names.",
				http.StatusTooManyRequests: "Too many tries from this address."}}},
	}
}

// providerCookie is the cookie of a browser that is at the identity provider. The console's page asks with it, so that
// it is never sent from another site.
const providerCookie = "__Host-lifeline-provider"

func (a signInHandlers) ways(c *call) error {
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusOK, a.SignIn.Ways())
}

func (a signInHandlers) askProvider(c *call) error {
	err := a.limitPace(c, a.codes, a.outside.addressOf(c.r), "too many sign-ins were begun from this address")
	if err == nil {
		err = a.requirePrivate(c)
	}
	if err != nil {
		return err
	}
	out, secret, err := a.SignIn.AskProvider(c.r.Context())
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	http.SetCookie(c.w, cookieOf(providerCookie, secret, int(signin.ReturnLife.Seconds())))
	return c.json(http.StatusOK, out)
}

func (a signInHandlers) enterByProvider(c *call) error {
	var in wire.ProviderAnswer
	err := a.limitPace(c, a.signIns, a.outside.addressOf(c.r), "too many sign-ins were tried from this address")
	if err == nil {
		err = a.ofStranger(c, &in)
	}
	if err != nil {
		return err
	}
	secret := ""
	if cookie, err := c.r.Cookie(providerCookie); err == nil {
		secret = cookie.Value
	}
	http.SetCookie(c.w, cookieOf(providerCookie, "", -1))
	out, err := a.SignIn.EnterByProvider(c.r.Context(), in, secret, visitor(c))
	if fault.Is(err, fault.Forbidden) { // the answer names the identity, which no erasure of its person would find
		c.noted = "no person is linked with the identity"
	}
	return a.begun(c, out, err)
}
