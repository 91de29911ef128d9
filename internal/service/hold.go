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

// serveElsewhere is what to do where another process holds the data directory of a service that is to start.
const serveElsewhere = "end that one, name another directory with --data, or let both share a Redis with --store"

// OpenHeld opens the store that the configuration names for a command that must have it alone. It fails with Conflict
// and the cure where another process holds the data directory of an embedded one.
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

// HeldStore is an open store whose data directory is this process's alone.
type HeldStore struct {
	VersionedStore
	data DataHold
}

// Close closes the store and lets others have it.
func (h HeldStore) Close() error { return errors.Join(h.VersionedStore.Close(), h.data.Close()) }

// Hold makes the data directory and, with the embedded store, takes it until the answer is closed: background work
// and what a start clears away suppose that nobody else serves from it. It fails with Conflict and the cure when
// another does. Other commands may read and write the store beside the one that holds it. Replicas on a shared store
// hold nothing.
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

// DataHold is a data directory that is this process's alone; the zero DataHold is none.
type DataHold struct{ lock *os.File }

// Close lets others have it.
func (h DataHold) Close() error {
	if h.lock == nil {
		return nil
	}
	return h.lock.Close()
}
