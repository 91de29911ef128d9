package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"lifeline/internal/fault"
	"lifeline/internal/flock"
	"lifeline/internal/wire"
)

// Tree is the tree of a service's mirrors in a directory of the service. Pushes copy it. It keeps encrypted files as
// long as their content and their recipients stay the same, so that a push sends only what changed.
type Tree struct {
	root *os.Root
	lock *os.File
	index
	used  map[string]bool   // keys of the files that the coming pointers name
	heads map[string][]byte // pointers by name
}

// index is the content of index.json.
type index struct {
	Number  int64                      `json:"number"`  // of the latest pointers
	Files   map[string]wire.MirrorFile `json:"files"`   // by content and recipients
	Retired map[string]time.Time       `json:"retired"` // files by hash that no pointer names, since when
	Erased  []string                   `json:"erased,omitempty"`
}

const (
	indexName = "index.json"
	blobsDir  = "files"
	tempName  = "incoming"
)

// OpenTree opens the tree in a directory, which it makes if it is missing. It fails with Conflict while another process
// has it open.
func OpenTree(dir string) (*Tree, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	t := &Tree{root: root, used: map[string]bool{}, heads: map[string][]byte{}}
	if err := t.load(dir); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Tree) load(dir string) (err error) {
	if t.lock, err = t.root.OpenFile("lock", os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	ours, err := flock.Take(t.lock)
	if err == nil && !ours {
		err = fault.New(fault.Conflict, "another push runs on %s: end that one, or wait for it", dir)
	}
	if err != nil {
		return err
	}
	b, err := t.root.ReadFile(indexName)
	if err == nil {
		err = json.Unmarshal(b, &t.index)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil { // everything is encrypted anew
		t.index = index{}
	}
	if t.Files == nil {
		t.Files = map[string]wire.MirrorFile{}
	}
	if t.Retired == nil {
		t.Retired = map[string]time.Time{}
	}
	return t.root.MkdirAll(blobsDir, 0o700)
}

// Close releases the directory.
func (t *Tree) Close() error {
	var err error
	if t.lock != nil {
		err = t.lock.Close()
	}
	return errors.Join(err, t.root.Close())
}

// put adds a file with content of a hash and a length, encrypted to the recipients, unless the tree has it already.
func (t *Tree) put(ctx context.Context, contentHash string, n int64, to []string,
	content func(context.Context) (io.ReadCloser, error)) (wire.MirrorFile, error) {
	to = slices.Compact(slices.Sorted(slices.Values(to)))
	key := hash([]byte(contentHash + "\n" + strings.Join(to, "\n")))
	if held, ok := t.Files[key]; ok {
		if info, err := t.root.Stat(place(held.SHA256)); err == nil && info.Size() == held.Bytes {
			t.used[key] = true
			delete(t.Retired, held.SHA256)
			return held, nil
		}
	}
	recipients, err := Recipients(to...)
	if err != nil {
		return wire.MirrorFile{}, err
	}
	in, err := content(ctx)
	if err != nil {
		return wire.MirrorFile{}, err
	}
	defer in.Close()
	encrypted, err := t.add(in, contentHash, n, recipients)
	if err != nil {
		return wire.MirrorFile{}, err
	}
	t.Files[key], t.used[key] = encrypted, true
	return encrypted, nil
}

// Recipients parses age recipients.
func Recipients(texts ...string) (out []age.Recipient, err error) {
	for _, text := range texts {
		r, err := age.ParseX25519Recipient(text)
		if err != nil {
			return nil, fault.New(fault.Invalid, "%.80q is no age recipient (age1…): %v", text, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// add encrypts content into a file, whole or not at all.
func (t *Tree) add(content io.Reader, contentHash string, n int64, to []age.Recipient) (encrypted wire.MirrorFile,
	err error) {
	f, err := t.root.OpenFile(tempName, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return encrypted, err
	}
	plain, outer := sha256.New(), sha256.New()
	err = Encrypt(io.MultiWriter(f, outer), io.TeeReader(content, plain), n, to...)
	if sum := hex.EncodeToString(plain.Sum(nil)); err == nil && sum != contentHash {
		err = fault.New(fault.Unavailable, "what came has the hash %.12s, not %.12s: try again", sum, contentHash)
	}
	if err == nil {
		err = f.Sync()
	}
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil {
		return encrypted, errors.Join(err, t.root.Remove(tempName))
	}
	encrypted = wire.MirrorFile{SHA256: hex.EncodeToString(outer.Sum(nil)), Bytes: info.Size()}
	return encrypted, t.root.Rename(tempName, place(encrypted.SHA256))
}

func place(sha256 string) string { return blobsDir + "/" + sha256 }

// next returns the number of the next pointers. It exceeds all earlier ones also after a loss of the directory.
func (t *Tree) next(now time.Time) int64 { return max(t.Number+1, now.Unix()) }

// head sets the pointer of the station with a recipient: the content is encrypted to the recipient.
func (t *Tree) head(recipient string, content []byte) error {
	to, err := Recipients(recipient)
	if err != nil {
		return err
	}
	encrypted, err := EncryptBytes(content, to...)
	t.heads[PointerName(recipient)] = encrypted
	return err
}

// commit makes the files and pointers set since the last commit the content of the tree. Files that no pointer names
// any more stay for keep; none does once another recording is erased, which one of them may hold.
func (t *Tree) commit(number int64, now time.Time, keep time.Duration, erased []string) error {
	t.Number = number
	for key, f := range t.Files {
		if !t.used[key] {
			delete(t.Files, key)
			if _, known := t.Retired[f.SHA256]; !known {
				t.Retired[f.SHA256] = now
			}
		}
	}
	live := map[string]bool{}
	for _, f := range t.Files {
		live[f.SHA256] = true
		delete(t.Retired, f.SHA256)
	}
	if slices.ContainsFunc(erased, func(sha string) bool { return !slices.Contains(t.Erased, sha) }) {
		t.Erased = slices.Clone(erased)
		clear(t.Retired)
	}
	for sha, since := range t.Retired {
		if age := now.Sub(since); age >= keep || age < -keep { // the clock was set back: nobody knows since when
			delete(t.Retired, sha)
		}
	}
	entries, err := fs.ReadDir(t.root.FS(), blobsDir)
	if err != nil {
		return err
	}
	b, err := json.Marshal(t.index)
	if err == nil {
		err = t.replace(indexName, b)
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, retired := t.Retired[e.Name()]; !retired && !live[e.Name()] {
			if err := t.root.Remove(place(e.Name())); err != nil {
				return err
			}
		}
	}
	t.used = map[string]bool{}
	return nil
}

func (t *Tree) replace(name string, b []byte) error {
	f, err := t.root.OpenFile(tempName, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return t.root.Rename(tempName, name)
}

// Target is a place that mirrors serve. Names are those of the tree, with slashes.
type Target interface {
	// List returns the sizes of the files by name. An empty or missing place has none.
	List(ctx context.Context) (map[string]int64, error)
	// Put stores a file under a name, whole or not at all, in place of an earlier one.
	Put(ctx context.Context, name string, n int64, content io.ReadSeeker) error
	// Remove removes a file if it is there.
	Remove(ctx context.Context, name string) error
}

// nameForm is the form of the names in a tree. A push leaves other files alone.
var nameForm = regexp.MustCompile(`^(?:[0-9a-f]{2}/)?[0-9a-f]{64}$`)

// Pushed counts what a push did.
type Pushed struct {
	Files   int   // sent
	Bytes   int64 // of these
	Held    int   // that were there already
	Removed int
}

// Push copies the tree to a target: files first, then the pointers, and then it removes what the tree no longer holds.
// A push that fails leaves the pointers that were there, and the files that they name.
func (t *Tree) Push(ctx context.Context, to Target) (done Pushed, err error) {
	there, err := to.List(ctx)
	if err != nil {
		return done, err
	}
	want := map[string]wire.MirrorFile{}
	for _, f := range t.Files {
		want[FileName(f.SHA256)] = f
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		f := want[name]
		if size, held := there[name]; held && size == f.Bytes {
			done.Held++
			continue
		}
		if err := t.send(ctx, to, name, f); err != nil {
			return done, err
		}
		done.Files++
		done.Bytes += f.Bytes
	}
	for _, name := range slices.Sorted(maps.Keys(t.heads)) {
		if err := to.Put(ctx, name, int64(len(t.heads[name])), strings.NewReader(string(t.heads[name]))); err != nil {
			return done, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		_, wanted := want[name]
		_, retired := t.Retired[name[strings.LastIndex(name, "/")+1:]]
		if wanted || retired || t.heads[name] != nil || !nameForm.MatchString(name) {
			continue
		}
		if err := to.Remove(ctx, name); err != nil {
			return done, err
		}
		done.Removed++
	}
	return done, nil
}

func (t *Tree) send(ctx context.Context, to Target, name string, f wire.MirrorFile) error {
	in, err := t.root.Open(place(f.SHA256))
	if err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	return errors.Join(to.Put(ctx, name, f.Bytes, in), in.Close())
}
