package commands

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
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"lifeline/internal/access"
	"lifeline/internal/archive"
	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/kinds"
	"lifeline/internal/mirror"
	"lifeline/internal/replica"
	"lifeline/internal/service"
	"lifeline/internal/store"
	"lifeline/internal/trust"
)

// backupCmd reads the store itself as of one instant, with or without a running service. It takes the flags by which
// serve finds the store.
type backupCmd struct {
	config.Serve `embed:""`
	WithAudio    bool     `help:"Include the recordings. Older as-run and audit records that have moved to files are always included."`
	WithKeys     bool     `help:"Include the signing key, or the roots and the keys of their roles. Without it, a restored service needs the key from another copy, or a new key that every station must be given. With it, anyone who reads the backup can sign queues."`
	Recipient    []string `form:"recipient" env:"LIFELINE_BACKUP_RECIPIENTS" placeholder:"AGE" help:"Encrypt the backup to this age recipient, as lifeline key backup makes one; may be repeated: any of their keys opens it."`
	Plain        bool     `help:"Do not encrypt the backup: whoever finds it can read all of it."`
	ownKeys      `embed:""`
	File         string `arg:"" help:"File to write, which must not exist yet, or - for standard output."`
}

func (c *backupCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	if len(c.Recipient) == 0 && !c.Plain {
		return cmdline.Refuse(cmdline.Misunderstood, "to whom is the backup encrypted? Name the recipient with --recipient "+
			"or LIFELINE_BACKUP_RECIPIENTS; lifeline key backup FILE makes a key for it, and names its recipient. Or write a "+
			"backup that whoever finds it can read, by --plain")
	}
	if c.Plain && c.OwnKeys != "" {
		return cmdline.Refuse(cmdline.Misunderstood, "--plain and --own-keys exclude each other")
	}
	s, audio, err := service.OpenThere(ctx, c.Serve)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, audio.Close(), s.Close()) }()
	known, _, err := access.ReadSigningKeys(ctx, s, "")
	if err != nil {
		return err
	}
	var keys keyFiles
	if c.WithKeys {
		if keys, err = c.keys(known.Root); err != nil {
			return err
		}
	}
	var m archive.Manifest
	if c.File == "-" {
		m, err = c.encrypted(ctx, s, audio, keys, cmdline.Data(stdout))
		stdout = cmdline.Printable(os.Stderr)
	} else {
		err = newFile(c.File, func(w io.Writer) error {
			m, err = c.encrypted(ctx, s, audio, keys, w)
			return err
		})
	}
	if err != nil {
		return err
	}
	printManifest(stdout, m)
	if !c.WithAudio {
		fmt.Fprintln(stdout, "The backup does not contain the recordings: --with-audio includes them.")
	}
	if !c.WithKeys && known.Root > 0 {
		fmt.Fprintf(stdout, "The signing key, the roots and the keys of the roles are not in it: keep copies of %s and %s "+
			"elsewhere, or include them with --with-keys. Without a key of a role, the role must be rotated.\n", c.Key, c.Keys)
	} else if !c.WithKeys {
		fmt.Fprintln(stdout, "The backup does not contain the signing key: keep a copy elsewhere, or include it with "+
			"--with-keys. "+
			"Without it, stations must pin a new one.")
	}
	if len(m.Missing) > 0 {
		return fmt.Errorf("the backup is complete but for %d files that are missing or damaged here, too: run lifeline fsck",
			len(m.Missing))
	}
	return nil
}

// keyFiles are the key files in a backup.
type keyFiles struct {
	signing []byte
	folder  []archive.File
}

// keys reads the key files of a store. root is the version of the root that delegates to the keys; 0: there is no root.
func (c *backupCmd) keys(root int64) (k keyFiles, err error) {
	if k.signing, err = os.ReadFile(c.Key); err != nil {
		return k, fmt.Errorf("signing key: %w. Name its file with --key, or leave --with-keys out", err)
	}
	if k.folder, err = service.KeyFolder(c.Keys); err != nil {
		return k, err
	}
	named := slices.ContainsFunc(k.folder, func(f archive.File) bool { return f.Name == trust.RootName(root) })
	if root > 0 && !named {
		return k, fault.New(fault.Conflict, "the documents of the store are signed under root %d, and the folder %s does not "+
			"hold %s. Name the folder of the roots and keys with --keys, or leave --with-keys out", root, c.Keys,
			trust.RootName(root))
	}
	return k, nil
}

// encrypted writes the archive to w, encrypted to the recipients unless it is to be plain.
func (c *backupCmd) encrypted(ctx context.Context, s service.Store, audio service.Audio, keys keyFiles, w io.Writer) (
	m archive.Manifest, err error) {
	if c.Plain {
		return c.write(ctx, s, audio, keys, w)
	}
	to, err := mirror.Recipients(c.Recipient...)
	if err != nil {
		return m, err
	}
	out, err := c.seal(w, to, time.Now())
	if err != nil {
		return m, err
	}
	if m, err = c.write(ctx, s, audio, keys, out); err != nil {
		return m, err
	}
	return m, out.Close()
}

// write writes the archive to w.
func (c *backupCmd) write(ctx context.Context, s service.Store, audio service.Audio, keys keyFiles, w io.Writer) (
	m archive.Manifest, err error) {
	bar := passingBar("backing up", -1)
	defer bar.Finish()
	out := bufio.NewWriterSize(io.MultiWriter(w, bar), 1<<20)
	a := archive.NewWriter(out, time.Now())
	look := replica.NewInspector(kinds.All, func(string) {}) // only for the list of blobs; fsck reports problems
	begin := func(trimmed int64) error { return a.Begin(trimmed, keys.signing, keys.folder...) }
	err = s.Export(ctx, begin, func(d store.Document) error { look.Document(d); return a.Document(d) }, a.Change, a.Entry)
	if err != nil {
		return m, err
	}
	held := look.Blobs()
	for _, sha := range slices.Sorted(maps.Keys(held)) {
		if !c.WithAudio && !held[sha].Records {
			continue
		}
		if err := copyBlob(ctx, audio, sha, a); err != nil {
			return m, err
		}
	}
	if m, err = a.Close(); err != nil {
		return m, err
	}
	return m, out.Flush()
}

// copyBlob reads a blob twice: once to verify it, so that no damaged blob gets into the archive, and once to copy it
// without a temporary file.
func copyBlob(ctx context.Context, from service.Audio, sha string, to *archive.Writer) error {
	content, _, err := from.Open(ctx, sha)
	if fault.Is(err, fault.NotFound) {
		to.Missing(sha)
		return nil
	}
	if err != nil {
		return err
	}
	defer content.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, content)
	if err != nil {
		return fmt.Errorf("read %s: %w", sha, err)
	}
	if hex.EncodeToString(hash.Sum(nil)) != sha {
		to.Missing(sha)
		return nil
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return to.Blob(sha, size, content)
}

const beginningOfTemp = ".lifeline-backup-"

// newFile creates a file with mode 0600, complete and durable, or leaves nothing. It fails with Conflict if the file
// exists.
func newFile(path string, write func(io.Writer) error) (err error) {
	defer func() { // report the error for the requested file, not for the temporary one
		if failed := (*fs.PathError)(nil); errors.As(err, &failed) && strings.Contains(failed.Path, beginningOfTemp) {
			err = &fs.PathError{Op: failed.Op, Path: path, Err: failed.Err}
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(path), beginningOfTemp)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	if err := write(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	err = os.Link(f.Name(), path) // unlike rename, link fails if the target exists
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Conflict, "%s exists already: name another file, or move it away", path)
	}
	return err
}

func printManifest(w io.Writer, m archive.Manifest) {
	for _, p := range []struct {
		name string
		archive.Part
	}{{"documents", m.Documents}, {"changes", m.Changes}, {"as-run", m.AsRun}, {"blobs", m.Blobs}} {
		fmt.Fprintf(w, "%-9s %9d  %12d bytes  %s\n", p.name, p.Count, p.Bytes, p.SHA256)
	}
	for _, sha := range m.Missing {
		fmt.Fprintf(w, "missing   %s\n", sha)
	}
}

// passingBar returns a progress bar that disappears when done. Without a terminal it shows nothing.
func passingBar(what string, size int64) *progressbar.ProgressBar {
	return newBar(progressTo(false), what, size, progressbar.OptionClearOnFinish())
}
