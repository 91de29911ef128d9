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
	"lifeline/internal/seal"
)

// SigningKey reads a key file.
func SigningKey(path string) (ed25519.PrivateKey, error) {
	b, err := os.ReadFile(path)
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

// NoName fails with Conflict where there is a link of that name that leads to no file: nothing can be given the name.
func NoName(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fault.New(fault.Conflict, "signing key: %s is a link to a file that is not there. Bring that file back, or "+
			"remove the link", path)
	}
	return nil
}

func RandomKey() ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails: crypto/rand
	return ed25519.NewKeyFromSeed(seed)
}

// KeyID names the public half of a key.
func KeyID(key ed25519.PrivateKey) string { return seal.KeyID(key.Public().(ed25519.PublicKey)) }

// serviceKey is the key that the service signs with, which the store knows as the one that does. The first service on
// an empty store makes it. It fails with Conflict where the store knows another, or where only a key is left of a
// store.
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
	err = UseKey(ctx, s, "system", key)
	if fault.Is(err, fault.Full) { // the store of an earlier version; the next start tells it
		err = nil
	}
	return key, err
}

// KnownKey fails with Conflict where the documents of the store are signed with another key, or are gone.
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

// keyCure is what helps where the signing key is missing or another.
func keyCure(c config.Serve) string {
	return fmt.Sprintf("Put the key that signed there, from where you keep it or from a backup that was made with "+
		"--with-keys; or, if it is lost "+
		"or stolen, sign with another from now on: lifeline rekey --data %s --by NAME, which says what to do at the stations",
		c.Data)
}

// KeyMissing is the failure where there is no key file though a key has signed.
func KeyMissing(c config.Serve, id string) error {
	return fault.New(fault.Conflict, "the signing key %s is missing, and the documents of the store are signed with key "+
		"%s. %s", c.Key, id, keyCure(c))
}

// UseKey has the store know a key as the one that signs.
func UseKey(ctx context.Context, s Store, by string, key ed25519.PrivateKey) error {
	return access.UseSigningKey(ctx, s, by, KeyID(key), key.Public().(ed25519.PublicKey), time.Now())
}

// firstKey makes the key of a store that knows none. The store knows it before its file has its name, so that a crash
// between leaves a key that the next start takes up, and a key file that is gone is noticed.
func firstKey(ctx context.Context, c config.Serve, s Store) (ed25519.PrivateKey, error) {
	key, err := SigningKey(NewKeyFile(c.Key))
	made := err != nil // there is none, or one that a crash cut off and that has signed nothing
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
	return key, AdoptKey(ctx, c, s, "system", key, made)
}

// AdoptKey has the store know a key that has no file of its name yet, and then gives it one.
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

// KeepSigningKey writes a restored key, unless it is there.
func KeepSigningKey(path string, key []byte) error {
	if _, err := os.Stat(path); err == nil {
		return nil // which restore has compared
	}
	return WriteSigningKey(path, key)
}

// WriteSigningKey writes a key whole or not at all: a half-written one would lock every station out.
func WriteSigningKey(path string, key []byte) error {
	if err := WriteNewKey(path, key); err != nil {
		return err
	}
	return nameKey(path)
}

// NewKeyFile is the file of a key that has not its name yet.
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

// nameKey gives the new key its name. It fails when another process was first; the key then stays where it is, since
// the store may know it already.
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

// What keys that follow from the signing key are for.
const (
	ForMedia    = "lifeline media addresses 1"
	forWebhooks = "lifeline webhook secrets 1"
)

// DerivedKey is a key for another purpose that follows from the signing key, so that every replica has it, and that
// tells nothing of it.
func DerivedKey(key ed25519.PrivateKey, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, key.Seed(), nil, purpose, sha256.Size)
}
