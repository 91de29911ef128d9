package endtoend

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/console"
	"lifeline/internal/harness/longform"
	"lifeline/internal/openapi/conform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// contractDay is a day that is planned and published before the test of the contract.
var contractDay = comingDay(3)

// The test calls every operation with input that the OpenAPI document allows, at its bounds and between them, and with
// input that it does not allow. There is no 5xx, and no status or body that the document does not name. A refusal names
// the invalid field. LIFELINE_PROVE=contract sends 50,000 requests.
func TestContractHoldsForGeneratedInput(t *testing.T) {
	longform.Only(t)
	requests, seed := 3000, seedOr(t, 1)
	if os.Getenv("LIFELINE_PROVE") == "contract" {
		requests = 50_000
	}
	cfg := serveDefaults(furnish(t))
	cfg.Webhooks = []string{"127.0.0.0/24"}
	h := start(t, cfg)
	d := newDriver(h, seed)
	for n := range requests {
		d.operation = d.operations[n%len(d.operations)]
		// In the first round an operation is repeated until it succeeds: later, when segments have been recalled and
		// rejected, there may be no plan any more.
		for tries := 0; tries == 0 || n < len(d.operations) && d.succeeded[d.operation.ID] == 0 && tries < 100; tries++ {
			d.one()
			if d.failed > 20 {
				t.Fatal("and so on")
			}
		}
	}
	for _, o := range d.operations {
		if d.succeeded[o.ID] == 0 && !slices.Contains(neverGenerated, o.ID) {
			t.Errorf("%s never succeeded: what was generated for it proves nothing", o.ID)
		}
	}
	var statuses []string
	for _, status := range slices.Sorted(maps.Keys(d.statuses)) {
		statuses = append(statuses, fmt.Sprintf("%d: %d", status, d.statuses[status]))
	}
	t.Logf("%d requests of %d operations, seed %d; %d spoiled and refused by field; %s", requests, len(d.operations), seed,
		d.spoiled, strings.Join(statuses, ", "))
}

// neverGenerated are operations of which only refusals are generated: a make-good takes a day that was missed, a
// window takes its time to render, an enrolment a code and a key, the recalls that one person confirms or undoes are
// another's, receipts are of entries that somebody brought in a station's place, and a list of mirrors takes the key of
// their role. Passkeys need a device, a sign-in elsewhere an identity provider, and an erasure or a change that waits a
// person who asked. Their own tests have them succeed.
var neverGenerated = []string{"addPasskey", "beginEnrolment", "beginPasskey", "endPasskey", "endSession", "enrolPerson",
	"recoverMember", "signIn", "approveLogin", "confirmAct", "awaitLogin", "beginLogin",
	"beginProviderSignIn", "signInByProvider",
	"waiveMakeGood", "getWindow", "enrolStation", "enrolStationSealed", "confirmRecalls", "reinstateRecalls",
	"getSignedReceipts", "setMirrorList", "getSignedMirrorList", "confirmErasure", "dropErasure", "getErasure",
	"confirmWaiting", "withdrawWaiting"}

// driver sends generated requests.
type driver struct {
	h          *house
	contract   *conform.Contract
	generate   *conform.Generator
	known      map[string][]any
	operations []endpoint
	secrets    map[string]string // by role
	operation  endpoint          // the current one
	revision   string            // of the segment that segmentFor chose for it, as an ETag
	http       http.Client

	succeeded map[string]int
	statuses  map[int]int
	spoiled   int
	failed    int
}

func newDriver(h *house, seed uint64) *driver {
	h.t.Helper()
	secrets := map[string]string{"station": h.stationSecret(ownStation), "producer": h.secrets["producer"],
		"scheduler": h.secrets["scheduler"]}
	admin := client.New(h.url, "", http.DefaultClient)
	for _, role := range []access.Role{access.Viewer, access.Admin} {
		admin = h.as(string(role), access.NewToken{Name: string(role), Role: role})
		secrets[string(role)] = h.secrets[string(role)]
	}
	d := &driver{h: h, contract: contract(h.t, h.service.Server.Handler), secrets: secrets, succeeded: map[string]int{},
		statuses: map[int]int{}}
	d.known = d.furnished(admin)
	d.generate = conform.NewGenerator(d.contract, seed, d.known)
	d.operations = everyOperation(d.contract)
	slices.SortStableFunc(d.operations, func(a, b endpoint) int { // once definitions have changed, there may be no plan
		return map[bool]int{true: -1}[a.ID == "plan"] + map[bool]int{true: 1}[b.ID == "plan"]
	})
	return d
}

// furnished returns the names of existing things, by the parameters and fields that hold them.
func (d *driver) furnished(admin *client.Client) map[string][]any {
	t := d.h.t
	one := wire.ManyRequest{Stations: []string{ownStation, otherStation}, Dates: []schedules.Date{date(t, contractDay)}}
	for _, do := range []func(context.Context, wire.ManyRequest) ([]wire.ManyResult, error){d.h.scheduler.Plan,
		d.h.scheduler.Publish} {
		results, err := do(t.Context(), one)
		if err != nil || results[0].Problem != nil {
			t.Fatal(err, results)
		}
	}
	r, err := d.h.scheduler.Rundown(t.Context(), ownStation, date(t, contractDay))
	if err != nil {
		t.Fatal(err)
	}
	for id, name := range map[string]string{"p17": "Sora", "p23": "Wei", "p31": "Min"} {
		m := wire.Member{ID: id, Name: name, Roles: []string{"viewer"}, Active: true}
		if _, err := admin.AddMember(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	nextDay := date(t, contractDay).AddDays(1).String()
	known := map[string][]any{"date": {contractDay, contractDay, nextDay, "2027-03-28"}, "station": {ownStation,
		ownStation, otherStation},
		"timezone": {"UTC", "Asia/Seoul", "America/New_York"}, "language": {"ko-KP", "en", "cmn-Hans"},
		"rrule": {"DTSTART:20260901T130000\nRRULE:FREQ=DAILY", "DTSTART:20261201T210000"}, "campaign": {"appeal-daily",
			"other"},
		"schedule": {strings.ReplaceAll(contractDay, "-", "") + "_PI.xml"}, "window": {r.Items[0].Window},
		"dates": {contractDay, nextDay}, "stations": {ownStation, otherStation},
		"person": {"p17", "p23", "p31"}, "revision": {1, r.Revision}, "since": {0, 5}, "seed": {1, 7},
		"issuer": {"https://id.example"}, "subject": {"00u1hana", "00u2ruth"},
		"build": {console.Build()}, "asset": {"app.js", "style.css", "icon.svg"}}
	for _, i := range r.Items {
		known["item"] = append(known["item"], i.ID)
	}
	for name, path := range map[string]string{"segment": "/v1/segments", "clock": "/v1/clocks", "script": "/v1/scripts"} {
		var page wire.Page[struct {
			ID        string
			Recording schedules.Recording
		}]
		d.h.send(sent{method: "GET", path: path + "?limit=500", role: "scheduler"}).into(t, &page)
		for _, v := range page.Items {
			known[name] = append(known[name], v.ID)
			if v.Recording.SHA256 != "" {
				known["file"] = append(known["file"], v.Recording.SHA256+".mp3")
			}
		}
	}
	known["fallback"] = known["segment"]
	sound, err := samples.Files.ReadFile("ident-tone.mp3")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5 { // so that there is something to approve
		meta := map[string]any{"id": fmt.Sprint("awaited-", n), "kind": "ident", "title": "t", "language": "zxx"}
		if _, err := d.h.producer.Upload(t.Context(), meta, bytes.NewReader(sound)); err != nil {
			t.Fatal(err)
		}
		known["segment"] = append(known["segment"], meta["id"])
	}
	for range 60 {
		a := d.h.send(sent{method: "POST", path: "/v1/uploads", role: "producer",
			header: map[string]string{"Tus-Resumable": wire.TusVersion, "Upload-Length": "1000",
				"Upload-Metadata": "kind aWRlbnQ=,title VA==,language a28tS1A="}})
		if a.status != http.StatusCreated {
			t.Fatal(a.status, string(a.body))
		}
		known["upload"] = append(known["upload"], path.Base(a.header.Get("Location")))
	}
	for range 5 {
		token, err := d.h.service.Access.Create(t.Context(), access.System, access.NewToken{Name: "spare",
			Role: access.Viewer})
		if err != nil {
			t.Fatal(err)
		}
		known["token"] = append(known["token"], token.ID)
	}
	const nowhere = "https://127.0.0.1:9/" // nobody listens there
	known["url"], known["after"] = []any{nowhere}, []any{0, 5, r.Items[0].ID}
	for n := range 20 {
		w := wire.Webhook{ID: fmt.Sprint("hook-", n), URL: nowhere, Changes: []string{"script"}, Enabled: true}
		if _, err := client.New(d.h.url, d.secrets["admin"], http.DefaultClient).PutWebhook(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		known["webhook"] = append(known["webhook"], w.ID)
	}
	return known
}

// request is a generated request with its expected answer.
type request struct {
	method, path string
	query        url.Values
	header       map[string]string
	body         []byte
	refused      bool   // the answer is a 4xx
	field        string // named by the answer, if it is a 422
	how          string // the invalid part
}

// one sends one request of the current operation.
func (d *driver) one() {
	g := d.generate
	r := request{method: strings.ToUpper(d.operation.method), query: url.Values{}, header: map[string]string{}}
	role := conform.Pick(g, append([]string{""}, d.operation.Roles...))
	if role == "" && len(d.operation.Roles) > 0 && g.Chance(0.7) {
		role = d.operation.Roles[len(d.operation.Roles)-1]
	}
	mode := g.Int(10)
	for _, p := range d.operation.Parameters {
		if p.In == "path" && d.known[p.Name] == nil {
			mode = 0 // no such document exists: the answer would say only that
		}
	}
	d.fillParameters(&r, role, mode)
	d.fillBody(&r, mode)
	if role == "" && len(d.operation.Roles) > 0 { // 401 comes before any other refusal
		r.refused, r.field = true, ""
	}
	if r.method == http.MethodGet && r.field == "" && g.Chance(0.1) {
		r.method = http.MethodHead
	}
	d.check(r, d.send(r, d.secrets[role]))
}

// Modes of a request: out of ten, so many are invalid in the body, in the query, or completely.
const (
	spoilBody  = 3 // 1, 2 and 3
	spoilQuery = 5 // 4 and 5
	garble     = 6
)

func (d *driver) fillParameters(r *request, role string, mode int) {
	g := d.generate
	path := d.operation.path
	spoiling := mode >= 1 && mode <= garble
	var spoilable []conform.Parameter
	for _, p := range d.operation.Parameters {
		v := fmt.Sprint(g.Value(p.Schema, p.Name))
		switch p.Name {
		case "wait":
			v = conform.Pick(g, []string{"0s", "1ms", "5ms"}) // longer values are equivalent, and take longer
		case "cursor":
			if spoiling {
				continue // an unknown one is refused as well
			}
		case "segment":
			v = d.segmentFor(v)
		case "station":
			if d.operation.ID == "seizeStation" {
				v = otherStation // the calls of the other one go on
			}
		}
		switch p.In {
		case "path":
			if spoiling && d.operation.ID != "seizeStation" {
				v = fmt.Sprint(d.known[p.Name][0]) // an existing name, so that only the invalid part is refused
			}
			if v == "" {
				v = "none" // an empty part is another path
			}
			if p.Name == "station" && role == "station" {
				v = ownStation
			}
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(v))
		case "query":
			if p.Required || g.Chance(0.3) {
				r.query.Set(p.Name, v)
			}
			if p.Schema["pattern"] != nil || p.Schema["enum"] != nil || p.Schema["type"] == "integer" ||
				p.Schema["format"] != nil {
				spoilable = append(spoilable, p)
			}
		case "header":
			d.fillHeader(r, p, spoiling)
		}
	}
	if r.path = path; mode <= spoilBody || mode > spoilQuery || len(spoilable) == 0 {
		return
	}
	p := conform.Pick(g, spoilable)
	bads := []string{"none of these", "-1", "1.5", "2023-02-30", "\x00", "99999999999999999999"}
	if pattern, ok := p.Schema["pattern"].(string); ok {
		bads = slices.DeleteFunc(bads, regexp.MustCompile(pattern).MatchString)
	}
	bad := conform.Pick(g, bads)
	r.query.Set(p.Name, bad)
	r.refused, r.field, r.how = true, p.Name, "the query parameter is "+strconv.Quote(bad)
}

// segmentFor returns, half of the time, a segment in the state that the act needs.
func (d *driver) segmentFor(other string) string {
	d.revision = ""
	state := map[string]string{"approveSegment": "pending", "reinstateSegment": "recalled"}[d.operation.ID]
	if state == "" || d.generate.Chance(0.5) {
		return other
	}
	var page wire.Page[schedules.Segment]
	d.send(request{method: http.MethodGet, path: "/v1/segments", query: url.Values{"state": {state}}},
		d.secrets["scheduler"]).into(d.h.t, &page)
	if len(page.Items) == 0 {
		return other
	}
	d.revision = strconv.Quote(strconv.FormatInt(page.Items[0].Revision, 10))
	return page.Items[0].ID
}

func (d *driver) fillHeader(r *request, p conform.Parameter, spoiling bool) {
	g := d.generate
	switch p.Name {
	case "If-Match":
		if spoiling {
			r.header[p.Name] = "*"
		} else if d.operation.ID == "approveSegment" && d.revision != "" { // it takes no *
			r.header[p.Name] = d.revision
		} else if g.Chance(0.9) {
			r.header[p.Name] = conform.Pick(g, []string{"*", "*", "*", `"1"`, `"2"`, "nonsense", `W/"1"`,
				`"99999999999999999999"`})
		}
	case "If-None-Match":
		if g.Chance(0.2) {
			r.header[p.Name] = conform.Pick(g, []string{"*", `"1"`, `W/"2"`, `"1", "2"`, "nonsense", ""})
		}
	case "Idempotency-Key":
		if !spoiling && g.Chance(0.1) {
			r.header[p.Name] = fmt.Sprint("key-", g.Int(5))
		}
	case "Range":
		if g.Chance(0.3) {
			r.header[p.Name] = conform.Pick(g, []string{"bytes=0-0", "bytes=-5", "bytes=99999999-", "bytes=1-2,4-5", "lines=1-2",
				"bytes=5-1"})
		}
	case "Upload-Length":
		r.header[p.Name] = conform.Pick(g, []string{"1000", "1000", "0", "-1", "1e3", "99999999999", ""})
	case "Upload-Offset":
		r.header[p.Name] = conform.Pick(g, []string{"0", "0", "0", "7", "-1", "x"})
	case "Upload-Checksum":
		if g.Chance(0.2) {
			r.header[p.Name] = fmt.Sprint(p.Example)
		}
	case "Last-Event-ID":
		if g.Chance(0.2) {
			r.header[p.Name] = conform.Pick(g, []string{"0", "7", "999999999"})
		}
	default:
		if p.Example != nil && g.Chance(0.9) {
			r.header[p.Name] = fmt.Sprint(p.Example)
		}
	}
}

func (d *driver) fillBody(r *request, mode int) {
	g := d.generate
	b := d.operation.RequestBody
	if b == nil {
		return
	}
	mediaType := conform.Pick(g, slices.Sorted(maps.Keys(b.Content)))
	schema := b.Content[mediaType].Schema
	switch {
	case mediaType == "multipart/form-data":
		meta := d.contract.Resolve(schema)["properties"].(map[string]any)["meta"].(map[string]any)
		d.multipart(r, d.value(r, meta, mode))
		return
	case opaque(mediaType):
		r.body = d.recording()
	default:
		body, err := json.Marshal(d.value(r, schema, mode))
		if err != nil {
			d.h.t.Fatal(err)
		}
		r.body = body
	}
	r.header["Content-Type"] = mediaType
	if mode != garble || opaque(mediaType) {
		return
	}
	r.refused = true
	switch g.Int(4) {
	case 0:
		r.header["Content-Type"] = "image/png"
	case 1:
		r.body = append(r.body, '{')
	case 2:
		r.body = []byte(strings.Repeat("[", 20_000))
	case 3:
		r.header["Content-Encoding"] = "br"
	}
}

// opaque reports whether a body is bytes that no schema describes.
func opaque(mediaType string) bool {
	return strings.HasPrefix(mediaType, "audio/") || strings.HasSuffix(mediaType, "octet-stream")
}

// value returns the body as a value: valid by the schema, or invalid.
func (d *driver) value(r *request, schema map[string]any, mode int) any {
	v := d.allowed(r, schema)
	if mode < 1 || mode > spoilBody {
		return v
	}
	if s, ok := d.generate.Spoil(schema, v); ok {
		r.refused, r.field, r.how = true, s.Field, s.How
		if r.field == "" {
			r.field = "body"
		}
		return s.Value
	}
	return v
}

// allowed returns a value that the schema allows: an existing one or the document's example, often with some members
// generated; or a generated one.
func (d *driver) allowed(r *request, schema map[string]any) any {
	g := d.generate
	base := d.base(r)
	if base == nil || g.Chance(0.2) {
		return g.Value(schema, "")
	}
	if g.Chance(0.5) {
		made := g.Value(schema, "").(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(made)) {
			if g.Chance(0.2) {
				base[name] = made[name]
			}
		}
	}
	return base
}

// base returns a body that is probably accepted.
func (d *driver) base(r *request) map[string]any {
	g := d.generate
	var v any
	switch d.operation.ID {
	case "putStation", "putClock", "putScript", "putWebhook":
		a := d.send(request{method: http.MethodGet, path: r.path}, d.secrets["admin"])
		if a.status != http.StatusOK {
			return nil
		}
		a.into(d.h.t, &v)
		return v.(map[string]any)
	case "uploadSegment":
		v = map[string]any{"kind": "ident", "title": "Generated", "language": "ko-KP", "tags": []any{"generated"}}
	case "editSegment":
		v = map[string]any{"title": "Edited", "tags": []any{"generated"}, "voice": nil}
	case "editRundown":
		a := d.send(request{method: http.MethodGet, path: r.path}, d.secrets["scheduler"])
		if a.status != http.StatusOK {
			return nil
		}
		var rundown schedules.Rundown
		if a.into(d.h.t, &rundown); len(rundown.Items) == 0 {
			return nil
		}
		v = map[string]any{"edits": []any{map[string]any{"op": conform.Pick(g, []any{"lock", "unlock"}),
			"item": conform.Pick(g, rundown.Items).ID}}}
	case "planMany", "publishMany":
		v = map[string]any{"stations": []any{ownStation}, "dates": []any{contractDay}}
	default:
		for _, m := range d.operation.RequestBody.Content {
			if m.Example != nil {
				v = m.Example
			}
		}
	}
	copied, err := json.Marshal(v)
	if err != nil {
		d.h.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(copied, &out); err != nil {
		d.h.t.Fatal(err)
	}
	return out
}

func (d *driver) multipart(r *request, meta any) {
	b, err := json.Marshal(meta)
	if err != nil {
		d.h.t.Fatal(err)
	}
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	part, _ := m.CreateFormField("meta")
	part.Write(b)
	file, _ := m.CreateFormFile("audio", "a.mp3")
	file.Write(d.recording())
	m.Close()
	r.body, r.header["Content-Type"] = body.Bytes(), m.FormDataContentType()
}

// recording returns a recording, a piece of one, or nothing.
func (d *driver) recording() []byte {
	b, err := samples.Files.ReadFile("ident-tone.mp3")
	if err != nil {
		d.h.t.Fatal(err)
	}
	switch d.generate.Int(4) {
	case 0:
		return []byte("this is no recording")
	case 1:
		return nil
	}
	return b[:len(b)*(1+d.generate.Int(4))/4]
}

// send sends a request. Of a stream it reads only the headers.
func (d *driver) send(r request, secret string) answer {
	t := d.h.t
	t.Helper()
	target := d.h.url + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range r.header {
		req.Header.Set(name, v)
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := d.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		if a.body, err = io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func (d *driver) check(r request, a answer) {
	d.statuses[a.status]++
	wrong := ""
	switch {
	case a.status/100 == 2:
		d.succeeded[d.operation.ID]++
		switch {
		case d.operation.ID == "reportAsRun" && strings.HasPrefix(r.field, "entries[") && bytes.Contains(a.body,
			[]byte(`"rejected"`)):
			d.spoiled++ // an invalid entry is reported by itself, beside the valid ones
		case r.refused:
			wrong = "is taken though the document does not allow it"
		}
	case a.status >= 500:
		wrong = "is a fault of the service"
	case a.status == http.StatusForbidden && slices.Contains(strings.Fields(bySession), d.operation.ID): // by no token
	case a.status == http.StatusTooManyRequests: // sign-ins are paced before their bodies are read
	case a.status == http.StatusRequestEntityTooLarge: // the body is not read, so that none of its fields is named
	case a.status >= 400 && r.field != "":
		wrong = d.names(a, r.field)
	}
	if err := d.contract.Check(r.method, strings.SplitN(r.path, "?", 2)[0], conform.Answer{Status: a.status,
		Header: a.header, Body: a.body}); err != nil && r.method != http.MethodHead &&
		a.header.Get("Content-Type") != "text/event-stream" {
		wrong += " and is not as the document says: " + err.Error()
	}
	if wrong != "" {
		d.failed++
		d.h.t.Errorf("%s: %s %s?%s (%s; field %q)\n%.1500s\n%v\n%s: %d %.800s", d.operation.ID, r.method, r.path,
			r.query.Encode(), r.how, r.field, r.body, r.header, wrong, a.status, a.body)
	}
}

// names returns what is wrong if a refusal does not name the invalid field.
func (d *driver) names(a answer, field string) string {
	var p wire.Problem
	a.into(d.h.t, &p)
	for _, e := range p.Errors {
		if strings.HasPrefix(e.Field, field) || strings.HasPrefix(field, e.Field) {
			d.spoiled++
			return ""
		}
	}
	return "does not name the field"
}
