package httpapi

import (
	"cmp"
	"sync"

	"lifeline/internal/fault"
)

// holding is a kind of request that stays open without work.
type holding struct {
	name string
	most int // of one token, on one replica
}

// The kinds. A player has one stream and five polls, a console one stream for each page.
var (
	aStream = holding{"streams of changes", 32}
	aPoll   = holding{"requests that wait for a change", 64}
)

// held counts the open requests of each caller.
type held struct {
	mu   sync.Mutex
	open map[string]int // by kind and caller
}

// hold counts a request as open until release is called. It fails with TooMany if the caller has too many.
func hold(c *call, k holding) (release func(), err error) {
	caller := k.name + "\x00" + cmp.Or(c.actor.Token, c.actor.Name) + "\x00" + c.actor.Address
	h := c.held
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open[caller] >= k.most {
		c.w.Header().Set("Retry-After", "60")
		return nil, fault.New(fault.TooMany, "this token has %d open %s, which is the most: close one first", k.most, k.name)
	}
	h.open[caller]++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.open[caller]--; h.open[caller] == 0 {
			delete(h.open, caller)
		}
	}, nil
}
