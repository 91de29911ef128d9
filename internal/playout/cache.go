package playout

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
)

// Cache stores recordings by their hash. A file has its final name only after all of it was hashed and made durable,
// and its hash is checked again at each opening.
type Cache struct {
	state    *statedir.Dir
	problems *Problems
	now      Now

	mu       sync.Mutex
	sizes    map[string]int64     // file sizes by hash
	verified map[string]time.Time // time of the last verification since the start, by hash
	changes  int64                // how often sizes changed
	losses   map[string]int64     // how often a recording was lost, by hash

	lost chan struct{} // holds a token after a recording was lost
}

// OpenCache returns a Cache with the recordings in the state directory.
func OpenCache(state *statedir.Dir, problems *Problems, now Now) (*Cache, error) {
	c := &Cache{state: state, problems: problems, now: now, sizes: map[string]int64{}, verified: map[string]time.Time{},
		losses: map[string]int64{}, lost: make(chan struct{}, 1)}
	entries, err := fs.ReadDir(state.Root.FS(), "audio")
	if err != nil {
		return nil, fmt.Errorf("playout: cache: %w", err)
	}
	for _, e := range entries {
		sha, ok := strings.CutSuffix(e.Name(), ".mp3")
		if info, err := e.Info(); ok && err == nil && hashForm.MatchString(sha) && info.Mode().IsRegular() {
			c.sizes[sha] = info.Size()
		}
	}
	return c, nil
}

// Inventory returns the hashes of the recordings in a state directory, sorted.
func Inventory(state *statedir.Dir) ([]string, error) {
	c, err := OpenCache(state, nil, time.Now)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(c.sizes)), nil
}

func recordingName(sha string) string { return "audio/" + sha + ".mp3" }
func partName(sha string) string      { return "audio/" + sha + ".part" }

// Has reports whether the cache holds the complete recording.
func (c *Cache) Has(audio wire.AudioRef) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	size, ok := c.sizes[audio.SHA256]
	return ok && size == audio.Bytes
}

// Verified returns the number of recordings verified since the start.
func (c *Cache) Verified() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.verified)
}

// Open verifies the hash of a recording and opens it; the caller closes it. If the hash is wrong, Open removes the
// recording, so that it is fetched again, and fails.
func (c *Cache) Open(audio wire.AudioRef) (*os.File, error) {
	if !hashForm.MatchString(audio.SHA256) {
		return nil, errors.New("its audio has no hash")
	}
	f, err := c.state.Root.Open(recordingName(audio.SHA256))
	if errors.Is(err, fs.ErrNotExist) {
		c.forget(audio.SHA256)
		return nil, errors.New("its audio is not here yet")
	}
	if err != nil {
		return nil, fmt.Errorf("its audio cannot be opened: %w", err)
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	switch sum := hex.EncodeToString(h.Sum(nil)); {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("its audio cannot be read: %w", err), f.Close())
	case sum != audio.SHA256 || n != audio.Bytes:
		c.drop(audio.SHA256)
		return nil, errors.Join(fmt.Errorf("its audio is damaged: %d bytes with hash %.12s", n, sum), f.Close())
	}
	c.note(audio)
	return f, nil
}

// take stores a recording under its hash, if that is what comes.
func (c *Cache) take(audio wire.AudioRef, in io.Reader) error {
	root, temp := c.state.Root, "audio/"+audio.SHA256+".import"
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(in, audio.Bytes+1))
	if err == nil && (n != audio.Bytes || hex.EncodeToString(sum.Sum(nil)) != audio.SHA256) {
		err = errors.New("its bytes do not have the hash that is its name")
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(temp, recordingName(audio.SHA256))
	}
	if err != nil {
		return errors.Join(err, root.Remove(temp))
	}
	if err := c.state.SyncDir("audio"); err != nil {
		return err
	}
	c.note(audio)
	return nil
}

// note records that the cache holds the recording and that its hash was just verified.
func (c *Cache) note(audio wire.AudioRef) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sizes[audio.SHA256] != audio.Bytes {
		c.changes++
	}
	c.sizes[audio.SHA256], c.verified[audio.SHA256] = audio.Bytes, c.now()
}

func (c *Cache) forget(sha string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sizes, sha)
	delete(c.verified, sha)
	c.changes++
	c.losses[sha]++
	select {
	case c.lost <- struct{}{}:
	default:
	}
}

// dropPart removes what came of a recording before it was complete.
func (c *Cache) dropPart(sha string) error {
	if err := c.state.Root.Remove(partName(sha)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (c *Cache) drop(sha string) {
	c.forget(sha)
	if err := c.state.Root.Remove(recordingName(sha)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.problems.Add("recording %.12s could not be removed: %v", sha, err)
	}
}

// discard removes a recording that may not air any more, and what was fetched of it.
func (c *Cache) discard(sha string) {
	if !c.hasHash(sha) {
		if _, err := c.state.Root.Stat(partName(sha)); err != nil {
			return
		}
	}
	c.drop(sha)
	if err := c.state.Root.Remove(partName(sha)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.problems.Add("recording %.12s could not be removed: %v", sha, err)
	}
}

// hasHash reports whether the cache holds a recording with that hash.
func (c *Cache) hasHash(sha string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.sizes[sha]
	return ok
}

// Losses returns how often a recording was lost, for example because it was damaged.
func (c *Cache) Losses(sha string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.losses[sha]
}

// Changes returns a number that differs after recordings came or went.
func (c *Cache) Changes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes
}
