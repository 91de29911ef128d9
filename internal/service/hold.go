package service

import (
	"context"
	"errors"
	"fmt"
	"os"

	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/flock"
)

// otherDirectoryCure is the cure if another process holds the data directory of a service that starts.
const otherDirectoryCure = "end that one, name another directory with --data, or let both share a Redis with --store"

// OpenHeld opens the configured store for a command that needs exclusive access. It fails with Conflict and the cure if
// another process holds the data directory of an embedded store.
func OpenHeld(ctx context.Context, c config.Serve, cure string) (HeldStore, error) {
	data, err := Hold(c, cure)
	if err != nil {
		return HeldStore{}, err
	}
	s, err := OpenStore(ctx, c)
	if err != nil {
		return HeldStore{}, errors.Join(err, data.Close())
	}
	return HeldStore{s, data}, nil
}

// HeldStore is an open store whose data directory this process has locked.
type HeldStore struct {
	VersionedStore
	data DataHold
}

// Close closes the store and unlocks the data directory.
func (h HeldStore) Close() error { return errors.Join(h.VersionedStore.Close(), h.data.Close()) }

// Hold creates the data directory and, with the embedded store, locks it until the result is closed: background work
// and the clean-up at the start assume that no other process serves from it. It fails with Conflict and the cure if
// another process holds the lock. Other commands may read and write the store meanwhile. Replicas on a shared store
// lock nothing.
func Hold(c config.Serve, cure string) (DataHold, error) {
	if err := c.MakeData(); err != nil || c.Store != "sqlite" {
		return DataHold{}, err
	}
	f, err := os.OpenFile(c.LockFile(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return DataHold{}, fmt.Errorf("data directory: %w", err)
	}
	ours, err := flock.Take(f)
	if err == nil && !ours {
		err = fault.New(fault.Conflict, "another service runs on it, or a command that needs it alone: %s", cure)
	}
	if err != nil {
		return DataHold{}, errors.Join(fmt.Errorf("data directory %s: %w", c.Data, err), f.Close())
	}
	return DataHold{f}, nil
}

// DataHold is a locked data directory; the zero DataHold is none.
type DataHold struct{ lock *os.File }

// Close unlocks the directory.
func (h DataHold) Close() error {
	if h.lock == nil {
		return nil
	}
	return h.lock.Close()
}
