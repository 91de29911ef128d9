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
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Follower fetches the station's documents from the service and offers them to the document store: urgent ones by long
// polls, all of them after a notice in the change stream, and all in regular sweeps, so that nothing depends on
// notices. The station plays the documents that it holds even if the service never answers.
type Follower struct {
	name      string
	service   *client.Station
	api       *client.Client
	documents *DocumentStore
	problems  *Problems
	time      *Timekeeper
	opt       FollowOptions

	mu     sync.Mutex
	asked  map[string]request         // by document
	lacks  map[string]missingRevision // by document
	offset time.Duration
	heard  time.Time      // when the latest request was made whose answer the service signed
	said   wire.Freshness // that answer
	tried  time.Time      // when the latest request of that kind was made, answered or not
	nudge  chan struct{}
	swept  bool  // a sweep has ended
	failed error // of the last sweep
}

// request is the state of the requests for one document.
type request struct {
	tag     string            // of the document accepted last; "": none, or an answer was refused since
	sum     [sha256.Size]byte // SHA-256 of the document accepted last; zero if tag is ""
	refused int               // refused answers since the last accepted one
	since   time.Time         // when the first of them arrived
}

// missingRevision records that a newer revision of a document, which the service states to have, has not arrived.
type missingRevision struct {
	since  time.Time // when the service first stated it
	newest int64     // the revision that it stated then
}

// FollowOptions configures a Follower. The zero value of a field selects its default.
type FollowOptions struct {
	Days       int           // days ahead of today to fetch; 7
	Sweep      time.Duration // interval between sweeps; a minute
	Wait       time.Duration // how long the service may hold a long poll; 55 s
	TrustFirst bool          // pin the first key that the service serves if none is pinned
}

// NewFollower returns a Follower that fetches the documents of the station name into documents.
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
		asked: map[string]request{}, lacks: map[string]missingRevision{}, nudge: make(chan struct{}, 1)}
}

// Offset returns the machine's clock minus the service's, as last measured.
func (f *Follower) Offset() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.offset
}

// callTimeout bounds every request that is not a long poll.
const callTimeout = 30 * time.Second

// Run fetches documents until ctx is done.
func (f *Follower) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { f.watchAnswers(ctx); return nil })
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

// changes starts a sweep after each notice in the change stream that may concern the station, and after the stream
// broke off. It does not resume the stream from the last notice, which may have been corrupted. If the service has no
// change stream, the regular sweeps suffice.
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

// accepted starts a sweep as soon as the service accepts the token again after it refused it.
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

// wake starts the next sweep soon.
func (f *Follower) wake() {
	select {
	case f.nudge <- struct{}{}:
	default:
	}
}

// pin returns after a key or a root is pinned. It returns false if ctx is done first.
func (f *Follower) pin(ctx context.Context) bool {
	for failures := 0; !f.documents.Pinned(); failures++ {
		if err := f.trustFirst(ctx); err != nil {
			f.problems.Add("there is no key to verify with: %v", err)
			f.ended(err)
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
			key, err := sign.ParsePublic(k.PublicKey)
			if err != nil {
				return err
			}
			if id := sign.KeyID(key); id != k.ID { // a wrong key would stay trusted
				return fault.New(fault.Unavailable, "the key that arrived is %s and the service names %s: it was changed on the "+
					"way", id, k.ID)
			}
			return f.documents.Pin(key)
		}
	}
	return fault.New(fault.NotFound, "the service shows no ed25519 key")
}

// The minimum time between two sweeps, however many notices arrive: notices are not signed.
const (
	sweepLeast = time.Second
	sweepPaced = 15 * time.Second // if sweeps follow each other at the minimum interval
)

// sweeps runs a sweep at regular intervals, and earlier after a failure, after a step of the local time or after wake.
func (f *Follower) sweeps(ctx context.Context) {
	for failures, least := 0, sweepLeast; ; {
		err := f.sweep(ctx)
		f.ended(err)
		wait := f.opt.Sweep
		if err != nil && ctx.Err() == nil {
			if !errors.As(err, new(refusal)) { // reported already
				f.problems.Add("the service's documents could not be fetched: %v", err)
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

// Swept reports whether every document was asked for since the start, and SweepError whether that failed last.
func (f *Follower) Swept() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.swept
}

// ended records that a sweep ended.
func (f *Follower) ended(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.swept, f.failed = true, err
}

// SweepError returns why not every document could be fetched last.
func (f *Follower) SweepError() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// sweep fetches every document once. The failure of one document does not stop the others; if the service is
// unreachable, sweep stops.
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
	if fault.Is(first, fault.Forbidden) { // the token belongs to another station: only the recall list is for all stations
		return first
	}
	note(f.fallback(ctx))
	note(f.mirrors(ctx))
	days := f.days()
	for _, date := range days {
		_, err := f.queue(ctx, date, 0)
		note(err)
	}
	f.documents.Forget(days[0].AddDays(-1))
	return first
}

// The pauses of a long poll that keeps returning at once.
const (
	quickMany = 2               // this many in a row are normal: the first request has no document to wait for a change of
	quickMost = 5 * time.Second // the longest pause while the answers have news
)

// poll keeps one long poll open. If answers without news arrive at once, the service does not wait, or a proxy hides
// the station's tag from it: then poll asks only as often as the sweeps.
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
			wait = retry.Backoff(failures) // the sweeps report it
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

// today fetches the queue of the current day in the station's time zone.
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

// mirrors fetches the list of mirrors. A service of an earlier release has none.
func (f *Follower) mirrors(ctx context.Context) error {
	_, err := f.ask(ctx, "list of mirrors", true, 0, f.service.MirrorList, f.documents.OfferMirrorList)
	return err
}

func (f *Follower) recalls(ctx context.Context, wait time.Duration) (news bool, err error) {
	return f.ask(ctx, "recall list", f.documents.Holdings().Recalls != nil, wait, func(ctx context.Context, tag string) (
		client.Document, error) {
		return f.service.Recalls(ctx, tag, wait)
	}, f.documents.OfferRecalls)
}

// refusal is the reason for which the document store refused an answer of the service.
type refusal struct{ error }

// ask fetches one document and offers it. It keeps the tag only of an accepted document, and only while the document is
// held. After a refusal, for example because of a bit error, it asks again without a tag: once immediately, then at
// each call. A document that does not exist is not an error.
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
			f.finish(name, request{})
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
			f.finish(name, request{tag: doc.ETag, sum: sum})
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

// finish records that a document was accepted, or that it does not exist.
func (f *Follower) finish(name string, a request) {
	f.mu.Lock()
	f.asked[name] = a
	f.mu.Unlock()
	f.problems.Calm(name)
}

// withheldLong is how long the service may state a newer revision than the one that arrives before an alarm is raised.
const withheldLong = 2 * time.Minute

// Compare checks whether every revision that the service states has arrived.
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
		if strings.HasPrefix(name, "queue of ") && !asked[name] { // that day has ended
			delete(f.lacks, name)
			f.problems.Calm("withheld " + name)
		}
	}
}

// compare checks one document. It asks for a newer revision without a tag, because a proxy may answer in place of the
// service that nothing changed. If the answers are refused for long, refuse raises the alarm instead.
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
	if held >= l.newest { // the missing revision has arrived, and a newer one exists
		l = missingRevision{time.Now(), newest}
		a.tag = ""
		f.asked[name], f.lacks[name] = a, l
		f.wake()
	}
	f.mu.Unlock()
	refused := a.refused > 0 && time.Since(a.since) >= refusedLong
	if lasts := time.Since(l.since); lasts < withheldLong || refused {
		f.problems.Calm(alarm)
	} else {
		f.problems.Raise(alarm, "the service has said for %v that there is revision %d of the %s, and what arrives is "+
			"still %d: something between the station and the service holds it back. What the station holds continues to air",
			lasts.Round(time.Minute), newest, name, held)
	}
}

// refusedLong is how long the service's document may be refused before an alarm is raised.
const refusedLong = time.Minute

// refuse records that a document was refused.
func (f *Follower) refuse(name string, a request, why error) request {
	if a = (request{refused: a.refused + 1, since: a.since}); a.refused == 1 {
		a.since = time.Now()
	}
	if lasts := time.Since(a.since); lasts >= refusedLong {
		f.problems.Raise(name, "the service's %s has been refused for %v, and what the station holds continues to air: %v",
			name, lasts.Round(time.Minute), why)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[name] = a
	return a
}
