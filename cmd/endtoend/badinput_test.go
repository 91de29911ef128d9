package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// upload sends a recording as curl -F would.
func (h *house) upload(secret, meta string, audio []byte) answer {
	h.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("meta", meta); err != nil {
		h.t.Fatal(err)
	}
	part, err := form.CreateFormFile("audio", "a.mp3")
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := part.Write(audio); err != nil {
		h.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		h.t.Fatal(err)
	}
	return h.do(http.MethodPost, "/v1/segments?wait=30s", secret,
		map[string]string{"Content-Type": form.FormDataContentType()}, body.Bytes())
}

// sequence returns the sequence of the store's latest change.
func (h *house) sequence() int64 {
	h.t.Helper()
	n, err := h.service.Store.Latest(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// changesSince returns the changes after a sequence, without those of background jobs, which run concurrently, and the
// notes of refused requests, which change nothing.
func (h *house) changesSince(sequence int64) []store.Change {
	h.t.Helper()
	made, err := h.service.Store.Changes(h.t.Context(), sequence, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	return slices.DeleteFunc(made, func(c store.Change) bool {
		return c.By == access.System.Name || c.Kind == "" && c.Action == "request.refused"
	})
}

// A recording that cannot air becomes a rejected segment with a reason for its producer; one with lesser faults airs.
func TestBadRecordingsAreRejectedInWords(t *testing.T) {
	t.Parallel()
	h := open(t, filepath.Join(t.TempDir(), "data"))
	good, err := samples.Files.ReadFile("reading-ko-short-hana.mp3")
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	for i := 4000; i < len(flipped); i += 997 {
		flipped[i] ^= 0x55
	}
	wav := filepath.Join(t.TempDir(), "tone.wav")
	if out, err := exec.Command("sox", "-n", "-r", "44100", "-c", "2", wav, "synth", "3", "sine",
		"440").CombinedOutput(); err != nil {
		t.Fatalf("sox: %v %s", err, out)
	}
	wave, err := os.ReadFile(wav)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		audio []byte
		state schedules.State
		says  string // a word of the reason or of a warning
	}{
		{"empty", nil, schedules.Rejected, "empty"},
		{"text", []byte(strings.Repeat("Let them live. ", 500)), schedules.Rejected, "text"},
		{"wav", wave, schedules.Rejected, "WAV"},
		{"truncated", good[:len(good)/2+100], schedules.Pending, "trunc"},
		{"flipped", flipped, schedules.Pending, "damage"},
		{"whole", good, schedules.Pending, ""},
		{"", good, schedules.Pending, ""}, // the service makes an id
	} {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			got := h.upload(h.secrets["producer"], fmt.Sprintf(`{"id":%q,"kind":"reading","title":"t","language":"ko-KP"}`,
				c.name), c.audio)
			if got.status != http.StatusCreated {
				t.Fatalf("%d %s", got.status, got.body)
			}
			var s schedules.Segment
			got.into(t, &s)
			if s.State != c.state {
				t.Errorf("state is %s, want %s: %s", s.State, c.state, got.body)
			}
			words := ""
			if s.Rejection != nil {
				words = s.Rejection.Code + " " + s.Rejection.Message
			}
			for _, w := range s.Recording.RecordingWarnings {
				words += w.Code + " " + w.Message
			}
			if !strings.Contains(strings.ToLower(words), strings.ToLower(c.says)) {
				t.Errorf("it says %q, which does not tell %q", words, c.says)
			}
			t.Log(words)
		})
	}
}

// Every refusal is a problem document that names the place and the cause, and changes nothing.
func TestBadInputIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	// otherwise the background job issues them in between
	if err := h.service.Scheduler.Fallbacks.IssueAll(t.Context(), h.service.Lock); err != nil {
		t.Fatal(err)
	}
	window := func(change string) string {
		base := map[string]any{"id": "w", "starts": map[string]any{"timezone": "UTC",
			"rrule": "DTSTART:20230901T130000\nRRULE:FREQ=DAILY"},
			"length_ms": 1710000, "tolerance_ms": 1000, "clock": "half-ko", "languages": []string{"ko-KP"}}
		var over map[string]any
		if err := json.Unmarshal([]byte(change), &over); err != nil {
			t.Fatal(err)
		}
		for k, v := range over {
			base[k] = v
		}
		b, err := json.Marshal(base)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	station := func(windows ...string) string {
		return `{"name":"S","timezone":"Asia/Seoul","languages":["ko-KP"],"fallback":["evergreen-ko-1"],"windows":[` +
			strings.Join(windows, ",") + `]}`
	}
	jsonType := map[string]string{"Content-Type": "application/json"}
	stale := map[string]string{"Content-Type": "application/json", "If-Match": `"1"`}
	second := window(`{"id":"v","starts":{"timezone":"UTC","rrule":"DTSTART:20230901T131500\nRRULE:FREQ=DAILY"}}`)
	for _, c := range []struct {
		name, method, path, role string
		header                   map[string]string
		body                     string
		status                   int
		field, says              string
	}{
		{"a window of no length", "PUT", "/v1/stations/s", "scheduler", jsonType, station(window(`{"length_ms":0}`)), 422,
			"windows[0].length_ms", ""},
		{"an unknown zone", "PUT", "/v1/stations/s", "scheduler", jsonType, strings.Replace(station(window(`{}`)),
			"Asia/Seoul", "Asia/Pyeongyang", 1), 422, "timezone", "Pyeongyang"},
		{"an unknown zone of a window", "PUT", "/v1/stations/s", "scheduler", jsonType,
			station(window(`{"starts":{"timezone":"Mars/Base","rrule":"DTSTART:20230901T130000\nRRULE:FREQ=DAILY"}}`)), 422,
			"windows[0].starts.timezone", "Mars"},
		{"an unknown clock", "PUT", "/v1/stations/s", "scheduler", jsonType, station(window(`{"clock":"no-such"}`)), 422,
			"windows[0].clock", "no-such"},
		{"windows that overlap", "PUT", "/v1/stations/s", "scheduler", jsonType, station(window(`{}`), second), 422,
			"windows[", "overlap"},
		{"a rule that is none", "PUT", "/v1/stations/s", "scheduler", jsonType,
			station(window(`{"starts":{"timezone":"UTC","rrule":"RRULE:FREQ=SOMETIMES"}}`)), 422, "windows[0].starts.rrule", ""},
		{"an unknown field", "PUT", "/v1/stations/s", "scheduler", jsonType,
			strings.Replace(station(window(`{"lenght_ms":5}`)), `"name"`, `"nmae":"x","name"`, 1), 422, "nmae", "not a field"},
		{"a clock without fill that cannot reach its length", "PUT", "/v1/clocks/c", "scheduler", jsonType,
			`{"length_ms":3570000,"positions":[{"id":"a","segment":"ident-ko"}]}`, 422, "positions", "fill"},
		{"a fallback nobody knows", "PUT", "/v1/stations/s", "scheduler", jsonType, strings.Replace(station(window(`{}`)),
			"evergreen-ko-1", "ghost", 1), 422, "fallback[0]", "ghost"},
		{"a stale If-Match", "PUT", "/v1/stations/harbour-dawn", "scheduler",
			map[string]string{"Content-Type": "application/json", "If-Match": `"99"`}, station(window(`{}`)), 412, "",
			"revision"},
		{"no If-Match", "PUT", "/v1/stations/harbour-dawn", "scheduler", jsonType, station(window(`{}`)), 428, "",
			"If-Match"},
		{"a stale patch", "PATCH", "/v1/segments/ident-ko", "producer", stale, `{"title":"x"}`, 412, "", "revision"},
		{"no JSON", "PUT", "/v1/stations/s", "scheduler", jsonType, `{"name":`, 400, "", "JSON"},
		{"no YAML", "POST", "/v1/apply", "scheduler", map[string]string{"Content-Type": "application/yaml"}, "a: [", 400, "",
			"YAML"},
		{"a YAML alias, which could grow without bound", "POST", "/v1/apply", "scheduler",
			map[string]string{"Content-Type": "application/yaml"}, "a: &a [x]\nb: [*a, *a]", 400, "", "alias"},
		{"a wrong media type", "PUT", "/v1/stations/s", "scheduler", map[string]string{"Content-Type": "text/csv"}, `x`, 415,
			"", "application/json"},
		{"no token", "GET", "/v1/stations", "", nil, "", 401, "", "token"},
		{"a wrong token", "GET", "/v1/stations", "wrong", nil, "", 401, "", "token"},
		{"a role that may not", "PUT", "/v1/stations/s", "producer", jsonType, station(window(`{}`)), 403, "", "producer"},
		{"its own upload", "POST", "/v1/segments/ident-ko/recall", "producer", jsonType, `{}`, 422, "reason", ""},
		{"an id that is none", "PUT", "/v1/stations/UPPER%20case", "scheduler", jsonType, station(window(`{}`)), 422, "id",
			""},
		{"a day that does not exist", "POST", "/v1/stations/harbour-dawn/rundowns/2026-02-30/plan", "scheduler", jsonType, ``,
			422, "date", "2026-02-30"},
		{"nothing to publish", "POST", "/v1/stations/harbour-dawn/rundowns/2026-12-24/publish", "scheduler", jsonType, ``,
			404, "", "plan"},
		{"a bad limit", "GET", "/v1/segments?limit=0", "producer", nil, ``, 422, "limit", ""},
		{"a bad cursor", "GET", "/v1/segments?cursor=%21%21", "producer", nil, ``, 422, "cursor", ""},
		{"an unknown path", "GET", "/v2/segments", "producer", nil, ``, 404, "", ""},
		{"a path to climb", "GET", "/v1/audio/..%2f..%2flifeline.db", "producer", nil, ``, 404, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			h.secrets["wrong"] = "lifeline_0123456789abcdef0123_wrong"
			before := h.sequence()
			got := h.do(c.method, c.path, h.secrets[c.role], c.header, []byte(c.body))
			if got.status != c.status {
				t.Fatalf("status is %d, want %d: %s", got.status, c.status, got.body)
			}
			if ct := got.header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("content type is %q", ct)
			}
			var p wire.Problem
			got.into(t, &p)
			if p.Status != c.status || p.Title == "" || p.Type == "" || p.RequestID == "" {
				t.Errorf("problem is %+v", p)
			}
			named := c.field == ""
			for _, f := range p.Errors {
				named = named || strings.HasPrefix(f.Field, c.field)
			}
			if !named || !strings.Contains(string(got.body), c.says) {
				t.Errorf("does not tell %q %q: %s", c.field, c.says, got.body)
			}
			if made := h.changesSince(before); len(made) > 0 {
				t.Errorf("what was refused changed something: %+v", made)
			}
			t.Log(string(got.body))
		})
	}
}

// All problems of a body are reported at once.
func TestAllProblemsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t, filepath.Join(t.TempDir(), "data"))
	got := h.do("PUT", "/v1/stations/s", h.secrets["scheduler"], map[string]string{"Content-Type": "application/json"},
		[]byte(`{"name":5,"timezone":"Nowhere","colour":"red","languages":["ko-KP"],"windows":[{"id":"W!","length_ms":"long","clock":"c"}]}`))
	var p wire.Problem
	got.into(t, &p)
	if len(p.Errors) < 3 {
		t.Errorf("only %+v", p.Errors)
	}
	for _, want := range []string{"name", "colour", "windows[0].length_ms"} {
		found := false
		for _, f := range p.Errors {
			found = found || f.Field == want
		}
		if !found {
			t.Errorf("%s is not told: %+v", want, p.Errors)
		}
	}
}
