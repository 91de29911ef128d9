package httpapi

import (
	"net/http"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

func (a *api) listWebhooks(c *call) error { return listing(c, a.Webhooks.Registry.List) }

// listAlarms answers what is wrong with webhooks, what stations' players say is wrong with them, and what
// stands against stations.
func (a *api) listAlarms(c *call) error {
	out, err := a.Webhooks.Deliverer.Alarms(c.r.Context())
	if err != nil {
		return err
	}
	for after, more := "", true; more; more = after != "" {
		var statuses []wire.Status
		statuses, after = a.Logbook.Statuses(after, 500)
		for _, s := range statuses {
			for _, said := range s.Alarms {
				out = append(out, wire.Alarm{Code: wire.AlarmPlayer, Subject: s.Station, Message: said})
			}
			for _, p := range s.Standing {
				out = append(out, wire.Alarm{Code: wire.AlarmStation, Subject: s.Station, Problem: p.Code,
					Message: p.Message})
			}
		}
	}
	return page(c, out, "")
}

func (a *api) getWebhook(c *call) error {
	w, err := a.Webhooks.Registry.Get(c.param("webhook"))
	return resource(c, w, w.Revision, err)
}

// putWebhook makes or changes a webhook. The answer that makes it has its secret.
func (a *api) putWebhook(c *call) error {
	id := c.param("webhook")
	in := wire.Webhook{ID: id, Enabled: true}
	read := c.decode(&in)
	if unreadable(read) {
		return read
	}
	var own error
	if in.ID != id && in.ID != "" {
		own = fault.Fields(fault.Field{Field: "id", Message: "must be the path's, or left out"})
	}
	in.ID = id
	if err := together(read, own, a.Webhooks.Registry.Check(in)); err != nil {
		return err
	}
	_, missing := a.Webhooks.Registry.Get(id)
	revision, err := c.startingFrom(missing == nil)
	if err != nil {
		return err
	}
	out, err := a.Webhooks.Registry.Put(c.r.Context(), c.actor, in, revision)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if out.Secret != "" {
		status = http.StatusCreated
		c.w.Header().Set("Location", c.r.URL.Path)
	}
	return c.secretive(status, out)
}

// secretive answers a webhook that may have its secret in it: nobody on the way keeps that.
func (c *call) secretive(status int, w wire.Webhook) error {
	c.w.Header().Set("Cache-Control", "no-store")
	c.tag(w.Revision)
	return c.json(status, w)
}

func (a *api) deleteWebhook(c *call) error {
	revision, err := c.mustMatch()
	if err != nil {
		return err
	}
	if err := a.Webhooks.Registry.Delete(c.r.Context(), c.actor, c.param("webhook"), revision); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) rotateWebhook(c *call) error {
	revision, err := c.ifMatch()
	if err != nil {
		return err
	}
	w, err := a.Webhooks.Registry.Rotate(c.r.Context(), c.actor, c.param("webhook"), revision)
	if err != nil {
		return err
	}
	return c.secretive(http.StatusOK, w)
}

func (a *api) deliveries(c *call) error {
	d, err := a.Webhooks.Registry.Deliveries(c.param("webhook"))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, d)
}

func (a *api) testWebhook(c *call) error {
	attempt, err := a.Webhooks.Deliverer.Ping(c.r.Context(), c.param("webhook"))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, attempt)
}

func (a *api) replayWebhook(c *call) error {
	in := wire.Replay{After: -1} // it must be said
	if err := c.decode(&in); err != nil {
		return err
	}
	d, err := a.Webhooks.Registry.Replay(c.r.Context(), c.actor, c.param("webhook"), in.After)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, d)
}
