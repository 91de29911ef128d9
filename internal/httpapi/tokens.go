package httpapi

import (
	"fmt"
	"net/http"
	"slices"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// tokenHandlers serve access tokens, and the identity of the caller.
type tokenHandlers struct {
	*Parts
	all func() []route
}

func (a tokenHandlers) routes() []route {
	return []route{
		{a.me, apidoc.Route{Method: http.MethodGet, Path: "/v1/me", Roles: everybody,
			ID: "getMe", Tag: apidoc.ForEverybody, Summary: "Get the holder of the token and what it permits",
			Detail: "Programs use this to offer only permitted operations.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The holder.", wire.Me{Name: "Hana", Role: "producer",
				May: []string{"approveSegment", "uploadSegment"}})}}},
		{a.createToken, apidoc.Route{Method: http.MethodPost, Path: "/v1/tokens", Roles: admins,
			Confirmed: true, ID: "createToken", Tag: apidoc.ForSchedulers, Summary: "Create an access token",
			Detail: "The secret is in this answer only. Give person for the token of a person, name for that of a machine or " +
				"station. Of a person who has passkeys, only that person makes tokens, signed in. A token without a person is " +
				"not for what is sensitive, unless it is made on the service's machine.",
			Takes: apidoc.TakesJSON(wire.NewToken{Name: "lantern-coast",
				Role: "station", Station: "lantern-coast"}),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusCreated, "The token.", wire.Token{ID: "0d9c6f2e41b7a8035c1e",
				Name: "lantern-coast", Role: "station", Station: "lantern-coast",
				CreatedAt: exampleStart, Secret: "lifeline_0d9c6f2e41b7a8035c1e_…"})},
			Faults: map[int]string{http.StatusForbidden: "The role is not permitted, or the person has passkeys and is not " +
				"the one who is signed in.",
				http.StatusConflict: "The station counts as seized: enrol it anew. Or the name is, or " +
					"looks like, that of a person or of another holder."}}},
		{a.listTokens, apidoc.Route{Method: http.MethodGet, Path: "/v1/tokens", Roles: people,
			ID: "listTokens", Tag: apidoc.ForSchedulers, Summary: "List access tokens, without their secrets",
			Detail: "An administrator gets all tokens, others their own.",
			Query:  paged,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of tokens, ordered by ID.",
				wire.Page[wire.Token]{Items: []wire.Token{
					{ID: "0d9c6f2e41b7a8035c1e", Name: "lantern-coast", Role: "station", Station: "lantern-coast",
						CreatedAt: exampleStart}}})}}},
		{a.revokeToken, apidoc.Route{Method: http.MethodDelete, Path: "/v1/tokens/:token", Roles: people,
			Confirmed: true, ID: "revokeToken", Tag: apidoc.ForSchedulers,
			Summary: "Revoke an access token",
			Detail: "An administrator may revoke every token, others their own. More than five ends of others' access within ten " +
				"minutes wait (/v1/waiting). The standing orders that were set by it go on, and the station has the problem " +
				"order_unconfirmed.",
			Query: []openapi.Parameter{{Name: "stolen", Schema: openapi.OneOf("true", "false", "1", "0"),
				Description: "Somebody else has the token: the standing orders that were set by it stop."}},
			Answers: []apidoc.Answer{apidoc.GivesNothing(http.StatusNoContent, "The token is revoked: it permits nothing "+
				"any more.")}}},
	}
}

// me answers with the caller and the operations that the role may use.
func (a tokenHandlers) me(c *call) error {
	out := wire.Me{Sensitive: &c.actor.Sensitive,
		Name: c.actor.Name, Person: c.actor.Person, Role: string(c.actor.Role), Station: c.actor.Station,
		Session: c.actor.Session,
		May:     []string{}}
	for _, r := range c.actor.Roles {
		out.Roles = append(out.Roles, string(r))
	}
	for _, r := range a.all() {
		if r.Open || permitted(c.actor, r) {
			out.May = append(out.May, r.ID)
		}
	}
	slices.Sort(out.May)
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusOK, out)
}

func (a tokenHandlers) createToken(c *call) error {
	var in wire.NewToken
	read := c.decode(&in)
	if unreadable(read) {
		return read
	}
	token := access.NewToken{Name: in.Name, Person: in.Person, Role: access.Role(in.Role), Station: in.Station,
		May: in.May}
	if in.Life != nil {
		token.Life, token.Endless = in.Life.Duration, in.Life.Duration == 0
	}
	if err := joinFindings(read, a.known(in.May), token.Check()); err != nil {
		return err
	}
	if err := a.onlyByThemselves(c.actor, in.Person); err != nil {
		return err
	}
	t, err := a.Access.Create(c.r.Context(), c.actor, token)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusCreated, t)
}

// onlyByThemselves fails with Forbidden for everybody but the person, signed in, if a token is of a person who has
// passkeys: with a token of another, one person would be two.
func (a tokenHandlers) onlyByThemselves(by access.Actor, person string) error {
	if person == "" || a.givesAccess(by, person) {
		return nil
	}
	return fault.New(fault.Forbidden, "person %q has passkeys, so that only that person makes their tokens, signed in by "+
		"passkey: who needs one on a command line signs in with lifeline login", person)
}

// givesAccess reports whether somebody may give a person access: nobody but the person, signed in, may if the person
// has passkeys.
func (a *Parts) givesAccess(by access.Actor, person string) bool {
	return by.Session != "" && by.Person == person || len(a.SignIn.Passkeys(person)) == 0
}

// known fails with Invalid unless all are ids of operations.
func (a tokenHandlers) known(operations []string) error {
	var wrong []fault.Field
	all := a.all() // once: there may be many operations
	for i, id := range operations {
		if message := unknownOperation(id, all); message != "" {
			wrong = append(wrong, fault.Field{Field: fmt.Sprintf("may[%d]", i), Message: message})
		}
	}
	return fault.Fields(wrong...)
}

// unknownOperation returns what to say of an id that no operation has, or "".
func unknownOperation(id string, all []route) string {
	known := make([]string, len(all))
	for i, r := range all {
		known[i] = r.ID
	}
	if slices.Contains(known, id) {
		return ""
	}
	return "is not the ID of an operation: GET /v1/me lists those that a token permits" +
		schedules.Suggest(id, slices.Values(known))
}

// CheckOperation fails with Invalid unless an operation, to which a token may be limited, has the id.
func CheckOperation(id string) error {
	if message := unknownOperation(id, (&api{}).routes()); message != "" {
		return fault.New(fault.Invalid, "%q %s", id, message)
	}
	return nil
}

func (a tokenHandlers) listTokens(c *call) error {
	after, limit, err := c.query().page()
	if err != nil {
		return err
	}
	tokens, next := a.Access.Tokens(c.actor, after, limit)
	return page(c, tokens, next)
}

func (a tokenHandlers) revokeToken(c *call) error {
	stolen, err := c.query().flag("stolen")
	if err != nil {
		return err
	}
	revoke := a.Access.Revoke
	if stolen {
		revoke = a.Access.RevokeStolen
	}
	if err := revoke(c.r.Context(), c.actor, c.param("token")); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
