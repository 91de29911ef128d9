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

// scrubAge is the age of a verification at which an idle Fetcher verifies the recording again; scrubPause is the pause
// between two verifications.
const (
	scrubAge   = 24 * time.Hour
	scrubPause = time.Second
)

// scrub verifies the first recording in all whose last verification is older than scrubAge. It reports whether there
// was one. It removes a damaged recording, which is then fetched again.
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

// makeRoom frees space for w under the quota by removing recordings that no held document needs. It fails if that is
// not sufficient: the recordings of the coming days stay, the earliest first.
func (c *Cache) makeRoom(quota int64, w want, all []want) error {
	if quota <= 0 {
		return nil
	}
	over := c.used() + w.audio.Bytes - quota
	if over > 0 {
		over -= c.evict(all, over)
	}
	if over > 0 {
		return fmt.Errorf("the cache may hold %d bytes, and the items to air need %d more: raise --cache", quota, over)
	}
	return nil
}

// used returns the total size of the recordings in bytes.
func (c *Cache) used() (n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, size := range c.sizes {
		n += size
	}
	return n
}

// evict removes complete and partial recordings that are not in all, the least recently modified first, until at least
// need bytes are free. It returns the number of bytes freed.
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
			c.changes++
			c.mu.Unlock()
		}
	}
	return freed
}
