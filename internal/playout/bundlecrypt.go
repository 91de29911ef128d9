package playout

import (
	"bufio"
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
	"path/filepath"
	"slices"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/mirror"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/trust"
)

// An encrypted bundle is a bundle that age encrypts to the station, padded (mirror.Stream). While it is made, the part
// that has come is not encrypted: it lies in the cache directory of the user who makes it, and never beside the bundle,
// which may be on a stick.

// BundleRecipient returns to whom a bundle of a station is encrypted: the given recipient or, if it is "", that of the
// station's key, as the service says.
func BundleRecipient(ctx context.Context, api *client.Client, station, given string) (string, error) {
	if given != "" {
		return given, nil
	}
	recipient, err := api.Recipient(ctx, station)
	switch {
	case fault.Is(err, fault.NotFound):
		return "", fault.New(fault.NotFound, "%v. Or write a bundle that anybody can read, with --plain", err)
	case fault.Is(err, fault.Forbidden):
		return "", fault.New(fault.Forbidden, "%v. Or give the recipient of the station's key with --recipient", err)
	}
	return recipient, err
}

// workDir returns the directory of this user for bundles that are being made, and for what they had.
func workDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	dir := filepath.Join(base, "lifeline", "bundles")
	return dir, os.MkdirAll(dir, 0o700)
}

// encryptBundle writes the bundle in the file plain to the file name, encrypted to a recipient, whole or not at all. It
// notes which recordings the bundle has, for deltas.
func encryptBundle(plain *os.File, name, recipient string) (err error) {
	to, err := trust.ParseRecipient(recipient)
	if err != nil {
		return fmt.Errorf("--recipient: %w", err)
	}
	have, err := BundleRecordings(plain)
	if err != nil {
		return err
	}
	if _, err := plain.Seek(0, io.SeekStart); err != nil {
		return err
	}
	temp := name + ".part"
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp))
		}
	}()
	sum := sha256.New()
	encrypted, err := mirror.NewStream(io.MultiWriter(out, sum), to)
	if err == nil {
		if _, err = io.Copy(encrypted, plain); err == nil {
			err = encrypted.Close()
		}
	}
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := noteBundle(hex.EncodeToString(sum.Sum(nil)), have); err != nil {
		return err
	}
	return os.Rename(temp, name)
}

// noteBundle records which recordings an encrypted bundle has: its maker cannot read it any more.
func noteBundle(sum string, have map[string]bool) error {
	dir, err := workDir()
	if err != nil {
		return err
	}
	text, err := json.Marshal(slices.Sorted(maps.Keys(have)))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, sum+".json"), text, 0o600)
}

// notedBundle returns which recordings an encrypted bundle has that was made by this user on this machine.
func notedBundle(bundle io.Reader) (map[string]bool, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, bundle); err != nil {
		return nil, err
	}
	dir, err := workDir()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, hex.EncodeToString(sum.Sum(nil))+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Invalid, "it is encrypted and was not made here: to leave out what the station has, "+
			"give --have with the list of playout inventory, or --since with the revision that the station holds")
	}
	var list []string
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, sha := range list {
		have[sha] = true
	}
	return have, nil
}

// tarFile is the tar file of a bundle.
type tarFile struct {
	io.Reader
	encrypted bool
}

// openBundle opens a bundle, which may be encrypted to the station of the state directory.
func openBundle(bundle io.Reader, state *statedir.Dir) (tarFile, error) {
	in := bufio.NewReader(bundle)
	if !mirror.Encrypted(in) {
		return tarFile{in, false}, nil
	}
	own, err := LoadIdentity(state)
	if err != nil {
		return tarFile{}, err
	}
	if own == nil {
		return tarFile{}, fault.New(fault.Forbidden, "this bundle is encrypted, and this player has no key of its own: "+
			"enrol it, and make the bundle again")
	}
	content, err := mirror.Decrypt(in, own.Age())
	if fault.Is(err, fault.Forbidden) {
		return tarFile{}, fault.New(fault.Forbidden, "this bundle is encrypted to another station than %q, or to a key that "+
			"this one had before it was enrolled anew", own.Station)
	}
	return tarFile{content, true}, err
}
