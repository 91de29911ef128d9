package client

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// asking is a service that wants each request confirmed, and takes it the third time that it comes with the challenge.
type asking struct {
	t     *testing.T
	tries int
}

func (a *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	if !strings.Contains(string(body), "the whole body") {
		a.t.Errorf("try %d sends %q", a.tries, body)
	}
	answer := &http.Response{StatusCode: http.StatusOK, Request: r, Body: io.NopCloser(strings.NewReader("{}")),
		Header: http.Header{"Content-Type": {"application/json"}}}
	if a.tries++; r.Header.Get(wire.ConfirmedHeader) == "" || a.tries < 4 {
		b, err := json.Marshal(wire.Problem{Title: "Not confirmed", Status: http.StatusForbidden,
			StepUp: &wire.PasskeyChallenge{Challenge: []byte("c"), Link: "https://a.example/#/confirm/x",
				Timeout: schedules.Millis{Duration: time.Minute}}})
		if err != nil {
			return nil, err
		}
		answer.StatusCode, answer.Body = http.StatusForbidden, io.NopCloser(bytes.NewReader(b))
	}
	return answer, nil
}

func TestARequestIsRepeatedAfterAConfirmationHoweverItsBodyIsSent(t *testing.T) {
	const body = "the whole body"
	for name, c := range map[string]struct {
		request Request
		once    bool
	}{"JSON": {Request{Body: body}, false}, "bytes": {Request{Stream: bytes.NewReader([]byte(body))}, false},
		"text": {Request{Stream: strings.NewReader(body)}, false}, "a pipe": {Request{Stream: io.MultiReader(
			strings.NewReader(body))}, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service, told := &asking{t: t}, 0
				api := New("https://a.example", "x", &http.Client{Transport: service}).Confirming(func(string, string) { told++ })
				c.request.Method, c.request.Path = http.MethodPost, "/"
				var out struct{}
				_, err := api.Call(t.Context(), c.request, &out)
				switch {
				case c.once && (!fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "in the console") || told > 0):
					t.Errorf("told %d times: %v", told, err)
				case !c.once && (err != nil || told != 1 || service.tries != 4):
					t.Errorf("told %d times, sent %d times: %v", told, service.tries, err)
				}
			})
		})
	}
}
