package webhooks

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Message is one delivery to send.
type Message struct {
	URL     string
	ID      string // webhook-id
	At      time.Time
	Secrets []string // the message is signed with each; the first is the current one
	Body    []byte
}

// Reply is a receiver's response.
type Reply struct {
	Status     int
	RetryAfter time.Duration // the delay that it requests; 0 means none
}

// Poster sends messages to their receivers.
type Poster interface {
	// Post fails unless the receiver responds, with any status. It bounds its time and the bytes that it reads.
	Post(ctx context.Context, m Message) (Reply, error)

	// Check fails if Post can never reach an address as it is written.
	Check(u *url.URL) error
}

// Patience configures the retries of failed deliveries: after First, then after twice the previous wait each time, up
// to Longest, until they have failed for GiveUp.
type Patience struct{ First, Longest, GiveUp time.Duration }

// DeliveryMeter counts attempts.
type DeliveryMeter interface {
	Delivery(failed bool)
}

// WebhookForm is the form of a webhook's address.
const WebhookForm = `^https?://[^\s/?#@]+([/?][^\s#]*)?$`

// The bounds of a webhook.
const (
	MaxURL      = 2000 // bytes
	MaxStations = 1000
)

var webhookForm = regexp.MustCompile(WebhookForm)

// maxWebhooks bounds the number of webhooks, because each has a goroutine.
const maxWebhooks = 100

// secretOverlap is how long deliveries are also signed with the old secret after a rotation.
const secretOverlap = 24 * time.Hour

// Webhooks notifies external services of changes. Each of its fields has one responsibility.
type Webhooks struct {
	Registry  *Registry  // stores the webhooks and their progress
	Deliverer *Deliverer // sends their deliveries
}

// core holds the dependencies that the parts share.
type core struct {
	replica *replica.Replica
	poster  Poster
	now     func() time.Time
}

// Registry stores the webhooks and their progress.
type Registry struct {
	*core
	key   []byte
	inner bool // accept receivers without TLS
}

// WebhookParts holds the dependencies of New.
type WebhookParts struct {
	Replica  *replica.Replica
	Lock     *replica.WorkLock
	Poster   Poster
	Key      []byte // the secrets are derived from it; equal in all replicas and after a restart
	Inner    bool   // accept addresses without TLS; the poster decides whether it reaches them
	Patience Patience
	Meter    DeliveryMeter
	Log      *slog.Logger
	Now      func() time.Time
}

// New returns webhooks that deliver while Deliverer.Run runs.
func New(p WebhookParts) *Webhooks {
	c := &core{replica: p.Replica, poster: p.Poster, now: p.Now}
	registry := &Registry{c, p.Key, p.Inner}
	return &Webhooks{Registry: registry, Deliverer: &Deliverer{core: c, registry: registry, lock: p.Lock,
		patience: p.Patience, meter: p.Meter, log: p.Log, pinging: make(chan struct{}, pingAtOnce),
		views: map[string]view{}}}
}

// begin clears the failures, so that the next try is immediate.
func (p *progress) begin() { p.Tries, p.Since, p.NextTry = 0, schedules.Instant{}, schedules.Instant{} }

// note adds an attempt to the log.
func (p *progress) note(a wire.Attempt) {
	p.Attempts = append([]storedAttempt{storedAttempt(a)}, p.Attempts[:min(len(p.Attempts), attemptsKept-1)]...)
}

// secret returns the secret of a salt in the form of the Standard Webhooks scheme.
func (h *Registry) secret(id string, salt []byte) string {
	mac := hmac.New(sha256.New, h.key)
	fmt.Fprintf(mac, "%s\x00", id)
	mac.Write(salt)
	return "whsec_" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func newSalt() []byte {
	b := make([]byte, 16)
	rand.Read(b) // never fails: crypto/rand
	return b
}

// List returns at most limit webhooks with ids after the given one, and the last id if there are more.
func (h *Registry) List(after string, limit int) (page []wire.Webhook, next string) {
	for _, row := range webhooksIn(h.replica).After("", after) {
		if len(page) == limit {
			return page, page[limit-1].ID
		}
		page = append(page, publicForm(row))
	}
	return page, ""
}

// Get returns the webhook. It fails with NotFound.
func (h *Registry) Get(id string) (wire.Webhook, error) {
	row, err := h.find(id)
	return publicForm(row), err
}

func (h *Registry) find(id string) (replica.Row[webhook], error) {
	row, ok := webhooksIn(h.replica).Get(id)
	if !ok {
		return row, fault.New(fault.NotFound, "there is no webhook %q", id)
	}
	return row, nil
}

// Check fails with Invalid and lists the faults of a webhook.
func (h *Registry) Check(w wire.Webhook) error {
	var fields []fault.Field
	wrong := func(field, message string) { fields = append(fields, fault.Field{Field: field, Message: message}) }
	if !schedules.ValidID(w.ID) {
		wrong("id", "must be an id such as newsroom-1")
	}
	u, err := url.Parse(w.URL)
	switch {
	case err != nil || !webhookForm.MatchString(w.URL) || u.Hostname() == "":
		wrong("url", "must be an address such as https://newsroom.example/lifeline, without a user and a fragment")
	case len(w.URL) > MaxURL:
		wrong("url", fmt.Sprintf("is longer than %d bytes", MaxURL))
	case u.Scheme == "http" && !h.inner:
		wrong("url", "must be https; the service takes http only within the networks of --webhook-networks")
	default:
		if err := h.poster.Check(u); err != nil {
			wrong("url", err.Error()+". Give a public address, or start the service with its network in --webhook-networks")
		}
	}
	if len(w.Changes) == 0 {
		wrong("changes", "must name at least one kind of change")
	}
	for i, name := range w.Changes {
		if told := h.replica.Kinds.ChangeNames(); !slices.Contains(told, name) {
			wrong(fmt.Sprintf("changes[%d]", i), "must be one of "+strings.Join(told, ", "))
		} else if slices.Index(w.Changes, name) != i {
			wrong(fmt.Sprintf("changes[%d]", i), "is there twice")
		}
	}
	before, _ := webhooksIn(h.replica).Get(w.ID) // which may name stations that are gone
	for i, id := range w.Stations {
		if none := h.replica.NoStation(id); !schedules.ValidID(id) {
			wrong(fmt.Sprintf("stations[%d]", i), "must be the id of a station")
		} else if none != "" && !slices.Contains(before.Value.Stations, id) {
			wrong(fmt.Sprintf("stations[%d]", i), none)
		}
	}
	if len(w.Stations) > MaxStations {
		wrong("stations", fmt.Sprintf("are more than %d: leave them out, and it gets the changes of all", MaxStations))
	}
	if utf8.RuneCountInString(w.Description) > schedules.MaxLine {
		wrong("description", fmt.Sprintf("is longer than %d characters", schedules.MaxLine))
	}
	return fault.Fields(fields...)
}

// Put creates or changes a webhook. A new one receives the changes from now on; only this call returns its secret. A
// changed one continues from its cursor immediately. Put fails with Stale unless the webhook has the given revision
// (nil: any; 0: it must not exist), and with Conflict if there are too many.
func (h *Registry) Put(ctx context.Context, a access.Actor, w wire.Webhook, revision *int64) (out wire.Webhook,
	err error) {
	err = h.replica.Retry(ctx, func() error {
		if err := h.Check(w); err != nil {
			return err
		}
		before, exists := webhooksIn(h.replica).Get(w.ID)
		latest := int64(0)
		if exists {
			latest = before.Revision
		}
		if err := replica.CheckRevision(revision, latest); err != nil {
			return err
		}
		next := ownersPart(w)
		next.Salt, next.OldSalt, next.OldUntil = before.Value.Salt, before.Value.OldSalt, before.Value.OldUntil
		if !w.Enabled { // the reason why it was given up stays until it is enabled
			next.DisabledAt, next.DisabledBecause = before.Value.DisabledAt, before.Value.DisabledBecause
		}
		action, secret := "webhook.change", ""
		var writes []store.Write
		if !exists {
			if len(webhooksIn(h.replica).Living()) >= maxWebhooks {
				return fault.New(fault.Conflict, "there are %d webhooks already, which is the maximum", maxWebhooks)
			}
			next.Salt, action = newSalt(), "webhook.create"
			secret = h.secret(w.ID, next.Salt)
			begin, err := h.progressWrite(w.ID, replica.Row[progress]{Value: progress{Cursor: h.replica.Sequence()}})
			if err != nil {
				return err
			}
			writes = append(writes, begin)
		}
		out, err = h.write(ctx, next, latest, a.Origin(h.now(), action, ""), writes...)
		out.Secret = secret
		return err
	})
	return out, err
}

// write commits a webhook together with further writes.
func (h *Registry) write(ctx context.Context, w webhook, revision int64, origin store.Origin, more ...store.Write) (
	wire.Webhook, error) {
	body, err := replica.Encode(w)
	if err != nil {
		return wire.Webhook{}, err
	}
	if err := h.replica.Commit(ctx, store.Commit{Origin: origin,
		Writes: append(more, store.Write{Kind: KindWebhook, ID: w.ID, Expect: revision, Body: body})}); err != nil {
		return wire.Webhook{}, err
	}
	return h.Get(w.ID)
}

// progressWrite returns the write that stores a webhook's progress over the revision of p.
func (h *Registry) progressWrite(id string, p replica.Row[progress]) (store.Write, error) {
	p.Value.SavedAt = schedules.At(h.now())
	body, err := replica.Encode(p.Value)
	return store.Write{Kind: KindProgress, ID: id, Expect: p.Revision, Body: body}, err
}

// Delete fails with NotFound, and with Stale unless the webhook has the given revision.
func (h *Registry) Delete(ctx context.Context, a access.Actor, id string, revision *int64) error {
	return h.replica.Retry(ctx, func() error {
		row, err := h.find(id)
		if err != nil {
			return err
		}
		if err := replica.CheckRevision(revision, row.Revision); err != nil {
			return err
		}
		writes := []store.Write{{Kind: KindWebhook, ID: id, Expect: row.Revision, Delete: true}}
		if p, ok := progressIn(h.replica).Get(id); ok {
			writes = append(writes, store.Write{Kind: KindProgress, ID: id, Expect: p.Revision, Delete: true})
		}
		return h.replica.Commit(ctx, store.Commit{Writes: writes, Origin: a.Origin(h.now(), "webhook.remove", "")})
	})
}

// Rotate gives a webhook a new secret, which only this call returns. For a day, deliveries are also signed with the old
// one.
func (h *Registry) Rotate(ctx context.Context, a access.Actor, id string, revision *int64) (out wire.Webhook,
	err error) {
	err = h.replica.Retry(ctx, func() error {
		row, err := h.find(id)
		if err != nil {
			return err
		}
		if err := replica.CheckRevision(revision, row.Revision); err != nil {
			return err
		}
		w := row.Value
		w.OldSalt, w.OldUntil, w.Salt = w.Salt, schedules.At(h.now().Add(secretOverlap)), newSalt()
		out, err = h.write(ctx, w, row.Revision, a.Origin(h.now(), "webhook.rotate", ""))
		out.Secret = h.secret(id, w.Salt)
		return err
	})
	return out, err
}

// Deliveries returns the latest attempts and the progress of a webhook. It fails with NotFound.
func (h *Registry) Deliveries(id string) (wire.Deliveries, error) {
	if _, err := h.find(id); err != nil {
		return wire.Deliveries{}, err
	}
	row, _ := progressIn(h.replica).Get(id)
	p := row.Value
	attempts := make([]wire.Attempt, len(p.Attempts))
	for i, a := range p.Attempts {
		attempts[i] = wire.Attempt(a)
	}
	return wire.Deliveries{Page: wire.Page[wire.Attempt]{Items: attempts},
		Standing: wire.WebhookStanding{Delivered: p.Cursor, Latest: h.replica.Sequence(), Tries: p.Tries,
			FailingSince: p.Since, NextTry: p.NextTry}}, nil
}

// Replay sends a webhook the changes after the given one again, or skips the changes up to it. It fails with NotFound,
// and with Invalid if there is no such change.
func (h *Registry) Replay(ctx context.Context, a access.Actor, id string, after int64) (wire.Deliveries, error) {
	bad := func(latest int64) error {
		return fault.Fields(fault.Field{Field: "after", Message: fmt.Sprintf("must be the id of a change, from 0 to %d",
			latest)})
	}
	if after < 0 {
		return wire.Deliveries{}, bad(h.replica.Sequence())
	}
	err := h.replica.Retry(ctx, func() error {
		if _, err := h.find(id); err != nil {
			return err
		}
		if latest := h.replica.Sequence(); after > latest {
			return bad(latest)
		}
		p, _ := progressIn(h.replica).Get(id)
		p.Value.Cursor, p.Value.Ahead, p.Value.Hurried = after, 0, 0
		p.Value.begin()
		w, err := h.progressWrite(id, p)
		if err != nil {
			return err
		}
		return h.replica.Commit(ctx, store.Commit{Writes: []store.Write{w}, Origin: a.Origin(h.now(), "webhook.replay",
			fmt.Sprintf("after %d", after))})
	})
	if err != nil {
		return wire.Deliveries{}, err
	}
	return h.Deliveries(id)
}
