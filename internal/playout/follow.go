package playout

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/playout/retry"
	"lifeline/internal/seal"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Follower asks the service for the station's documents and offers them to the document store: by long polls for what
// is urgent, when the change stream tells of something, and by a sweep of everything now and then, so that nothing
// depends on being told. It needs no answer ever:
// the station airs what it holds.
type Follower struct {
	name      string
	service   *client.Station
	api       *client.Client
	documents *DocumentStore
	problems  *Problems
	time      *Timekeeper
	opt       FollowOptions

	mu     sync.Mutex
	asked  map[string]asking // by document
	lacks  map[string]lack   // by document
	offset time.Duration
	heard  time.Time      // when the last request was made that the service signed an answer to
	said   wire.Freshness // that answer
	tried  time.Time      // when the last request of that kind was made, answered or not
	nudge  chan struct{}
}

// asking is how the asking for one document stands.
type asking struct {
	tag     string            // of the document that was accepted last; "": none, or one was refused since
	sum     [sha256.Size]byte // of its bytes; zero like tag
	refused int               // answers, since one was accepted
	since   time.Time         // when the first of them came
}

// lack is a later document that the service says is there, and that has not come.
type lack struct {
	since  time.Time // when the service said so first
	newest int64     // the revision that it named then
}

// FollowOptions says how to follow. The zero value of a field means its default.
type FollowOptions struct {
	Days       int           // ahead of today; 7
	Sweep      time.Duration // between sweeps; a minute
	Wait       time.Duration // that the service may hold a long poll; 55 s
	TrustFirst bool          // pin the first key that the service shows, when none is pinned
}

// NewFollower follows what the service has for the station name into documents.
func NewFollower(api *client.Client, name string, documents *DocumentStore, problems *Problems, keeper *Timekeeper,
	opt FollowOptions) *Follower {
	if opt.Days == 0 {
		opt.Days = 7
	}
	if opt.Sweep == 0 {
		opt.Sweep = time.Minute
	}
	if opt.Wait == 0 {
		opt.Wait = 55 * time.Second
	}
	return &Follower{name: name, service: api.Station(name), api: api, documents: documents, problems: problems,
		time: keeper, opt: opt,
		asked: map[string]asking{}, lacks: map[string]lack{}, heard: time.Now(), nudge: make(chan struct{}, 1)}
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
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { f.heed(ctx); return nil })
	if !f.pin(ctx) {
		return g.Wait()
	}
	g.Go(func() error { f.sweeps(ctx); return nil })
	g.Go(func() error { f.poll(ctx, f.today); return nil })
	g.Go(func() error {
		f.poll(ctx, func(ctx context.Context, wait time.Duration) (bool, error) { return f.recalls(ctx, wait) })
		return nil
	})
	g.Go(func() error { f.changes(ctx); return nil })
	g.Go(func() error { f.leases(ctx); return nil })
	g.Go(func() error { f.accepted(ctx); return nil })
	return g.Wait()
}

// changes sweeps as soon as the change stream tells of anything that may concern the station, and when it broke off:
// it is not resumed from what it said last, which may have come damaged. A service without the stream is swept now and
// then all the same.
func (f *Follower) changes(ctx context.Context) {
	for failures := 0; ; failures++ {
		begun := time.Now()
		_ = f.api.Changes(ctx, 0, func(c wire.Change) {
			if c.Kind == "recall" || strings.Contains(c.Name, f.name) {
				f.wake()
			}
		})
		lasted := time.Since(begun) > retry.Most
		if lasted {
			failures = 0
		}
		if retry.Pause(ctx, retry.Backoff(failures), f.api.Accepted()) != nil {
			return
		}
		if lasted {
			f.wake()
		}
	}
}

// accepted sweeps as soon as the token is accepted after it was refused.
func (f *Follower) accepted(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.api.Accepted():
			f.wake()
		}
	}
}

// wake makes the next sweep come soon.
func (f *Follower) wake() {
	select {
	case f.nudge <- struct{}{}:
	default:
	}
}

// pin sees to a key to verify with. It reports false when ctx is done.
func (f *Follower) pin(ctx context.Context) bool {
	for failures := 0; !f.documents.Pinned(); failures++ {
		if err := f.trustFirst(ctx); err != nil {
			f.problems.Add("there is no key to verify with: %v", err)
			if retry.Pause(ctx, retry.Backoff(failures)) != nil {
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
			if id := seal.KeyID(key); id != k.ID { // pinned, it would be trusted for ever
				return fault.New(fault.Unavailable, "the key that came is %s and not %s, which the service names: it was changed "+
					"on the way", id, k.ID)
			}
			return f.documents.Pin(key)
		}
	}
	return fault.New(fault.NotFound, "the service shows no ed25519 key")
}

// The least time between two sweeps, however often the link tells of changes: notices are not signed.
const (
	sweepLeast = time.Second
	sweepPaced = 15 * time.Second // where one comes after another
)

// sweeps asks for everything now and then, sooner after a failure, a step of the local time or when nudged.
func (f *Follower) sweeps(ctx context.Context) {
	for failures, least := 0, sweepLeast; ; {
		err := f.sweep(ctx)
		wait := f.opt.Sweep
		if err != nil && ctx.Err() == nil {
			if !errors.As(err, new(refusal)) { // which is told already
				f.problems.Add("the service could not be followed: %v", err)
			}
			wait = min(wait, retry.Backoff(failures))
			failures++
		} else {
			failures = 0
		}
		swept := time.Now()
		if retry.Pause(ctx, min(wait, least)) != nil || retry.Pause(ctx, wait-wait/10+retry.Jitter(wait/5)-least, f.nudge,
			f.time.stepped) != nil {
			return
		}
		if time.Since(swept) < 2*least {
			least = min(2*least, sweepPaced)
		} else {
			least = sweepLeast
		}
	}
}

// sweep asks for everything once. What can be had is taken even when something else cannot; a service out of reach is
// asked for nothing more.
func (f *Follower) sweep(ctx context.Context) error {
	if err := f.roots(ctx); err != nil {
		return err
	}
	first := f.measure(ctx)
	if fault.Is(first, fault.Unavailable) || fault.Is(first, fault.Unauthenticated) {
		return first
	}
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	_, err := f.recalls(ctx, 0)
	note(err)
	if fault.Is(first, fault.Forbidden) { // the token is another station's: the recall list alone is for all
		return first
	}
	note(f.fallback(ctx))
	days := f.days()
	for _, date := range days {
		_, err := f.queue(ctx, date, 0)
		note(err)
	}
	f.documents.Forget(days[0].AddDays(-1))
	return first
}

// The pauses of a long poll that is answered at once, time after time.
const (
	quickMany = 2               // such answers in a row are as they may be: the first has no document to wait from
	quickMost = 5 * time.Second // the longest pause while they bring something new
)

// poll keeps one long poll open. Answers that come at once, without news, come from a service that does not wait, or
// through something that does not let it know what the station has: then the sweeps suffice.
func (f *Follower) poll(ctx context.Context, ask func(context.Context, time.Duration) (bool, error)) {
	for failures, quick := 0, 0; ; {
		begun := time.Now()
		news, err := ask(ctx, f.opt.Wait)
		if quick++; time.Since(begun) > quickMost {
			quick = 0
		}
		wait := time.Duration(0)
		switch {
		case err != nil:
			wait = retry.Backoff(failures) // the sweeps tell of it
			failures++
		case !news && time.Since(begun) < f.opt.Wait/2:
			wait = f.opt.Sweep
		case quick > quickMany:
			wait = min(retry.Backoff(quick-quickMany-1), quickMost)
		}
		if err == nil {
			failures = 0
		}
		if retry.Pause(ctx, wait, f.api.Accepted()) != nil {
			return
		}
	}
}

// today asks for the queue of the day that it is now at the station.
func (f *Follower) today(ctx context.Context, wait time.Duration) (bool, error) {
	return f.queue(ctx, schedules.DateOf(f.time.Now().In(f.documents.Holdings().Zone())), wait)
}

func (f *Follower) queue(ctx context.Context, date schedules.Date, wait time.Duration) (news bool, err error) {
	held := f.documents.Holdings().Queues[date] != nil
	return f.ask(ctx, "queue of "+date.String(), held, wait, func(ctx context.Context, tag string) (client.Document,
		error) {
		return f.service.Queue(ctx, date, tag, wait)
	}, func(b []byte) error { return f.documents.OfferQueue(b, date) })
}

func (f *Follower) fallback(ctx context.Context) error {
	_, err := f.ask(ctx, "fallback", f.documents.Holdings().Fallback != nil, 0, f.service.Fallback,
		f.documents.OfferFallback)
	return err
}

func (f *Follower) recalls(ctx context.Context, wait time.Duration) (news bool, err error) {
	return f.ask(ctx, "recall list", f.documents.Holdings().Recalls != nil, wait, func(ctx context.Context, tag string) (
		client.Document, error) {
		return f.service.Recalls(ctx, tag, wait)
	}, f.documents.OfferRecalls)
}

// refusal is why the document store did not take what the service sent.
type refusal struct{ error }

// ask gets one document and offers it. Only the tag of one that was accepted is kept, and only while it is held: what
// was refused, maybe for a bit that changed on the way, is asked for anew without a tag, at once and then whenever the
// caller asks again. A document that does not exist is no failure.
func (f *Follower) ask(ctx context.Context, name string, held bool, wait time.Duration,
	get func(context.Context, string) (client.Document, error), offer func([]byte) error) (news bool, err error) {
	f.mu.Lock()
	a := f.asked[name]
	f.mu.Unlock()
	if !held {
		a.tag = ""
	}
	for again := false; ; again = true {
		doc, err := f.get(ctx, a.tag, wait, get)
		if fault.Is(err, fault.NotFound) {
			f.settle(name, asking{})
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if doc.Bytes == nil && a.tag != "" {
			return false, nil
		}
		if doc.Bytes == nil {
			err = fmt.Errorf("the %s is refused: it came as unchanged, but was asked for anew", name)
		} else if err = offer(doc.Bytes); err == nil {
			sum := sha256.Sum256(doc.Bytes)
			f.settle(name, asking{tag: doc.ETag, sum: sum})
			return sum != a.sum, nil
		}
		f.problems.Add("%v", err)
		first := a.refused == 0
		a = f.refuse(name, a, err)
		if !first || again {
			return false, refusal{err}
		}
	}
}

func (f *Follower) get(ctx context.Context, tag string, wait time.Duration, get func(context.Context,
	string) (client.Document, error)) (client.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout+wait)
	defer cancel()
	return get(ctx, tag)
}

// settle notes that a document was accepted, or that there is none.
func (f *Follower) settle(name string, a asking) {
	f.mu.Lock()
	f.asked[name] = a
	f.mu.Unlock()
	f.problems.Calm(name)
}

// withheldLong is for how long the service may say that there is a later document than the one that comes, before that
// is an alarm.
const withheldLong = 2 * time.Minute

// Compare looks whether all that the service says is there has come.
func (f *Follower) Compare(said wire.Freshness) {
	h := f.documents.Holdings()
	recalls, fallback := int64(0), int64(0)
	if h.Recalls != nil {
		recalls = h.Recalls.Revision
	}
	if h.Fallback != nil {
		fallback = h.Fallback.Revision
	}
	f.compare("recall list", said.Recalls, recalls)
	f.compare("fallback", said.Fallback, fallback)
	asked := map[string]bool{}
	for _, date := range f.days() {
		name := "queue of " + date.String()
		asked[name] = true
		f.compare(name, said.Queues[date.String()], h.Revision(date))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.lacks {
		if strings.HasPrefix(name, "queue of ") && !asked[name] { // that day is over
			delete(f.lacks, name)
			f.problems.Calm("withheld " + name)
		}
	}
}

// compare looks at one document. A later one is asked for without a tag, since something on the way may answer in the
// service's place that nothing has changed. Where what comes is refused for long, that is an alarm of its own.
func (f *Follower) compare(name string, newest, held int64) {
	alarm := "withheld " + name
	f.mu.Lock()
	a, l := f.asked[name], f.lacks[name]
	if newest <= held {
		delete(f.lacks, name)
		f.mu.Unlock()
		f.problems.Calm(alarm)
		return
	}
	if held >= l.newest { // what was lacking has come, and there is a later one since
		l = lack{time.Now(), newest}
		a.tag = ""
		f.asked[name], f.lacks[name] = a, l
		f.wake()
	}
	f.mu.Unlock()
	refused := a.refused > 0 && time.Since(a.since) >= refusedLong
	if lasts := time.Since(l.since); lasts < withheldLong || refused {
		f.problems.Calm(alarm)
	} else {
		f.problems.Raise(alarm, "the service has said for %v that there is revision %d of the %s, and what comes is still "+
			"%d: something between the station and the "+
			"service holds it back. What was held before airs on", lasts.Round(time.Minute), newest, name, held)
	}
}

// refusedLong is for how long the service's document may be refused before that is an alarm.
const refusedLong = time.Minute

// refuse notes that a document was refused.
func (f *Follower) refuse(name string, a asking, why error) asking {
	if a = (asking{refused: a.refused + 1, since: a.since}); a.refused == 1 {
		a.since = time.Now()
	}
	if lasts := time.Since(a.since); lasts >= refusedLong {
		f.problems.Raise(name, "the service's %s has been refused for %v, and what was held before airs on: %v", name,
			lasts.Round(time.Minute), why)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[name] = a
	return a
}
