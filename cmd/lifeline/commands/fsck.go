package commands

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/blob"
	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/hashchain"
	"lifeline/internal/kinds"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/service"
	"lifeline/internal/store"
	"lifeline/internal/store/sqlite"
)

// fsckCmd takes the flags by which serve finds the store. It works with or without a running service.
type fsckCmd struct {
	config.Serve `embed:""`
	Quick        bool   `help:"Do not read recordings; check only that they exist and have the right size."`
	AcceptOlder  bool   `help:"Accept the embedded database as it is, although it lacks changes that a service acknowledged, because it was copied without its journal or replaced by an older copy. The service must not run."`
	RepairFrom   string `help:"Second copy of the recordings, from which to repair damaged and missing ones: a directory, or s3+http://… or s3+https://HOST/BUCKET[/PREFIX]."`
}

// checkReport counts and prints the findings.
type checkReport struct {
	stdout          io.Writer
	found, repaired int
}

func (c *checkReport) report(problem string) {
	c.found++
	fmt.Fprintln(c.stdout, problem)
}

func (c *fsckCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	up := &checkReport{stdout: stdout}
	if c.AcceptOlder {
		if err := c.acceptOlder(ctx, stdout); err != nil {
			return err
		}
	}
	s, audio, err := service.OpenThere(ctx, c.Serve)
	if fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil {
		up.report(err.Error())
		return c.withoutStore(ctx, up)
	}
	defer func() { err = errors.Join(err, audio.Close(), s.Close()) }()
	keys, err := c.signingKeys(ctx, s)
	if err != nil {
		up.report(err.Error())
	}
	if err := s.Check(ctx, up.report); err != nil {
		up.report(err.Error())
	}
	look, digests := replica.NewInspector(kinds.All, up.report), replica.NewDigests(up.report)
	chain := record.NewHashChain(record.NewRecords(nil, s, audio, time.Now, 0))
	signed, err := c.signedChanges(ctx, s, chain, keys)
	if err != nil {
		up.report(err.Error())
	}
	documents, entries := 0, 0
	err = s.Export(ctx, func(int64) error { return nil }, func(d store.Document) error {
		documents++
		look.Document(d)
		digests.Document(d)
		return ctx.Err()
	},
		func(c store.Change) error { digests.Change(c); signed.change(c, up.report); return ctx.Err() },
		func(e store.Entry) error { entries++; look.Entry(e); return ctx.Err() })
	if err != nil {
		up.report(err.Error())
	}
	look.Finish()
	if err == nil { // else they are not all known
		printDigests(stdout, digests.Finish())
		if signed.Changes == nil {
			fmt.Fprintln(stdout, "not checked: whether the service stored them, since its signing key is not here (--key)")
		}
	}
	gone, err := hashchain.Missing(ctx, chain)
	if err != nil {
		up.report(err.Error())
	}
	for _, d := range gone {
		up.report(d.String())
	}
	printFormer(stdout, keys, look.Signers())
	if err := c.blobs(ctx, up, audio, look.Blobs()); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d documents, %d as-run entries, %d blobs\n", documents, entries, len(look.Blobs()))
	return up.verdict()
}

// signedChanges are the signatures of changes; nil where no key is here to hold them against.
type signedChanges struct{ *hashchain.Changes }

// signedChanges trusts the keys in the files beside the service, and for what is older those that the store names, if
// who has the present key stored their names.
func (c *fsckCmd) signedChanges(ctx context.Context, s service.Store, chain record.HashChain,
	known access.SigningKeys) (out signedChanges, err error) {
	keys, err := service.RecordKeys(c.Serve)
	if err != nil { // signingKeys has told, unless the store is shared
		return out, nil
	}
	erased, err := hashchain.Erased(ctx, chain)
	if err != nil {
		return out, err
	}
	out.Changes = hashchain.NewChanges(keys, erased)
	stored, err := s.Audit(ctx, store.AuditQuery{Kind: access.KindKeys, Newest: true, Limit: 1})
	if err != nil || len(stored) == 0 {
		return out, err
	}
	var former []ed25519.PublicKey
	for _, key := range known.Keys {
		if len(key.Public) == ed25519.PublicKeySize {
			former = append(former, key.Public)
		}
	}
	out.TrustUntil(storedChange(stored[0]), former)
	return out, nil
}

func (s signedChanges) change(c store.Change, report func(problem string)) {
	if s.Changes == nil {
		return
	}
	if c.Kind == replica.KindBaseline {
		s.Begin()
	}
	if problem := s.Problem(storedChange(c)); problem != "" {
		report(problem)
	}
}

func storedChange(c store.Change) hashchain.Change {
	return hashchain.Change{Sequence: c.Sequence, Kind: c.Kind, ID: c.ID, Revision: c.Revision, Deleted: c.Deleted,
		AtMs: c.At.UnixMilli(), Action: c.Action, By: c.By, Reason: c.Reason, RequestID: c.RequestID, Person: c.Person,
		Token: c.Token, Remote: c.Remote, Fields: c.Fields}
}

// printDigests says of how many documents it is known that they are as they were stored.
func printDigests(w io.Writer, d replica.HeldDigests) {
	fmt.Fprintf(w, "%d documents are as the audit says they were stored", d.ByEntry)
	if d.ByBaseline > 0 {
		fmt.Fprintf(w, "; %d are as they were when the audit began to say that", d.ByBaseline)
	}
	if d.Unknown > 0 {
		fmt.Fprintf(w, "; of %d it does not say: a program stored them that told the audit nothing of it", d.Unknown)
	}
	fmt.Fprintln(w)
}

// acceptOlder accepts the embedded database as it is, and prints the consequences. It fails, without a change, if no
// acknowledged change is missing.
func (c *fsckCmd) acceptOlder(ctx context.Context, stdout io.Writer) (err error) {
	if c.Store != "sqlite" {
		return fault.New(fault.Invalid, "--accept-older is for the embedded store")
	}
	if err := service.IsThere(ctx, c.Serve); err != nil {
		return err
	}
	hold, err := service.Hold(c.Serve, endFirst("fsck --accept-older"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hold.Close()) }()
	if whole, err := sqlite.Open(ctx, c.StoreFile()); err == nil {
		return errors.Join(whole.Close(), cmdline.Refuse(cmdline.Nothing, "nothing was accepted: %s has every change that "+
			"its service acknowledged. Run lifeline fsck without --accept-older to look for other damage", c.StoreFile()))
	} else if !errors.Is(err, sqlite.ErrBehind) {
		return err
	}
	latest, err := sqlite.Accept(ctx, c.StoreFile(), func(s *sqlite.Store) error {
		docs, err := replica.NewVersioned(ctx, s, kinds.All, "lifeline "+cmdline.Version())
		if err != nil {
			return err
		}
		return record.RaiseFloor(ctx, docs, "fsck --accept-older", hashchain.ActionSetBack, true, time.Now())
	})
	if err == nil {
		fmt.Fprintf(stdout, "The database is accepted as it is, up to change %d. What came later is not in it: %s At its "+
			"next start the service signs the "+
			"days that are not over anew, and stations air them in the place of what they hold.\n", latest, setBackCure)
	}
	return err
}

// setBackCure is the cure for a store that was set back to an older state.
const setBackCure = "recall, approve, withdraw and publish it again, and revoke tokens, end persons and shut out " +
	"seized stations again, since what ended after that is valid in it. What a station saw recalled stays off its air, " +
	"and an alarm of the station names it, until it is recalled here too."

// signingKeys returns the keys that the store knows. It fails if the key file does not hold the signing key. A shared
// store can be checked on a machine without a service and without a key.
func (c *fsckCmd) signingKeys(ctx context.Context, s service.Store) (known access.SigningKeys, err error) {
	id := ""
	key, failed := service.SigningKey(c.Key)
	if failed == nil {
		id = service.KeyID(key)
	}
	known, _, err = access.ReadSigningKeys(ctx, s, id)
	switch {
	case err != nil:
		return known, err
	case failed == nil:
		return known, errors.Join(service.KnownKey(ctx, c.Serve, s, id), c.roleKeys(ctx, s, key))
	case !errors.Is(failed, fs.ErrNotExist):
		return known, failed
	case known.Current == "" || c.Store != "sqlite":
		return known, nil
	}
	if made, err := service.SigningKey(service.NewKeyFile(c.Key)); err == nil && service.KeyID(made) == known.Current {
		return known, nil // the next start sets it
	}
	return known, service.KeyMissing(c.Serve, known.Current)
}

// roleKeys fails if the service would not start with this folder of keys.
func (c *fsckCmd) roleKeys(ctx context.Context, s service.Store, key ed25519.PrivateKey) error {
	if _, err := os.Stat(c.Keys); errors.Is(err, fs.ErrNotExist) && c.Store != "sqlite" {
		return nil // as for the signing key
	}
	return service.CheckKeys(ctx, c.Serve, s, key)
}

// printFormer prints how many documents were signed by keys that sign no more.
func printFormer(w io.Writer, known access.SigningKeys, signers map[string]map[string]int) {
	for _, id := range slices.Sorted(maps.Keys(signers)) {
		if known.Current == "" || known.Signs(id) {
			continue
		}
		var parts []string
		for _, kind := range slices.Sorted(maps.Keys(signers[id])) {
			parts = append(parts, fmt.Sprintf("%s %d", kind, signers[id][kind]))
		}
		fmt.Fprintf(w, "signed with former key %s: %s\n", id, strings.Join(parts, ", "))
	}
}

// withoutStore checks the recordings alone, since there is no list of those that there should be.
func (c *fsckCmd) withoutStore(ctx context.Context, up *checkReport) (err error) {
	audio, err := service.OpenAudio(ctx, c.Serve)
	if err != nil {
		up.report(err.Error())
		return up.verdict()
	}
	defer func() { err = errors.Join(err, audio.Close()) }()
	if err := c.blobs(ctx, up, audio, nil); err != nil {
		return err
	}
	return up.verdict()
}

// blobs checks that the named blobs exist and are intact, and repairs those that it can.
func (c *fsckCmd) blobs(ctx context.Context, up *checkReport, audio service.Audio,
	named map[string]replica.Held) (err error) {
	var spare service.Audio // nil: no second copy
	if c.RepairFrom != "" {
		if spare, err = c.openSpare(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, spare.Close()) }()
	}
	for _, sha := range slices.Sorted(maps.Keys(named)) {
		b, err := audio.Stat(ctx, sha)
		problem := ""
		switch {
		case fault.Is(err, fault.NotFound):
			problem = "is missing"
		case err != nil:
			return err
		case c.Quick && named[sha].Bytes > 0 && b.Bytes != named[sha].Bytes:
			problem = fmt.Sprintf("has %d bytes and should have %d", b.Bytes, named[sha].Bytes)
		default:
			continue
		}
		var failed error
		if spare != nil {
			failed = blob.Repair(ctx, audio, spare, sha)
		}
		up.blob(sha, named, problem, spare != nil && failed == nil, failed)
	}
	if c.Quick {
		return nil
	}
	var from blob.Store
	if spare != nil {
		from = spare
	}
	return blob.Scrub(ctx, audio, from, func(f blob.Finding) error {
		up.blob(f.SHA256, named, "is damaged: "+f.Problem, f.Repaired, f.Err)
		return nil
	})
}

func (up *checkReport) blob(sha string, named map[string]replica.Held, problem string, repaired bool, failed error) {
	by := "named by no document"
	if h, ok := named[sha]; ok {
		by = "of " + h.By
	}
	line := fmt.Sprintf("blob %s, %s, %s", sha, by, problem)
	if repaired {
		up.repaired++
		line += "; repaired"
	}
	if failed != nil {
		line += "; not repaired: " + failed.Error()
	}
	up.report(line)
}

// verdict fails if anything was found, repaired or not, so that the exit code shows it.
func (up *checkReport) verdict() error {
	switch up.found {
	case 0:
		fmt.Fprintln(up.stdout, "no problem found")
		return nil
	case up.repaired:
		return fmt.Errorf("problems found: %d, all repaired", up.found)
	}
	return fmt.Errorf("problems found: %d, of which repaired: %d", up.found, up.repaired)
}

func (c *fsckCmd) openSpare(ctx context.Context) (service.Audio, error) {
	if strings.HasPrefix(c.RepairFrom, "s3+") {
		other := c.Serve
		other.Audio = c.RepairFrom
		return service.OpenAudio(ctx, other)
	}
	if _, err := os.Stat(c.RepairFrom); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "there is no directory %s to repair from", c.RepairFrom)
	}
	return blob.OpenLocal(c.RepairFrom)
}
