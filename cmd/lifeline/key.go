package main

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// signingKey reads the key file, and makes it where there is none.
func signingKey(path string) (ed25519.PrivateKey, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSigningKey(path)
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

func makeSigningKey(path string) (ed25519.PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails: crypto/rand
	return ed25519.NewKeyFromSeed(seed), writeSigningKey(path, []byte(base64.StdEncoding.EncodeToString(seed)+"\n"))
}

// keepSigningKey writes a restored key, unless it is there.
func keepSigningKey(path string, key []byte) error {
	if _, err := os.Stat(path); err == nil {
		return nil // which sameKey has compared
	}
	return writeSigningKey(path, key)
}

// writeSigningKey writes a key whole or not at all: a half-written one would lock every station out.
func writeSigningKey(path string, key []byte) error {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(temporary, path) // fails when another process was first
	}
	if err = errors.Join(err, os.Remove(temporary)); err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	return nil
}

// What keys that follow from the signing key are for.
const (
	forMedia    = "lifeline media addresses 1"
	forWebhooks = "lifeline webhook secrets 1"
)

// derivedKey is a key for another purpose that follows from the signing key, so that every replica has it, and that
// tells nothing of it.
func derivedKey(key ed25519.PrivateKey, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, key.Seed(), nil, purpose, sha256.Size)
}
