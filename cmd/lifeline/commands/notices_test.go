package commands

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// tellingService answers as a service does with the given notices of sign-ins.
func tellingService(t *testing.T, given ...string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range given {
			w.Header().Add(wire.SignInHeader, h)
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != wire.Base+"/sessions" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"title":"Forbidden","status":403,"detail":"not you"}`)
			return
		}
		fmt.Fprint(w, `{"items":[{"id":"s1","by":"browser","remote":"192.0.2.7"}]}`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func noticeOf(t *testing.T, id, agent string) string {
	t.Helper()
	b, err := json.Marshal(wire.SignInNotice{Session: id, Name: "Hana", Remote: "192.0.2.7", Agent: agent,
		At: schedules.At(time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC))})
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

func TestANewSignInIsToldOnceAtTheNextCommandAndOnStandardErrorAlone(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("LIFELINE_TOKEN", "")
	t.Setenv("LIFELINE_TOKEN_FILE", "")
	plain := tellingService(t)
	telling := tellingService(t, noticeOf(t, "a", "Firefox\n\x1b[2J"), noticeOf(t, "../../b", ""), "?", "bnVsbA==")
	run := func(server string, args ...string) (code int, stdout, stderr string) {
		t.Helper()
		var out, told bytes.Buffer
		code = Run(t.Context(), append(args, "--server", server), &out, &told)
		return code, out.String(), told.String()
	}
	begin := func(server string) {
		t.Helper()
		if err := keep(keptSession{Server: server, ID: "own", Secret: "lifelinesession_own_secret"}); err != nil {
			t.Fatal(err)
		}
	}
	begin(plain)
	code, want, told := run(plain, "people", "sessions")
	if code != 0 || told != "" || !strings.Contains(want, "192.0.2.7") {
		t.Fatalf("%d %q %q", code, want, told)
	}
	refused, _, _ := run(plain, "people", "list")
	begin(telling)
	code, out, told := run(telling, "people", "list") // a refusal tells, too
	if code != refused || out != "" {
		t.Errorf("%d, not %d: %q", code, refused, out)
	}
	for _, line := range []string{
		"new sign-in as Hana on 2026-11-30T09:00:00Z from 192.0.2.7 (Firefox \\u001b[2J): see lifeline people sessions\n",
		"new sign-in as Hana on 2026-11-30T09:00:00Z from 192.0.2.7: see lifeline people sessions\n"} {
		if strings.Count(told, line) != 1 {
			t.Errorf("%q is not told once: %q", line, told)
		}
	}
	if code, out, told = run(telling, "people", "sessions"); code != 0 || out != want || told != "" {
		t.Errorf("again: %d %q %q", code, out, told)
	}
	begin(telling)
	if _, _, told = run(telling, "people", "sessions"); strings.Count(told, "new sign-in") != 2 {
		t.Errorf("after another login: %q", told)
	}
	if _, _, told = run(telling, "people", "sessions", "--token", "a-token-of-a-machine"); strings.Contains(told, "new") {
		t.Errorf("a token: %q", told)
	}
}

func TestASignInIsToldByOneOfManyCommandsAndEvenWhereItCannotBeNoted(t *testing.T) {
	n := noticing{told: t.TempDir()}
	fresh := make(chan bool, 8)
	for range cap(fresh) {
		go func() { fresh <- n.fresh("a") }()
	}
	count := 0
	for range cap(fresh) {
		if <-fresh {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d commands tell", count)
	}
	for _, nowhere := range []string{"", "/dev/null/told"} {
		n := noticing{told: nowhere}
		for range 2 {
			if !n.fresh("a") {
				t.Errorf("%q: it is not told", nowhere)
			}
		}
	}
}
