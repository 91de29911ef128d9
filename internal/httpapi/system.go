package httpapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/zonedata"
)

// systemHandlers serve health, readiness, metrics, keys and roots of the service.
type systemHandlers struct{ *Parts }

func (a systemHandlers) routes() []route {
	return []route{
		{a.healthz, apidoc.Route{Method: http.MethodGet, Path: "/healthz", Open: true,
			ID: "getHealth", Tag: apidoc.ForEverybody, Summary: "Check that the service is alive",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The service is alive.", wire.Health{Status: "alive"})}}},
		{a.readyz, apidoc.Route{Method: http.MethodGet, Path: "/readyz", Open: true,
			ID: "getReadiness", Tag: apidoc.ForEverybody, Summary: "Check that the service can reach its store, audio and " +
				"workers, and has space",
			Detail: "When space runs low, the service first refuses uploads and then other changes, but never urgent ones. " +
				"It is then still ready, and the answer names the part that is low.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "All parts can be reached.",
				wire.Readiness{Parts: map[string]string{"store": "ready",
					"audio": "ready", "workers": "ready", "room": "ready"}}),
				apidoc.Gives(http.StatusServiceUnavailable, "At least one part cannot be reached.",
					wire.Readiness{Parts: map[string]string{"store": "out of reach", "audio": "ready", "workers": "ready",
						"room": "ready"}})}}},
		{a.metrics, apidoc.Route{Method: http.MethodGet, Path: "/metrics", Open: a.OpenMetrics, Roles: admins,
			ID: "getMetrics", Tag: apidoc.ForEverybody, Summary: "Get metrics for Prometheus",
			Detail: "An administrator's token that is limited to this operation is for Prometheus.",
			Answers: []apidoc.Answer{apidoc.GivesBytes("text/plain", http.StatusOK, "The metrics in the text format of "+
				"Prometheus.")}}},
		{a.time, apidoc.Route{Method: http.MethodGet, Path: "/v1/time", Open: true,
			ID: "getTime", Tag: apidoc.ForStations, Summary: "Get the server's time, unsigned",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The time.", wire.Time{Now: exampleStart,
				NowMs: exampleStart.UnixMilli(), ZoneData: zonedata.Embedded})}}},
		{a.keys, apidoc.Route{Method: http.MethodGet, Path: "/v1/keys", Open: true,
			ID: "listKeys", Tag: apidoc.ForStations, Summary: "List the public keys that sign queues",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The keys. Stations pin them.",
				wire.Keys{Keys: []wire.Key{{ID: "9f2c51d07be3a846", Algorithm: "ed25519",
					PublicKey: "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}}})}}},
		{a.roots, apidoc.Route{Method: http.MethodGet, Path: "/v1/roots", Open: true,
			ID: "listRoots", Tag: apidoc.ForStations, Summary: "The root documents that name the keys of each role",
			Detail: "TUF root metadata. Each is signed by enough of the keys of the one before it and enough of its own: a " +
				"station that pins one checks those after it in turn, and believes for each kind of document the keys of its " +
				"role alone. Without roots one key signs everything.",
			Query: []openapi.Parameter{{Name: "after", Description: "Version of the root that the caller has. Default: 0, " +
				"which none has.", Schema: openapi.Integer().AtLeast(0)}},
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "Those after it, the earliest first.",
				wire.Roots{Roots: []json.RawMessage{json.RawMessage(`{"signed":{"_type":"root","version":1},"signatures":[]}`)},
					First: &exampleEnvelope})}}},
	}
}

func (a systemHandlers) healthz(c *call) error {
	return c.json(http.StatusOK, wire.Health{Status: "alive"})
}

// readyTimeout bounds how long readyz waits for each part.
const readyTimeout = 3 * time.Second

// readyz answers 200 if every part can be reached, else 503 with the problems.
func (a systemHandlers) readyz(c *call) error {
	ctx, cancel := context.WithTimeout(c.r.Context(), readyTimeout)
	defer cancel()
	parts := map[string]string{}
	status := http.StatusOK
	for name, ready := range a.Ready {
		parts[name] = "ready"
		if err := ready(ctx); err != nil {
			a.Log.Warn("not ready", "part", name, "error", err)
			parts[name] = "out of reach"
			status = http.StatusServiceUnavailable
		}
	}
	if a.Stopping.Err() != nil {
		parts["service"], status = "is stopping", http.StatusServiceUnavailable
	}
	if a.Room != nil {
		short, err := a.Room(ctx)
		switch {
		case err == nil:
			parts["room"] = cmp.Or(short, "ready")
		case fault.Is(err, fault.Full):
			parts["room"], status = err.Error(), http.StatusServiceUnavailable
		default: // the store itself is unreachable
			parts["room"] = "not known"
		}
	}
	return c.json(status, wire.Readiness{Parts: parts})
}

// metrics serves the metrics for Prometheus.
func (a systemHandlers) metrics(c *call) error {
	if c.r.Method == http.MethodHead {
		c.w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	a.Metrics.ServeHTTP(c.w, c.r)
	return nil
}

func (a systemHandlers) time(c *call) error {
	c.w.Header().Set("Cache-Control", "no-store")
	now := a.Now()
	return c.json(http.StatusOK, wire.Time{Now: schedules.At(now), NowMs: now.UnixMilli(),
		ZoneData: zonedata.Present().Version})
}

func (a systemHandlers) keys(c *call) error {
	out := wire.Keys{Keys: []wire.Key{}, Former: a.FormerKeys}
	for _, k := range a.Keys {
		key := wire.Key{ID: sign.KeyID(k), Algorithm: "ed25519", PublicKey: base64.StdEncoding.EncodeToString(k)}
		if n := len(a.Roots); n > 0 {
			out.Root = a.Roots[n-1].Version()
			for _, role := range a.Roots[n-1].RolesOf(k) {
				key.Roles = append(key.Roles, string(role))
			}
		}
		out.Keys = append(out.Keys, key)
	}
	return c.json(http.StatusOK, out)
}

// roots answers with the roots after the caller's.
func (a systemHandlers) roots(c *call) error {
	after := int64(0)
	if text := c.query().Get("after"); text != "" {
		var err error
		if after, err = strconv.ParseInt(text, 10, 64); err != nil || after < 0 {
			return fault.Fields(fault.Field{Field: "after", Message: "must be the version of a root, or 0"})
		}
	}
	out := wire.Roots{Roots: []json.RawMessage{}, First: a.FirstRoot}
	for _, r := range a.Roots {
		if r.Version() > after {
			out.Roots = append(out.Roots, r.Bytes())
		}
	}
	return c.json(http.StatusOK, out)
}
