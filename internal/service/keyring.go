package service

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/seal"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
)

// signing is what the service signs with, and what says that it may.
type signing struct {
	trust.Keyring
	roots []*trust.Root  // from the first on; none: one key signs everything
	first *wire.Envelope // see wire.Roots
}

// openSigning reads the folder of keys. Without a root there, key signs everything. With one, the store knows its keys
// as those that sign. It fails with Conflict where a key of a role is missing, or the root by which the documents of
// the store were signed.
func openSigning(ctx context.Context, c config.Serve, s Store, key ed25519.PrivateKey) (out signing, err error) {
	signer, err := seal.NewSigner(key)
	if err != nil {
		return out, err
	}
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
	keys, err := privateKeys(c.Keys)
	if err != nil {
		return out, err
	}
	if out.Keyring, err = trust.NewKeyring(latest, append(keys, key)); err != nil {
		return out, fault.New(fault.Conflict, "%v. Put the file there, into %s; or, if the key is lost or stolen, rotate "+
			"the role on the machine without a network: lifeline key rotate --help", err, c.Keys)
	}
	var named []access.SigningKey
	for _, public := range out.Public() {
		named = append(named, access.SigningKey{ID: seal.KeyID(public), Public: public})
	}
	err = access.UseRoot(ctx, s, "system", KeyID(key), latest.Version(), named, time.Now())
	if err != nil && !fault.Is(err, fault.Full) { // the next start tells it
		return out, err
	}
	envelope, err := signer.Seal(wire.FirstRootType, out.roots[0].Bytes())
	if err == nil {
		err = json.Unmarshal(envelope, &out.first)
	}
	return out, err
}

// readRoots is the chain of roots in a folder, from the first on; none where there is no first. It fails where one is
// not the next of the one before it.
func readRoots(folder string) (chain []*trust.Root, err error) {
	for version := int64(1); version <= trust.MaxRoots; version++ {
		name := filepath.Join(folder, trust.RootName(version))
		r, err := trust.ReadRoot(name)
		if errors.Is(err, fs.ErrNotExist) {
			return chain, nil
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
			return nil, fault.New(fault.Conflict, "%s: %v", name, err)
		}
		chain = append(chain, r)
	}
	return chain, nil
}

// privateKeys are the keys of the roles in a folder, which are in files like the signing key's, named *.key.
func privateKeys(folder string) (keys []ed25519.PrivateKey, err error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.key"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		key, err := SigningKey(name)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
