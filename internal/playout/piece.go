package playout

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"time"

	"lifeline/internal/fallback"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/statedir"
)

// pieces makes the files of entries: each item as the player would air it, from cue to cue, with gain and fade, as WAV.
// It works in its own goroutine, one file at a time, in the order in which they air.
type pieces struct {
	dir      *statedir.Dir
	cache    *Cache
	open     Open
	rate     dsp.Rate
	now      Now
	problems *Problems

	mu    sync.Mutex
	wants []ListEntry                  // in order
	sums  map[string][sha256.Size]byte // of the finished files, by name
	sure  map[string]bool              // files that were compared with their sums shortly before their start
	bad   map[string]bool              // hashes of recordings that are intact and cannot be decoded
	fails map[string]failedPiece       // files that the disk did not take, by name
	idle  bool                         // nothing is to be made
	wake  chan struct{}                // holds a token when wants changed
	made  chan struct{}                // holds a token when a file was finished or lost
}

// failedPiece says why a file could not be written, and when it is tried again; zero: now.
type failedPiece struct {
	err   error
	again time.Time
}

// failPause is the time between two attempts to write a file that the disk did not take: each may write all that is
// free.
const failPause = 5 * time.Second

func newPieces(dir *statedir.Dir, cache *Cache, open Open, rate dsp.Rate, now Now, problems *Problems) *pieces {
	return &pieces{dir: dir, cache: cache, open: open, rate: rate, now: now, problems: problems,
		sums: map[string][sha256.Size]byte{}, sure: map[string]bool{}, bad: map[string]bool{},
		fails: map[string]failedPiece{},
		wake:  make(chan struct{}, 1), made: make(chan struct{}, 1)}
}

// pieceName returns the path of an entry's file.
func pieceName(name string) string { return "air/" + name + ".wav" }

// Ready reports whether the file of a name is finished.
func (p *pieces) Ready(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.sums[name]
	return ok
}

// Sum returns the SHA-256 of a finished file; "" as long as it is not finished.
func (p *pieces) Sum(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sum, ok := p.sums[name]; ok {
		return hex.EncodeToString(sum[:])
	}
	return ""
}

// adopt takes over a file of an earlier run if it is as it was written, and reports whether it did.
func (p *pieces) adopt(file string, written map[string]listed) bool {
	name := strings.TrimSuffix(strings.TrimPrefix(file, "air/"), ".wav")
	if file != pieceName(name) || written[name].Sum == "" {
		return false
	}
	sum, err := p.sum(name)
	if err != nil || hex.EncodeToString(sum[:]) != written[name].Sum {
		return false
	}
	p.sums[name] = sum
	return true
}

// sum reads a file and returns its SHA-256.
func (p *pieces) sum(name string) (sum [sha256.Size]byte, err error) {
	f, err := p.dir.Root.Open(pieceName(name))
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return [sha256.Size]byte(h.Sum(nil)), errors.Join(err, f.Close())
}

// Unfit reports whether a recording cannot be decoded.
func (p *pieces) Unfit(sha string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bad[sha]
}

// Idle reports whether every file that is wanted and can be made is finished.
func (p *pieces) Idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.idle
}

// Want sets the entries whose files are to be there, and removes all other files.
func (p *pieces) Want(all []ListEntry) {
	p.mu.Lock()
	p.wants, p.idle = all, false
	keep := map[string]bool{}
	for _, t := range all {
		keep[t.Name] = true
	}
	var drop []string
	for name := range p.sums {
		if !keep[name] {
			drop = append(drop, name)
		}
	}
	maps.DeleteFunc(p.fails, func(name string, _ failedPiece) bool { return !keep[name] })
	p.mu.Unlock()
	for _, name := range drop {
		p.remove(name)
	}
	signal(p.wake)
}

// remove removes a file.
func (p *pieces) remove(name string) {
	if err := p.dir.Root.Remove(pieceName(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.problems.Add("%s could not be removed: %v", pieceName(name), err)
	}
	p.mu.Lock()
	delete(p.sums, name)
	delete(p.sure, name)
	p.mu.Unlock()
}

// signal puts a token into a channel that holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run makes files until ctx is done.
func (p *pieces) Run(ctx context.Context) error {
	for {
		wait := time.Second
		if t := p.unsure(); t != nil {
			if err := p.check(*t); err != nil {
				p.problems.Add("%s: %v: it is made again", pieceName(t.Name), err)
				p.remove(t.Name)
				signal(p.made)
			}
			wait = 0
		} else if t := p.due(); t != nil {
			if err := p.make(ctx, *t); err == nil {
				signal(p.made)
			} else if ctx.Err() == nil {
				p.fail(t.Name, failedPiece{err, time.Now().Add(failPause)})
			}
			wait = 0
		}
		p.tell()
		if retry.Pause(ctx, wait, p.wake) != nil {
			return nil
		}
	}
}

// fail notes that the disk did not take a file.
func (p *pieces) fail(name string, why failedPiece) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fails[name] = why
}

// Failure returns why the first file that the disk does not take could not be written, and when it is due; nil: there
// is none.
func (p *pieces) Failure() (due time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.wants {
		if why := p.fails[t.Name]; why.err != nil {
			return p.rate.Time(t.Start), why.err
		}
	}
	return due, nil
}

// tell raises an alarm as long as the disk does not take a file.
func (p *pieces) tell() {
	const alarm = "files"
	if due, err := p.Failure(); err != nil {
		p.problems.Raise(alarm, "the file of the item that is due at %s cannot be written: %s. Nothing airs in its place until "+
			"it can be: free space on the disk", due.UTC().Format(time.TimeOnly), diskWords(err))
	} else {
		p.problems.Calm(alarm)
	}
}

// due returns the entry whose file is made now; nil: there is none. A file that the disk did not take keeps others,
// which may be smaller, waiting only at its next attempt.
func (p *pieces) due() *ListEntry {
	p.mu.Lock()
	for name, why := range p.fails {
		if !why.again.After(time.Now()) {
			p.fails[name] = failedPiece{why.err, time.Time{}}
		}
	}
	p.mu.Unlock()
	return p.next()
}

// next returns the first entry without a file that is not to wait; nil: there is none.
func (p *pieces) next() *ListEntry {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.rate.Frame(p.now())
	for i := range p.wants {
		t := &p.wants[i]
		if _, there := p.sums[t.Name]; !there && t.End > now && !p.bad[t.Item.Audio.SHA256] && p.cache.Has(t.Item.Audio) &&
			p.fails[t.Name].again.IsZero() {
			return t
		}
	}
	p.idle = true
	return nil
}

// sureAhead is how long before its start a finished file is read again, so that what the disk changed meanwhile does
// not air.
const sureAhead = 30 * time.Second

// unsure returns an entry that is about to start and whose file was not read again yet; nil: there is none.
func (p *pieces) unsure() *ListEntry {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.rate.Frame(p.now())
	for i := range p.wants {
		t := &p.wants[i]
		if _, there := p.sums[t.Name]; there && !p.sure[t.Name] && t.Start > now &&
			t.Start < now+p.rate.Frames(sureAhead) {
			return t
		}
	}
	return nil
}

// check compares an entry's file with the hash of what was written. It also verifies the recording in the cache, which
// other programs may play by the lists of the day.
func (p *pieces) check(t ListEntry) error {
	p.mu.Lock()
	want := p.sums[t.Name]
	p.sure[t.Name] = true
	p.mu.Unlock()
	if f, err := p.cache.Open(t.Item.Audio); err != nil {
		p.problems.Add("recording %.12s: %v", t.Item.Audio.SHA256, err)
	} else if err := f.Close(); err != nil {
		return err
	}
	if sum, err := p.sum(t.Name); err != nil {
		return err
	} else if sum != want {
		return errors.New("it was changed after it was written")
	}
	return nil
}

// make makes an entry's file. It gives the file its name only after all of it was written.
func (p *pieces) make(ctx context.Context, t ListEntry) error {
	f, err := p.cache.Open(t.Item.Audio)
	if err != nil {
		p.problems.Add("item %s (%s): %v", t.Item.ID, t.Item.SegmentID, err)
		return nil // it is fetched again
	}
	v, err := newItemReader(f, f, t.Item.Audio.Bytes, p.open, t.Item, p.rate, t.Offset)
	if err != nil {
		p.spoil(t, err)
		return nil
	}
	defer v.Close() // opened for reading: no data can be lost
	frames := min(t.End-t.Start, v.left())
	if last := t.Offset + frames; last < min(v.length, p.rate.Frames(t.Item.Duration.Duration)) {
		fade := cutFade
		if t.Fills != "" {
			fade = fallback.Fade
		}
		v.endBy(last, p.rate.Frames(fade))
	}
	temp := "air/" + t.Name + ".tmp"
	sum, err := p.write(ctx, temp, t.Name, v, frames)
	if err == nil {
		err = p.dir.Root.Rename(temp, pieceName(t.Name))
	}
	if err != nil {
		if wrong := p.dir.Root.Remove(temp); !errors.Is(wrong, fs.ErrNotExist) {
			err = errors.Join(err, wrong)
		}
		switch {
		case errors.Is(err, errSuperseded):
			return nil
		case errors.As(err, new(undecodable)):
			p.spoil(t, err)
			return nil
		}
		return err
	}
	p.mu.Lock()
	p.sums[t.Name] = sum
	delete(p.fails, t.Name)
	p.mu.Unlock()
	return nil
}

// undecodable is the error of a recording that cannot be decoded to its end.
type undecodable struct{ error }

// spoil records that a recording cannot be decoded.
func (p *pieces) spoil(t ListEntry, why error) {
	p.problems.Add("item %s (%s) cannot air: %v", t.Item.ID, t.Item.SegmentID, why)
	p.mu.Lock()
	p.bad[t.Item.Audio.SHA256] = true
	delete(p.fails, t.Name)
	p.mu.Unlock()
	signal(p.made)
}

// write writes the frames of a reader as a WAV file, and returns the hash of the file.
func (p *pieces) write(ctx context.Context, temp, name string, v *itemReader, frames int64) (sum [sha256.Size]byte,
	err error) {
	f, err := p.dir.Create(temp)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	w := bufio.NewWriter(io.MultiWriter(f, h))
	if _, err = w.Write(output.WAVHeader(p.rate, frames)); err == nil {
		err = p.copy(ctx, name, w, v, frames)
	}
	if err == nil {
		err = w.Flush()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return sum, fmt.Errorf("%s: %w", temp, err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// errSuperseded is the error of a file that is not wanted any more, or not first.
var errSuperseded = errors.New("another file is wanted first")

func (p *pieces) copy(ctx context.Context, name string, w io.Writer, v *itemReader, frames int64) error {
	pcm := make([]float32, int64(p.rate)*dsp.Channels)
	var bytes []byte
	for done := int64(0); done < frames; {
		if first := p.next(); ctx.Err() != nil || first == nil || first.Name != name {
			return errSuperseded
		}
		n := min(int64(p.rate), frames-done)
		if err := v.Read(pcm[:n*dsp.Channels]); err != nil {
			return undecodable{err}
		}
		bytes = output.AppendPCM16(bytes[:0], pcm[:n*dsp.Channels])
		if _, err := w.Write(bytes); err != nil {
			return err
		}
		done += n
	}
	return nil
}
