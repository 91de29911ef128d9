package service

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/secret"
	"lifeline/internal/sign"
)

// SigningKey reads a key file. It fails with Conflict if others may read it.
func SigningKey(path string) (ed25519.PrivateKey, error) {
	b, err := secret.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := NoName(path); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("signing key: %s must hold %d bytes in base64", path, ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// NoName fails with Conflict if path is a link to a file that does not exist, because no file can get that name.
func NoName(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fault.New(fault.Conflict, "signing key: %s is a link to a file that is not there. Bring that file back, or "+
			"remove the link", path)
	}
	return nil
}

func RandomKey() ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // crypto/rand never fails
	return ed25519.NewKeyFromSeed(seed)
}

// KeyID returns the id of the public half of a key.
func KeyID(key ed25519.PrivateKey) string { return sign.KeyID(key.Public().(ed25519.PublicKey)) }

// serviceKey returns the key that the service signs with, which the store must know as its signing key. The first
// service on an empty store creates it. It fails with Conflict if the store knows another key, or if there is a key but
// the store is gone.
func serviceKey(ctx context.Context, c config.Serve, s Store) (ed25519.PrivateKey, error) {
	key, err := SigningKey(c.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return firstKey(ctx, c, s)
	}
	if err != nil {
		return nil, err
	}
	if err := KnownKey(ctx, c, s, KeyID(key)); err != nil {
		return nil, err
	}
	err = UseKey(ctx, s, access.System.Name, key)
	if fault.Is(err, fault.Full) { // a store of an earlier version: the next start records the key
		err = nil
	}
	return key, err
}

// KnownKey fails with Conflict if the documents of the store are signed with another key, or are gone.
func KnownKey(ctx context.Context, c config.Serve, s Store, id string) error {
	known, _, err := access.ReadSigningKeys(ctx, s, id)
	if err != nil {
		return err
	}
	latest, err := s.Latest(ctx)
	switch {
	case err != nil:
		return err
	case known.Current != "" && known.Current != id:
		return fault.New(fault.Conflict, "the documents of the store are signed with key %s, and %s is key %s. %s",
			known.Current, c.Key, id, keyCure(c))
	case latest == 0 && c.Store == "sqlite" && filepath.Dir(c.Key) == filepath.Clean(c.Data):
		return fault.New(fault.Conflict, "the database is empty, and key %s in %s has signed already: what it signed is "+
			"gone. Restore a backup with "+
			"lifeline restore; or, to begin anew with this key, run lifeline rekey --data %s --by NAME", id, c.Key, c.Data)
	}
	return nil
}

// keyCure returns the cure if the signing key is missing or is another.
func keyCure(c config.Serve) string {
	return fmt.Sprintf("Put the key that signed there, from where you keep it or from a backup that was made with "+
		"--with-keys; or, if it is lost "+
		"or stolen, sign with another from now on: lifeline rekey --data %s --by NAME, which says what to do at the stations",
		c.Data)
}

// KeyMissing returns the error for a missing key file if a key has signed documents.
func KeyMissing(c config.Serve, id string) error {
	return fault.New(fault.Conflict, "the signing key %s is missing, and the documents of the store are signed with key "+
		"%s. %s", c.Key, id, keyCure(c))
}

// UseKey records a key in the store as the signing key.
func UseKey(ctx context.Context, s Store, by string, key ed25519.PrivateKey) error {
	return access.UseSigningKey(ctx, s, by, KeyID(key), key.Public().(ed25519.PublicKey), time.Now())
}

// firstKey creates the key of a store that knows none. The store records the key before its file gets its name: after a
// crash in between, the next start uses that key, and the loss of a key file is always noticed.
func firstKey(ctx context.Context, c config.Serve, s Store) (ed25519.PrivateKey, error) {
	key, err := SigningKey(NewKeyFile(c.Key))
	made := err != nil // there is none, or an incomplete one that has signed nothing
	if made {
		key = RandomKey()
	}
	known, _, err := access.ReadSigningKeys(ctx, s, KeyID(key))
	if err != nil {
		return nil, err
	}
	if known.Current != "" && known.Current != KeyID(key) {
		return nil, KeyMissing(c, known.Current)
	}
	return key, AdoptKey(ctx, c, s, access.System.Name, key, made)
}

// AdoptKey records in the store a key whose file does not have its name yet, and then renames the file.
func AdoptKey(ctx context.Context, c config.Serve, s Store, by string, key ed25519.PrivateKey, made bool) error {
	if made {
		if err := WriteNewKey(c.Key, []byte(base64.StdEncoding.EncodeToString(key.Seed())+"\n")); err != nil {
			return err
		}
	}
	if err := UseKey(ctx, s, by, key); err != nil {
		return err
	}
	return nameKey(c.Key)
}

// KeepSigningKey writes a restored key unless the file exists.
func KeepSigningKey(path string, key []byte) error {
	if _, err := os.Stat(path); err == nil {
		return nil // sameKey has compared it
	}
	return WriteSigningKey(path, key)
}

// WriteSigningKey writes a key completely or not at all: stations would reject everything signed with an incomplete
// one.
func WriteSigningKey(path string, key []byte) error {
	if err := WriteNewKey(path, key); err != nil {
		return err
	}
	return nameKey(path)
}

// NewKeyFile returns the name of a key file before it gets its final name.
func NewKeyFile(path string) string { return path + ".new" }

func WriteNewKey(path string, key []byte) error {
	f, err := os.OpenFile(NewKeyFile(path), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("signing key: %w", err), os.Remove(NewKeyFile(path)))
	}
	return nil
}

// nameKey gives the new key file its final name. It fails if another process did so first; the new key file then stays,
// because the store may know its key already.
func nameKey(path string) error {
	err := os.Link(NewKeyFile(path), path)
	if err == nil {
		err = os.Remove(NewKeyFile(path))
	}
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	return nil
}

// The purposes of keys derived from the signing key.
const (
	ForMedia    = "lifeline media addresses 1"
	forWebhooks = "lifeline webhook secrets 1"
	forCodes    = "lifeline enrolment codes 1"
	forSignIn   = "lifeline sign-in 1"
)

// DerivedKey derives a key for another purpose from the signing key, so that every replica has it. It does not reveal
// the signing key.
func DerivedKey(key ed25519.PrivateKey, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, key.Seed(), nil, purpose, sha256.Size)
}
