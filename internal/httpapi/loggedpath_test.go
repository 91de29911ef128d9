package httpapi

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLogsHaveNoIDOfAPersonFromAPath(t *testing.T) {
	var log bytes.Buffer
	a := &api{Parts: Parts{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}}
	for _, c := range []struct{ path, route, logged string }{
		{"/v1/persons/kim-hana/recall", "/v1/persons/:person/recall", "path=/v1/persons/:person/recall"},
		{"/v1/people/kim-hana", "/v1/people/:person", "path=/v1/people/:person"},
		{"/v1/persons/kim-hana/recal", "", "no route"},
		{"//v1/Persons/kim-hana", "", "no route"},
		{"/v1/segments/letter-7", "/v1/segments/:segment", "path=/v1/segments/letter-7"},
		{"/v1/nothing", "", "path=/v1/nothing"},
	} {
		log.Reset()
		r := httptest.NewRequest("POST", "http://service"+c.path, nil)
		r = r.WithContext(context.WithValue(r.Context(), trailKey{}, &trail{id: "1", route: c.route}))
		a.logRequest(r, trailOf(r), &watched{status: 403}, 0)
		a.problem(&call{r: r}, errors.New("broken"))
		if got := log.String(); strings.Contains(got, "kim-hana") || strings.Count(got, c.logged) != 2 {
			t.Errorf("%s is logged as %s", c.path, got)
		}
	}
}
