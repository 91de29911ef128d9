package service

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/archive"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/secret"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
)

// signing contains the keys that the service signs with, and the roots that authorize them.
type signing struct {
	trust.Keyring
	roots []*trust.Root  // from the first on; none: one key signs everything
	first *wire.Envelope // see wire.Roots
}

// openSigning reads the folder of keys. Without a root there, key signs everything. With a root, it records the root's
// keys in the store as signing keys. It fails as CheckKeys does.
func openSigning(ctx context.Context, c config.Serve, s Store, key ed25519.PrivateKey) (out signing, err error) {
	signer, err := sign.NewSigner(key)
	if err != nil {
		return out, err
	}
	if out, err = readSigning(ctx, c, s, key, signer); err != nil || len(out.roots) == 0 {
		return out, err
	}
	var named []access.SigningKey
	for _, public := range out.Public() {
		named = append(named, access.SigningKey{ID: sign.KeyID(public), Public: public})
	}
	latest := out.roots[len(out.roots)-1]
	err = access.UseRoot(ctx, s, access.System.Name, KeyID(key), latest.Version(), named, time.Now())
	if err != nil && !fault.Is(err, fault.Full) { // the next start records it
		return out, err
	}
	envelope, err := signer.Sign(wire.FirstRootType, out.roots[0].Bytes())
	if err == nil {
		err = json.Unmarshal(envelope, &out.first)
	}
	return out, err
}

// RecordKeys returns the keys that sign the record, by the files beside the service: the signing key, and those that
// its roots name. The store is not asked, because its record is verified with them.
func RecordKeys(c config.Serve) (keys []ed25519.PublicKey, err error) {
	key, err := SigningKey(c.Key)
	if err != nil {
		return nil, err
	}
	roots, err := readRoots(c.Keys)
	if err != nil {
		return nil, err
	}
	keys = append(keys, key.Public().(ed25519.PublicKey))
	for _, r := range roots {
		keys = append(keys, r.Keys(trust.Record)...)
	}
	return keys, nil
}

// changeSigner returns the signer of what this program stores: the key of the record. It fails if that is not here.
func changeSigner(c config.Serve) (*sign.Signer, error) {
	roots, err := readRoots(c.Keys)
	if err != nil {
		return nil, err
	}
	key, err := SigningKey(c.Key)
	if len(roots) == 0 {
		if err != nil {
			return nil, err
		}
		return sign.NewSigner(key)
	}
	keys, err := privateKeys(c.Keys)
	if err != nil {
		return nil, err
	}
	for _, k := range append(keys, key) {
		for _, public := range roots[len(roots)-1].Keys(trust.Record) {
			if len(k) > 0 && public.Equal(k.Public()) {
				return sign.NewSigner(k)
			}
		}
	}
	return nil, errors.New("the key of the record is not here")
}

// SignWith makes a store sign its changes with a new signing key, unless a root names the key of the record.
func (v VersionedStore) SignWith(c config.Serve, key ed25519.PrivateKey) error {
	roots, err := readRoots(c.Keys)
	if err != nil || len(roots) > 0 {
		return err
	}
	signer, err := sign.NewSigner(key)
	if err == nil {
		v.SignChanges(signer)
	}
	return err
}

// mirrorKeys returns the keys that sign lists of mirrors, which the service need not have.
func (s signing) mirrorKeys() []ed25519.PublicKey {
	if n := len(s.roots); n > 0 {
		return s.roots[n-1].Keys(trust.Mirror)
	}
	return s.Public()
}

// CheckKeys fails with Conflict if the folder of keys contains an unreadable file, or lacks a key of a role or the root
// under which the documents of the store were signed.
func CheckKeys(ctx context.Context, c config.Serve, s Store, key ed25519.PrivateKey) error {
	signer, err := sign.NewSigner(key)
	if err == nil {
		_, err = readSigning(ctx, c, s, key, signer)
	}
	return err
}

// readSigning reads the folder of keys. It does not change the store.
func readSigning(ctx context.Context, c config.Serve, s Store, key ed25519.PrivateKey, signer *sign.Signer) (
	out signing, err error) {
	if out.roots, err = readRoots(c.Keys); err != nil {
		return out, err
	}
	known, _, err := access.ReadSigningKeys(ctx, s, KeyID(key))
	if err != nil {
		return out, err
	}
	if len(out.roots) == 0 {
		if known.Root > 0 {
			return out, fault.New(fault.Conflict, "the documents of the store are signed under root %d, and the folder %s "+
				"holds no root. Put the root documents and the keys of the roles there, from where you keep them, or name "+
				"their folder by --keys", known.Root, c.Keys)
		}
		out.Keyring = trust.OneKey(signer)
		return out, nil
	}
	latest := out.roots[len(out.roots)-1]
	if latest.Version() < known.Root {
		return out, fault.New(fault.Conflict, "the documents of the store are signed under root %d, and the latest root in "+
			"%s is %d. Put the later root documents and their keys there, from where you keep them", known.Root, c.Keys,
			latest.Version())
	}
	keys, err := privateKeys(c.Keys)
	if err != nil {
		return out, err
	}
	if out.Keyring, err = trust.NewKeyring(latest, append(keys, key)); err != nil {
		return out, fault.New(fault.Conflict, "%v. Put the file there, into %s; or, if the key is lost or stolen, rotate "+
			"the role on the machine without a network: lifeline key rotate --help", err, c.Keys)
	}
	return out, nil
}

// readRoots returns the chain of roots in a folder, from the first on; none if there is no root. It fails if a root is
// not the next after the previous one, or if the previous one is missing.
func readRoots(folder string) (chain []*trust.Root, err error) {
	for version := int64(1); version <= trust.MaxRoots; version++ {
		name := filepath.Join(folder, trust.RootName(version))
		r, err := trust.ReadRoot(name)
		if errors.Is(err, fs.ErrNotExist) {
			return chain, noneAfter(folder, version)
		}
		switch {
		case err != nil:
		case version == 1 && r.Version() == 1:
			err = r.Signed()
		case version == 1:
			err = fault.New(fault.Conflict, "it is root %d, and the chain begins with root 1", r.Version())
		default:
			err = chain[len(chain)-1].Next(r)
		}
		if err != nil {
			return nil, fault.New(fault.Conflict, "%s: %v. Copy the file there again, from where you keep the roots", name, err)
		}
		chain = append(chain, r)
	}
	return chain, nil
}

// noneAfter fails with Conflict if a folder has a root after the missing version lacks.
func noneAfter(folder string, lacks int64) error {
	names, err := filepath.Glob(filepath.Join(folder, keyFiles[0]))
	if err != nil {
		return err
	}
	for _, name := range names {
		version, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(name), ".root.json"), 10, 64)
		if err == nil && version > lacks {
			return fault.New(fault.Conflict, "%s is there, and %s is missing, which comes before it. Put that one there, too, "+
				"from where you keep the roots", name, trust.RootName(lacks))
		}
	}
	return nil
}

// KeyFolder returns the files in a folder of keys: the roots, and the keys of the roles.
func KeyFolder(dir string) (files []archive.File, err error) {
	for _, pattern := range keyFiles {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			b, err := trust.ReadFile(name)
			if err != nil {
				return nil, err
			}
			files = append(files, archive.File{Name: filepath.Base(name), Content: b})
		}
	}
	slices.SortFunc(files, func(a, b archive.File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

// keyFiles are the patterns of the file names in a folder of keys.
var keyFiles = []string{"*.root.json", "*.key"}

// KeyFile returns the path of the file name in a folder of keys. It fails with Invalid if such a folder contains no
// files with that name.
func KeyFile(dir, name string) (string, error) {
	fits := func(pattern string) bool { ok, err := filepath.Match(pattern, name); return ok && err == nil }
	if filepath.Base(name) != name || !slices.ContainsFunc(keyFiles, fits) {
		return "", fault.New(fault.Invalid, "%q is no name of a root or of a key", name)
	}
	return filepath.Join(dir, name), nil
}

// privateKeys returns the keys of the roles in a folder: files named *.key, in the format of the signing key's.
func privateKeys(folder string) (keys []ed25519.PrivateKey, err error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.key"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := secret.Check(name); err != nil {
			return nil, err
		}
		key, err := SigningKey(name)
		if err != nil {
			return nil, fault.New(fault.Conflict, "%v. Copy the file there again, from where you keep it; or, if the key is "+
				"lost, move the file away and rotate its role: lifeline key rotate --help", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
