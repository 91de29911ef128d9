package playout

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"lifeline/internal/playout/retry"
	"lifeline/internal/wire"
)

// middle is a person on the link who has everything but the keys. It passes requests on to the service and answers them
// as it likes: late, not at all, with what was signed for another request, day or station, with what it forges, without
// an end, or a byte a second. It also sets the machine's clock.
type middle struct {
	service *service
	truth   *truth
	other   func(payloadType string, v any) []byte // signs with a key that nobody trusts

	mu   sync.Mutex
	r    *rand.Rand
	mode map[string]string // by route; "": any of them at random
	acts map[string]int    // what it did, for the figures
}

// Routes that the person in the middle tells apart.
var routes = []string{"queue", "fallback", "recalls", "lease", "freshness", "changes", "audio", "root", "report"}

func routeOf(r *http.Request) string {
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch {
	case r.Method != http.MethodGet:
		return "report"
	case strings.HasPrefix(r.URL.Path, "/v1/audio/"):
		return "audio"
	case slices.Contains(routes, strings.TrimSuffix(name, ".dsse")):
		return strings.TrimSuffix(name, ".dsse")
	}
	return "root"
}

const (
	passes   = "pass"     // the honest answer
	blackout = "blackout" // no answer
)

var tricks = []string{"drop", "hang", "late", "replay", "cross", "forge", "resign", "strip", "unchanged", "status",
	"redirect", "drip", "endless", "garbage"}

// RoundTrip implements http.RoundTripper.
func (m *middle) RoundTrip(r *http.Request) (*http.Response, error) {
	route := routeOf(r)
	m.mu.Lock()
	act := m.mode[route]
	switch {
	case act == "" && m.r.IntN(3) == 0:
		act = passes
	case act == "":
		act = tricks[m.r.IntN(len(tricks))]
		if act == "endless" && m.r.IntN(20) > 0 { // it is expensive
			act = "drop"
		}
	}
	pause := time.Duration(m.r.Int64N(int64(40 * time.Second)))
	pick, bit := m.r.Uint64(), m.r.Uint64()
	m.acts[act]++
	m.mu.Unlock()
	resp, err := m.answer(r, route, act, pause, pick, bit)
	if resp != nil {
		resp.Request, resp.ProtoMajor, resp.ProtoMinor = r, 1, 1
	}
	return resp, err
}

// does returns what it does with a route now.
func (m *middle) does(route string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mode[route]
}

var errCut = errors.New("the link was cut")

func (m *middle) answer(r *http.Request, route, act string, pause time.Duration, pick, bit uint64) (*http.Response,
	error) {
	made := func(status int, body []byte) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{"Etag": {`"1"`}}, ContentLength: -1,
			Body: m.body(r, route, body, 0)}
	}
	switch act {
	case blackout, "drop":
		_ = retry.Pause(r.Context(), pause/8)
		return nil, errCut
	case "hang":
		<-r.Context().Done()
		return nil, r.Context().Err()
	case "cross":
		if nonce := r.URL.Query().Get("nonce"); nonce != "" && pick%2 == 0 { // asked for in the name of a seized station
			return made(http.StatusOK, m.truth.sign(route, "harbour", nonce)), nil
		}
		return made(http.StatusOK, m.truth.any(pick, route, false)), nil
	case "replay":
		return made(http.StatusOK, m.truth.any(pick, route, true)), nil
	case "unchanged":
		return made(http.StatusNotModified, nil), nil
	case "status":
		status := []int{400, 401, 403, 404, 410, 429, 500, 502, 503}[pick%9]
		if status == http.StatusUnauthorized { // a client that is refused pauses for long
			status = http.StatusBadGateway
		}
		return made(status, []byte(`{"title":"no"}`)), nil
	case "redirect":
		resp := made(http.StatusFound, nil)
		resp.Header.Set("Location", "http://elsewhere.invalid/")
		return resp, nil
	case "endless":
		pace := time.Second
		if pick%100 == 0 { // as fast as the link can
			pace = 50 * time.Millisecond
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: -1,
			Body: &flood{r: r, pace: pace}}, nil
	case "garbage":
		return made(http.StatusOK, bytes.Repeat([]byte("[{"), int(pick%10_000))), nil
	case "notices": // they are not signed: each is a lie
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}},
			ContentLength: -1, Body: &flood{r: r, pace: 5 * time.Second, text: "id: 1\nevent: queue\ndata: {\"id\":1," +
				"\"kind\":\"queue\",\"name\":\"lantern/x\",\"revision\":1}\n\n"}}, nil
	case "late":
		resp, err := m.honest(r, route, nil, 0)
		if retry.Pause(r.Context(), pause) != nil && err == nil {
			return nil, r.Context().Err()
		}
		return resp, err
	case "drip":
		return m.honest(r, route, nil, time.Second)
	case "forge", "resign", "strip":
		return m.honest(r, route, func(b []byte) []byte { return m.forge(b, act, bit) }, 0)
	}
	return m.honest(r, route, nil, 0)
}

// forge changes an honest answer: a bit of it, or its signature.
func (m *middle) forge(b []byte, act string, bit uint64) []byte {
	if act == "forge" && len(b) > 0 {
		b = slices.Clone(b)
		b[bit%uint64(len(b))] ^= 1 << (bit >> 32 % 8)
		return b
	}
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(b, &fields)
	inner := b
	if fields["envelope"] != nil { // of a recall list
		inner = fields["envelope"]
	}
	var env wire.Envelope
	_ = json.Unmarshal(inner, &env)
	payload, err := base64.StdEncoding.DecodeString(env.Payload)
	if err != nil || len(payload) == 0 {
		return b
	}
	env.Signatures = nil
	changed, _ := json.Marshal(env)
	if act == "resign" {
		changed = m.other(env.PayloadType, json.RawMessage(payload))
	}
	if fields["envelope"] == nil {
		return changed
	}
	fields["envelope"] = changed
	b, _ = json.Marshal(fields)
	return b
}

// honest passes the request on and returns the service's answer, changed by forge, a byte in each pace.
func (m *middle) honest(r *http.Request, route string, forge func([]byte) []byte, pace time.Duration) (*http.Response,
	error) {
	if route == "changes" {
		return nil, errCut // nothing depends on notices
	}
	w := httptest.NewRecorder()
	m.service.ServeHTTP(w, r)
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	b := w.Body.Bytes()
	if forge != nil {
		b = forge(b)
	}
	resp := w.Result()
	resp.ContentLength, resp.Body = -1, m.body(r, route, b, pace)
	return resp, nil
}

func (m *middle) body(r *http.Request, route string, b []byte, pace time.Duration) io.ReadCloser {
	return &answer{r: r, whole: b, left: b, pace: pace, arrived: func() { m.truth.arrived(r, route, b) }}
}

// answer is the body of an answer. It says when all of it has arrived.
type answer struct {
	r           *http.Request
	whole, left []byte
	pace        time.Duration
	arrived     func()
}

func (a *answer) Read(b []byte) (int, error) {
	if len(a.left) == 0 {
		if a.arrived != nil {
			a.arrived()
			a.arrived = nil
		}
		return 0, io.EOF
	}
	most := len(b)
	if a.pace > 0 {
		if err := retry.Pause(a.r.Context(), a.pace); err != nil {
			return 0, err
		}
		most = 1
	}
	n := copy(b[:min(most, len(b))], a.left)
	a.left = a.left[n:]
	return n, nil
}

func (a *answer) Close() error { return nil }

// flood is a body without an end: text each pace or, without text, spaces.
type flood struct {
	r    *http.Request
	text string
	pace time.Duration
}

func (f *flood) Read(b []byte) (int, error) {
	if err := retry.Pause(f.r.Context(), f.pace); err != nil {
		return 0, err
	}
	if f.text != "" {
		return copy(b, f.text), nil
	}
	if f.pace >= time.Second { // so much that it is not too slow
		b = b[:min(len(b), 4096)]
	}
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func (f *flood) Close() error { return nil }
