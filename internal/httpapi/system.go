package httpapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/seal"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func (a *api) healthz(c *call) error {
	return c.json(http.StatusOK, wire.Health{Status: "alive"})
}

// readyTimeout bounds how long readyz waits for each part.
const readyTimeout = 3 * time.Second

// readyz answers 200 when every part can be reached, and 503 with what is wrong otherwise.
func (a *api) readyz(c *call) error {
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
		default: // the store itself is out of reach
			parts["room"] = "not known"
		}
	}
	return c.json(status, wire.Readiness{Parts: parts})
}

func (a *api) time(c *call) error {
	c.w.Header().Set("Cache-Control", "no-store")
	now := a.Now()
	return c.json(http.StatusOK, wire.Time{Now: schedules.At(now), NowMs: now.UnixMilli()})
}

// me answers who asks, and which operations the role may do.
func (a *api) me(c *call) error {
	out := wire.Me{Name: c.actor.Name, Role: string(c.actor.Role), Station: c.actor.Station, May: []string{}}
	ids := map[string]string{}
	for _, o := range operations() {
		ids[o.at] = o.id
	}
	for _, r := range a.routes() {
		if r.open || c.actor.Role == access.Admin || slices.Contains(r.roles, c.actor.Role) {
			out.May = append(out.May, ids[r.method+" "+r.path])
		}
	}
	slices.Sort(out.May)
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusOK, out)
}

func (a *api) keys(c *call) error {
	out := wire.Keys{Keys: []wire.Key{}, Former: a.FormerKeys}
	for _, k := range a.Keys {
		out.Keys = append(out.Keys, wire.Key{ID: seal.KeyID(k), Algorithm: "ed25519",
			PublicKey: base64.StdEncoding.EncodeToString(k)})
	}
	return c.json(http.StatusOK, out)
}

func (a *api) createToken(c *call) error {
	var in wire.NewToken
	read := c.decode(&in)
	if unreadable(read) {
		return read
	}
	token := access.NewToken{Name: in.Name, Role: access.Role(in.Role), Station: in.Station, Life: in.Life.Duration}
	if err := together(read, token.Check()); err != nil {
		return err
	}
	t, err := a.Access.Create(c.r.Context(), c.actor, token)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusCreated, t)
}

func (a *api) listTokens(c *call) error {
	after, limit, err := c.page()
	if err != nil {
		return err
	}
	tokens, next := a.Access.Tokens(after, limit)
	return page(c, tokens, next)
}

func (a *api) revokeToken(c *call) error {
	if err := a.Access.Revoke(c.r.Context(), c.actor, c.param("token")); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
