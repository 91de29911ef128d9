package endtoend

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/access/provider/providertest"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A thief with the token of one administrator ends persons and shuts stations out, as fast as the service answers: the
// sixth act waits, and a webhook is told.
func TestAStolenTokenOfAnAdministratorEndsAHandfulAndNoMore(t *testing.T) {
	t.Parallel()
	c := serveDefaults(furnish(t))
	c.Webhooks = []string{"127.0.0.0/8"}
	h := start(t, c)
	for _, id := range []string{"alice", "boris", "carol", "dan", "evan"} {
		if _, err := access.NewMembers(h.service.Replica, time.Now).Add(t.Context(), access.System, wire.Member{ID: id,
			Name: "Person " + id, Roles: []string{"admin"}}); err != nil {
			t.Fatal(err)
		}
	}
	h.as("alice", access.NewToken{Person: "alice", Role: access.Admin})
	second := h.as("dan", access.NewToken{Person: "dan", Role: access.Admin})
	newsroom, alarms := hearAlarms(t)
	if _, err := second.PutWebhook(t.Context(), wire.Webhook{ID: "newsroom", URL: newsroom, Enabled: true,
		Changes: []string{"alarm"}}); err != nil {
		t.Fatal(err)
	}

	var fifth time.Time
	var waiting []string
	for i, act := range []string{"carol", "evan", "boris", "lantern-coast", "steppe-relay", "atlantic-desk",
		"ridge-relay"} {
		method, path, body := "PATCH", wire.People(act), `{"active":false}`
		if i >= 3 {
			method, path, body = "POST", "/v1/stations/"+act+"/seized", `{"reason":"x"}`
		}
		got := h.do(method, path, h.secrets["alice"], map[string]string{"If-Match": "*", "Content-Type": "application/json"},
			[]byte(body))
		t.Logf("%s %s: %d", method, path, got.status)
		if i < access.Handful {
			if fifth = time.Now(); got.status != http.StatusOK {
				t.Fatalf("%s: %d %s", act, got.status, got.body)
			}
			continue
		}
		_, after, ok := strings.Cut(string(got.body), "waits as ")
		if got.status != http.StatusForbidden || !ok {
			t.Fatalf("%s: %d %s", act, got.status, got.body)
		}
		id, _, _ := strings.Cut(after, " ")
		waiting = append(waiting, id)
	}
	select {
	case at := <-alarms:
		t.Logf("the alarm came %s after the fifth act", at.Sub(fifth).Round(time.Millisecond))
	case <-time.After(time.Minute):
		t.Error("no alarm in a minute")
	}
	var listed wire.Page[wire.Alarm]
	h.do("GET", "/v1/alarms", h.secrets["dan"], nil, nil).into(t, &listed)
	told := false
	for _, a := range listed.Items {
		told = told || a.Code == wire.AlarmMassEnds && a.Subject == "Person alice"
	}
	if !told {
		t.Errorf("the alarms are %+v", listed.Items)
	}
	if got := h.do("POST", "/v1/waiting/"+waiting[0]+"/confirm", h.secrets["alice"], nil, nil); got.status !=
		http.StatusForbidden {
		t.Errorf("the thief confirms it: %d %s", got.status, got.body)
	}
	for _, id := range waiting {
		if _, err := second.DecideWaiting(t.Context(), id, "confirm"); err != nil {
			t.Errorf("another administrator confirms: %v", err)
		}
	}
}

// byProvider is a house with the sample network in which a person may sign in by an identity provider, and has no
// passkeys. It returns the session.
func byProvider(t *testing.T, roles ...string) (*house, string) {
	t.Helper()
	there := providertest.Start(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(providertest.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := serveDefaults(furnish(t))
	c.OIDC.Issuer, c.OIDC.ClientID, c.OIDC.SecretFile = there.Issuer, providertest.ClientID, secret
	h := start(t, c)
	if _, err := access.NewMembers(h.service.Replica, time.Now).Add(t.Context(), access.System, wire.Member{ID: "dora",
		Name: "Dora", Roles: roles, Identities: []wire.Identity{{Issuer: there.Issuer,
			Subject: there.Subject}}}); err != nil {
		t.Fatal(err)
	}
	asked := h.do("POST", "/v1/sign-in/provider/options", "", nil, nil)
	var out wire.ProviderSignIn
	if asked.into(t, &out); asked.status != http.StatusOK {
		t.Fatalf("%d %s", asked.status, asked.body)
	}
	back := there.Visit(out.Address).Query()
	kept, _, _ := strings.Cut(asked.header.Get("Set-Cookie"), ";")
	body, err := json.Marshal(wire.ProviderAnswer{State: back.Get("state"), Code: back.Get("code")})
	if err != nil {
		t.Fatal(err)
	}
	got := h.do("POST", "/v1/sign-in/provider", "", map[string]string{"Cookie": kept,
		"Content-Type": "application/json"}, body)
	for _, cookie := range got.header.Values("Set-Cookie") {
		if value, ours := strings.CutPrefix(cookie, "__Host-lifeline="); ours && got.status == http.StatusCreated {
			own, _, _ := strings.Cut(value, ";")
			return h, own
		}
	}
	t.Fatalf("the sign-in: %d %s", got.status, got.body)
	return nil, ""
}

// Whoever runs the provider, or has a session of it, signs in as an administrator who has no passkeys.
func TestASessionOfTheProviderAloneTakesNothingOffTheAirAndEndsNobodysSession(t *testing.T) {
	t.Parallel()
	h, dora := byProvider(t, "admin")
	theirs := h.session("sora", "producer")
	var me wire.Me
	h.do("GET", "/v1/me", theirs, nil, nil).into(t, &me)
	var page wire.Page[schedules.Segment]
	h.get("/v1/segments?kind=ident&state=approved&limit=1", &page)
	s := page.Items[0]
	sum, in64 := make([]byte, 32), base64.StdEncoding.EncodeToString
	with := func(more map[string]string) map[string]string {
		more["If-Match"] = fmt.Sprintf("%q", fmt.Sprint(s.Revision))
		return more
	}
	for what, try := range map[string]func() answer{
		"an edit": func() answer {
			return h.do("PATCH", wire.Segment(s.ID), dora, with(map[string]string{"Content-Type": "application/json"}),
				[]byte(`{"language":"zxx"}`))
		},
		"an edit of any revision": func() answer {
			return h.do("PATCH", wire.Segment(s.ID), dora, map[string]string{"If-Match": "*",
				"Content-Type": "application/json"}, []byte(`{"valid_until":"2020-01-01T00:00:00.000Z"}`))
		},
		"another recording": func() answer {
			return h.do("PUT", wire.Segment(s.ID, "audio"), dora, with(map[string]string{"Content-Type": "audio/mpeg",
				"Repr-Digest": "sha-256=:" + in64(sum) + ":"}), bytes.Repeat([]byte("x"), 2<<20))
		},
		"another recording in pieces": func() answer {
			return h.do("POST", wire.Uploads(), dora, with(map[string]string{"Tus-Resumable": wire.TusVersion,
				"Upload-Length": "9", "Upload-Metadata": "replaces " + in64([]byte(s.ID)) + ",sha256 " +
					in64([]byte(fmt.Sprintf("%x", sum)))}), nil)
		},
		"a script": func() answer {
			return h.do("PUT", "/v1/scripts/appeal", dora, map[string]string{"If-Match": "*",
				"Content-Type": "application/json"}, []byte(`{}`))
		},
		"another's session": func() answer { return h.do("DELETE", "/v1/sessions/"+me.Session, dora, nil, nil) },
	} {
		got := try()
		t.Logf("%s: %d", what, got.status)
		if got.status != http.StatusConflict || !strings.Contains(string(got.body), "must be confirmed by passkey") {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	var now schedules.Segment
	h.get(wire.Segment(s.ID), &now)
	if now.Revision != s.Revision || now.State != schedules.Approved {
		t.Errorf("%s is %s, revision %d after %d", s.ID, now.State, now.Revision, s.Revision)
	}
	if got := h.do("GET", "/v1/me", theirs, nil, nil); got.status != http.StatusOK {
		t.Errorf("the other's session gets %d", got.status)
	}
}
