package commands

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/service"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
)

// keyCmd manages the keys of the root by files alone. The commands work on a folder with the root documents, named
// 1.root.json and so on; the latest may still lack signatures.
type keyCmd struct {
	Init    keyInitCmd    `cmd:"" help:"Make the root keys and the first root, with a key for each role of the service."`
	Show    keyShowCmd    `cmd:"" help:"Show which keys the latest root names, and who has signed it."`
	Rotate  keyRotateCmd  `cmd:"" help:"Replace the keys of a role by a new one. Stations then no longer trust documents of the former keys."`
	Revoke  keyRevokeCmd  `cmd:"" help:"Remove a key from every role that has another key."`
	Replace keyReplaceCmd `cmd:"" help:"Replace a root key that is lost or stolen by a new one."`
	Renew   keyRenewCmd   `cmd:"" help:"Extend the validity of the root, with the same keys."`
	Sign    keySignCmd    `cmd:"" help:"Sign the latest root with root keys."`
	Collect keyCollectCmd `cmd:"" help:"Collect the signatures from copies of the latest root that were signed on other machines."`
	Verify  keyVerifyCmd  `cmd:"" help:"Check that each root is signed by enough keys of the one before it and of its own."`
	Backup  keyBackupCmd  `cmd:"" help:"Make a key that opens encrypted backups."`
	Drops   keyDropsCmd   `cmd:"" help:"Make a key that opens the reports that stations drop."`
}

// onFolder is the flag for the folder of root documents.
type onFolder struct {
	Dir string `arg:"" optional:"" default:"." type:"path" help:"Folder of the roots."`
}

// rootValidity is the flag for the validity of a new root.
type rootValidity struct {
	Years int `default:"2" help:"Validity of the root in years, from 1 to 10. After that, stations raise an alarm until a later root comes."`
}

func (l rootValidity) expires() (time.Time, error) {
	if l.Years < 1 || l.Years > 10 {
		return time.Time{}, fault.New(fault.Invalid, "--years: must be from 1 to 10")
	}
	return time.Now().AddDate(l.Years, 0, 0), nil
}

// keyInitCmd creates the first root.
type keyInitCmd struct {
	onFolder     `embed:""`
	rootValidity `embed:""`
	secrets      `embed:""`
	Keys         int    `default:"3" help:"How many root keys there are, from 2 to 8."`
	Needed       int    `default:"2" help:"How many of them must sign a root, at least 2."`
	Current      string `form:"key" placeholder:"BASE64" help:"The current key of a service that has no root yet, as GET /v1/keys shows it. The first root names it for every role, so that stations that pin it continue. Rotate each role soon."`
}

func (c *keyInitCmd) Run(stdout io.Writer) error {
	expires, err := c.expires()
	if err != nil {
		return err
	}
	if c.Keys < 2 || c.Keys > 8 || c.Needed < trust.Least || c.Needed > c.Keys {
		return fault.New(fault.Invalid, "--keys must be from 2 to 8, and --needed from %d to that", trust.Least)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	if chain, latest, err := latestRootOrNone(c.Dir); len(chain) > 0 || latest != nil || err != nil {
		return errors.Join(err, fault.New(fault.Conflict, "there is a root in %s already: name an empty folder", c.Dir))
	}
	d := trust.NewDraft(c.Needed, expires)
	roots := make([]ed25519.PrivateKey, c.Keys)
	for i := range roots {
		roots[i] = service.RandomKey()
		if err := d.Add(trust.RootKeys, publicHalf(roots[i])); err != nil {
			return err
		}
	}
	made, err := c.addRoles(d)
	if err != nil {
		return err
	}
	r, err := d.Root()
	for i := 0; i < len(roots) && err == nil; i++ {
		r, err = r.Sign(roots[i])
	}
	if err != nil {
		return err
	}
	for i, key := range roots {
		name, err := c.keep(c.Dir, key, i, len(roots), stdout)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "Root key %s is in %s. Move it to a safe of its own, with a copy on paper.\n",
			service.KeyID(key), name)
	}
	if err := writeRoot(c.Dir, r); err != nil {
		return err
	}
	return next(stdout, c.Dir, nil, r, made)
}

// addRoles gives each role its key: the current signing key, or a new one. It returns the file names of the new keys.
func (c *keyInitCmd) addRoles(d *trust.Draft) (made []string, err error) {
	for _, role := range trust.Online {
		if role == trust.Mirror { // a service without mirrors needs none
			continue
		}
		var public ed25519.PublicKey
		if c.Current != "" {
			if public, err = sign.ParsePublic(c.Current); err != nil {
				return nil, fault.New(fault.Invalid, "--current: it is no public key: give the one that GET /v1/keys shows")
			}
		} else {
			var name string
			if name, public, err = newRoleKey(c.Dir, role, 1); err != nil {
				return nil, err
			}
			made = append(made, name)
		}
		if err := d.Add(role, public); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// keyShowCmd shows the latest root.
type keyShowCmd struct {
	onFolder `embed:""`
}

func (c *keyShowCmd) Run(stdout io.Writer) error {
	chain, latest, err := latestRoot(c.Dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Root %d, to be replaced by %s; %d of its root keys sign the next:\n", latest.Version(),
		latest.Expires().Format(time.DateOnly), latest.Threshold())
	for _, role := range append([]trust.KeyRole{trust.RootKeys}, trust.Online...) {
		for _, key := range latest.Keys(role) {
			fmt.Fprintf(stdout, "  %-6s  %s  %s\n", role, sign.KeyID(key), base64.StdEncoding.EncodeToString(key))
		}
	}
	return next(stdout, c.Dir, chain, latest, nil)
}

// keyRotateCmd gives a role a new key.
type keyRotateCmd struct {
	Role         string `arg:"" name:"key-role" enum:"queue,recall,record,mirror" help:"queue (queues and fallback lists), recall (recall lists, leases, time), record (the chain) or mirror."`
	onFolder     `embed:""`
	rootValidity `embed:""`
	Public       string `form:"key" placeholder:"BASE64" help:"The public half of a key that was made on another machine. Default: make a key here, in a file to carry to the service."`
	Keep         bool   `name:"keep-former" help:"Keep the former keys trusted until revoke. Stations then drop no document that they hold: for a rotation that was planned."`
}

func (c *keyRotateCmd) Run(stdout io.Writer) error {
	role := trust.KeyRole(c.Role)
	var made []string
	return changeRoot(stdout, c.Dir, c.rootValidity, func(d *trust.Draft, latest *trust.Root, version int64) ([]string,
		error) {
		var public ed25519.PublicKey
		var err error
		if c.Public != "" {
			if public, err = sign.ParsePublic(c.Public); err != nil {
				return nil, fault.New(fault.Invalid, "--public: it is no Ed25519 public key in base64")
			}
		} else {
			var name string
			if name, public, err = newRoleKey(c.Dir, role, version); err != nil {
				return nil, err
			}
			made = append(made, name)
		}
		for _, former := range latest.Keys(role) {
			if !c.Keep {
				err = errors.Join(err, d.Remove(role, sign.KeyID(former)))
			}
		}
		return made, errors.Join(err, d.Add(role, public))
	})
}

// keyRevokeCmd removes a key from all roles.
type keyRevokeCmd struct {
	Key          string `arg:"" help:"The id of the key, as show names it."`
	onFolder     `embed:""`
	rootValidity `embed:""`
}

func (c *keyRevokeCmd) Run(stdout io.Writer) error {
	return changeRoot(stdout, c.Dir, c.rootValidity, func(d *trust.Draft, latest *trust.Root, _ int64) ([]string, error) {
		found := false
		for _, role := range trust.Online {
			keys := latest.Keys(role)
			if !slices.ContainsFunc(keys, func(k ed25519.PublicKey) bool { return sign.KeyID(k) == c.Key }) {
				continue
			}
			if len(keys) == 1 && role != trust.Mirror {
				return nil, fault.New(fault.Conflict, "key %s is the only one of the role %s: give it another in its place, by "+
					"lifeline key rotate %s", c.Key, role, role)
			}
			found = true
			if err := d.Remove(role, c.Key); err != nil {
				return nil, err
			}
		}
		if !found {
			return nil, fault.New(fault.NotFound, "no role of the service has a key %q: lifeline key show names them; a root "+
				"key is put in the place of another by lifeline key replace", c.Key)
		}
		return nil, nil
	})
}

// keyReplaceCmd replaces a root key.
type keyReplaceCmd struct {
	Key          string `arg:"" help:"The id of the root key that is lost or stolen, as show names it."`
	onFolder     `embed:""`
	rootValidity `embed:""`
	secrets      `embed:""`
}

func (c *keyReplaceCmd) Run(stdout io.Writer) error {
	return changeRoot(stdout, c.Dir, c.rootValidity, func(d *trust.Draft, _ *trust.Root, _ int64) ([]string, error) {
		if err := d.Remove(trust.RootKeys, c.Key); err != nil {
			return nil, err
		}
		key := service.RandomKey()
		name, err := c.keep(c.Dir, key, 0, 1, stdout)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(stdout, "The new root key %s is in %s. Move it to a safe of its own, with a copy on paper.\n",
			service.KeyID(key), name)
		return nil, d.Add(trust.RootKeys, publicHalf(key))
	})
}

// keyRenewCmd makes a root with the same content and a later expiry.
type keyRenewCmd struct {
	onFolder     `embed:""`
	rootValidity `embed:""`
}

func (c *keyRenewCmd) Run(stdout io.Writer) error {
	same := func(*trust.Draft, *trust.Root, int64) ([]string, error) { return nil, nil }
	return changeRoot(stdout, c.Dir, c.rootValidity, same)
}

// keySignCmd signs the latest root.
type keySignCmd struct {
	onFolder `embed:""`
	secrets  `embed:""`
	With     []string `required:"" type:"existingfile" placeholder:"FILE" help:"File of a root key; may be repeated."`
}

func (c *keySignCmd) Run(stdout io.Writer) error {
	chain, latest, err := latestRoot(c.Dir)
	if err != nil {
		return err
	}
	for i, name := range c.With {
		key, err := c.rootKey(name, i, len(c.With))
		if err != nil {
			return err
		}
		if !counts(chain, latest, publicHalf(key)) {
			return fault.New(fault.Invalid, "%s holds key %s, which is no root key of root %d: lifeline key show names them",
				name, service.KeyID(key), latest.Version())
		}
		if latest, err = latest.Sign(key); err != nil {
			return err
		}
	}
	if err := writeRoot(c.Dir, latest); err != nil {
		return err
	}
	return next(stdout, c.Dir, chain, latest, nil)
}

// keyCollectCmd adds the signatures from other copies of the latest root.
type keyCollectCmd struct {
	Dir    string   `arg:"" type:"path" help:"Folder of the roots."`
	Copies []string `arg:"" type:"existingfile" help:"Copies of the latest root with other signatures."`
}

func (c *keyCollectCmd) Run(stdout io.Writer) error {
	chain, latest, err := latestRoot(c.Dir)
	if err != nil {
		return err
	}
	for _, name := range c.Copies {
		signed, err := trust.ReadRoot(name)
		if err == nil {
			latest, err = latest.Merge(signed)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := writeRoot(c.Dir, latest); err != nil {
		return err
	}
	return next(stdout, c.Dir, chain, latest, nil)
}

// keyVerifyCmd checks a chain of roots.
type keyVerifyCmd struct {
	onFolder `embed:""`
}

func (c *keyVerifyCmd) Run(stdout io.Writer) error {
	chain, latest, err := latestRoot(c.Dir)
	if err != nil {
		return err
	}
	if err := complete(chain, latest); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s, each signed by enough keys of the one before it and of its own.\n",
		count(int(latest.Version()), "root"))
	return next(stdout, c.Dir, chain, latest, nil)
}

// changeRoot makes the root after the latest, or changes the latest if it still lacks signatures, and prints the next
// step. edit returns the names of the files that it made.
func changeRoot(stdout io.Writer, dir string, l rootValidity, edit func(d *trust.Draft, latest *trust.Root,
	version int64) ([]string, error)) error {
	expires, err := l.expires()
	if err != nil {
		return err
	}
	chain, latest, err := latestRoot(dir)
	if err != nil {
		return err
	}
	var d *trust.Draft
	version := latest.Version()
	if complete(chain, latest) == nil {
		chain = append(chain, latest)
		version++
		d, err = latest.Draft(expires)
	} else {
		fmt.Fprintf(stdout, "Root %d is not complete: it is changed further, and must be signed anew.\n", version)
		d, err = latest.Redraft(expires)
	}
	if err != nil {
		return err
	}
	made, err := edit(d, latest, version)
	if err != nil {
		return err
	}
	r, err := d.Root()
	if err != nil {
		return err
	}
	if err := writeRoot(dir, r); err != nil {
		return err
	}
	return next(stdout, dir, chain, r, made)
}

// complete fails unless enough keys signed the latest root, which follows chain.
func complete(chain []*trust.Root, latest *trust.Root) error {
	if len(chain) == 0 {
		return latest.Signed()
	}
	return chain[len(chain)-1].Next(latest)
}

// counts reports whether a signature by key counts for the latest root.
func counts(chain []*trust.Root, latest *trust.Root, key ed25519.PublicKey) bool {
	by := latest.Keys(trust.RootKeys)
	if len(chain) > 0 {
		by = append(by, chain[len(chain)-1].Keys(trust.RootKeys)...)
	}
	return slices.ContainsFunc(by, func(k ed25519.PublicKey) bool { return k.Equal(key) })
}

// next prints the step after this one.
func next(w io.Writer, dir string, chain []*trust.Root, latest *trust.Root, made []string) error {
	name := filepath.Join(dir, trust.RootName(latest.Version()))
	for _, m := range made {
		fmt.Fprintf(w, "The new key is in %s: it is the service's, so carry it there and leave no copy here.\n", m)
	}
	if complete(chain, latest) != nil {
		fmt.Fprintf(w, "%s lacks signatures:\n", name)
		by := []*trust.Root{latest}
		if len(chain) > 0 {
			by = []*trust.Root{chain[len(chain)-1], latest}
		}
		for _, r := range by {
			have, lack := latest.Signers(r)
			if need := r.Threshold() - len(have); need > 0 {
				fmt.Fprintf(w, "  %d more of the root keys of root %d: %s\n", need, r.Version(), trust.KeyIDs(lack))
			}
		}
		_, err := fmt.Fprintf(w, "Next: with each of these keys, on a machine without a network, lifeline key sign %s "+
			"--with FILE. What was signed on separate machines comes together by lifeline key collect %s FILE...\n", dir, dir)
		return err
	}
	_, err := fmt.Fprintf(w, "Root %d is complete. Next: copy %s, and the key files that it names, into the folder keys "+
		"of the service's data directory (or the one that --keys names), on every replica, and restart the service. "+
		"Stations that trust an earlier root get it from the service, and those without a link from their next bundle; a new "+
		"station gets --root %s\n", latest.Version(), name, filepath.Join(dir, trust.RootName(1)))
	return err
}

// latestRoot returns the latest root of a folder and the chain before it. It fails with NotFound if there is none.
func latestRoot(dir string) (chain []*trust.Root, latest *trust.Root, err error) {
	if chain, latest, err = latestRootOrNone(dir); err == nil && latest == nil {
		err = fault.New(fault.NotFound, "%s holds no root: name the folder where 1.root.json is, or make one with lifeline "+
			"key init", dir)
	}
	return chain, latest, err
}

// latestRootOrNone is latestRoot, but returns a nil root if there is none.
func latestRootOrNone(dir string) (chain []*trust.Root, latest *trust.Root, err error) {
	for version := int64(1); version <= trust.MaxRoots; version++ {
		name := filepath.Join(dir, trust.RootName(version))
		r, err := trust.ReadRoot(name)
		if errors.Is(err, fs.ErrNotExist) {
			return chain, latest, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		if r.Version() != version {
			return nil, nil, fault.New(fault.Conflict, "%s is root %d: give each file its name back", name, r.Version())
		}
		if latest != nil {
			if err := complete(chain, latest); err != nil {
				return nil, nil, fault.New(fault.Conflict, "%s comes after a root that is not complete: %v", name, err)
			}
			chain = append(chain, latest)
		}
		latest = r
	}
	return chain, latest, nil
}

// writeRoot writes a root under its file name, atomically.
func writeRoot(dir string, r *trust.Root) error {
	name := filepath.Join(dir, trust.RootName(r.Version()))
	temp := name + ".new"
	if err := os.WriteFile(temp, r.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, name)
}

// newRoleKey generates a key for a role and writes it in the form that the service reads.
func newRoleKey(dir string, role trust.KeyRole, version int64) (name string, public ed25519.PublicKey, err error) {
	key := service.RandomKey()
	name = filepath.Join(dir, fmt.Sprintf("%s-%d-%s.key", role, version, service.KeyID(key)))
	return name, publicHalf(key), writeFresh(name, keyText(key))
}

func publicHalf(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func keyText(key ed25519.PrivateKey) []byte {
	return []byte(base64.StdEncoding.EncodeToString(key.Seed()) + "\n")
}

// writeFresh creates a file with mode 0600. It fails if the file exists.
func writeFresh(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// parseKey reads the form that keyText writes.
func parseKey(name string, b []byte) (ed25519.PrivateKey, error) {
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fault.New(fault.Invalid, "%s is no file of a root key", name)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
