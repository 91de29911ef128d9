package commands

import (
	"context"
	"errors"
	"fmt"
	"os"

	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/flock"
)

// What to do where another process holds the data directory.
const (
	serveElsewhere = "end that one, name another directory with --data, or let both share a Redis with --store"
	restoreAside   = "nothing was restored: a backup fills an empty store. Name another directory with --data"
)

// endFirst is what to do where a command needs the store of a service that runs.
func endFirst(command string) string {
	return "nothing was changed. End it, run lifeline " + command + " again, and then start the service"
}

// openHeld opens the store that the configuration names for a command that must have it alone. It fails with Conflict
// and the cure where another process holds the data directory of an embedded one.
func openHeld(ctx context.Context, c config.Serve, cure string) (heldStore, error) {
	data, err := holdData(c, cure)
	if err != nil {
		return heldStore{}, err
	}
	s, err := openStore(ctx, c)
	if err != nil {
		return heldStore{}, errors.Join(err, data.Close())
	}
	return heldStore{s, data}, nil
}

// heldStore is an open store whose data directory is this process's alone.
type heldStore struct {
	versioned
	data held
}

// Close closes the store and lets others have it.
func (h heldStore) Close() error { return errors.Join(h.versioned.Close(), h.data.Close()) }

// holdData makes the data directory and, with the embedded store, takes it until the answer is closed: background work
// and what a start clears away suppose that nobody else serves from it. It fails with Conflict and the cure when
// another does. Other commands may read and write the store beside the one that holds it. Replicas on a shared store
// hold nothing.
func holdData(c config.Serve, cure string) (held, error) {
	if err := c.MakeData(); err != nil || c.Store != "sqlite" {
		return held{}, err
	}
	f, err := os.OpenFile(c.LockFile(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return held{}, fmt.Errorf("data directory: %w", err)
	}
	ours, err := flock.Take(f)
	if err == nil && !ours {
		err = fault.New(fault.Conflict, "another service runs on it, or a command that needs it alone: %s", cure)
	}
	if err != nil {
		return held{}, errors.Join(fmt.Errorf("data directory %s: %w", c.Data, err), f.Close())
	}
	return held{f}, nil
}

// held is a data directory that is this process's alone; the zero held is none.
type held struct{ lock *os.File }

// Close lets others have it.
func (h held) Close() error {
	if h.lock == nil {
		return nil
	}
	return h.lock.Close()
}
