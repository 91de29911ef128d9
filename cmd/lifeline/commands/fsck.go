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
	look := replica.NewInspector(kinds.All, up.report)
	documents, entries := 0, 0
	err = s.Export(ctx, func(int64) error { return nil }, func(d store.Document) error {
		documents++
		look.Document(d)
		return ctx.Err()
	},
		func(store.Change) error { return ctx.Err() },
		func(e store.Entry) error { entries++; look.Entry(e); return ctx.Err() })
	if err != nil {
		up.report(err.Error())
	}
	look.Finish()
	if err := heldToRecord(ctx, s, audio, up.report); err != nil {
		up.report(err.Error())
	}
	printFormer(stdout, keys, look.Signers())
	if err := c.blobs(ctx, up, audio, look.Blobs()); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d documents, %d as-run entries, %d blobs\n", documents, entries, len(look.Blobs()))
	return up.verdict()
}

// heldToRecord reports chains that are gone as a whole, and persons and tokens that have other rights than the audit
// says.
func heldToRecord(ctx context.Context, s service.Store, audio service.Audio, report func(string)) error {
	records := record.NewRecords(nil, s, audio, time.Now, 0)
	chains := record.NewHashChain(records)
	gone, err := hashchain.Missing(ctx, chains)
	if err != nil {
		return err
	}
	for _, d := range gone {
		report(d.String())
	}
	_, chained, err := chains.ChainsAudit(ctx)
	if err != nil {
		return err
	}
	for _, kind := range kinds.All {
		if len(kind.Audited) == 0 {
			continue
		}
		documents, err := replica.List(ctx, s, kind.Name, "", "")
		if err != nil {
			return err
		}
		histories, err := historyOf(ctx, records, store.AuditQuery{Kind: kind.Name})
		if err != nil {
			return err
		}
		for _, d := range documents {
			if len(kind.HeldToAudit(d, histories[d.ID], chained)) == 0 {
				continue
			}
			differs, err := heldToAudit(ctx, s, records, kind, d, chained)
			if err != nil {
				return err
			}
			for _, what := range differs {
				report(fmt.Sprintf("%s %s %s", d.Kind, d.ID, what))
			}
		}
	}
	return nil
}

// heldToAudit compares a document with the audit, again if either was changed meanwhile.
func heldToAudit(ctx context.Context, s service.Store, records *record.Records, kind replica.Kind, d store.Document,
	chained bool) (differs []string, err error) {
	for {
		history, err := historyOf(ctx, records, store.AuditQuery{Kind: d.Kind, ID: d.ID})
		if err != nil {
			return nil, err
		}
		now, err := s.Get(ctx, d.Kind, d.ID)
		if fault.Is(err, fault.NotFound) {
			return nil, nil
		}
		if err != nil || now.Revision == d.Revision {
			return kind.HeldToAudit(d, history[d.ID], chained), err
		}
		d = now
	}
}

// historyOf returns what the audit has of documents, by their ids, in order.
func historyOf(ctx context.Context, records *record.Records, q store.AuditQuery) (map[string][]store.Change, error) {
	all := map[string][]store.Change{}
	for q.Limit = 500; ; {
		page, err := records.Audit(ctx, q)
		if err != nil || len(page) == 0 {
			return all, err
		}
		for _, c := range page {
			all[c.ID] = append(all[c.ID], c)
		}
		q.After = page[len(page)-1].Sequence
	}
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
		return record.RaiseFloor(ctx, s, "fsck --accept-older", "recalls.raise", true, time.Now())
	})
	if err == nil {
		fmt.Fprintf(stdout, "The database is accepted as it is, up to change %d. What came later is not in it: %s At its "+
			"next start the service signs the "+
			"days that are not over anew, and stations air them in the place of what they hold.\n", latest, setBackCure)
	}
	return err
}

// setBackCure is the cure for a store that was set back to an older state.
const setBackCure = "recall, approve, withdraw and publish it again. What a station saw recalled stays off its air, " +
	"and an alarm of the station " +
	"names it, until it is recalled here too."

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
