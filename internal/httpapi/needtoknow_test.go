package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// named has a sensitive segment m3 and an ordinary one m2, and tokens of persons and machines.
type named struct {
	*served
	tokens map[string]string
}

func newNamed(t *testing.T) *named {
	n := &named{newServed(t), map[string]string{}}
	n.now = n.now.Add(time.Second)
	ctx := t.Context()
	for _, id := range []string{"m3", "m2"} {
		_, err := n.parts.Library.Segments.Edit(ctx, access.System, id, nil, func(s *schedules.Segment) {
			s.Persons = []string{"p-hidden"}
			s.Consent = &schedules.Consent{GivenAt: schedules.At(n.now.Add(-time.Hour)), Reference: "drawer-7"}
			s.Sensitive = id == "m3"
		})
		n.must(err)
	}
	for _, role := range []string{"viewer", "producer", "scheduler", "admin"} {
		for _, right := range []bool{false, true} {
			id := role + map[bool]string{false: "-not", true: "-named"}[right]
			_, err := n.parts.Members.Add(ctx, access.System, wire.Member{ID: id, Name: "The " + id, Roles: []string{role},
				Sensitive: right})
			n.must(err)
			given, err := n.parts.Access.Create(ctx, access.System, access.NewToken{Person: id, Role: access.Role(role)})
			n.must(err)
			n.tokens[id] = given.Secret
		}
	}
	ada := access.Actor{Name: "Ada", Role: access.Admin, Token: "of-ada"}
	for _, role := range []access.Role{access.Producer, access.SchedulerJob, access.Admin} {
		given, err := n.parts.Access.Create(ctx, ada, access.NewToken{Name: "elsewhere " + string(role), Role: role})
		n.must(err)
		n.tokens["elsewhere-"+string(role)] = given.Secret
	}
	for _, role := range []access.Role{access.Viewer, access.Producer, access.SchedulerJob} {
		given, err := n.parts.Access.Create(ctx, access.System, access.NewToken{Name: "machine " + string(role), Role: role})
		n.must(err)
		n.tokens["machine-"+string(role)] = given.Secret
	}
	return n
}

// as sends a request with the token of somebody.
func (n *named) as(who, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	n.t.Helper()
	n.token = n.tokens[who]
	return n.do(method, path, body, headers...)
}

// knows reports whether somebody is named for what is sensitive, independent of the code.
func knows(who string) bool {
	return strings.HasSuffix(who, "-named") || who == "machine-producer" || who == "machine-scheduler"
}

func (n *named) audit(action string) (out []store.Change) {
	changes, err := n.store.Audit(n.t.Context(), store.AuditQuery{Limit: 500, Newest: true})
	n.must(err)
	for _, c := range changes {
		if c.Action == action {
			out = append(out, c)
		}
	}
	return out
}

func TestOnlyWhoIsNamedReadsPersonsAndConsentAndHearsWhatIsSensitive(t *testing.T) {
	n := newNamed(t)
	seg, err := n.parts.Library.Segments.Get("m3")
	n.must(err)
	for who := range n.tokens {
		for _, path := range []string{"/v1/segments", "/v1/segments/m3", "/v1/segments/m2"} {
			w := n.as(who, "GET", path, "")
			body := w.Body.String()
			if w.Code != http.StatusOK || strings.Contains(body, "p-hidden") != knows(who) ||
				strings.Contains(body, "drawer-7") != knows(who) || strings.Contains(body, `"persons":[`) != knows(who) {
				t.Errorf("GET %s by %s: %d %s", path, who, w.Code, body)
			}
		}
		for path, right := range map[string]int{"/v1/segments/m3/audio": http.StatusOK,
			"/v1/audio/" + seg.Recording.SHA256 + ".mp3": http.StatusOK, "/v1/segments/m3/waveform": http.StatusNotFound,
			"/v1/persons/p-hidden": http.StatusOK, "/v1/persons/p-nobody": http.StatusNotFound} {
			want := http.StatusForbidden
			if knows(who) {
				want = right
			}
			if w := n.as(who, "GET", path, ""); w.Code != want || want == http.StatusForbidden &&
				!strings.Contains(w.Body.String(), "lifeline people set") {
				t.Errorf("GET %s by %s: %d %s", path, who, w.Code, w.Body)
			}
		}
		if w := n.as(who, "GET", "/v1/segments/m2/audio", ""); w.Code != http.StatusOK {
			t.Errorf("what is not sensitive, by %s: %d %s", who, w.Code, w.Body)
		}
	}
}

func TestWhoDoesNotSeePersonsNeitherRemovesThemNorMakesASegmentLessSensitive(t *testing.T) {
	n := newNamed(t)
	stored := func() schedules.Segment {
		s, err := n.parts.Library.Segments.Get("m3")
		n.must(err)
		return s
	}
	for body, want := range map[string]int{
		`{"title":"Another title"}`:                            http.StatusOK,
		`{"title":"A third","persons":[],"consent":null}`:      http.StatusOK,
		`{"title":"A fourth","persons": [ ],"sensitive":true}`: http.StatusOK,
		`{"persons":null}`:                                     http.StatusOK,
		`{"persons":["p-other"]}`:                              http.StatusForbidden,
		`{"persons":["p-hidden"]}`:                             http.StatusForbidden,
		`{"consent":{"reference":"none"}}`:                     http.StatusForbidden,
		`{"consent":{}}`:                                       http.StatusForbidden,
		`{"sensitive":false}`:                                  http.StatusForbidden,
		`{"Persons":["p-other"]}`:                              http.StatusForbidden,
		`{"sensitive":null}`:                                   http.StatusForbidden,
		`{"title":"A fifth","persons":[],"sensitive":false}`:   http.StatusForbidden,
		`{"persons":[],"persons":["p-other"]}`:                 http.StatusForbidden,
	} {
		w := n.as("producer-not", "PATCH", "/v1/segments/m3", body, "If-Match", `"`+strconv.FormatInt(stored().Revision, 10)+`"`,
			"Content-Type", "application/json")
		s := stored()
		if w.Code != want || len(s.Persons) != 1 || s.Consent == nil || s.Consent.Reference != "drawer-7" || !s.Sensitive {
			t.Errorf("%s: %d %s, stored %v %v %v", body, w.Code, w.Body, s.Persons, s.Consent, s.Sensitive)
		}
		if strings.Contains(w.Body.String(), "p-hidden") {
			t.Errorf("%s: the answer names the person: %s", body, w.Body)
		}
	}
	w := n.as("producer-named", "PATCH", "/v1/segments/m3", `{"persons":["p-hidden","p-other"]}`, "If-Match",
		`"`+strconv.FormatInt(stored().Revision, 10)+`"`, "Content-Type", "application/json")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "p-other") {
		t.Errorf("by one who is named: %d %s", w.Code, w.Body)
	}
}

func TestReadingsOfWhatIsSensitiveAreOnTheAudit(t *testing.T) {
	n := newNamed(t)
	n.as("viewer-named", "GET", "/v1/segments/m3/audio", "")
	n.as("viewer-named", "GET", "/v1/segments/m3/audio", "") // counted
	n.as("viewer-named", "GET", "/v1/segments/m2/audio", "") // not sensitive
	n.as("viewer-named", "GET", "/v1/segments/m2", "")
	n.as("viewer-named", "GET", "/v1/persons/p-hidden", "")
	n.as("viewer-not", "GET", "/v1/segments/m3", "")
	for action, want := range map[string]int{"segment.listen": 1, "segment.read": 1, "person.read": 1} {
		got := n.audit(action)
		if len(got) != want {
			t.Errorf("%s is %d times on the audit: %v", action, len(got), got)
		}
		for _, c := range got {
			if c.Person != "viewer-named" {
				t.Errorf("%s by %s", action, c.Person)
			}
		}
	}
}

// A station's token that an administrator made may be used by anybody.
func TestWhatIsHeardAsAStationIsOnTheAuditUnlessItsKeyIsEnrolled(t *testing.T) {
	n := newNamed(t)
	given := n.stationToken()
	n.tokens["station"] = given.Secret
	file := n.sensitive(true)
	path := "/v1/audio/" + strings.TrimSuffix(file, "?")
	heard := func() int {
		t.Helper()
		before := len(n.audit("segment.listen"))
		if w := n.as("station", "GET", path, ""); w.Code != http.StatusOK {
			t.Fatalf("GET %s by the station: %d %s", path, w.Code, w.Body)
		}
		n.now = n.now.Add(time.Minute)
		return len(n.audit("segment.listen")) - before
	}
	if got := heard(); got != 1 {
		t.Errorf("heard without an enrolled key: %d times on the audit", got)
	}
	for _, c := range n.audit("segment.listen") {
		if c.Token != given.ID || !strings.Contains(c.Fields, "m3") || !strings.Contains(c.Reason, "station s") {
			t.Errorf("on the audit: %+v", c)
		}
	}
	keys := replica.StationKeys{Station: "s", Keys: []replica.StationKey{{ID: "k", State: replica.KeyActive,
		Token: "another"}}}
	servicetest.Put(t, n.parts.Replica, replica.KindStationKeys, "s", keys)
	if got := heard(); got != 1 {
		t.Errorf("heard by another token than that of the key: %d times on the audit", got)
	}
	keys.Keys[0].Token = given.ID
	servicetest.Put(t, n.parts.Replica, replica.KindStationKeys, "s", keys)
	if got := heard(); got != 0 {
		t.Errorf("heard by the enrolled player: %d times on the audit", got)
	}
}

func TestRecallOfAPersonIsOpenToMakersAndTellsNoSegmentsToWhoIsNotNamed(t *testing.T) {
	n := newNamed(t)
	w := n.as("producer-not", "POST", "/v1/persons/p-hidden/recall", `{"reason":"danger"}`, "Content-Type",
		"application/json")
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "m3") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := n.as("producer-not", "GET", "/v1/segments/m3", ""); strings.Contains(w.Body.String(), "p-hidden") ||
		!strings.Contains(w.Body.String(), `"recalled"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestErasureNamesItsPersonOnlyToWhoIsNamed(t *testing.T) {
	n := newNamed(t)
	ask := `{"person":"p-hidden","reason":"asked for it"}`
	if w := n.as("producer-not", "POST", "/v1/erasures", ask, "Content-Type", "application/json"); w.Code !=
		http.StatusForbidden {
		t.Errorf("asked by one who is not named: %d %s", w.Code, w.Body)
	}
	if w := n.as("producer-named", "POST", "/v1/erasures", ask, "Content-Type", "application/json"); w.Code !=
		http.StatusCreated || !strings.Contains(w.Body.String(), "p-hidden") {
		t.Errorf("asked by one who is named: %d %s", w.Code, w.Body)
	}
	for who, want := range map[string]bool{"producer-not": false, "producer-named": true} {
		if w := n.as(who, "GET", "/v1/erasures", ""); w.Code != http.StatusOK || strings.Contains(w.Body.String(),
			"p-hidden") != want {
			t.Errorf("by %s: %d %s", who, w.Code, w.Body)
		}
	}
}

func TestAuditTellsOnlyWhoIsNamedWhichPersonWasRecalledOrLookedUp(t *testing.T) {
	n := newNamed(t)
	n.as("viewer-named", "GET", "/v1/persons/p-hidden", "")
	if w := n.as("producer-not", "POST", "/v1/persons/p-hidden/recall", `{"reason":"danger"}`, "Content-Type",
		"application/json"); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, who := range []string{"scheduler-not", "admin-not", "scheduler-named", "machine-scheduler"} {
		want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[knows(who)]
		for path, want := range map[string]int{"/v1/audit?limit=100": http.StatusOK,
			"/v1/audit/chain/records?first=1&last=200": want} {
			w := n.as(who, "GET", path, "")
			if w.Code != want || strings.Contains(path, "limit") &&
				strings.Contains(w.Body.String(), "p-hidden") != knows(who) {
				t.Errorf("GET %s by %s: %d %s", path, who, w.Code, w.Body)
			}
		}
	}
	for _, c := range n.audit("audit.read") {
		if c.Person == "scheduler-not" || c.Person == "admin-not" {
			t.Errorf("%s read no persons", c.Person)
		}
	}
	if got := n.audit("audit.read"); len(got) != 2 {
		t.Errorf("the readings on the audit: %v", got)
	}
}
