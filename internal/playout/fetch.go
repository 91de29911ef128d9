package playout

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/playout/retry"
	"lifeline/internal/wire"
)

// Fetcher fetches the recordings that the holdings name into the cache: one at a time, in the order in which they air.
// It resumes an interrupted transfer where it stopped, also after a restart.
type Fetcher struct {
	cache     *Cache
	documents *DocumentStore
	service   *client.Station
	mirrors   *Mirrors // asked for what the service does not send; nil: none
	now       Now
	limit     *rate.Limiter // bytes per second; nil: unlimited
	quota     int64         // maximum size of the cache in bytes; 0: bounded by the disk
	tries     map[string]retryState
	idle      atomic.Int64 // generation of the holdings of which nothing is left to be fetched now
}

// Idle reports whether nothing is left to be fetched now of the holdings of that generation: every recording is here,
// or its last attempt failed.
func (f *Fetcher) Idle(generation int64) bool { return f.idle.Load() == generation }

// retryState is the state of a recording whose fetch failed: the number of failures and when to retryState again.
type retryState struct {
	failures int
	next     time.Time
}

// NewFetcher returns a Fetcher that fetches at most bytesPerSecond; 0: unlimited. quota is the maximum size of the
// cache in bytes; 0: bounded by the disk.
func NewFetcher(cache *Cache, documents *DocumentStore, service *client.Station, mirrors *Mirrors, bytesPerSecond int,
	quota int64, now Now) *Fetcher {
	f := &Fetcher{cache: cache, documents: documents, service: service, mirrors: mirrors, quota: quota, now: now,
		tries: map[string]retryState{}}
	if bytesPerSecond > 0 {
		f.limit = rate.NewLimiter(rate.Limit(bytesPerSecond), max(bytesPerSecond, 64<<10))
	}
	return f
}

// want is a required recording, and when it first airs.
type want struct {
	audio wire.AudioRef
	due   time.Time
}

// soon is how far ahead planned recordings precede those of the fallback, which have no time of their own.
const soon = time.Hour

// wants returns the recordings that the cache should hold, in the order in which they first air. Those of the fallback
// follow those of the next hour.
func wants(h *Holdings, now time.Time) []want {
	due := map[string]want{}
	add := func(it *wire.QueueItem, at time.Time) {
		if h.Recalled(it) {
			return
		}
		if w, ok := due[it.Audio.SHA256]; !ok || at.Before(w.due) {
			due[it.Audio.SHA256] = want{it.Audio, at}
		}
	}
	for date := range h.Queues {
		q := h.ValidQueue(date, now)
		if q == nil {
			continue
		}
		for i := range q.Items {
			if it := &q.Items[i]; it.StartAt.Add(it.Duration.Duration).After(now) {
				add(it, it.StartAt.Time)
			}
		}
	}
	fallback := h.ValidFallback(now)
	for i := range fallback {
		add(&fallback[i], now.Add(soon))
	}
	out := make([]want, 0, len(due))
	for _, w := range due {
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b want) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.audio.SHA256, b.audio.SHA256))
	})
	return out
}

// Run fetches recordings until ctx is done. When there is nothing to fetch, it verifies the cached ones.
func (f *Fetcher) Run(ctx context.Context) error {
	for {
		changed := f.documents.Changed()
		held := f.documents.Holdings()
		all := wants(held, f.now())
		next, wait := f.next(all)
		if next == nil {
			f.idle.Store(held.Generation)
		}
		switch {
		case next != nil:
			f.fetchOnce(ctx, *next, all)
			wait = 0
		case f.cache.scrub(all):
			wait = scrubPause
		}
		if err := retry.Pause(ctx, wait, changed, f.cache.lost); err != nil {
			return nil
		}
	}
}

// next returns the first missing recording that may be tried now, or nil and how long to wait.
func (f *Fetcher) next(all []want) (next *want, wait time.Duration) {
	now := f.now()
	wait = time.Minute
	for i := range all {
		w := &all[i]
		if f.cache.Has(w.audio) {
			continue
		}
		at := f.tries[w.audio.SHA256].next
		if !at.After(now) || at.Sub(now) > retry.Most { // longer than any wait: the clock was set back
			return w, 0
		}
		wait = min(wait, at.Sub(now))
	}
	return nil, wait
}

// fetchOnce fetches a recording. A failure after progress resets the backoff.
func (f *Fetcher) fetchOnce(ctx context.Context, w want, all []want) {
	sha := w.audio.SHA256
	err := f.cache.makeRoom(f.quota, w, all)
	came := false
	if err == nil {
		came, err = f.fetch(ctx, w.audio)
	}
	if err != nil && ctx.Err() == nil && !fault.NoRoom(err) && f.mirrors != nil &&
		f.mirrors.Names(w.audio.SHA256) {
		if other := f.mirrors.Recording(ctx, w.audio, f.limit); other != nil {
			err = fmt.Errorf("%w; mirrors: %w", err, other)
		} else {
			err = f.cache.dropPart(w.audio.SHA256)
		}
	}
	if fault.NoRoom(err) {
		f.cache.evict(all, w.audio.Bytes)
	}
	if err == nil {
		delete(f.tries, sha)
		return
	}
	if ctx.Err() != nil {
		return
	}
	t := f.tries[sha]
	if came {
		t.failures = 0
	}
	f.tries[sha] = retryState{t.failures + 1, f.now().Add(retry.Backoff(t.failures))}
	f.cache.problems.Add("recording %.12s could not be fetched: %v", sha, err)
}

// stall is how long a transfer may make no progress.
const stall = 30 * time.Second

// fetch fetches one recording into the cache. It reports whether any data came.
func (f *Fetcher) fetch(ctx context.Context, audio wire.AudioRef) (came bool, err error) {
	root := f.cache.state.Root
	part, err := root.OpenFile(partName(audio.SHA256), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, err
	}
	before, err := part.Seek(0, io.SeekEnd)
	if err == nil {
		err = f.complete(ctx, part, audio)
	}
	if err == nil {
		err = part.Sync()
	}
	if info, err := part.Stat(); err == nil {
		came = info.Size() > before
	}
	if err = errors.Join(err, part.Close()); err != nil {
		return came, err
	}
	if err := root.Rename(partName(audio.SHA256), recordingName(audio.SHA256)); err != nil {
		return came, err
	}
	if err := f.cache.state.SyncDir("audio"); err != nil {
		return came, err
	}
	f.cache.note(audio)
	return came, nil
}

// complete appends the missing bytes to part and verifies the whole recording. It truncates a wrong one, so that the
// next attempt starts from the beginning.
func (f *Fetcher) complete(ctx context.Context, part *os.File, audio wire.AudioRef) error {
	have, err := part.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if have > audio.Bytes {
		have = 0
	}
	if have < audio.Bytes {
		if err := f.transfer(ctx, part, audio, have); err != nil {
			if fault.Is(err, fault.OutOfRange) {
				err = errors.Join(err, part.Truncate(0))
			}
			return err
		}
	}
	if _, err := part.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(h, part)
	if err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); n != audio.Bytes || sum != audio.SHA256 {
		return errors.Join(errors.New("what came is not that recording: it was changed on the way, or where it lies"),
			part.Truncate(0))
	}
	return nil
}

func (f *Fetcher) transfer(ctx context.Context, part *os.File, audio wire.AudioRef, have int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	least, until := int64(1), time.Now().Add(stall) // bytes that must come, and until when
	if f.mirrors != nil && f.mirrors.Names(audio.SHA256) {
		least = max(least, paceOf(f.limit))
	}
	idle := time.AfterFunc(stall, func() { cancel(fmt.Errorf("less than %d bytes came in %v", least, stall)) })
	defer idle.Stop()
	body, err := f.service.Audio(ctx, audio.SHA256, have)
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	defer body.Close()
	if err := part.Truncate(body.From); err != nil {
		return err
	}
	if _, err := part.Seek(body.From, io.SeekStart); err != nil {
		return err
	}
	left, came := audio.Bytes-body.From, int64(0)
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		if came += int64(n); came >= least {
			came, until = 0, time.Now().Add(stall)
			idle.Reset(stall)
		}
		if left -= int64(n); left < 0 {
			return errors.Join(fmt.Errorf("over the %d bytes that it should have", audio.Bytes), part.Truncate(0))
		}
		if _, err := part.Write(buf[:n]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			if left > 0 {
				return fmt.Errorf("it broke off %d bytes before its end", left)
			}
			return nil
		}
		if err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		if f.limit != nil {
			began := time.Now()
			idle.Stop()
			if err := f.limit.WaitN(ctx, n); err != nil {
				return err
			}
			until = until.Add(time.Since(began))
			idle.Reset(time.Until(until))
		}
	}
}
