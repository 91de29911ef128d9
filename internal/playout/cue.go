package playout

import (
	"errors"
	"os"
	"sync"
	"time"

	"lifeline/internal/playout/dsp"
	"lifeline/internal/wire"
)

// Recordings is a source of recordings.
type Recordings interface {
	// Has reports whether the complete recording is available.
	Has(audio wire.AudioRef) bool
	// Open opens a recording after verifying its hash; the caller closes it.
	Open(audio wire.AudioRef) (*os.File, error)
}

// Cuer prepares readers in its own goroutines, because opening a recording hashes all of it.
type Cuer struct {
	recordings Recordings
	open       Open
	rate       dsp.Rate
	patience   time.Duration // how long the deck waits for an item that is not ready at its start

	works sync.WaitGroup
	ready map[cueKey]*cued // used by the deck's goroutine only
}

type cueKey struct {
	item   string
	sha    string
	offset int64
}

// cued is a reader in preparation. reader and err may be read once done is closed.
type cued struct {
	done   chan struct{}
	reader *itemReader
	err    error
}

const (
	cueAhead = 10 * time.Second // how long before its start an item is prepared
	cueWait  = 2 * time.Second  // the patience of a player on the air
)

// NewCuer returns a Cuer that prepares readers from recordings for outputs at rate. The deck waits at most patience for
// a reader.
func NewCuer(recordings Recordings, open Open, rate dsp.Rate, patience time.Duration) *Cuer {
	return &Cuer{recordings: recordings, open: open, rate: rate, patience: patience, ready: map[cueKey]*cued{}}
}

// Prepare starts to prepare the item from offset frames into it on, unless that has begun already.
func (c *Cuer) Prepare(it *wire.QueueItem, offset int64) {
	key := cueKey{it.ID, it.Audio.SHA256, offset}
	if c.ready[key] == nil {
		c.ready[key] = c.start(it, offset)
	}
}

func (c *Cuer) start(it *wire.QueueItem, offset int64) *cued {
	w := &cued{done: make(chan struct{})}
	c.works.Go(func() {
		defer close(w.done)
		f, err := c.recordings.Open(it.Audio)
		if err != nil {
			w.err = err
			return
		}
		w.reader, w.err = newItemReader(f, f, it.Audio.Bytes, c.open, it, c.rate, offset)
	})
	return w
}

// Take returns the item's reader; the caller closes it. If its preparation failed, Take tries once more, because a
// missing recording may have arrived.
func (c *Cuer) Take(it *wire.QueueItem, offset int64) (*itemReader, error) {
	key := cueKey{it.ID, it.Audio.SHA256, offset}
	w := c.ready[key]
	delete(c.ready, key)
	if w != nil {
		if v, err := c.wait(w); err == nil {
			return v, nil
		}
	}
	return c.wait(c.start(it, offset))
}

// wait returns the reader when it is ready. A reader that is late is discarded when it is ready.
func (c *Cuer) wait(w *cued) (*itemReader, error) {
	t := time.NewTimer(c.patience)
	defer t.Stop()
	select {
	case <-w.done:
		return w.reader, w.err
	case <-t.C:
		c.works.Go(w.discard)
		return nil, errors.New("it was not ready in time: the disk is too slow")
	}
}

func (w *cued) discard() {
	<-w.done
	if w.reader != nil {
		_ = w.reader.Close() // opened for reading: no data can be lost
	}
}

// Keep discards all prepared readers except the one for it and offset.
func (c *Cuer) Keep(it *wire.QueueItem, offset int64) {
	for key, w := range c.ready {
		if it == nil || key != (cueKey{it.ID, it.Audio.SHA256, offset}) {
			delete(c.ready, key)
			c.works.Go(w.discard)
		}
	}
}

// Close discards all readers and waits for pending preparations.
func (c *Cuer) Close() {
	c.Keep(nil, 0)
	c.works.Wait()
}
