package commands

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/hashchain"
	"lifeline/internal/record"
	"lifeline/internal/service"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// verifyCmd checks the hash chains. Through the API it needs only the public keys, and trusts nothing else from the
// service; on the store itself it checks the stored rundowns too.
type verifyCmd struct {
	remote       `embed:""`
	output       `embed:""`
	Direct       bool     `help:"Read the store itself (--data, --store), with or without a running service."`
	Trust        []string `form:"key" env:"LIFELINE_TRUST" help:"Public key to trust, in base64, as it was handed to you; may be repeated. Without it nothing is verified, except with --direct, by the keys in the service's files."`
	Heads        string   `help:"File that keeps the end of each chain, so that the next run finds a chain that was cut off; - keeps none. Default: files beside the configuration file, one for each key that is trusted at this service." type:"path"`
	AcceptHeads  bool     `help:"Keep the ends of the chains as they are now, without comparing them with those of an earlier run: at the first run, and after a restore that you know of."`
	config.Serve `embed:""`
}

// AfterApply reads the address and the token: the remote's part of the command line beside Serve's.
func (c *verifyCmd) AfterApply() error { return c.remote.AfterApply() }

var errChanged = errors.New("the record differs from what was sealed")

func (c *verifyCmd) Run(ctx context.Context, stdout io.Writer) error {
	keys, err := c.keys(ctx)
	if err != nil {
		return err
	}
	files := c.files(keys)
	known, err := readHeads(files)
	if err != nil {
		return err
	}
	kept := known
	if c.AcceptHeads {
		known = nil
	}
	proof, withheld, err := c.verify(ctx, keys, known)
	if err != nil {
		return err
	}
	if err := c.show(stdout, proof, func() {
		printProof(stdout, proof)
		printEnds(stdout, proof, files, known)
		printAccepted(stdout, proof.Heads, kept, c.AcceptHeads)
	}); err != nil {
		return err
	}
	if len(proof.Differences) > 0 {
		return setBack(proof)
	}
	if proof.Links > 0 && len(files) > 0 && len(known) == 0 && !c.AcceptHeads {
		return cmdline.Refuse(cmdline.Partly, "whether links were cut off at the ends of the chains was not checked: %s, where an "+
			"earlier run keeps them, is not there. At the first run give --accept-heads, which keeps them. If there was a run "+
			"before, somebody removed the file: put it back from a copy, and find out who did", strings.Join(files, " and "))
	}
	switch {
	case withheld:
		return cmdline.Refuse(cmdline.Partly, "the audit was not verified: the service does not show it, and an earlier run "+
			"verified it. Either this token may not read it: verify with one that may (a scheduler who is named for what is "+
			"sensitive), or with --direct. Or somebody withholds it: ask who runs the service. lifeline verify --accept-heads "+
			"goes on without it")
	case len(proof.Unkept) > 0:
		return cmdline.Refuse(cmdline.Partly, "whether links were cut off was not checked for %s: %s has the ends of other "+
			"chains, and none of these, although they are not known to be new. If a station published for the first time "+
			"since the last run, give --accept-heads once. Otherwise somebody changed the file: put it back from a copy, and "+
			"find out who did", strings.Join(proof.Unkept, ", "), strings.Join(files, " and "))
	}
	if proof.Links > 0 || len(known) > 0 {
		if err := writeHeads(files, append(proof.Heads, unread(known, proof.Heads)...)); err != nil {
			return err
		}
	}
	switch {
	case proof.Queues > 0 || proof.Records > 0 || len(known) > 0:
		return nil
	case proof.Entries > 0:
		return cmdline.Refuse(cmdline.Nothing, "only the audit was verified: no day is published yet, and no report is sealed yet")
	}
	return cmdline.Refuse(cmdline.Nothing, "nothing was verified: no day is published yet, and no report is sealed yet")
}

// setBack is the failure of a proof with differences. Where chains do not reach as far as they did, it names what else
// than a forger may have set them back, and the way on.
func setBack(p hashchain.Proof) error {
	if !slices.ContainsFunc(p.Differences, func(d hashchain.Difference) bool { return d.SetBack }) {
		return errChanged
	}
	says := "the audit has no entry of a restore"
	if p.Restored != nil {
		says = fmt.Sprintf("the audit says that it was, at %s, which who forges it can make it say", p.Restored)
	}
	return fmt.Errorf("%w: chains end before the links that were seen earlier, or have others in their places. That is so if "+
		"somebody cut them off, and also after a restore of an older backup or fsck --accept-older: %s. Ask who runs the "+
		"service. If the store was set back on purpose, run lifeline verify --accept-heads once; what the links after it "+
		"sealed is then proven by nothing", errChanged, says)
}

// verify verifies the chains. withheld: the audit was verified by an earlier run, and the service does not show it now.
func (c *verifyCmd) verify(ctx context.Context, keys []ed25519.PublicKey, known []wire.ChainHead) (
	proof hashchain.Proof, withheld bool, err error) {
	if !c.Direct {
		chains := remoteChain{c.client()}
		stations, err := chains.Stations(ctx)
		if err != nil {
			return proof, false, err
		}
		shown := slices.Contains(stations, wire.AuditChain)
		asked := slices.DeleteFunc(slices.Clone(known), func(h wire.ChainHead) bool {
			return h.Station == wire.AuditChain && !shown
		})
		proof, err = hashchain.Verify(ctx, chains, keys, asked)
		return proof, len(asked) < len(known), err
	}
	proof, err = c.verifyStore(ctx, keys, known)
	return proof, false, err
}

// verifyStore verifies the chains of the store itself.
func (c *verifyCmd) verifyStore(ctx context.Context, keys []ed25519.PublicKey, known []wire.ChainHead) (
	proof hashchain.Proof, err error) {
	s, err := service.OpenStore(ctx, c.Serve)
	if err != nil {
		return proof, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	audio, err := service.OpenAudio(ctx, c.Serve) // it has the older records
	if err != nil {
		return proof, err
	}
	defer func() { err = errors.Join(err, audio.Close()) }()
	return hashchain.Verify(ctx, record.NewHashChain(record.NewRecords(nil, s, audio, time.Now, 0)), keys, known)
}

// errUnpinned refuses a verification that would trust the keys which the verified service names.
var errUnpinned = fault.New(fault.Invalid, "nothing was verified, because no key is pinned: a service that lies would name "+
	"its own key. Give the public key by --trust or LIFELINE_TRUST, as it was handed to you in person: it is what the "+
	"stations pin (--key), GET /v1/keys shows it to who asks on the service's own machine, and lifeline rekey prints the "+
	"former ones. On that machine, --direct takes the key from its file")

// keys returns the public keys to trust: those that are given, or with --direct those of the files of keys. It never
// asks the service or the store, which are to be verified.
func (c *verifyCmd) keys(ctx context.Context) (keys []ed25519.PublicKey, err error) {
	if c.Direct {
		if err := service.IsThere(ctx, c.Serve); err != nil {
			return nil, err
		}
	}
	switch {
	case len(c.Trust) == 0 && c.Direct:
		return service.RecordKeys(c.Serve)
	case len(c.Trust) == 0:
		return nil, errUnpinned
	}
	for _, k := range c.Trust {
		public, err := sign.ParsePublic(k)
		if err != nil {
			return nil, err
		}
		keys = append(keys, public)
	}
	return keys, nil
}

func printProof(w io.Writer, p hashchain.Proof) {
	fmt.Fprintf(w, "%s: %s, %s, %s, %s of as-run with %d reports\n", count(p.Stations, "station"), count(p.Links, "link"),
		count(p.Queues, "queue"), count(p.Rundowns, "rundown"), count(p.Days, "day"), p.Records)
	printAudit(w, p.Audit)
	for _, d := range p.Differences {
		fmt.Fprintln(w, "  CHANGED", d)
	}
	if len(p.Differences) == 0 && p.Queues+p.Records > 0 {
		if p.Since == nil {
			fmt.Fprintln(w, "what was checked is as sealed: queues, rundowns and reports, and not the audit")
		} else {
			fmt.Fprintln(w, "everything is as sealed")
		}
		if p.Records == 0 {
			fmt.Fprintln(w, "no report is sealed yet: those of a day are sealed some time after it is over, and verified from "+
				"then on")
		}
	}
}

// printEnds says whether links could be missing at the ends of the chains. Nothing in the store knows where they ended
// but their heads, which who cuts them off changes, and of the audit the links of the stations.
func printEnds(w io.Writer, p hashchain.Proof, files []string, known []wire.ChainHead) {
	file := strings.Join(files, " and ")
	switch {
	case p.Links == 0 && len(known) == 0:
	case len(known) > 0:
		fmt.Fprintf(w, "the ends of the chains were compared with those of the last run, in %s\n", file)
	case file != "":
		fmt.Fprintf(w, "not checked: whether links were cut off at the ends of the chains, since %s has none of an earlier "+
			"run\n", file)
	default:
		fmt.Fprintf(w, "not checked: whether links were cut off at the ends of the chains (of the audit: after link %d, the last "+
			"that a station's link names). Keep the ends away from the service with --heads FILE, at each run\n", p.Named)
	}
}

// printAccepted prints which chains are accepted though they do not end as an earlier run kept it.
func printAccepted(w io.Writer, heads, kept []wire.ChainHead, accepted bool) {
	for _, k := range kept {
		n := slices.IndexFunc(heads, func(h wire.ChainHead) bool { return h.Station == k.Station })
		switch {
		case !accepted:
		case n < 0:
			fmt.Fprintf(w, "accepted: the chain of %s, which ended with link %d, is not there\n", k.Station, k.Number)
		case heads[n].Number < k.Number || heads[n].Number == k.Number && heads[n].SHA256 != k.SHA256:
			fmt.Fprintf(w, "accepted: the chain of %s ends with link %d, which ended with link %d\n", k.Station, heads[n].Number,
				k.Number)
		}
	}
}

func printAudit(w io.Writer, a hashchain.Audit) {
	if a.Since == nil {
		fmt.Fprintln(w, "audit: not chained yet, or not for you (it takes a scheduler who is named for what is sensitive, "+
			"or --direct)")
		return
	}
	fmt.Fprintf(w, "audit: %d entries, chained since %s (older ones as they stood then); %d are not sealed yet\n", a.Entries,
		a.Since, a.Open)
	for _, r := range a.Replaced {
		fmt.Fprintf(w, "  erasure %s took texts from %s of the audit at %s\n", r.Erasure, ranges(r.Entries), r.At)
	}
}

// ranges names sequences: "entries 3, 7-9".
func ranges(all [][2]int64) string {
	var parts []string
	for _, r := range all {
		if parts = append(parts, strconv.FormatInt(r[0], 10)); r[1] > r[0] {
			parts[len(parts)-1] += "-" + strconv.FormatInt(r[1], 10)
		}
	}
	if len(parts) > mostRanges {
		parts = append(parts[:mostRanges], fmt.Sprintf("and %d more", len(parts)-mostRanges))
	}
	return "entries " + strings.Join(parts, ", ")
}

// mostRanges are the ranges of entries that verify prints of one erasure; --json has all.
const mostRanges = 20

// files returns where the ends of the chains are kept: in the file that was named, or in one for each key that is
// trusted at this service, so that they are still found when another key takes its place. There are none without a
// place for them.
func (c *verifyCmd) files(keys []ed25519.PublicKey) (files []string) {
	if c.Heads != "" {
		return slices.DeleteFunc([]string{c.Heads}, func(file string) bool { return file == "-" })
	}
	service := c.address
	if c.Direct {
		service = c.Store + " " + c.Data
	}
	for _, key := range keys {
		sum := sha256.Sum256([]byte(service + " " + sign.KeyID(key)))
		files = append(files, cmdline.SettingsFiles(fmt.Sprintf("chains-%x.json", sum[:8]))...)
	}
	return files
}

// unread returns the known ends of chains that were not read this time.
func unread(known, read []wire.ChainHead) []wire.ChainHead {
	return slices.DeleteFunc(slices.Clone(known), func(k wire.ChainHead) bool {
		return slices.ContainsFunc(read, func(h wire.ChainHead) bool { return h.Station == k.Station })
	})
}

// readHeads returns the latest ends that the files keep.
func readHeads(files []string) (heads []wire.ChainHead, err error) {
	latest := map[string]wire.ChainHead{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var kept []wire.ChainHead
		if err == nil {
			err = json.Unmarshal(b, &kept)
		}
		if err != nil {
			return nil, fmt.Errorf("heads: %s: %w", file, err)
		}
		for _, h := range kept {
			if h.Number > latest[h.Station].Number {
				latest[h.Station] = h
			}
		}
	}
	for _, station := range slices.Sorted(maps.Keys(latest)) {
		heads = append(heads, latest[station])
	}
	return heads, nil
}

func writeHeads(files []string, heads []wire.ChainHead) error {
	b, err := json.MarshalIndent(heads, "", "  ")
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file+".new", append(b, '\n'), 0o600); err != nil {
			return err
		}
		if err := os.Rename(file+".new", file); err != nil {
			return err
		}
	}
	return nil
}

// remoteChain reads chains through the API.
type remoteChain struct{ client *client.Client }

func (r remoteChain) Stations(ctx context.Context) (ids []string, err error) {
	all, err := r.client.Stations(ctx)
	for _, st := range all {
		ids = append(ids, st.ID)
	}
	if err == nil {
		_, err = r.client.AuditChain(ctx, "")
		if err == nil {
			_, err = r.client.AuditRecords(ctx, 1, 1)
		}
		if fault.Is(err, fault.Forbidden) || fault.Is(err, fault.NotFound) {
			return ids, nil // the audit takes a scheduler who is named for it, and a service that chains it
		}
		ids = append(ids, wire.AuditChain)
	}
	return ids, err
}

// page returns a page of a chain.
func (r remoteChain) page(ctx context.Context, chain, cursor string) (wire.ChainPage, error) {
	if chain == wire.AuditChain {
		return r.client.AuditChain(ctx, cursor)
	}
	return r.client.Chain(ctx, chain, cursor)
}

func (r remoteChain) Audit(ctx context.Context, first, last int64) ([]wire.ChainRecord, error) {
	return r.client.AuditRecords(ctx, first, last)
}

func (r remoteChain) Head(ctx context.Context, station string) (wire.ChainHead, error) {
	page, err := r.page(ctx, station, "")
	return page.Head, err
}

func (r remoteChain) Links(ctx context.Context, station string) iter.Seq2[hashchain.Stored, error] {
	return func(yield func(hashchain.Stored, error) bool) {
		for cursor := ""; ; {
			page, err := r.page(ctx, station, cursor)
			if err != nil {
				yield(hashchain.Stored{}, err)
				return
			}
			for _, l := range page.Items {
				if !yield(hashchain.Stored{Number: l.Number, Date: l.Date, Envelope: l.Envelope}, nil) {
					return
				}
			}
			if cursor = page.NextCursor; cursor == "" {
				return
			}
		}
	}
}

func (r remoteChain) Records(ctx context.Context, station string, from, to time.Time) ([]wire.ChainRecord, error) {
	return r.client.ChainRecords(ctx, station, from, to)
}

func (r remoteChain) Queue(ctx context.Context, station string, date schedules.Date) ([]byte, error) {
	d, err := r.client.Station(station).Queue(ctx, date, "", 0)
	return d.Bytes, err
}

// Rundown fails: the API does not serve rundowns byte for byte, but the queue made from one.
func (r remoteChain) Rundown(context.Context, string, schedules.Date, int64) ([]byte, error) {
	return nil, fault.New(fault.Unsupported, "rundowns are checked on the store itself")
}

func (r remoteChain) Published(ctx context.Context, station string) ([]schedules.Date, error) {
	page, err := r.page(ctx, station, "")
	return page.Published, err
}

// ChainsAudit answers for services that have the chain of the audit: of others, Stations does not name it.
func (r remoteChain) ChainsAudit(context.Context) (since time.Time, chains bool, err error) {
	return since, true, nil
}

func (r remoteChain) Unsealed(ctx context.Context, station string) (bool, error) {
	page, err := r.page(ctx, station, "")
	return page.Late, err
}
