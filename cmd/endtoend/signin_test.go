package endtoend

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/access/signin/signintest"
	"lifeline/internal/cmdline"
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

// Where nobody can be the second person, who has the store names somebody for what is sensitive, and everybody is told.
func TestWhoIsNamedOnTheServicesMachineHearsWhatIsSensitive(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	h.as("admin", access.NewToken{Name: "Ada", Role: access.Admin})
	path := h.sensitive(h.secrets["admin"]).Replace("/v1/segments/{segment}/audio")
	sora := h.session("sora", "producer")
	hears := func() int { return h.do("GET", path, sora, nil, nil).status }
	if got := hears(); got != http.StatusForbidden {
		t.Fatalf("before, she gets %d", got)
	}
	said := succeed(t, "people", "name-here", "sora", "--by", "Omar", "--data", h.config.Data)
	want(t, said, "hears sensitive recordings and sees persons and consent")
	if err := h.service.Replica.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := hears(); got != http.StatusOK {
		t.Errorf("named, she gets %d", got)
	}
	told, err := h.scheduler.Alarms(t.Context())
	if err != nil || !slices.ContainsFunc(told, func(a wire.Alarm) bool {
		return a.Code == wire.AlarmNamed && a.Subject == "sora" && strings.Contains(a.Message, "Omar")
	}) {
		t.Errorf("everybody is told %+v, %v", told, err)
	}
	var entries []wire.AuditRecord
	terminalOf{h, t, h.secrets["scheduler"]}.json(&entries, "audit", "--by", "Omar")
	if len(entries) == 0 || entries[0].Action != "person.set" || entries[0].ID != "sora" {
		t.Errorf("the audit says %+v", entries)
	}
	if code, out := command(t, "people", "name-here", "sora", "--by", "Omar", "--data", h.config.Data); code !=
		cmdline.Failed || !strings.Contains(out, "is named for what is sensitive already") {
		t.Errorf("a second time: %d %s", code, out)
	}
}
