package commands

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"lifeline/internal/access"
	"lifeline/internal/archive"
	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/hashchain"
	"lifeline/internal/kinds"
	"lifeline/internal/mirror"
	"lifeline/internal/replica"
	"lifeline/internal/service"
	"lifeline/internal/store"
	"lifeline/internal/trust"
)

// restoreCmd takes the flags by which serve finds the store.
type restoreCmd struct {
	config.Serve `embed:""`
	unlocking    `embed:""`
	File         string `arg:"" help:"The backup's file, or - for standard input."`
}

func (c *restoreCmd) Run(ctx context.Context, stdout io.Writer) error {
	// read the file before creating the directory: it may not be an archive
	return c.readArchive(c.File, func(a *archive.Reader) error { return c.restore(ctx, a, stdout) })
}

func (c *restoreCmd) restore(ctx context.Context, a *archive.Reader, stdout io.Writer) (err error) {
	if err := c.sameKeys(a); err != nil {
		return err
	}
	s, err := service.OpenHeld(ctx, c.Serve, restoreAside)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	audio, err := service.OpenAudio(ctx, c.Serve)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, audio.Close()) }()
	look := replica.NewInspector(kinds.All, func(string) {}) // only for the list of blobs
	documents := func(yield func(store.Document, error) bool) {
		for d, err := range a.Documents() {
			if err == nil {
				err = look.Document(d)
			}
			if !yield(d, err) {
				return
			}
		}
	}
	var m archive.Manifest
	rest := func() (err error) {
		if m, err = putBlobs(ctx, a, audio); err != nil {
			return err
		}
		return c.keepKeys(a)
	}
	// The store commits all or nothing, and only after the rest of the archive was read to its end.
	up := &raisedFloor{now: time.Now()}
	if err := s.Import(ctx, a.Trimmed(), up.documents(documents), up.changes(a.Changes()), followed(a.Entries(),
		rest)); err != nil {
		return c.unrestored(err)
	}
	printManifest(stdout, m)
	fmt.Fprintf(stdout, "The backup is of %s UTC. What came later is not in it: %s\n",
		a.MadeAt().UTC().Format("2006-01-02 15:04:05"), setBackCure)
	known, _, err := access.ReadSigningKeys(ctx, s, "")
	if err != nil {
		return err
	}
	return c.advise(ctx, stdout, audio, look.Blobs(), known.Root)
}

// unrestored adds the cure to a failure. The store is unchanged.
func (c *restoreCmd) unrestored(err error) error {
	newer := (*replica.NewerVersion)(nil)
	said := (*fault.Error)(nil)
	switch {
	case errors.As(err, &newer):
		return fault.New(fault.Conflict, "%s: nothing was restored: %v", c.File, err)
	case errors.As(err, &said) && said.Kind == fault.Conflict:
		return fault.New(fault.Conflict, "the store is not empty, and nothing was restored: a backup fills an empty one. "+
			"Name another directory with --data, or move the files of this one away, to where nothing writes to them")
	case said != nil && (said.Kind == fault.Invalid || said.Kind == fault.Damaged):
		return fault.New(said.Kind, "%s: %s. Nothing was restored: take another copy of this backup, or an earlier one",
			c.File, said.Public)
	}
	return fmt.Errorf("nothing was restored: %w", err)
}

// raisedFloor makes a restored store number its signed documents above all that stations may have seen, whichever
// service opens it first: the floor is part of the restored documents. Published days keep their numbers, since the
// backup may be as new as the stations; if a station has seen more, the service raises the floor again.
type raisedFloor struct {
	now      time.Time
	revision int64  // of the floor
	fields   string // of its change
}

// documents yields seq with the floor raised, or with a new floor if seq has none.
func (r *raisedFloor) documents(seq iter.Seq2[store.Document, error]) iter.Seq2[store.Document, error] {
	return func(yield func(store.Document, error) bool) {
		for d, err := range seq {
			if err == nil && d.Kind == replica.KindFloor {
				d, err = r.above(d)
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
		if r.revision == 0 {
			yield(r.above(store.Document{Kind: replica.KindFloor, ID: replica.FloorID}))
		}
	}
}

// above returns the floor that follows d.
func (r *raisedFloor) above(d store.Document) (store.Document, error) {
	var floor replica.Floor
	if d.Revision > 0 {
		latest, err := kinds.All.Latest(d)
		if err != nil {
			return d, err
		}
		if floor, err = replica.Decode[replica.Floor](latest); err != nil {
			return d, err
		}
	}
	write, err := replica.FloorWrite(floor.Raised(r.now, 0), d.Revision)
	r.revision, r.fields = d.Revision+1, replica.Digested("", write.Body)
	return store.Document{Kind: d.Kind, ID: d.ID, Revision: r.revision, Body: write.Body}, err
}

// changes yields seq and then the change of the floor.
func (r *raisedFloor) changes(seq iter.Seq2[store.Change, error]) iter.Seq2[store.Change, error] {
	return func(yield func(store.Change, error) bool) {
		latest := int64(0)
		for c, err := range seq {
			if !yield(c, err) || err != nil {
				return
			}
			latest = c.Sequence
		}
		yield(store.Change{Sequence: latest + 1, Kind: replica.KindFloor, ID: replica.FloorID, Revision: r.revision,
			Fields: r.fields, Origin: access.System.Origin(r.now, hashchain.ActionSetBack, "restored")}, nil)
	}
}

// followed yields seq and then, if rest fails, its error.
func followed[T any](seq iter.Seq2[T, error], rest func() error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range seq {
			if !yield(v, err) || err != nil {
				return
			}
		}
		if err := rest(); err != nil {
			yield(*new(T), err)
		}
	}
}

// putBlobs stores the archive's blobs and reads the archive to its end.
func putBlobs(ctx context.Context, a *archive.Reader, to service.Audio) (archive.Manifest, error) {
	for b, err := range a.Blobs() {
		if err == nil {
			_, err = to.Put(ctx, b, b.Bytes)
		}
		if err != nil {
			return archive.Manifest{}, err
		}
	}
	return a.Finish()
}

// advise prints the steps that are left, and fails if recordings are missing. root is the version of the root that
// delegates to the keys; 0: there is no root.
func (c *restoreCmd) advise(ctx context.Context, stdout io.Writer, audio service.Audio, named map[string]replica.Held,
	root int64) error {
	missing := 0
	for sha := range named {
		switch _, err := audio.Stat(ctx, sha); {
		case fault.Is(err, fault.NotFound):
			missing++
		case err != nil:
			return err
		}
	}
	if _, err := os.Stat(c.Key); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(stdout, "The signing key was not in the backup. Put the old one at %s before the service starts; it "+
			"refuses to start "+
			"without it. Or, if it is lost, sign with a new one: lifeline rekey, which says what to do at the stations that "+
			"pin the old one.\n", c.Key)
	}
	if _, err := os.Stat(filepath.Join(c.Keys, trust.RootName(root))); root > 0 && errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(stdout, "The documents are signed under root %d, and the roots and the keys of the roles were not in the "+
			"backup. Put them into %s, from where you keep them, before the service starts; it refuses to start without "+
			"them.\n", root, c.Keys)
	}
	if missing > 0 {
		return cmdline.Refuse(cmdline.Partly, "%s not here yet: copy them, or repair from where they are with lifeline "+
			"fsck --repair-from",
			count(missing, "recording"))
	}
	return nil
}

// eachKey calls do for each key and root file in the archive, with its path on this machine.
func (c *restoreCmd) eachKey(a *archive.Reader, do func(path string, content []byte) error) error {
	if a.Key() != nil {
		if err := do(c.Key, a.Key()); err != nil {
			return err
		}
	}
	for _, f := range a.Folder() {
		path, err := service.KeyFile(c.Keys, f.Name)
		if err == nil {
			err = do(path, f.Content)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sameKeys fails with Conflict if a different key or root file exists at a path of one in the archive.
func (c *restoreCmd) sameKeys(a *archive.Reader) error {
	return c.eachKey(a, func(path string, content []byte) error {
		if path == c.Key {
			return sameFile(path, content, "signing key", "another file with --key")
		}
		return sameFile(path, content, filepath.Base(path), "another folder with --keys")
	})
}

// keepKeys writes the archive's key and root files to their paths.
func (c *restoreCmd) keepKeys(a *archive.Reader) error {
	if len(a.Folder()) > 0 {
		if err := os.MkdirAll(c.Keys, 0o700); err != nil {
			return err
		}
	}
	return c.eachKey(a, service.KeepSigningKey)
}

// sameFile fails with Conflict if a file exists at path with another content than key.
func sameFile(path string, key []byte, what, elsewhere string) error {
	held, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return service.NoName(path)
	case err != nil:
		return fmt.Errorf("signing key: %w", err)
	case !bytes.Equal(bytes.TrimSpace(held), bytes.TrimSpace(key)):
		return fault.New(fault.Conflict, "%s is another %s than the one in the backup: move it away, or name %s", path, what,
			elsewhere)
	}
	return nil
}

// unlocking names the keys that open an encrypted backup.
type unlocking struct {
	Identity       []string `type:"existingfile" env:"LIFELINE_BACKUP_IDENTITY" placeholder:"FILE" help:"File of a key that opens the backup, as lifeline key backup makes one; may be repeated."`
	PassphraseFile []string `type:"existingfile" placeholder:"FILE" help:"File of the passphrase of that key; repeated, one for each. Default: it is asked for."`
	ownKeys        `embed:""`
}

// open returns the archive in a file, which may be encrypted.
func (u *unlocking) open(in *bufio.Reader) (io.Reader, error) {
	if !mirror.Encrypted(in) {
		return in, nil
	}
	if len(u.Identity) == 0 {
		return nil, fault.New(fault.Forbidden, "this backup is encrypted: name the file of its key with --identity")
	}
	keys, err := identities(u.Identity, u.PassphraseFile)
	if err != nil {
		return nil, err
	}
	content, err := mirror.Decrypt(in, keys...)
	if err != nil {
		return nil, err
	}
	return u.unseal(bufio.NewReaderSize(content, 1<<20))
}

// identities reads age keys from files, which may have passphrases.
func identities(files, passphraseFiles []string) (keys []age.Identity, err error) {
	words := secrets{PassphraseFile: passphraseFiles}
	for i, name := range files {
		text, err := words.unlock(name, i, len(files))
		if err != nil {
			return nil, err
		}
		found, err := age.ParseIdentities(bytes.NewReader(text))
		if err != nil {
			return nil, fault.New(fault.Invalid, "--identity: %s holds no age key: %v", name, err)
		}
		keys = append(keys, found...)
	}
	return keys, nil
}

// readArchive opens the archive at path ("-": standard input) and shows the progress of reading.
func (u *unlocking) readArchive(path string, read func(a *archive.Reader) error) error {
	in, size := os.Stdin, int64(-1)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
		in = f
	}
	bar := passingBar("reading", size)
	defer bar.Finish()
	if info, err := in.Stat(); err == nil && info.IsDir() {
		return fault.New(fault.Invalid, "%s: this is a folder: name a file that lifeline backup wrote", path)
	}
	content, err := u.open(bufio.NewReaderSize(io.TeeReader(in, bar), 1<<20))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	a, err := archive.NewReader(content)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return read(a)
}

type checkBackupCmd struct {
	unlocking `embed:""`
	File      string `arg:"" help:"The backup's file, or - for standard input."`
}

func (c *checkBackupCmd) Run(stdout io.Writer) error {
	return c.readArchive(c.File, func(a *archive.Reader) error {
		m, err := a.Skim()
		if err != nil {
			return fmt.Errorf("%s: %w. Take another copy of it, or make a new one with lifeline backup", c.File, err)
		}
		printManifest(stdout, m)
		fmt.Fprintf(stdout, "whole and as it was written, %s UTC\n", a.MadeAt().Format("2006-01-02 15:04:05"))
		if len(m.Missing) > 0 {
			return fmt.Errorf("%d files were missing or damaged where the backup was made", len(m.Missing))
		}
		return nil
	})
}
