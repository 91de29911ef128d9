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
	"time"

	"golang.org/x/time/rate"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// Fetcher brings the recordings that the holdings name into the cache: one after the other, what is due first first.
// A transfer that breaks off goes on where it stopped, after a restart too.
type Fetcher struct {
	cache   *Cache
	vault   *Vault
	service *client.Station
	now     Now
	limit   *rate.Limiter // bytes per second; nil: none
	tries   map[string]try
}

// try is when a recording that failed is due again.
type try struct {
	failures int
	next     time.Time
}

// NewFetcher fetches at most bytesPerSecond, or as fast as it can for 0.
func NewFetcher(cache *Cache, vault *Vault, service *client.Station, bytesPerSecond int, now Now) *Fetcher {
	f := &Fetcher{cache: cache, vault: vault, service: service, now: now, tries: map[string]try{}}
	if bytesPerSecond > 0 {
		f.limit = rate.NewLimiter(rate.Limit(bytesPerSecond), max(bytesPerSecond, 64<<10))
	}
	return f
}

// want is a recording to have, and when it airs first.
type want struct {
	audio wire.AudioRef
	due   time.Time
}

// soon is what takes precedence over the fallback, which has no time of its own.
const soon = time.Hour

// wants lists what is to be in the cache: by the time of its first airing, the fallback after the next hour's.
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

// Run fetches until ctx is done.
func (f *Fetcher) Run(ctx context.Context) error {
	for {
		changed := f.vault.Changed()
		now := f.now()
		wait := time.Minute
		var next *want
		for _, w := range wants(f.vault.Holdings(), now) {
			if f.cache.Has(w.audio) {
				continue
			}
			if at := f.tries[w.audio.SHA256].next; at.After(now) {
				wait = min(wait, at.Sub(now))
				continue
			}
			next = &w
			break
		}
		if next == nil {
			if err := pause(ctx, wait, changed, f.cache.lost); err != nil {
				return nil
			}
			continue
		}
		sha := next.audio.SHA256
		if err := f.fetch(ctx, next.audio); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			t := f.tries[sha]
			f.tries[sha] = try{t.failures + 1, now.Add(backoff(t.failures))}
			f.cache.problems.Add("recording %.12s could not be fetched: %v", sha, err)
			continue
		}
		delete(f.tries, sha)
	}
}

// stall is how long a transfer may bring nothing.
const stall = 30 * time.Second

// fetch brings one recording into the cache.
func (f *Fetcher) fetch(ctx context.Context, audio wire.AudioRef) error {
	root := f.cache.state.root
	part, err := root.OpenFile(partName(audio.SHA256), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = f.complete(ctx, part, audio)
	if err == nil {
		err = part.Sync()
	}
	if err = errors.Join(err, part.Close()); err != nil {
		return err
	}
	if err := root.Rename(partName(audio.SHA256), recordingName(audio.SHA256)); err != nil {
		return err
	}
	if err := f.cache.state.SyncDir("audio"); err != nil {
		return err
	}
	f.cache.mu.Lock()
	defer f.cache.mu.Unlock()
	f.cache.sizes[audio.SHA256], f.cache.verified[audio.SHA256] = audio.Bytes, true
	return nil
}

// complete appends what is missing to part and checks the whole. What turns out wrong is cut away, so that the next
// try starts afresh.
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
			if fault.Is(err, fault.Conflict) {
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
		return errors.Join(fmt.Errorf("%d bytes came, with hash %.12s", n, sum), part.Truncate(0))
	}
	return nil
}

func (f *Fetcher) transfer(ctx context.Context, part *os.File, audio wire.AudioRef, have int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(stall, func() { cancel(fmt.Errorf("nothing came for %v", stall)) })
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
	left := audio.Bytes - body.From
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		idle.Reset(stall)
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
			idle.Stop()
			if err := f.limit.WaitN(ctx, n); err != nil {
				return err
			}
			idle.Reset(stall)
		}
	}
}
