package endtoend

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// sent is a request with its headers, as in a curl command.
type sent struct {
	method, path, role string
	header             map[string]string
	body               string
}

func (h *house) send(s sent) answer {
	h.t.Helper()
	return h.do(s.method, s.path, h.secrets[s.role], s.header, []byte(s.body))
}

// The rules that hold for every operation, one by one.
func TestGeneralRulesOfHTTP(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	h.as("admin", access.NewToken{Name: "Root", Role: access.Admin})
	const json, patch = "application/json", "application/merge-patch+json"
	sha := h.recordingOf("ident-ko")
	for _, c := range []struct {
		name   string
		sent   sent
		status int
		header map[string]string // of the answer
		says   string
	}{
		{"GET may be HEAD", sent{method: "HEAD", path: "/v1/clocks", role: "producer"}, 200,
			map[string]string{"Content-Type": json}, ""},
		{"also where it would stream", sent{method: "HEAD", path: "/v1/changes", role: "producer"}, 200,
			map[string]string{"Content-Type": "text/event-stream"}, ""},
		{"another method is 405 and says which", sent{method: "DELETE", path: "/v1/clocks", role: "producer"}, 405,
			map[string]string{"Allow": "GET, HEAD"}, ""},
		{"and so is OPTIONS", sent{method: "OPTIONS", path: "/v1/apply"}, 405, map[string]string{"Allow": "POST"}, ""},
		{"an unknown path is 404", sent{method: "GET", path: "/v1/clocks/", role: "producer"}, 404, nil,
			"this path does not exist"},
		{"a body too large is 413", sent{"POST", "/v1/apply", "scheduler", map[string]string{"Content-Type": json}, `{"a":"` +
			strings.Repeat("x", 9<<20) + `"}`}, 413, nil, "MiB"},
		{"another media type is 415", sent{"POST", "/v1/tokens", "admin", map[string]string{"Content-Type": "text/xml"},
			"<a/>"}, 415, nil, "text/xml"},
		{"a compressed body is 415", sent{"POST", "/v1/tokens", "admin", map[string]string{"Content-Encoding": "gzip"}, "x"},
			415, nil, "gzip"},
		{"no If-Match is 428", sent{"PATCH", "/v1/segments/ident-ko", "producer", map[string]string{"Content-Type": patch},
			`{}`}, 428, nil, "If-Match"},
		{"a stale If-Match is 412", sent{"PATCH", "/v1/segments/ident-ko", "producer",
			map[string]string{"Content-Type": patch, "If-Match": `"77"`}, `{}`}, 412, nil, "77"},
		{"an approval that names nothing heard is 428", sent{method: "POST", path: "/v1/segments/ident-ko/approve",
			role: "scheduler"}, 428, nil, "sha256"},
		{"an approval of any revision is 428", sent{method: "POST", path: "/v1/segments/ident-ko/approve",
			role: "scheduler", header: map[string]string{"If-Match": "*"}}, 428, nil, "sha256"},
		{"an approval of other audio is 412", sent{"POST", "/v1/segments/ident-ko/approve", "scheduler",
			map[string]string{"Content-Type": json}, `{"sha256":"` + strings.Repeat("a", 64) + `"}`}, 412, nil, "hear it again"},
		{"an approval of the audio that is there goes on", sent{"POST", "/v1/segments/ident-ko/approve", "scheduler",
			map[string]string{"Content-Type": json}, `{"sha256":"` + sha + `"}`}, 409, nil, "is approved"},
		{"no revision in If-Match is 412", sent{"PATCH", "/v1/segments/ident-ko", "producer",
			map[string]string{"If-Match": `W/"2"`}, `{}`}, 412, nil, "If-Match"},
		{"If-Match * of what is not there is 412", sent{"PUT", "/v1/scripts/new", "producer",
			map[string]string{"If-Match": "*"}, `{"languages":["en"],"versions":[]}`}, 412, nil, "does not exist"},
		{"If-Match * takes any revision", sent{"PATCH", "/v1/segments/ident-ko", "producer",
			map[string]string{"If-Match": "*"}, `{"voice":"Min"}`}, 200, nil, "Min"},
		{"If-None-Match * of what is there is 304", sent{method: "GET", path: "/v1/clocks/hour-ko", role: "producer",
			header: map[string]string{"If-None-Match": "*"}}, 304, nil, ""},
		{"a range is 206", sent{method: "GET", path: "/v1/audio/" + sha + ".mp3", role: "producer",
			header: map[string]string{"Range": "bytes=1-4"}}, 206, map[string]string{"Content-Type": "audio/mpeg",
			"Content-Length": "4"}, ""},
		{"no such range is 416", sent{method: "GET", path: "/v1/audio/" + sha + ".mp3", role: "producer",
			header: map[string]string{"Range": "bytes=99999999-"}}, 416,
			map[string]string{"Content-Type": "application/problem+json"}, "does not have the requested range"},
		{"limit 0 is 422", sent{method: "GET", path: "/v1/segments?limit=0", role: "producer"}, 422, nil, "limit"},
		{"limit 501 is 422", sent{method: "GET", path: "/v1/segments?limit=501", role: "producer"}, 422, nil, "limit"},
		{"a cursor of another service is 422", sent{method: "GET", path: "/v1/audit?cursor=eHl6", role: "scheduler"}, 422,
			nil, "cursor"},
		{"a state that does not exist is 422", sent{method: "GET", path: "/v1/segments?state=lost", role: "producer"}, 422,
			nil, "state"},
		{"all of a query is told at once",
			sent{method: "GET", path: "/v1/segments?state=lost&limit=x&cursor=%21&expiring_before=noon&kind=x",
				role: "producer"}, 422, nil, "(and 4 more)"},
		{"so is a body with its query", sent{"POST", "/v1/stations/harbour-dawn/rundowns/2026-01-01/plan?dry_run=perhaps",
			"scheduler", nil, `{"seed":-1,"keep":5}`}, 422, nil, "(and 2 more)"},
		{"no token is 401 and says how", sent{method: "GET", path: "/v1/clocks"}, 401,
			map[string]string{"WWW-Authenticate": `Bearer realm="lifeline", Basic realm="lifeline"`}, ""},
		{"a token in the query is none", sent{method: "GET", path: "/v1/clocks?token=" + h.secrets["producer"] +
			"&access_token=" + h.secrets["producer"]}, 401, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			got := h.send(c.sent)
			if got.status != c.status || !strings.Contains(string(got.body), c.says) {
				t.Errorf("is %d, want %d and %q: %.300s", got.status, c.status, c.says, got.body)
			}
			for name, want := range c.header {
				if v := strings.Join(got.header.Values(name), ", "); v != want {
					t.Errorf("%s is %q, want %q", name, v, want)
				}
			}
			if id := got.header.Get("X-Request-Id"); got.status >= 400 && c.sent.method != "HEAD" &&
				!strings.Contains(string(got.body), id) {
				t.Errorf("the problem does not name the request %s: %s", id, got.body)
			}
		})
	}
}

// recordingOf returns the hash of a segment's recording.
func (h *house) recordingOf(segment string) string {
	h.t.Helper()
	s, err := h.producer.Segment(h.t.Context(), segment)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Recording.SHA256
}

// Unreadable and invalid fields of one body are reported in one answer, and a problem that follows from another is not
// reported.
func TestWhatCannotBeReadAndWhatMakesNoSenseAreToldTogether(t *testing.T) {
	t.Parallel()
	h := open(t, filepath.Join(t.TempDir(), "data"))
	h.as("admin", access.NewToken{Name: "Root", Role: access.Admin})
	for _, c := range []struct {
		sent   sent
		fields []string
	}{
		{sent{"PUT", "/v1/stations/s", "scheduler", nil,
			`{"id":"t","name":5,"timezone":"Nowhere","colour":"red","languages":[],"windows":[{"id":"W!","length_ms":"long","clock":"c"}]}`},
			[]string{"colour", "id", "languages", "name", "timezone", "windows[0].clock", "windows[0].id",
				"windows[0].length_ms", "windows[0].starts.timezone"}},
		{sent{"POST", "/v1/apply?dry_run=x", "scheduler", map[string]string{"Content-Type": "application/json"},
			`{"clocks":[{"id":"c","length_ms":"x","positions":[]}],"odd":1}`},
			[]string{"clocks[0].length_ms", "clocks[0].positions", "dry_run", "odd"}},
		{sent{"POST", "/v1/tokens", "admin", nil, `{"name":"","role":"king","life_ms":"long","odd":true}`},
			[]string{"life_ms", "name", "odd", "role"}},
	} {
		got := h.send(c.sent)
		var p wire.Problem
		got.into(t, &p)
		var fields []string
		for _, f := range p.Errors {
			fields = append(fields, f.Field)
		}
		slices.Sort(fields)
		if got.status != 422 || !slices.Equal(fields, c.fields) {
			t.Errorf("%s: %d %q, want %q", c.sent.path, got.status, fields, c.fields)
		}
	}
}

// A large answer is compressed for a caller that accepts gzip, and for no other.
func TestAnswersAreCompressedWhenAsked(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	plain := h.send(sent{method: "GET", path: "/v1/segments", role: "producer",
		header: map[string]string{"Accept-Encoding": "identity"}})
	for wish, zipped := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "*": true, "gzip;q=0": false,
		"br": false, "gzip; q=0, *": false} {
		got := h.send(sent{method: "GET", path: "/v1/segments", role: "producer",
			header: map[string]string{"Accept-Encoding": wish}})
		body := got.body
		if (got.header.Get("Content-Encoding") == "gzip") != zipped || got.header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: encoding %q, vary %q", wish, got.header.Get("Content-Encoding"), got.header.Get("Vary"))
			continue
		}
		if zipped {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err == nil {
				body, err = io.ReadAll(z)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(body, plain.body) {
			t.Errorf("%q: another body", wish)
		}
	}
	small := h.send(sent{method: "GET", path: "/healthz", header: map[string]string{"Accept-Encoding": "gzip"}})
	if small.header.Get("Content-Encoding") != "" {
		t.Error("what is small is compressed")
	}
}

// Every resource's ETag is its revision, and a matching If-None-Match is answered 304.
func TestEveryResourceHasItsRevisionAsETag(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	coming := comingDay(3)
	one := wire.ManyRequest{Stations: []string{"harbour-dawn"}, Dates: []schedules.Date{date(t, coming)}}
	if _, err := h.scheduler.Plan(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if _, err := h.scheduler.Publish(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	day := "/v1/stations/harbour-dawn/rundowns/" + coming
	for _, path := range []string{"/v1/segments/ident-ko", "/v1/scripts/appeal", "/v1/stations/harbour-dawn",
		"/v1/clocks/hour-ko", day, "/v1/recalls",
		"/v1/stations/harbour-dawn/queue?date=" + coming, "/v1/stations/harbour-dawn/queue.dsse?date=" + coming} {
		got := h.send(sent{method: "GET", path: path, role: "scheduler"})
		var v struct{ Revision json.Number }
		got.into(t, &v)
		etag := got.header.Get("ETag")
		if got.status != 200 || etag == "" || v.Revision != "" && etag != `"`+v.Revision.String()+`"` {
			t.Errorf("%s: %d, ETag %s, revision %s", path, got.status, etag, v.Revision)
		}
		again := h.send(sent{method: "GET", path: path, role: "scheduler",
			header: map[string]string{"If-None-Match": `"0", W/` + etag}})
		if again.status != http.StatusNotModified || again.header.Get("ETag") != etag {
			t.Errorf("%s again: %d, ETag %s", path, again.status, again.header.Get("ETag"))
		}
	}
}

// The same Idempotency-Key repeats the first answer, also after a restart; a different request under the key is
// refused.
func TestIdempotencyKeyRepeatsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	h := open(t, dir)
	h.as("admin", access.NewToken{Name: "Root", Role: access.Admin})
	h.as("other", access.NewToken{Name: "Other", Role: access.Admin})
	const body = `{"name":"N","role":"viewer"}`
	post := func(role, key, body string) answer {
		return h.send(sent{"POST", "/v1/tokens", role, map[string]string{"Idempotency-Key": key,
			"Content-Type": "application/json"}, body})
	}
	first := post("admin", "k", body)
	again := post("admin", "k", body)
	if first.status != 201 || again.status != 201 || !bytes.Equal(first.body, again.body) ||
		again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %d %s, again %d %s", first.status, first.body, again.status, again.body)
	}
	if a := post("admin", "k", `{"name":"M","role":"viewer"}`); a.status != 422 || !strings.Contains(string(a.body),
		"Idempotency-Key") {
		t.Errorf("another body: %d %s", a.status, a.body)
	}
	if a := post("other", "k", body); a.status != 201 || bytes.Equal(a.body, first.body) {
		t.Errorf("another token: %d %s", a.status, a.body)
	}
	if a := post("admin", "other", body); a.status != 201 || bytes.Equal(a.body, first.body) {
		t.Errorf("another key: %d %s", a.status, a.body)
	}
	if a := post("admin", strings.Repeat("k", 256), body); a.status != 422 {
		t.Errorf("a key too long: %d %s", a.status, a.body)
	}
	refused := post("admin", "bad", `{}`)
	if a := post("admin", "bad", `{}`); refused.status != 422 || a.status != 422 || !bytes.Equal(a.body, refused.body) {
		t.Errorf("a refusal: %d, again %d", refused.status, a.status)
	}
	secrets := h.secrets
	h.stop()
	h = open(t, dir)
	h.secrets = secrets
	if a := post("admin", "k", body); a.status != 201 || !bytes.Equal(a.body, first.body) {
		t.Errorf("after a restart: %d %s", a.status, a.body)
	}
}

// An upload is identified by its parts, since the boundary differs with each sending. An upload that was sent twice is
// stored once.
func TestIdempotentUploadIsThereOnce(t *testing.T) {
	t.Parallel()
	h := open(t, filepath.Join(t.TempDir(), "data"))
	sound, err := samples.Files.ReadFile("ident-ko.mp3")
	if err != nil {
		t.Fatal(err)
	}
	upload := func(sound []byte) answer {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		meta, _ := m.CreateFormField("meta")
		io.WriteString(meta, `{"kind":"ident","title":"T","language":"ko-KP"}`)
		file, _ := m.CreateFormFile("audio", "a.mp3")
		file.Write(sound)
		m.Close()
		return h.do("POST", "/v1/segments?wait=30s", h.secrets["producer"],
			map[string]string{"Content-Type": m.FormDataContentType(), "Idempotency-Key": "up"}, b.Bytes())
	}
	first, again := upload(sound), upload(sound)
	if first.status != 201 || !bytes.Equal(first.body, again.body) || again.header.Get("Location") != first.header.Get(
		"Location") {
		t.Errorf("first %d %s, again %d %s", first.status, first.body, again.status, again.body)
	}
	if a := upload(sound[:len(sound)/2]); a.status != 422 {
		t.Errorf("other audio: %d %s", a.status, a.body)
	}
	var list wire.Page[schedules.Segment]
	h.send(sent{method: "GET", path: "/v1/segments", role: "producer"}).into(t, &list)
	if len(list.Items) != 1 {
		t.Errorf("%d segments", len(list.Items))
	}
}

// Of many concurrent sendings of a request one is done; the others are told to wait or get its answer.
func TestConcurrentDuplicatesAreDoneOnce(t *testing.T) {
	t.Parallel()
	h := open(t, filepath.Join(t.TempDir(), "data"))
	h.as("admin", access.NewToken{Name: "Root", Role: access.Admin})
	var g sync.WaitGroup
	answers := make([]answer, 20)
	for i := range answers {
		g.Go(func() {
			answers[i] = h.send(sent{"POST", "/v1/tokens", "admin", map[string]string{"Idempotency-Key": "k"},
				`{"name":"N","role":"viewer"}`})
		})
	}
	g.Wait()
	secrets := map[string]bool{}
	for _, a := range answers {
		var token wire.Token
		switch a.status {
		case http.StatusCreated:
			a.into(t, &token)
			secrets[token.Secret] = true
		case http.StatusConflict:
		default:
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if len(secrets) != 1 {
		t.Errorf("%d tokens were made", len(secrets))
	}
}
