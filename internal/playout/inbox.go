package playout

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
)

// Inbox imports bundles from the state directory (inbox/*.tar) while the player runs. It writes the result of each into
// a file beside it, named *.tar.json.
type Inbox struct {
	state     *statedir.Dir
	station   string
	documents *DocumentStore
	cache     *Cache
	problems  *Problems
}

// Imported is the result of the import of a bundle.
type Imported struct {
	Documents  int      `json:"documents"`  // accepted, or held already
	Recordings int      `json:"recordings"` // stored
	Here       int      `json:"here"`       // recordings that were cached already
	Refused    []string `json:"refused,omitempty"`
	Whole      bool     `json:"whole"`             // it was read to its end
	Foreign    string   `json:"foreign,omitempty"` // why the bundle was rejected as a whole
}

const (
	inboxEvery   = 5 * time.Second
	inboxForgets = time.Hour // age at which results that nobody fetched are removed
)

// LayIn puts a bundle into the inbox, also while a player runs, and returns its name there. It fails if the file is not
// a bundle, or is for another station than the one that owns the directory.
func LayIn(state *statedir.Dir, bundle io.ReadSeeker, now time.Time) (name string, err error) {
	content, err := openBundle(bundle, state)
	if err != nil {
		return "", err
	}
	in := tar.NewReader(content)
	h, err := in.Next()
	if err != nil && content.encrypted {
		return "", fault.New(fault.Damaged, "the bundle is damaged or incomplete: bring a complete copy")
	}
	if err != nil || h.Name != bundleHead {
		return "", errors.New("this is not a bundle, as lifeline bundle and playout bundle write them")
	}
	head, err := readHead(h, in)
	if err != nil {
		return "", err
	}
	owner, err := state.Foreign(head.Station)
	if err != nil {
		return "", err
	}
	if owner != "" {
		return "", foreignBundle(head.Station, owner)
	}
	if _, err := bundle.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	name = fmt.Sprintf("inbox/%d.tar", now.UnixNano())
	temp := name + ".tmp"
	f, err := state.Root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("playout: inbox: %w", err)
	}
	_, err = io.Copy(f, bundle)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		if err = state.Root.Rename(temp, name); err == nil {
			return name, state.SyncDir("inbox")
		}
	}
	return "", fmt.Errorf("playout: inbox: %w", errors.Join(err, state.Root.Remove(temp)))
}

// Result returns the result of a bundle put into the inbox. It fails with fs.ErrNotExist until a player has imported
// it.
func Result(state *statedir.Dir, name string) (result Imported, err error) {
	b, err := state.Read(name+".json", 1<<20)
	if err == nil {
		err = json.Unmarshal(b, &result)
	}
	return result, err
}

// Run imports bundles until ctx is done.
func (b *Inbox) Run(ctx context.Context) error {
	var seen time.Time
	for {
		// An unchanged directory has no new bundles.
		info, err := b.state.Root.Stat("inbox")
		if err != nil || !info.ModTime().Equal(seen) {
			if err == nil {
				seen = info.ModTime()
			}
			b.look(ctx)
		}
		if retry.Pause(ctx, inboxEvery) != nil {
			return nil
		}
	}
}

// look imports the bundles in the inbox.
func (b *Inbox) look(ctx context.Context) {
	names, err := fs.Glob(b.state.Root.FS(), "inbox/*.tar")
	if err != nil {
		b.problems.Add("the inbox cannot be read: %v", err)
	}
	for _, name := range names {
		b.take(ctx, name)
	}
	b.forget()
}

// take imports a bundle, writes the result, and removes the bundle.
func (b *Inbox) take(ctx context.Context, name string) {
	f, err := b.state.Root.Open(name)
	if err != nil {
		b.problems.Add("bundle %s: %v", name, err)
		return
	}
	var result Imported
	if content, err := openBundle(f, b.state); err != nil {
		result.Foreign = err.Error()
	} else {
		result = b.Import(ctx, content)
	}
	if err := f.Close(); err != nil {
		b.problems.Add("bundle %s: %v", name, err)
	}
	if ctx.Err() != nil {
		return // the next start imports it again
	}
	for _, why := range result.Refused {
		b.problems.Add("bundle %s: %s", path.Base(name), why)
	}
	text, err := json.Marshal(result)
	if err == nil {
		err = b.state.Replace(name+".json", text)
	}
	if err = errors.Join(err, b.state.Root.Remove(name)); err != nil {
		b.problems.Add("bundle %s: %v", name, err)
	}
}

func (b *Inbox) forget() {
	results, err := fs.Glob(b.state.Root.FS(), "inbox/*.tar.json")
	if err != nil {
		return
	}
	for _, name := range results {
		if info, err := b.state.Root.Stat(name); err == nil && time.Since(info.ModTime()) > inboxForgets {
			_ = b.state.Root.Remove(name) // on failure, the next look tries again
		}
	}
}

// Import imports a bundle: each document as if the service had sent it, and each recording that a held document names,
// if its hash is correct.
func (b *Inbox) Import(ctx context.Context, r io.Reader) (result Imported) {
	refuse := func(format string, args ...any) {
		if len(result.Refused) < maxProblems {
			result.Refused = append(result.Refused, fmt.Sprintf(format, args...))
		}
	}
	in := tar.NewReader(r)
	for first := true; ctx.Err() == nil; first = false {
		h, err := in.Next()
		if first {
			if err != nil {
				err = errNoBundle
			} else {
				err = b.checkHead(h, in)
			}
			if err != nil {
				refuse("%v", err)
				result.Foreign = err.Error()
				return result
			}
			continue
		}
		if err != nil {
			refuse("it breaks off: %v", err)
			return result
		}
		if h.Name == bundleEnd {
			result.Whole = true
			return result
		}
		if h.Typeflag != tar.TypeReg {
			refuse("%q is no file", h.Name)
			continue
		}
		sha, isAudio := strings.CutPrefix(strings.TrimSuffix(h.Name, ".mp3"), "audio/")
		if !isAudio {
			if err := b.document(h, in); err != nil {
				refuse("%v", err)
			} else {
				result.Documents++
			}
			continue
		}
		taken, err := b.recording(sha, in)
		switch {
		case err != nil:
			refuse("recording %.12s: %v", sha, err)
		case taken:
			result.Recordings++
		default:
			result.Here++
		}
	}
	return result
}

var errNoBundle = errors.New("this is not a bundle that this player knows: playout bundle writes one")

// readHead reads the head of a bundle.
func readHead(h *tar.Header, in io.Reader) (head BundleHead, err error) {
	if h.Name != bundleHead || json.NewDecoder(io.LimitReader(in, 1<<16)).Decode(&head) != nil ||
		head.Schema != BundleSchema {
		return head, errNoBundle
	}
	return head, nil
}

// foreignBundle returns the error for a bundle of another station than the player's.
func foreignBundle(station, own string) error {
	return fmt.Errorf("this bundle is for station %q, and this player is of station %q", station, own)
}

func (b *Inbox) checkHead(h *tar.Header, in io.Reader) error {
	head, err := readHead(h, in)
	if err == nil && head.Station != b.station {
		err = foreignBundle(head.Station, b.station)
	}
	return err
}

func (b *Inbox) document(h *tar.Header, in io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(in, maxDocument+1))
	if err != nil {
		return fmt.Errorf("%q breaks off: %w", h.Name, err)
	}
	if len(text) > maxDocument {
		return fmt.Errorf("%q is too large", h.Name)
	}
	return b.documents.offer(h.Name, text)
}

// recording stores a recording that is required and not cached yet. It reports whether it did.
func (b *Inbox) recording(sha string, in io.Reader) (bool, error) {
	var audio wire.AudioRef
	for _, w := range wants(b.documents.Holdings(), b.documents.now()) {
		if w.audio.SHA256 == sha {
			audio = w.audio
		}
	}
	if audio.SHA256 == "" || b.cache.Has(audio) {
		return false, nil
	}
	return true, b.cache.take(audio, in)
}
