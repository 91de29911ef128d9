package commands

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"lifeline/internal/fault"
	"lifeline/internal/mirror"
)

// ownKeys names the folder with a key for each backup. Whoever removes a key there ends its backup, wherever copies of
// the backup are: an erasure reaches backups so.
type ownKeys struct {
	OwnKeys string `type:"path" env:"LIFELINE_BACKUP_OWN_KEYS" placeholder:"DIR" help:"Folder with a key for each backup, which is needed besides its recipient's: whoever removes it there ends the backup."`
}

// ownKeyFiles matches the key files of the folder.
const ownKeyFiles = "*.backup-key"

// seal returns a writer that encrypts a backup to its recipients and, if there is a folder, before that to a new key in
// the folder.
func (o ownKeys) seal(w io.Writer, to []age.Recipient, now time.Time) (io.WriteCloser, error) {
	if o.OwnKeys == "" {
		return mirror.NewStream(w, to...)
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.OwnKeys, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(o.OwnKeys, now.UTC().Format("20060102T150405Z-")+rand.Text()[:8]+ownKeyFiles[1:])
	err = newFile(name, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "# opens the backup of %s, with the key of its recipient\n%s\n",
			now.UTC().Format(time.RFC3339), key)
		return err
	})
	if err != nil {
		return nil, err
	}
	outer, err := age.Encrypt(w, to...)
	if err != nil {
		return nil, err
	}
	inner, err := mirror.NewStream(outer, key.Recipient())
	return twice{inner, outer}, err
}

// twice is a writer whose content is encrypted twice.
type twice struct {
	io.WriteCloser
	outer io.Closer
}

func (t twice) Close() error { return errors.Join(t.WriteCloser.Close(), t.outer.Close()) }

// unseal returns the content of a backup that may have a key of its own. It fails with Forbidden if the folder does not
// have it.
func (o ownKeys) unseal(in *bufio.Reader) (io.Reader, error) {
	if !mirror.Encrypted(in) {
		return in, nil
	}
	if o.OwnKeys == "" {
		return nil, fault.New(fault.Forbidden, "this backup has a key of its own: name the folder of these keys with "+
			"--own-keys")
	}
	if _, err := os.ReadDir(o.OwnKeys); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the folder of --own-keys cannot be read")
	}
	files, err := filepath.Glob(filepath.Join(o.OwnKeys, ownKeyFiles))
	if err != nil {
		return nil, err
	}
	var keys []age.Identity
	for _, name := range files {
		found, err := readIdentities(name)
		if err != nil {
			return nil, err
		}
		keys = append(keys, found...)
	}
	gone := fault.New(fault.Forbidden, "none of the %s in %s opens this backup. Its key is in another folder, or was "+
		"removed after an erasure: then nothing opens it any more", count(len(files), "key"), o.OwnKeys)
	if len(keys) == 0 {
		return nil, gone
	}
	content, err := mirror.Decrypt(in, keys...)
	if fault.Is(err, fault.Forbidden) {
		return nil, gone
	}
	return content, err
}

func readIdentities(name string) ([]age.Identity, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	keys, err := age.ParseIdentities(f)
	if err != nil {
		return nil, fault.New(fault.Invalid, "--own-keys: %s holds no age key: %v", name, err)
	}
	return keys, nil
}
