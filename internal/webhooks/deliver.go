package webhooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const (
	pingAtOnce   = 16 // concurrent test messages; each webhook makes one delivery at a time beside them
	attemptsKept = 50 // in the log of a webhook
	// maximum interval between saves while deliveries succeed: unsaved deliveries are repeated after a crash
	saveEvery    = time.Second
	saveBehind   = 1000                   // move the cursor after this many irrelevant changes,
	saveStale    = 24 * time.Hour         // or after this time, so that it stays within the feed
	maxRetryWait = 24 * time.Hour         // longest delay that a receiver may request
	lookAnyway   = time.Minute            // check a webhook at least this often
	deliverPage  = 100                    // deliveries read ahead
	jitter       = 0.2                    // relative variation of the wait between tries, in both directions
	loudAfter    = 8                      // the log reports failures in a row from here on, at powers of two
	pauseOnEnd   = 100 * time.Millisecond // wait after an internal failure
)

// delivery is the content of one message.
type delivery struct {
	id       string
	sequence int64
	kind     string
	name     string
	revision int64
	at       time.Time
	urgent   bool // does not wait for its turn
}

// view caches a replica's knowledge of a webhook's first due delivery, so that the feed is not searched twice.
type view struct {
	target, cursor int64 // the webhook's revision, and the cursor, when the view was made
	scanned        int64 // the change up to which all were examined
	hurried        int64 // the change up to which all were examined for urgent ones
	first          time.Time
	due            bool
}

// Deliverer notifies webhooks of changes. It follows the store's feed from a stored cursor per webhook, so that
// deliveries continue after any crash.
type Deliverer struct {
	*core
	registry *Registry
	lock     *replica.WorkLock
	patience Patience
	meter    DeliveryMeter
	log      *slog.Logger
	pinging  chan struct{}

	mu    sync.Mutex
	views map[string]view
}

// subscribe sets up the topics that wake deliverTo.
func (h *Deliverer) subscribe() {
	seldom := []string{KindWebhook, KindProgress}
	var often []string
	for _, kind := range h.replica.Kinds {
		switch {
		case kind.Changes == "":
		case kind.Often:
			often = append(often, kind.Name)
		default:
			seldom = append(seldom, kind.Name)
		}
	}
	h.replica.Signals.Join(topicTold, seldom...)
	h.replica.Signals.Join(topicToldOften, slices.Concat(seldom, often)...)
}

// Run delivers until ctx ends. Each webhook has its own goroutine, so that a slow one does not delay the others.
func (h *Deliverer) Run(ctx context.Context) error {
	h.subscribe()
	running := map[string]func(){}
	var ended sync.WaitGroup
	defer ended.Wait()
	for {
		signal := h.replica.Signals.On(KindWebhook)
		for id, stop := range running {
			if _, ok := webhooksIn(h.replica).Get(id); !ok {
				stop()
				delete(running, id)
				h.setView(id, view{})
			}
		}
		for id := range webhooksIn(h.replica).After("", "") {
			if running[id] == nil {
				working, cancel := context.WithCancel(ctx)
				done := make(chan struct{})
				running[id] = func() { cancel(); <-done }
				ended.Go(func() {
					defer close(done)
					defer cancel()
					h.deliverTo(working, id)
				})
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-signal:
		}
	}
}

// The topics of the changes that webhooks receive. Frequent changes wake only the webhooks that receive them.
const (
	topicTold      = "told"
	topicToldOften = "told-often"
)

// deliverTo checks one webhook after every change that may concern it, and when its next try is due.
func (h *Deliverer) deliverTo(ctx context.Context, id string) {
	for ctx.Err() == nil {
		concerns := topicTold
		if row, ok := webhooksIn(h.replica).Get(id); ok && slices.ContainsFunc(h.replica.Kinds,
			func(k replica.Kind) bool { return k.Often && slices.Contains(row.Value.Changes, k.Changes) }) {
			concerns = topicToldOften
		}
		signal := h.replica.Signals.On(concerns)
		wait, err := h.waitFor(ctx, id)
		if err == nil && wait == 0 {
			if err = h.lock.Do(ctx, "webhook/"+id, 0, func(ctx context.Context) error {
				return h.deliver(ctx,
					id)
			}); err == nil {
				continue // there may be more
			}
			wait = h.lock.Life // in case the lease holder has died
		}
		if err != nil && !errors.Is(err, replica.ErrElsewhere) && ctx.Err() == nil {
			wait = pauseOnEnd
			if !errors.Is(err, replica.ErrRace) { // a replay or another replica was faster: check again
				wait = h.lock.Life
				h.log.Error("work on a webhook failed and will be tried again", "webhook", id, "error", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-signal:
			select { // changes come in bursts: one check serves all of a moment
			case <-ctx.Done():
			case <-time.After(replica.ChangePause):
			}
		case <-time.After(wait):
		}
	}
}

// waitFor returns how long to wait for a webhook unless something changes; 0 means that a delivery is due now.
func (h *Deliverer) waitFor(ctx context.Context, id string) (time.Duration, error) {
	row, ok := webhooksIn(h.replica).Get(id)
	if !ok || !row.Value.Enabled {
		h.setView(id, view{})
		return lookAnyway, nil
	}
	p, ok := progressIn(h.replica).Get(id)
	if !ok {
		return lookAnyway, nil // the other part of its commit has not arrived yet
	}
	v := h.seen(id)
	if v.target != row.Revision || v.cursor != p.Value.Cursor {
		v = view{target: row.Revision, cursor: p.Value.Cursor, scanned: p.Value.Cursor}
	}
	if !v.due {
		found, through, err := h.pending(ctx, row.Value, v.scanned, 1)
		if err != nil {
			return 0, err
		}
		if v.scanned = through; len(found) > 0 {
			v.due, v.first = true, found[0].at
		}
		h.setView(id, v)
	}
	now := h.now()
	switch {
	case v.due && p.Value.Target == row.Revision && now.Before(p.Value.NextTry.Time):
		news, through, err := h.urgent(ctx, row.Value, max(p.Value.told(), p.Value.Hurried, v.hurried), 1)
		if err != nil || len(news) > 0 {
			return 0, err
		}
		v.hurried = through
		h.setView(id, v)
		return p.Value.NextTry.Sub(now), nil
	case v.due, h.behind(p.Value, v.scanned):
		return 0, nil
	}
	return lookAnyway, nil
}

func (h *Deliverer) seen(id string) view {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.views[id]
}

func (h *Deliverer) setView(id string, v view) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.views[id] = v; v == (view{}) {
		delete(h.views, id)
	}
}

// Lags returns how long the first delivery of each enabled webhook has been waiting.
func (h *Deliverer) Lags() map[string]time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]time.Duration{}
	for id, v := range h.views {
		if out[id] = 0; v.due {
			out[id] = max(0, h.now().Sub(v.first))
		}
	}
	return out
}

// pending returns at most limit deliveries of the changes after since that concern a webhook, and the change up to
// which it examined the feed. If the feed no longer has these changes, or was set back, it returns a reset.
func (h *Deliverer) pending(ctx context.Context, w webhook, since int64, limit int) (found []delivery, through int64,
	err error) {
	latest := h.replica.Sequence()
	reset := []delivery{{id: "reset-" + strconv.FormatInt(latest, 10), sequence: latest, kind: wire.DeliveryReset,
		at: h.now()}}
	if since > latest {
		return reset, latest, nil
	}
	for since < latest {
		changes, err := h.replica.Changes(ctx, since)
		if fault.Is(err, fault.Gone) {
			return append(found, reset...), latest, nil
		}
		if err != nil {
			return nil, since, err
		}
		for _, c := range changes {
			since = c.Sequence
			name, station, ok := h.replica.Kinds.Told(c)
			if !ok || !slices.Contains(w.Changes, name) || station != "" && len(w.Stations) > 0 && !slices.Contains(w.Stations,
				station) {
				continue
			}
			kind, _ := h.replica.Kinds.Find(c.Kind)
			found = append(found, delivery{strconv.FormatInt(c.Sequence, 10), c.Sequence, name, c.ID, c.Revision, c.At,
				kind.Urgent})
			if len(found) == limit {
				return found, since, nil
			}
		}
	}
	return found, since, nil
}

// deliver sends a webhook its outstanding deliveries one by one, the urgent ones first, until none is left or one
// fails. A new urgent one does not wait for the next try of the others. The caller holds the webhook's lease.
func (h *Deliverer) deliver(ctx context.Context, id string) error {
	row, ok := webhooksIn(h.replica).Get(id)
	p, known := progressIn(h.replica).Get(id)
	if !ok || !known || !row.Value.Enabled {
		return nil
	}
	if p.Value.Target != row.Revision {
		p.Value.Target = row.Revision
		p.Value.begin()
	}
	line, fresh, err := h.line(ctx, row.Value, &p.Value)
	if err != nil || h.now().Before(p.Value.NextTry.Time) && !fresh ||
		len(line.ordered) == 0 && !h.behind(p.Value, line.through) {
		return err
	}
	saved := h.now()
	for d, more := line.next(&p.Value); more; d, more = line.next(&p.Value) {
		if now, _ := webhooksIn(h.replica).Get(id); now.Revision != row.Revision {
			line.through = p.Value.Cursor // somebody changed it: check the rest again
			break
		}
		a, reply, err := h.attempt(ctx, row.Value, d)
		if err != nil { // interrupted: keep the earlier deliveries and repeat this one
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.lock.Life)
			defer cancel()
			return errors.Join(err, h.save(ending, id, &p))
		}
		if a.Error != "" {
			return h.failed(ctx, row, p, a, reply)
		}
		line.took(d, &p.Value)
		p.Value.begin()
		p.Value.note(a)
		if h.now().Sub(saved) >= saveEvery {
			if err := h.save(ctx, id, &p); err != nil {
				return err
			}
			saved = h.now()
		}
		if err := h.lookAhead(ctx, row.Value, &p.Value, &line); err != nil {
			return err
		}
	}
	p.Value.Cursor = line.through
	return h.save(ctx, id, &p)
}

// behind reports whether to move a cursor over irrelevant changes.
func (h *Deliverer) behind(p progress, through int64) bool {
	return through-p.Cursor >= saveBehind || through > p.Cursor && h.now().Sub(p.SavedAt.Time) >= saveStale
}

// attempt tries one delivery. It fails only if the attempt was interrupted on this side.
func (h *Deliverer) attempt(ctx context.Context, w webhook, d delivery) (wire.Attempt, Reply, error) {
	start := h.now()
	m := Message{URL: w.URL, ID: d.id, At: start, Secrets: []string{h.registry.secret(w.ID, w.Salt)}}
	if len(w.OldSalt) > 0 && start.Before(w.OldUntil.Time) {
		m.Secrets = append(m.Secrets, h.registry.secret(w.ID, w.OldSalt))
	}
	at := schedules.At(d.at)
	var err error
	if m.Body, err = replica.Encode(wire.Delivery{Type: d.kind, Timestamp: at,
		Data: wire.Change{ID: d.sequence, Kind: d.kind, Name: d.name, Revision: d.revision, At: at}}); err != nil {
		return wire.Attempt{}, Reply{}, err
	}
	reply, err := h.poster.Post(ctx, m)
	if ctx.Err() != nil {
		return wire.Attempt{}, reply, ctx.Err()
	}
	a := wire.Attempt{ID: d.id, Sequence: d.sequence, Kind: d.kind, At: schedules.At(start),
		Duration: schedules.Millis{Duration: h.now().Sub(start)}, Status: reply.Status}
	switch {
	case err != nil:
		a.Error = errorText(err)
	case reply.Status/100 == 3:
		a.Error = "answered by a redirection, which is not followed"
	case reply.Status/100 != 2:
		a.Error = fmt.Sprintf("answered %d %s", reply.Status, http.StatusText(reply.Status))
	}
	h.meter.Delivery(a.Error != "")
	return a, reply, nil
}

// errorText returns the text of an error without the address, which may contain secrets of the receiver.
func errorText(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return text.Cut(err.Error(), 300)
}

// failed stores a failure and the time of the next try, or gives the webhook up.
func (h *Deliverer) failed(ctx context.Context, row replica.Row[webhook], p replica.Row[progress], a wire.Attempt,
	reply Reply) error {
	now := h.now()
	if p.Value.Tries++; p.Value.Since.IsZero() {
		p.Value.Since = schedules.At(now)
	}
	var because string
	switch {
	case reply.Status == http.StatusGone:
		because = "the receiver answered 410 Gone"
	case now.Sub(p.Value.Since.Time) >= h.patience.GiveUp:
		because = fmt.Sprintf("nothing could be delivered since %s: %s", p.Value.Since, a.Error)
	default:
		wait := max(h.patience.after(p.Value.Tries), min(reply.RetryAfter, maxRetryWait))
		p.Value.NextTry = schedules.At(now.Add(wait))
		if n := p.Value.Tries; n >= loudAfter && n&(n-1) == 0 { // log less and less often
			h.log.Warn("a webhook cannot be reached; its deliveries wait", "webhook", row.Value.ID, "tries", n, "since",
				p.Value.Since, "because", a.Error)
		}
		a.NextTry = p.Value.NextTry
		p.Value.note(a)
		return h.save(ctx, row.Value.ID, &p)
	}
	p.Value.note(a)
	p.Value.NextTry = schedules.Instant{}
	w := row.Value
	w.Enabled, w.DisabledAt, w.DisabledBecause = false, schedules.At(now), because
	stands, err := h.registry.progressWrite(w.ID, p)
	if err != nil {
		return err
	}
	if _, err = h.registry.write(ctx, w, row.Revision, access.System.Origin(now, "webhook.disable", because),
		stands); err == nil {
		h.log.Warn("a webhook is given up", "webhook", w.ID, "because", because)
	}
	return err
}

// after returns the wait after that many failures in a row.
func (p Patience) after(tries int) time.Duration {
	wait := p.First
	for range tries - 1 {
		if wait *= 2; wait >= p.Longest {
			wait = p.Longest
			break
		}
	}
	return time.Duration(float64(wait) * (1 + jitter*(2*rand.Float64()-1)))
}

// save stores the progress of a webhook. It fails with ErrRace if somebody else did, or changed its target.
func (h *Deliverer) save(ctx context.Context, id string, p *replica.Row[progress]) error {
	w, err := h.registry.progressWrite(id, *p)
	if err != nil {
		return err
	}
	err = h.replica.Commit(ctx, store.Commit{Writes: []store.Write{w}, Origin: access.System.Origin(h.now(),
		"webhook.deliver", "")})
	p.Revision++
	return err
}

// Ping sends a test message to a webhook, enabled or not, and returns the outcome. It fails with NotFound, and with
// TooMany while too many test messages are under way.
func (h *Deliverer) Ping(ctx context.Context, id string) (wire.Attempt, error) {
	row, err := h.registry.find(id)
	if err != nil {
		return wire.Attempt{}, err
	}
	select {
	case h.pinging <- struct{}{}:
		defer func() { <-h.pinging }()
	default:
		return wire.Attempt{}, fault.New(fault.TooMany, "%d test messages are under way", pingAtOnce)
	}
	a, _, err := h.attempt(ctx, row.Value, delivery{id: "ping-" + replica.NewID(), kind: wire.DeliveryPing, name: id,
		at: h.now()})
	return a, err
}
