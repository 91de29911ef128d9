package playout

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// scrubAge is after how long a recording that will air is hashed again while nothing else is to be done, and
// scrubPause what lies between two of them.
const (
	scrubAge   = 24 * time.Hour
	scrubPause = time.Second
)

// scrub hashes the first recording of all, in their order, that was not hashed for long. It reports whether there
// was one. One that is damaged is removed, and so fetched again.
func (c *Cache) scrub(all []want) bool {
	for _, w := range all {
		c.mu.Lock()
		_, here := c.sizes[w.audio.SHA256]
		age := c.now().Sub(c.verified[w.audio.SHA256])
		c.mu.Unlock()
		if !here || age.Abs() < scrubAge {
			continue
		}
		f, err := c.Open(w.audio)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			c.problems.Add("recording %.12s: %v", w.audio.SHA256, err)
		}
		return true
	}
	return false
}

// makeRoom sees to it that w fits under the quota, by removing what nothing that is held will air. It fails when
// that is not enough: what the coming days need stays, the earliest first.
func (c *Cache) makeRoom(quota int64, w want, all []want) error {
	if quota <= 0 {
		return nil
	}
	over := c.used() + w.audio.Bytes - quota
	if over > 0 {
		over -= c.evict(all, over)
	}
	if over > 0 {
		return fmt.Errorf("the cache may hold %d bytes and is %d too small for what is to air", quota, over)
	}
	return nil
}

// used is how many bytes the recordings take up.
func (c *Cache) used() (n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, size := range c.sizes {
		n += size
	}
	return n
}

// evict removes recordings, and parts of some, that none of all names, those unchanged for longest first, until at
// least need bytes are free. It answers how many are.
func (c *Cache) evict(all []want, need int64) (freed int64) {
	wanted := map[string]bool{}
	for _, w := range all {
		wanted[w.audio.SHA256] = true
	}
	entries, err := fs.ReadDir(c.state.Root.FS(), "audio")
	if err != nil {
		c.problems.Add("the cache cannot be listed: %v", err)
		return 0
	}
	var idle []fs.FileInfo
	for _, e := range entries {
		sha, _, _ := strings.Cut(e.Name(), ".")
		if info, err := e.Info(); err == nil && !wanted[sha] {
			idle = append(idle, info)
		}
	}
	slices.SortFunc(idle, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, info := range idle {
		if freed >= need {
			break
		}
		if err := c.state.Root.Remove("audio/" + info.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.problems.Add("the cache could not be emptied: %v", err)
			continue
		}
		freed += info.Size()
		if sha, ok := strings.CutSuffix(info.Name(), ".mp3"); ok {
			c.mu.Lock()
			delete(c.sizes, sha)
			delete(c.verified, sha)
			c.mu.Unlock()
		}
	}
	return freed
}
