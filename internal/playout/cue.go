package playout

import (
	"errors"
	"os"
	"sync"
	"time"

	"lifeline/internal/playout/dsp"
	"lifeline/internal/wire"
)

// Recordings is where recordings lie.
type Recordings interface {
	// Has reports whether the recording is there whole.
	Has(audio wire.AudioRef) bool
	// Open opens a recording whose hash is right; the caller closes it.
	Open(audio wire.AudioRef) (*os.File, error)
}

// Cuer makes voices ready off the deck's own time: opening a recording means hashing all of it.
type Cuer struct {
	recordings Recordings
	open       Open
	rate       dsp.Rate
	patience   time.Duration // that the deck waits for an item which is not ready when it should start

	works sync.WaitGroup
	ready map[cueKey]*cued // used by the deck's goroutine only
}

type cueKey struct {
	item   string
	sha    string
	offset int64
}

// cued is a voice in the making. voice and err may be read once done is closed.
type cued struct {
	done  chan struct{}
	voice *voice
	err   error
}

const (
	cueAhead = 10 * time.Second // before its start an item is made ready
	cueWait  = 2 * time.Second  // the patience of a player, which somebody hears
)

// NewCuer makes voices of what the recordings hold, for outputs of rate. The deck waits for one no longer than
// patience.
func NewCuer(recordings Recordings, open Open, rate dsp.Rate, patience time.Duration) *Cuer {
	return &Cuer{recordings: recordings, open: open, rate: rate, patience: patience, ready: map[cueKey]*cued{}}
}

// Prepare starts to make the item ready to sound from offset of its air time on, if nobody has yet.
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
		w.voice, w.err = newVoice(f, f, it.Audio.Bytes, c.open, it, c.rate, offset)
	})
	return w
}

// Take answers the item's voice, which the caller closes. A preparation that failed is tried once more: what was
// missing may have come.
func (c *Cuer) Take(it *wire.QueueItem, offset int64) (*voice, error) {
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

// wait answers the voice once it is made. One that is not made in time is discarded when it is.
func (c *Cuer) wait(w *cued) (*voice, error) {
	t := time.NewTimer(c.patience)
	defer t.Stop()
	select {
	case <-w.done:
		return w.voice, w.err
	case <-t.C:
		c.works.Go(w.discard)
		return nil, errors.New("it was not ready in time: the disk is too slow")
	}
}

func (w *cued) discard() {
	<-w.done
	if w.voice != nil {
		_ = w.voice.Close() // read only: nothing can be lost
	}
}

// Keep discards what was prepared, but for the one item.
func (c *Cuer) Keep(it *wire.QueueItem, offset int64) {
	for key, w := range c.ready {
		if it == nil || key != (cueKey{it.ID, it.Audio.SHA256, offset}) {
			delete(c.ready, key)
			c.works.Go(w.discard)
		}
	}
}

// Close discards everything and waits for what is under way.
func (c *Cuer) Close() {
	c.Keep(nil, 0)
	c.works.Wait()
}
