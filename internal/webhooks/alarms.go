package webhooks

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const (
	failingLong   = 15 * time.Minute // duration of failures after which a webhook is an alarm
	waitingCounts = 1000             // the most changes that an alarm counts
)

// failsSince returns since when deliveries to a webhook have failed, or the zero Instant if they do not. It includes
// webhooks that were given up because of failures.
func failsSince(row replica.Row[webhook], p progress) schedules.Instant {
	w := row.Value
	switch {
	case !w.Enabled && w.DisabledBecause != "" && !p.Since.IsZero():
		return p.Since
	case !w.Enabled && w.DisabledBecause != "":
		return w.DisabledAt
	case !w.Enabled || p.Target != row.Revision: // it waits for a person, or has changed since
		return schedules.Instant{}
	}
	return p.Since
}

// Failing returns for how long deliveries to each webhook have failed; 0 for webhooks without failures.
func (h *Deliverer) Failing() map[string]time.Duration {
	out := map[string]time.Duration{}
	for id, row := range webhooksIn(h.replica).After("", "") {
		p, _ := progressIn(h.replica).Get(id)
		out[id] = 0
		if since := failsSince(row, p.Value); !since.IsZero() {
			out[id] = max(0, h.now().Sub(since.Time))
		}
	}
	return out
}

// Alarms returns an alarm for each webhook that was given up or has failed for long.
func (h *Deliverer) Alarms(ctx context.Context) ([]wire.Alarm, error) {
	var out []wire.Alarm
	for id, row := range webhooksIn(h.replica).After("", "") {
		p, _ := progressIn(h.replica).Get(id)
		w, since := row.Value, failsSince(row, p.Value)
		if since.IsZero() || w.Enabled && h.now().Sub(since.Time) < failingLong {
			continue
		}
		waiting, _, err := h.pending(ctx, w, p.Value.Cursor, waitingCounts)
		if err != nil {
			return nil, err
		}
		a := wire.Alarm{Code: wire.AlarmWebhookFailing, Subject: id, Since: since, Waiting: len(waiting)}
		if len(p.Value.Attempts) > 0 {
			a.Error = p.Value.Attempts[0].Error
		}
		changes := strconv.Itoa(a.Waiting) + " changes wait"
		if a.Waiting == 1 {
			changes = "1 change waits"
		}
		a.Message = fmt.Sprintf("webhook %s is not reached since %s: %s; %s", id, since, a.Error, changes)
		if !w.Enabled {
			a.Code = wire.AlarmWebhookGivenUp
			a.Message = fmt.Sprintf("webhook %s was given up at %s, %s; %s. lifeline webhooks put %s --enable goes on where "+
				"it was", id, w.DisabledAt, w.DisabledBecause, changes, id)
		}
		out = append(out, a)
	}
	return out, nil
}
