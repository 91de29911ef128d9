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
	failingLong   = 15 * time.Minute // of failures after which a webhook is an alarm
	waitingCounts = 1000             // changes that an alarm counts at most
)

// failsSince is since when deliveries to a webhook fail, whether it was given up for that; the zero Instant is that
// they do not.
func failsSince(row replica.Row[webhook], p progress) schedules.Instant {
	w := row.Value
	switch {
	case !w.Enabled && w.DisabledBecause != "" && !p.Since.IsZero():
		return p.Since
	case !w.Enabled && w.DisabledBecause != "":
		return w.DisabledAt
	case !w.Enabled || p.Target != row.Revision: // it waits for a person, or was changed since
		return schedules.Instant{}
	}
	return p.Since
}

// Failing is for how long deliveries to each webhook have failed; 0 for those to which they do not.
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

// Alarms are the webhooks that were given up, and those that have failed for long.
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
