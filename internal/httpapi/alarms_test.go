package httpapi

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestAlarmsNameTheProblemsOfStations(t *testing.T) {
	s := newServed(t)
	told := func() bool {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/alarms", nil)
		r.Header.Set("Authorization", "Bearer "+s.token)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		var page wire.Page[wire.Alarm]
		s.must(json.Unmarshal(w.Body.Bytes(), &page))
		return slices.ContainsFunc(page.Items, func(a wire.Alarm) bool {
			return a.Code == wire.AlarmStation && a.Subject == "s" && a.Problem == "two_players" && a.Message != ""
		})
	}
	for range 2 {
		if told() {
			t.Error("one player is taken for two")
		}
		for _, instance := range []string{"first", "second", "first"} {
			s.must(s.parts.Logbook.SetStatus(t.Context(), access.System, "s", wire.Status{Instance: instance}))
			s.now = s.now.Add(20 * time.Second)
		}
		if !told() {
			t.Error("two players of a station are no alarm")
		}
		s.now = s.now.Add(time.Hour)
	}
}

func TestAlarmsOfPlayersAndStationsSaySinceWhenTheyStand(t *testing.T) {
	s := newServed(t)
	since := func(code, message string) (out []string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/alarms", nil)
		r.Header.Set("Authorization", "Bearer "+s.token)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		var page wire.Page[wire.Alarm]
		s.must(json.Unmarshal(w.Body.Bytes(), &page))
		for _, a := range page.Items {
			if a.Code == code && strings.Contains(a.Message, message) {
				out = append(out, a.Since.String())
			}
		}
		return out
	}
	begun := s.now
	report := func(alarms ...string) {
		t.Helper()
		s.must(s.parts.Logbook.SetStatus(t.Context(), access.System, "s", wire.Status{Instance: "one", Alarms: alarms}))
	}
	is := func(code, message string, want time.Time) {
		t.Helper()
		if got := since(code, message); !slices.Equal(got, []string{schedules.At(want).String()}) {
			t.Errorf("%q stands since %q, not %v", message, got, schedules.At(want))
		}
	}
	s.must(s.parts.Logbook.SetStatus(t.Context(), access.System, "s", wire.Status{RecallsSeen: math.MaxInt64}))
	is(wire.AlarmStation, "no service can have given", begun)
	report("no answer for 10m0s")
	for n := range 30 { // the alarm goes on, its message changes, and another begins
		s.now = s.now.Add(time.Minute)
		report("no sound leaves this machine", fmt.Sprintf("no answer for %dm0s", 11+n))
	}
	is(wire.AlarmPlayer, "no answer", begun)
	is(wire.AlarmPlayer, "no sound", begun.Add(time.Minute))
	report()
	s.now = s.now.Add(time.Minute)
	report("no sound leaves this machine") // the first one had ended
	is(wire.AlarmPlayer, "no sound", s.now)
}

func TestWhoIsTooFastReadsWhenToTryAgain(t *testing.T) {
	s := newServed(t)
	for range loginBurst + 1 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/alarms", nil)
		r.Header.Set("Authorization", "Bearer unknown")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code == http.StatusUnauthorized {
			continue
		}
		var p wire.Problem
		s.must(json.Unmarshal(w.Body.Bytes(), &p))
		if want := "too many logins have failed from this address: try again in 3 s"; w.Code !=
			http.StatusTooManyRequests || p.Detail != want || w.Header().Get("Retry-After") != "3" {
			t.Errorf("%d %q %v", w.Code, p.Detail, w.Header())
		}
		return
	}
	t.Error("nobody was slowed down")
}

func TestManyRecallsByOnePersonAreAnAlarmOfEveryStationUntilAnotherConfirmsThem(t *testing.T) {
	s := newServed(t)
	told := func() (n int) {
		for _, p := range s.parts.Scheduler.Network.StationProblems.Of("s") {
			if p.Code == "mass_recall" && strings.Contains(p.Message, `lifeline reinstate --by "Hana"`) {
				n++
			}
		}
		return n
	}
	hana := access.Actor{Name: "Hana", Role: access.Producer}
	for i := range 5 {
		if told() != 0 {
			t.Errorf("an alarm after %d", i)
		}
		id := fmt.Sprint("extra", i)
		r, err := s.parts.Library.Recordings.Receive(t.Context(), strings.NewReader("sound of "+id))
		s.must(err)
		_, err = s.parts.Library.Segments.Create(t.Context(), hana, schedules.Segment{ID: id, Kind: "letter", Title: id,
			Language: "ko-KP"}, r)
		s.must(err)
		_, err = s.parts.Library.Recalls.Recall(t.Context(), hana, id, nil, "x")
		s.must(err)
	}
	if told() != 1 {
		t.Error("no alarm")
	}
	decide := func(path, body string, status int, says string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+s.token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != status || !strings.Contains(w.Body.String(), says) {
			t.Errorf("%s: %d, want %d and %q: %s", path, w.Code, status, says, w.Body)
		}
	}
	decide("/v1/recalls/confirm", `{"reason":"x"}`, 422, `"by"`)
	decide("/v1/recalls/reinstate", `{"by":"Hana"}`, 422, "reason")
	decide("/v1/recalls/reinstate", `{"by":"Hana","since":"2999-01-01T00:00:00Z","reason":"x"}`, 404, "Hana")
	decide("/v1/recalls/confirm", `{"by":"Hana","reason":"right"}`, 200, `"state":"recalled"`)
	if told() != 0 {
		t.Error("an alarm after the confirmation")
	}
	decide("/v1/recalls/reinstate", `{"by":"Hana","reason":"x"}`, 404, "confirmed")
}
