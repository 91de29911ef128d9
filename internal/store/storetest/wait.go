package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lifeline/internal/store"
)

var waitRules = []rule{
	{"WaitReturnsAtOnceWhenThereIsMore", func(b *bench) {
		b.commit(put("k", "i", 0, ""))
		b.commit(put("k", "i", 1, ""))
		for since := range int64(2) {
			if err := b.Wait(b.Context(), since); err != nil {
				b.Fatalf("wait since %d: %v", since, err)
			}
		}
	}},
	{"WaitEndsWithItsContext", func(b *bench) {
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error)
		go func() { ended <- b.Wait(ctx, 0) }()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			b.Fatalf("wait: %v", err)
		}
		ctx, cancel = context.WithTimeout(b.Context(), 20*time.Millisecond)
		defer cancel()
		if err := b.Wait(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			b.Fatalf("wait: %v", err)
		}
	}},
	{"WaitersWakeForEachChange", func(b *bench) {
		b.wake(b.Store)
	}},
	{"WaitersWakeForAChangeMadeElsewhere", func(b *bench) {
		b.wake(b.open())
	}},
	{"WaitersWakeForACommitWithoutWrites", func(b *bench) {
		ended := make(chan error)
		go func() { ended <- b.Wait(b.Context(), 0) }()
		b.commit()
		if err := <-ended; err != nil {
			b.Fatalf("wait: %v", err)
		}
	}},
}

// wake lets a hundred waiters follow b's feed while through makes ten changes, each after all waiters have seen the one
// before.
func (b *bench) wake(through Store) {
	const followers, rounds = 100, 10
	var all sync.WaitGroup
	seen := make(chan struct{})
	for range followers {
		all.Go(func() {
			for since := range int64(rounds) {
				if err := b.Wait(b.Context(), since); err != nil {
					b.Errorf("wait since %d: %v", since, err)
				}
				seen <- struct{}{}
			}
		})
	}
	for round := range rounds {
		c := store.Commit{Writes: []store.Write{put("k", fmt.Sprint(round), 0, "")}, Origin: origin()}
		if _, err := through.Commit(b.Context(), c); err != nil {
			b.Errorf("commit: %v", err)
		}
		for range followers {
			<-seen
		}
	}
	all.Wait()
}
