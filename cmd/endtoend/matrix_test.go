package endtoend

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/openapi/conform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// mayDo lists the roles of each operation, independent of the routes: a route without an entry fails, and so does one
// with other roles. "open" needs no token; admin may do everything and is not named.
var mayDo = map[string]string{
	"getHealth": "open", "getReadiness": "open", "getOpenAPI": "open", "getMetrics": "", "getDocs": "open",
	"getConsole": "open", "getConsoleAsset": "open", "getTime": "open", "listKeys": "open", "listRoots": "open",
	"enrolStation": "open", "enrolStationSealed": "open", "proveService": "open",
	"createEnrolmentCode": "", "listStationKeys": "scheduler", "seizeStation": "scheduler",

	"uploadSegment": "producer", "replaceAudio": "producer",
	"getUploadOptions": "open", "getUploadOptionsOfOne": "open", "startUpload": "producer", "listUploads": "producer",
	"getUpload":    "producer",
	"appendUpload": "producer", "cancelUpload": "producer",
	"listSegments": "producer scheduler viewer", "getSegment": "producer scheduler viewer",
	"listen":      "producer scheduler viewer",
	"getWaveform": "producer scheduler viewer",
	"editSegment": "producer scheduler", "approveSegment": "producer scheduler", "rejectSegment": "producer scheduler",
	"recallSegment": "producer scheduler", "reinstateSegment": "producer scheduler",
	"confirmRecalls": "producer scheduler", "reinstateRecalls": "producer scheduler",
	"listErasures": "producer", "askErasure": "producer", "getErasure": "producer", "confirmErasure": "producer",
	"dropErasure": "producer",
	"listScripts": "producer scheduler viewer", "getScript": "producer scheduler viewer",
	"putScript":           "producer scheduler",
	"listMissingReadings": "producer scheduler viewer", "getExposure": "producer scheduler viewer",

	"listStations": "producer scheduler viewer", "getStation": "producer scheduler viewer station",
	"putStation": "scheduler",
	"listClocks": "producer scheduler viewer", "getClock": "producer scheduler viewer", "putClock": "scheduler",
	"listClockUses":   "producer scheduler viewer",
	"listScriptUses":  "producer scheduler viewer",
	"listSegmentUses": "producer scheduler viewer",
	"listCampaigns":   "producer scheduler viewer", "getCampaign": "producer scheduler viewer", "putCampaign": "scheduler",
	"apply": "scheduler", "getRundown": "producer scheduler viewer", "editRundown": "scheduler", "plan": "scheduler",
	"publish": "scheduler", "withdrawDay": "scheduler",
	"diffRundowns": "producer scheduler viewer", "explainItem": "producer scheduler viewer", "planMany": "scheduler",
	"publishMany": "scheduler",
	"reconcile":   "producer scheduler viewer", "listAirings": "producer scheduler viewer",
	"reportAirings": "producer scheduler viewer",
	"getPerson":     "producer scheduler viewer", "recallPerson": "producer scheduler",
	"listMakeGoods": "producer scheduler viewer", "waiveMakeGood": "scheduler", "listChain": "producer scheduler viewer",
	"listChainRecords": "producer scheduler viewer",
	"listAuditChain":   "scheduler", "listAuditChainRecords": "scheduler",
	"listWaiting": "producer scheduler", "confirmWaiting": "producer scheduler",
	"withdrawWaiting": "producer scheduler",
	"listAudit":       "scheduler", "createToken": "", "listTokens": "producer scheduler viewer",
	"revokeToken": "producer scheduler viewer",
	"listAlarms":  "producer scheduler viewer", "listWebhooks": "", "getWebhook": "", "putWebhook": "",
	"deleteWebhook": "", "rotateWebhook": "", "listDeliveries": "", "testWebhook": "", "replayWebhook": "",

	"getNext": "station scheduler viewer", "getQueueAsM3U": "station scheduler viewer",
	"getFallbackAsM3U": "station scheduler viewer",
	"getQueueAsPLS":    "station scheduler viewer", "getFallbackAsPLS": "station scheduler viewer",
	"getQueueAsXSPF":    "station scheduler viewer",
	"getFallbackAsXSPF": "station scheduler viewer", "getQueueAsLIQ": "station scheduler viewer",
	"getFallbackAsLIQ":   "station scheduler viewer",
	"getQueueAsFFCONCAT": "station scheduler viewer", "getFallbackAsFFCONCAT": "station scheduler viewer",
	"getWindowCalendar": "producer scheduler viewer station", "getQueueAsICS": "station scheduler viewer",
	"getServiceInformation": "station scheduler viewer", "getProgrammeInformation": "station scheduler viewer",
	"getQueue": "station scheduler viewer", "getSignedQueue": "station scheduler viewer",
	"getFallback":       "station scheduler viewer",
	"getSignedFallback": "station scheduler viewer", "reportAsRun": "station", "listAsRun": "station scheduler viewer",
	"getSignedLease": "station", "getSignedFreshness": "station", "getSignedReceipts": "station",
	"setMirrorList": "", "getSignedMirrorList": "station",
	"getWindow": "station scheduler viewer", "reportStatus": "station", "getStatus": "station scheduler viewer",
	"listPeople": "", "addMember": "", "getMember": "", "patchMember": "",
	"beginSignIn": "open", "signIn": "open", "beginEnrolment": "open", "enrolPerson": "open",
	"getSignInWays": "open", "beginProviderSignIn": "open", "signInByProvider": "open",
	"beginLogin": "open", "awaitLogin": "open", "approveLogin": "producer scheduler viewer",
	"confirmAct":   "producer scheduler viewer",
	"listSessions": "producer scheduler viewer", "endSession": "producer scheduler viewer",
	"listPasskeys": "producer scheduler viewer", "beginPasskey": "producer scheduler viewer",
	"addPasskey": "producer scheduler viewer", "endPasskey": "producer scheduler viewer",
	"createPersonCode": "", "recoverMember": "producer scheduler",
	"getMe": "producer scheduler viewer station", "listStatus": "producer scheduler viewer",
	"getRecalls": "producer scheduler viewer station", "followChanges": "producer scheduler viewer station",
	"getAudio": "producer scheduler viewer station",
}

// confirmed lists what a session must confirm by passkey, independent of the routes.
const confirmed = "approveSegment publish publishMany withdrawDay recallSegment recallPerson reinstateSegment " +
	"confirmRecalls reinstateRecalls addMember patchMember createPersonCode recoverMember createToken revokeToken " +
	"createEnrolmentCode seizeStation setMirrorList addPasskey endPasskey confirmErasure " +
	"apply putStation putClock putCampaign rejectSegment askErasure dropErasure withdrawWaiting " +
	"confirmWaiting putWebhook deleteWebhook rotateWebhook approveLogin editSegment replaceAudio startUpload putScript"

// confirmedByAdmins lists what only administrators do to others: a session need not confirm it for its own.
const confirmedByAdmins = "endSession"

// onTheAir lists what a session must confirm only where it changes an approved segment: here it is asked for one, or
// for the script that it reads.
const onTheAir = "editSegment replaceAudio startUpload putScript"

// airing returns the paths that onTheAir is asked for, and the headers.
func (h *house) airing() (paths *strings.Replacer, headers map[string]string) {
	h.t.Helper()
	var page wire.Page[schedules.Segment]
	h.do("GET", "/v1/segments?kind=reading&state=approved&limit=1", h.secrets["scheduler"], nil, nil).into(h.t, &page)
	s := page.Items[0]
	encoded := base64.StdEncoding.EncodeToString
	return strings.NewReplacer("{segment}", s.ID, "{script}", s.Script.ID), map[string]string{"If-Match": "*",
		"Repr-Digest":     "sha-256=:" + encoded(make([]byte, 32)) + ":",
		"Upload-Metadata": "replaces " + encoded([]byte(s.ID)) + ",sha256 " + encoded([]byte(strings.Repeat("0", 64)))}
}

// needToKnow lists what only those do who are named for what is sensitive: here it is asked for a sensitive segment.
const needToKnow = "listen getWaveform getAudio getPerson listAuditChainRecords"

// sensitive makes a segment of the house sensitive, and returns the paths that needToKnow is asked for.
func (h *house) sensitive(admin string) *strings.Replacer {
	h.t.Helper()
	var page wire.Page[schedules.Segment]
	h.do("GET", "/v1/segments?kind=reading&limit=1", admin, nil, nil).into(h.t, &page)
	s := page.Items[0]
	got := h.do("PATCH", wire.Segment(s.ID), admin, map[string]string{
		"If-Match": fmt.Sprintf("%q", fmt.Sprint(s.Revision)), "Content-Type": "application/json"},
		[]byte(`{"sensitive":true}`))
	if got.status != http.StatusOK {
		h.t.Fatalf("%s: %d %s", s.ID, got.status, got.body)
	}
	return strings.NewReplacer("{segment}", s.ID, "{file}", s.Recording.SHA256+".mp3")
}

// namedSession returns the session of a person who is named for what is sensitive.
func (h *house) namedSession(id, admin string, roles ...string) string {
	h.t.Helper()
	secret := h.session(id, roles...)
	var m wire.Member
	h.do("GET", wire.People(id), admin, nil, nil).into(h.t, &m)
	got := h.do("PATCH", wire.People(id), admin, map[string]string{"If-Match": fmt.Sprintf("%q", fmt.Sprint(m.Revision)),
		"Content-Type": "application/json"}, []byte(`{"sensitive":true}`))
	h.secondConfirms(got)
	h.do("GET", wire.People(id), admin, nil, nil).into(h.t, &m)
	if !m.Sensitive {
		h.t.Fatalf("%s: %d %s", id, got.status, got.body)
	}
	return secret
}

// knows reports whether a caller of the matrix is named for what is sensitive.
func knows(who string) bool {
	if roles, session := strings.CutPrefix(who, "session of a "); session {
		return strings.HasSuffix(roles, " named")
	}
	return who != "viewer"
}

// bySession lists what no token may do.
const bySession = "addPasskey endPasskey recoverMember approveLogin confirmAct"

// ownStation has the token of the tests, otherStation exists too, and noStation does not exist.
const ownStation, otherStation, noStation = "harbour-dawn", "lantern-coast", "nobody-there"

// Every operation is called by every role, and without a token. The requests are harmless: for a document that does not
// exist, or with a body that is refused after the roles were checked.
func TestEveryRoleMayDoWhatTheMatrixSaysAndNothingElse(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	secrets := map[string]string{"nobody": "", "station": h.stationSecret(ownStation), "producer": h.secrets["producer"],
		"scheduler": h.secrets["scheduler"]}
	for _, role := range []access.Role{access.Admin, access.Viewer} {
		h.as(string(role), access.NewToken{Name: string(role), Role: role})
		secrets[string(role)] = h.secrets[string(role)]
	}
	// whose session may do the same, but for what must be confirmed by passkey
	for _, role := range []string{"producer", "scheduler", "admin", "viewer"} {
		secrets["session of a "+role] = h.session("p-"+role, role)
	}
	both := h.session("p-both", "producer", "scheduler")
	secrets["session of a producer scheduler"] = both
	for _, role := range []string{"producer", "scheduler", "admin", "viewer"} {
		secrets["session of a "+role+" named"] = h.namedSession("p-"+role+"-named", secrets["admin"], role)
	}
	airs, headers := h.airing()
	places := h.sensitive(secrets["admin"])
	listed := map[string]bool{}
	tried := 0
	for _, o := range everyOperation(contract(t, h.service.Server.Handler)) {
		may, entered := mayDo[o.ID]
		if listed[o.ID] = true; !entered {
			t.Errorf("%s (%s %s) has no entry in the matrix", o.ID, o.method, o.path)
			continue
		}
		hidden := slices.Contains(strings.Fields(needToKnow), o.ID)
		if hidden {
			o.path = places.Replace(o.path)
		}
		if slices.Contains(strings.Fields(onTheAir), o.ID) {
			o.path, o.headers = airs.Replace(o.path), headers
		}
		for who, secret := range secrets {
			want := "allowed"
			roles, session := strings.CutPrefix(who, "session of a ")
			allowed := slices.ContainsFunc(strings.Fields(roles), func(role string) bool {
				return role == "admin" || slices.Contains(strings.Fields(may), role)
			})
			switch {
			case !session && slices.Contains(strings.Fields(bySession), o.ID) && who != "nobody":
				want = "403"
			case may != "open" && allowed && session && (slices.Contains(strings.Fields(confirmed), o.ID) ||
				strings.HasPrefix(roles, "admin") && slices.Contains(strings.Fields(confirmedByAdmins), o.ID)):
				want = "to be confirmed"
			case hidden && allowed && !knows(who):
				want = "403"
			case may == "open" || allowed:
			case who == "nobody":
				want = "401"
			default:
				want = "403"
			}
			tried++
			if got := h.outcome(o, ownStation, secret); got != want {
				t.Errorf("%s by %s is %s, want %s", o.ID, who, got, want)
			}
		}
	}
	for id := range mayDo {
		if !listed[id] {
			t.Errorf("the matrix has %s, which is no operation", id)
		}
	}
	t.Logf("%d operations, %d tries", len(listed), tried)
}

// A station that requests another one gets the same status and the same words as for one that does not exist.
func TestStationCannotLearnThatAnotherExists(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	secret := h.stationSecret(ownStation)
	asked := 0
	for _, o := range everyOperation(contract(t, h.service.Server.Handler)) {
		if !strings.Contains(o.path, "{station}") {
			continue
		}
		asked++
		other, none := h.told(o, otherStation, secret), h.told(o, noStation, secret)
		if other.status != none.status || o.allows("station") && other.status != http.StatusNotFound {
			t.Errorf("%s: %d for another station, %d for none", o.ID, other.status, none.status)
		}
		if a, b := strings.ReplaceAll(string(other.body), otherStation, "X"), strings.ReplaceAll(string(none.body), noStation,
			"X"); a != b {
			t.Errorf("%s: %s for another station, %s for none", o.ID, a, b)
		}
		for name := range other.header {
			if _, both := none.header[name]; !both {
				t.Errorf("%s: the header %s is there only for a station that exists", o.ID, name)
			}
		}
	}
	if asked < 10 {
		t.Errorf("only %d operations name a station", asked)
	}
}

// endpoint is an operation with its method and path.
type endpoint struct {
	conform.Operation
	method, path string
	headers      map[string]string // that are sent
}

func (o endpoint) allows(role string) bool { return slices.Contains(o.Roles, role) }

// everyOperation lists the document's operations without a HEAD that only mirrors its GET.
func everyOperation(c *conform.Contract) []endpoint {
	var out []endpoint
	for path, item := range c.Paths {
		for method, o := range item {
			if _, get := item["get"]; method != "head" || !get {
				out = append(out, endpoint{Operation: o, method: method, path: path})
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

func (h *house) stationSecret(id string) string {
	h.station(id)
	return h.secrets["station:"+id]
}

// outcome returns 401, 403, allowed, or to be confirmed.
func (h *house) outcome(o endpoint, station, secret string) string {
	a := h.told(o, station, secret)
	switch {
	case strings.Contains(string(a.body), "urn:lifeline:problem:step-up-required"):
		return "to be confirmed"
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return fmt.Sprint(a.status)
	}
	return "allowed"
}

// told sends a harmless request. It returns a problem's body without its request id, and no body of other answers.
func (h *house) told(o endpoint, station, secret string) answer {
	h.t.Helper()
	path := strings.ReplaceAll(o.path, "{station}", station)
	for _, p := range o.Parameters {
		if p.In == "path" && p.Name != "station" {
			value := "no-such-thing"
			if p.Name == "date" {
				value = "2026-03-01"
			}
			path = strings.ReplaceAll(path, "{"+p.Name+"}", value)
		}
	}
	var body io.Reader
	if o.method != "get" {
		body = strings.NewReader("[]") // refused by every body's schema
	}
	req, err := http.NewRequestWithContext(h.t.Context(), strings.ToUpper(o.method), h.url+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range o.headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close() // of a stream, too
	a := answer{status: resp.StatusCode, header: resp.Header}
	if resp.StatusCode >= http.StatusBadRequest && req.Method != http.MethodHead {
		var problem map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&problem); err != nil {
			h.t.Fatal(err)
		}
		delete(problem, "request_id")
		if a.body, err = json.Marshal(problem); err != nil {
			h.t.Fatal(err)
		}
	}
	return a
}
