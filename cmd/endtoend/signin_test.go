package endtoend

import (
	"net/url"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/access/signin/signintest"
	"lifeline/internal/wire"
)

// console returns the origin of the console.
func (h *house) console() string {
	u, err := url.Parse(h.url)
	if err != nil {
		h.t.Fatal(err)
	}
	return "http://localhost:" + u.Port()
}

// enrolled is a person with two passkeys, and the secret of the session that enrolling began.
func (h *house) enrolled(id string, roles ...string) ([]*signintest.Device, string) {
	h.t.Helper()
	ctx := h.t.Context()
	_, err := access.NewMembers(h.service.Replica, time.Now).Add(ctx, access.System, wire.Member{ID: id,
		Name: "Person " + id, Roles: roles})
	if err != nil {
		h.t.Fatal(err)
	}
	code, err := h.service.SignIn.NewCode(ctx, access.System, id)
	if err != nil {
		h.t.Fatal(err)
	}
	in := wire.PasskeyEnrolment{Code: code.Code}
	devices := []*signintest.Device{signintest.New(h.t, h.console()), signintest.New(h.t, h.console())}
	for _, d := range devices {
		r, err := h.service.SignIn.AskToEnrol(ctx, code.Code, nil)
		if err != nil {
			h.t.Fatal(err)
		}
		in.Passkeys = append(in.Passkeys, d.Makes(h.t, r))
	}
	got, err := h.service.SignIn.Enrol(ctx, in, signin.Visitor{By: signin.ByBrowser,
		Agent: "Go-http-client/1.1"}) // as h.do says
	if err != nil {
		h.t.Fatal(err)
	}
	return devices, got.Secret
}

// session returns the secret of a session of a new person.
func (h *house) session(id string, roles ...string) string {
	h.t.Helper()
	_, secret := h.enrolled(id, roles...)
	return secret
}
