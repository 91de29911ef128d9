package httpapi

import (
	"net/http"
	"slices"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
)

// memberHandlers serve the persons who work with the service.
type memberHandlers struct{ *Parts }

func (a memberHandlers) routes() []route {
	sora := wire.Member{ID: "sora", Revision: 1, Name: "Sora", Roles: []string{"producer"}, Languages: []string{"ko"},
		Active: true, CreatedAt: exampleStart}
	now := wire.MemberNow{Member: sora, Recovery: &wire.Recovery{By: []string{"Ruth"}, Since: exampleStart,
		ExpiresAt: examplePlus(24)}}
	clash := map[int]string{http.StatusConflict: "A name is, or looks like, that of another person or of a machine, the " +
		"ID is taken, another person has an identity, or no active administrator would be left."}
	return []route{
		{a.list, apidoc.Route{Method: http.MethodGet, Path: "/v1/people", Roles: admins,
			ID: "listPeople", Tag: apidoc.ForSchedulers, Summary: "List the persons who work with the service",
			Query: paged,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of persons, ordered by ID.",
				wire.Page[wire.MemberNow]{Items: []wire.MemberNow{now}})}}},
		{a.add, apidoc.Route{Method: http.MethodPost, Path: "/v1/people", Roles: admins,
			Confirmed: true, ID: "addMember", Tag: apidoc.ForSchedulers, Summary: "Add a person who works with the service",
			Detail: "Names must not look alike: case, compatible characters, white space and letters of other scripts that " +
				"look the same make no difference. Tokens without a person whose name is one of the names are the person's. " +
				"Who is to hear what is sensitive is added first, and named for it by a change of its own.",
			Takes: apidoc.TakesJSON(wire.Member{Name: "Sora", Roles: []string{"producer"}, Languages: []string{"ko"},
				Active: true}),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusCreated, "The person.", sora, "ETag", "Location")},
			Faults:  clash}},
		{a.get, apidoc.Route{Method: http.MethodGet, Path: "/v1/people/:person", Roles: admins,
			ID: "getMember", Tag: apidoc.ForSchedulers, Summary: "Get a person who works with the service",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The person.", now, "ETag")}}},
		{a.patch, apidoc.Route{Method: http.MethodPatch, Path: "/v1/people/:person", Roles: admins,
			Confirmed: true, ID: "patchMember", Tag: apidoc.ForSchedulers, Summary: "Change a person who works with the service",
			Detail: "The body is a merge patch (RFC 7396). If active is false, that ends the person: tokens and running " +
				"requests of the person end at once, on every replica. The last active administrator cannot be ended. An earlier " +
				"name stays one of other_names. Whom an identity is added to counts as one with the caller where two persons " +
				"are needed; who has passkeys adds it themselves, signed in, and so does who takes a token of nobody by a " +
				"name. A person is named for what is sensitive, or activated again who was, by a change of nothing else, which " +
				"waits for a second administrator (/v1/waiting); taking it away does not, but for more than five ends of others' " +
				"access within ten minutes.",
			Match: apidoc.MatchNeeded, Takes: apidoc.TakesPatch[wire.Member](map[string]any{"active": false}),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The changed person.", sora, "ETag")},
			Faults: map[int]string{http.StatusConflict: clash[http.StatusConflict],
				http.StatusForbidden: "The role is not permitted, or another person, who has passkeys, would get an identity or " +
					"a token, or the change waits for a second person.",
				http.StatusGone: "The person was erased for good."}}},
	}
}

func (a memberHandlers) list(c *call) error {
	after, limit, err := c.query().page()
	if err != nil {
		return err
	}
	members, next := a.Members.List(after, limit)
	var all []wire.MemberNow
	for _, m := range members {
		all = append(all, a.now(m))
	}
	return page(c, all, next)
}

func (a memberHandlers) now(m wire.Member) wire.MemberNow {
	return wire.MemberNow{Member: m, Recovery: a.SignIn.Recovering(m.ID)}
}

func (a memberHandlers) get(c *call) error {
	m, err := a.Members.Get(c.param("person"))
	if err != nil {
		return err
	}
	setTag(c, m.Revision)
	return c.json(http.StatusOK, a.now(m)) // in full: the recovery is not part of the revision
}

func (a memberHandlers) add(c *call) error {
	in := wire.Member{Active: true}
	read := c.decode(&in)
	if unreadable(read) {
		return read
	}
	var own error
	if !in.Active {
		own = fault.Fields(fault.Field{Field: "active", Message: "must be true for a new person"})
	}
	if err := joinFindings(read, own, a.Members.Check(in)); err != nil {
		return err
	}
	m, err := a.Members.Add(c.r.Context(), c.actor, in)
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", wire.People(m.ID))
	setTag(c, m.Revision)
	return c.json(http.StatusCreated, m)
}

func (a memberHandlers) patch(c *call) error {
	revision, err := c.mustMatch()
	if err != nil {
		return err
	}
	id := c.param("person")
	m, err := a.Members.Get(id)
	if err != nil {
		return err
	}
	b, err := c.body("application/json", "application/merge-patch+json")
	if err != nil {
		return err
	}
	read := mergeStrict(b, &m)
	if unreadable(read) {
		return read
	}
	var own error
	if m.ID != id {
		own = fault.Fields(fault.Field{Field: "id", Message: "cannot be changed"})
		m.ID = id
	}
	if err := joinFindings(read, own, a.Members.Check(m)); err != nil {
		return err
	}
	m, err = a.Members.SetWith(c.r.Context(), c.actor, id, revision, func(m *wire.Member) error {
		before := *m
		if err := mergeStrict(b, m); err != nil {
			return err
		}
		return a.mayLink(c.actor, before.Identities, *m)
	}, a.SignIn.Ended)
	return resource(c, m, m.Revision, err)
}

// mayLink fails with Forbidden for everybody but the person, signed in, if a person who has passkeys gets access by a
// change: an identity, or a name by which a token of nobody becomes the person's. Nobody takes over another alone.
func (a memberHandlers) mayLink(by access.Actor, before []wire.Identity, after wire.Member) error {
	if a.givesAccess(by, after.ID) {
		return nil
	}
	if slices.ContainsFunc(after.Identities, func(i wire.Identity) bool { return !slices.Contains(before, i) }) {
		return fault.New(fault.Forbidden, "person %q has passkeys, so that no other person links them alone: an administrator "+
			"links themselves, and who runs the service links others, on its machine (lifeline people link-here %[1]s)", after.ID)
	}
	if t, takes := a.Access.Taken(after); takes {
		return fault.New(fault.Forbidden, "token %s of %q would be a token of person %q, who has passkeys, so that only that "+
			"person takes it: choose another name, or revoke the token first", t.ID, t.Name, after.ID)
	}
	return nil
}
