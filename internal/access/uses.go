package access

import (
	"context"
	"errors"
	"sync"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// uses are the last uses of tokens that this process has seen.
type uses struct {
	mu   sync.Mutex
	last map[string]time.Time // by token
}

func (u *uses) note(token string, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = map[string]time.Time{}
	}
	u.last[token] = now
}

func (u *uses) of(token string) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.last[token]
}

func (u *uses) forget(token string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.last, token)
}

// all returns the tokens that were used.
func (u *uses) all() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := make([]string, 0, len(u.last))
	for token := range u.last {
		out = append(out, token)
	}
	return out
}

// tokenUse is the stored form of the last use of a token.
type tokenUse struct {
	LastUsed schedules.Instant `json:"last_used_at"`
}

// useKept is the least time between two uses of a token that are stored, so that a request makes no write.
const useKept = time.Hour

// lastUse returns when a token was last used, as far as this process knows; the uses by way of other replicas, and from
// before a restart, are known to useKept.
func (a *Access) lastUse(token string) time.Time {
	row, _ := tokenUsesIn(a.replica).Get(token)
	if seen := a.uses.of(token); seen.After(row.Value.LastUsed.Time) {
		return seen
	}
	return row.Value.LastUsed.Time
}

// KeepUses stores the last uses of tokens, each at most once per useKept, and forgets those of revoked tokens.
func (a *Access) KeepUses(ctx context.Context) error {
	const most = 500 // in one commit
	var writes []store.Write
	for _, id := range a.uses.all() {
		if _, ok := tokensIn(a.replica).Get(id); !ok {
			a.uses.forget(id)
			continue
		}
		row, _ := tokenUsesIn(a.replica).Get(id)
		if seen := a.uses.of(id); seen.Sub(row.Value.LastUsed.Time) >= useKept && len(writes) < most {
			body, err := replica.Encode(tokenUse{schedules.At(seen)})
			if err != nil {
				return err
			}
			writes = append(writes, store.Write{Kind: KindUse, ID: id, Expect: row.Revision, Body: body})
		}
	}
	for id, row := range tokenUsesIn(a.replica).After("", "") {
		if _, ok := tokensIn(a.replica).Get(id); !ok && len(writes) < most {
			writes = append(writes, store.Write{Kind: KindUse, ID: id, Expect: row.Revision, Delete: true})
		}
	}
	if len(writes) == 0 {
		return nil
	}
	err := a.replica.Commit(ctx, store.Commit{Writes: writes, Origin: System.Origin(a.now(), "token.use", "")})
	if errors.Is(err, replica.ErrRace) { // another replica stored a use; the next run compares again
		return nil
	}
	return err
}
