// Package secret reads files that only their owner may read: keys, tokens, passphrases.
package secret

import (
	"errors"
	"io/fs"
	"os"

	"lifeline/internal/fault"
)

// others are the rights of users other than the owner.
const others fs.FileMode = 0o077

// Read returns the content of a secret file. It fails as Check does.
func Read(name string) ([]byte, error) {
	if err := Check(name); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

// Check fails with Conflict and the cure if users other than its owner may read or write the file of a secret. The mode
// of a file that belongs to another user is not this user's to change, as where a container gets its secrets: like
// OpenSSH, Check accepts it. A file that is not there is accepted, too.
func Check(name string) error {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !Loose(info) {
		return nil
	}
	return fault.New(fault.Conflict, "users other than its owner may read or change the secret in %s, whose mode is %04o: "+
		"chmod 600 it. On a stick that keeps no modes, mount it with -o umask=077", name, info.Mode().Perm())
}

// Loose reports whether a file or folder of this user is open to others.
func Loose(info fs.FileInfo) bool { return info.Mode().Perm()&others != 0 && mine(info) }

// Mend takes the rights on this user's file or folder away from others, and reports whether there were any.
func Mend(name string) (mended bool, err error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !Loose(info) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, os.Chmod(name, info.Mode().Perm()&^others)
}
