package playout

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/seal"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Follower asks the service for the station's documents and offers them to the vault: by long polls for what is
// urgent, when the change stream tells of something, and by a sweep of everything now and then, so that nothing
// depends on being told. It needs no answer ever:
// the station airs what it holds.
type Follower struct {
	name     string
	service  *client.Station
	api      *client.Client
	vault    *Vault
	problems *Problems
	time     *Timekeeper
	opt      FollowOptions

	mu     sync.Mutex
	tags   map[string]string
	offset time.Duration
	nudge  chan struct{}
}

// FollowOptions says how to follow. The zero value of a field means its default.
type FollowOptions struct {
	Days       int           // ahead of today; 7
	Sweep      time.Duration // between sweeps; a minute
	Wait       time.Duration // that the service may hold a long poll; 55 s
	TrustFirst bool          // pin the first key that the service shows, when none is pinned
}

// NewFollower follows what the service has for the station name into vault.
func NewFollower(api *client.Client, name string, vault *Vault, problems *Problems, keeper *Timekeeper, opt FollowOptions) *Follower {
	if opt.Days == 0 {
		opt.Days = 7
	}
	if opt.Sweep == 0 {
		opt.Sweep = time.Minute
	}
	if opt.Wait == 0 {
		opt.Wait = 55 * time.Second
	}
	return &Follower{name: name, service: api.Station(name), api: api, vault: vault, problems: problems, time: keeper, opt: opt,
		tags: map[string]string{}, nudge: make(chan struct{}, 1)}
}

// Offset is the machine's clock minus the service's, as last measured.
func (f *Follower) Offset() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.offset
}

// callTimeout bounds every call that is not held by the service.
const callTimeout = 30 * time.Second

// Run follows until ctx is done.
func (f *Follower) Run(ctx context.Context) error {
	if !f.pin(ctx) {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { f.sweeps(ctx); return nil })
	g.Go(func() error { f.poll(ctx, f.today); return nil })
	g.Go(func() error {
		f.poll(ctx, func(ctx context.Context, wait time.Duration) (bool, error) { return f.recalls(ctx, wait) })
		return nil
	})
	g.Go(func() error { f.changes(ctx); return nil })
	g.Go(func() error { f.leases(ctx); return nil })
	return g.Wait()
}

// changes sweeps as soon as the change stream tells of anything that may concern the station. A service without the
// stream is swept now and then all the same.
func (f *Follower) changes(ctx context.Context) {
	last := int64(0)
	for failures := 0; ; {
		begun := time.Now()
		_ = f.api.Changes(ctx, last, func(c wire.Change) {
			last = max(last, c.ID)
			if c.Kind == "recall" || strings.Contains(c.Name, f.name) {
				select {
				case f.nudge <- struct{}{}:
				default:
				}
			}
		})
		if time.Since(begun) > backoffMax {
			failures = 0
		}
		if pause(ctx, backoff(failures)) != nil {
			return
		}
		failures++
	}
}

// pin sees to a key to verify with. It reports false when ctx is done.
func (f *Follower) pin(ctx context.Context) bool {
	for failures := 0; !f.vault.Pinned(); failures++ {
		if err := f.trustFirst(ctx); err != nil {
			f.problems.Add("there is no key to verify with: %v", err)
			if pause(ctx, backoff(failures)) != nil {
				return false
			}
		}
	}
	return ctx.Err() == nil
}

func (f *Follower) trustFirst(ctx context.Context) error {
	if !f.opt.TrustFirst {
		return fault.New(fault.Invalid, "give the service's public key, or allow trust on first use")
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	keys, err := f.api.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys.Keys {
		if k.Algorithm == "ed25519" {
			key, err := seal.ParsePublic(k.PublicKey)
			if err != nil {
				return err
			}
			return f.vault.Pin(key)
		}
	}
	return fault.New(fault.NotFound, "the service shows no ed25519 key")
}

// sweeps asks for everything now and then, sooner after a failure, a step of the local time or when nudged.
func (f *Follower) sweeps(ctx context.Context) {
	for failures := 0; ; {
		err := f.sweep(ctx)
		wait := f.opt.Sweep
		if err != nil && ctx.Err() == nil {
			f.problems.Add("the service could not be followed: %v", err)
			wait = min(wait, backoff(failures))
			failures++
		} else {
			failures = 0
		}
		if pause(ctx, wait-wait/10+jitter(wait/5), f.nudge, f.time.stepped) != nil {
			return
		}
	}
}

// sweep asks for everything once. What can be had is taken even when something else cannot; a service out of reach is
// asked for nothing more.
func (f *Follower) sweep(ctx context.Context) error {
	first := f.measure(ctx)
	if fault.Is(first, fault.Unavailable) {
		return first
	}
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	_, err := f.recalls(ctx, 0)
	note(err)
	note(f.fallback(ctx))
	today := schedules.DateOf(f.time.Now().In(f.vault.Holdings().Zone()))
	for day := -1; day <= f.opt.Days; day++ {
		_, err := f.queue(ctx, today.AddDays(day), 0)
		note(err)
	}
	f.vault.Forget(today.AddDays(-2))
	return first
}

// measure compares the times, taking the service's answer to lie in the middle of the call.
func (f *Follower) measure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	begun := time.Now()
	before, moved := f.time.look()
	theirs, err := f.service.Time(ctx)
	if err != nil {
		return err
	}
	took := time.Since(begun)
	ahead := f.time.Compare(before, moved, theirs, took)
	f.vault.clock.measured(f.time.Now().Round(0).Sub(theirs.Add(took / 2))) // what it leaves the station's time off by
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offset = ahead
	return nil
}

// poll keeps one long poll open. Answers that come at once, without news, come from a service that does not wait:
// then the sweeps suffice.
func (f *Follower) poll(ctx context.Context, ask func(context.Context, time.Duration) (bool, error)) {
	for failures := 0; ; {
		begun := time.Now()
		news, err := ask(ctx, f.opt.Wait)
		wait := time.Duration(0)
		switch {
		case err != nil:
			wait = backoff(failures) // the sweeps tell of it
			failures++
		case !news && time.Since(begun) < f.opt.Wait/2:
			wait = f.opt.Sweep
		default:
			failures = 0
		}
		if pause(ctx, wait) != nil {
			return
		}
	}
}

// today asks for the queue of the day that it is now at the station.
func (f *Follower) today(ctx context.Context, wait time.Duration) (bool, error) {
	return f.queue(ctx, schedules.DateOf(f.time.Now().In(f.vault.Holdings().Zone())), wait)
}

func (f *Follower) queue(ctx context.Context, date schedules.Date, wait time.Duration) (news bool, err error) {
	return f.ask(ctx, date.String(), wait, func(ctx context.Context, tag string) (client.Document, error) {
		return f.service.Queue(ctx, date, tag, wait)
	}, func(b []byte) error { return f.vault.OfferQueue(b, date) })
}

func (f *Follower) fallback(ctx context.Context) error {
	_, err := f.ask(ctx, "fallback", 0, f.service.Fallback, f.vault.OfferFallback)
	return err
}

func (f *Follower) recalls(ctx context.Context, wait time.Duration) (news bool, err error) {
	return f.ask(ctx, "recalls", wait, func(ctx context.Context, tag string) (client.Document, error) {
		return f.service.Recalls(ctx, tag, wait)
	}, f.vault.OfferRecalls)
}

// ask gets one document and offers it. What the vault refuses is reported, and not offered again until it changes.
// A document that does not exist is no failure.
func (f *Follower) ask(ctx context.Context, name string, wait time.Duration,
	get func(context.Context, string) (client.Document, error), offer func([]byte) error) (news bool, err error) {
	f.mu.Lock()
	tag := f.tags[name]
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, callTimeout+wait)
	defer cancel()
	doc, err := get(ctx, tag)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil || doc.Bytes == nil {
		return false, err
	}
	if err := offer(doc.Bytes); err != nil {
		f.problems.Add("%v", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tags[name] = doc.ETag
	return true, nil
}
