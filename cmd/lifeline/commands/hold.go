package commands

import (
	"errors"
	"fmt"
	"os"

	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/flock"
)

// holdData makes the data directory and, with the embedded store, takes it until the answer is closed: background work
// and what a start clears away suppose that nobody else serves from it. It fails with Conflict when another does. Other
// commands may read and write the store beside the one that holds it. Replicas on a shared store hold nothing.
func holdData(c config.Serve) (held, error) {
	if err := c.MakeData(); err != nil || c.Store != "sqlite" {
		return held{}, err
	}
	f, err := os.OpenFile(c.LockFile(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return held{}, fmt.Errorf("data directory: %w", err)
	}
	ours, err := flock.Take(f)
	if err == nil && !ours {
		err = fault.New(fault.Conflict, "another service runs on it: end that one, name another directory with --data, or "+
			"let both share a Redis with --store")
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
