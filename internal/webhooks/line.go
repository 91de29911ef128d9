package webhooks

import (
	"context"
	"slices"

	"lifeline/internal/wire"
)

// line is what a webhook is still to be sent.
type line struct {
	ordered []delivery // in the order of the feed; with those of urgent that it reaches
	urgent  []delivery // sent before all others
	through int64      // the change up to which ordered is complete
}

// told returns the change up to which a webhook was sent every urgent one.
func (p progress) told() int64 { return max(p.Cursor, p.Ahead) }

// line returns what a webhook is still to be sent. fresh reports whether there are urgent deliveries that were not
// tried yet, which do not wait for the next try.
func (h *Deliverer) line(ctx context.Context, w webhook, p *progress) (l line, fresh bool, err error) {
	if p.Ahead > h.replica.Sequence() { // the store was set back
		p.Ahead, p.Hurried = 0, 0
	}
	tried := max(p.told(), p.Hurried)
	p.Hurried = p.told()
	if err := h.lookAhead(ctx, w, p, &l); err != nil {
		return l, false, err
	}
	fresh = slices.ContainsFunc(l.urgent, func(d delivery) bool { return d.sequence > tried })
	l.ordered, l.through, err = h.pending(ctx, w, p.Cursor, deliverPage)
	return l, fresh, err
}

// lookAhead adds the new urgent deliveries to a line.
func (h *Deliverer) lookAhead(ctx context.Context, w webhook, p *progress, l *line) error {
	found, through, err := h.urgent(ctx, w, max(p.Hurried, p.told()), deliverPage)
	l.urgent, p.Hurried = append(l.urgent, found...), through
	return err
}

// urgent returns at most limit urgent deliveries of the changes after since, and the change up to which it examined the
// feed. What the feed no longer has is not among them: pending reports that.
func (h *Deliverer) urgent(ctx context.Context, w webhook, since int64, limit int) ([]delivery, int64, error) {
	var names []string
	for _, kind := range h.replica.Kinds {
		if kind.Urgent && slices.Contains(w.Changes, kind.Changes) {
			names = append(names, kind.Changes)
		}
	}
	if w.Changes = names; len(names) == 0 || since >= h.replica.Sequence() {
		return nil, since, nil
	}
	found, through, err := h.pending(ctx, w, since, limit)
	return slices.DeleteFunc(found, func(d delivery) bool { return d.kind == wire.DeliveryReset }), through, err
}

// next returns the delivery whose turn it is, if there is one. It moves p over those that were sent ahead of their
// turn.
func (l *line) next(p *progress) (d delivery, ok bool) {
	for len(l.ordered) > 0 && l.ordered[0].urgent && l.ordered[0].sequence <= p.Ahead {
		p.Cursor, l.ordered = l.ordered[0].sequence, l.ordered[1:]
	}
	switch {
	case len(l.urgent) > 0:
		return l.urgent[0], true
	case len(l.ordered) > 0:
		return l.ordered[0], true
	}
	return delivery{}, false
}

// took notes that the delivery that next returned has arrived.
func (l *line) took(d delivery, p *progress) {
	if len(l.urgent) > 0 {
		p.Ahead, l.urgent = d.sequence, l.urgent[1:]
		return
	}
	p.Cursor, l.ordered = d.sequence, l.ordered[1:]
}
