package replica

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/sign"
	"lifeline/internal/store"
)

// The audit has the digest of every body that a commit stored, so that fsck finds documents that were changed without
// a commit. Each body has a random salt of its own in its mark: a digest confirms no guess of what a document holds to
// whoever reads the audit, and to nobody once the document has changed again. The program that commits signs each
// change (sign.Change), so that who writes to the store without the key cannot add one (hashchain.Changes). Digests
// begin when the store's format is raised; the baseline has those of the documents that were stored before. Its second
// version adds that who made a change, why, and what it changed is signed too, and notes are.

// KindBaseline are the digests of the documents that were stored before the audit had any: NUMBER.
const KindBaseline = "baseline"

// baselineKinds raise the format of a store, so that no program that writes no digests opens it.
var baselineKinds = Kinds{{Name: KindBaseline, Form: reflect.TypeFor[baseline](), Inspect: Readable[baseline],
	Upgrades: []Upgrade{{Up: unchanged, Down: unchanged}}}}

// signsTexts is the version of baselines since which changes sign their texts, and notes are signed.
const signsTexts = 2

type baseline struct {
	Documents []storedDigest `json:"documents"`
}

type storedDigest struct {
	Kind     string `json:"kind"`
	ID       string `json:"id"`
	Revision int64  `json:"revision"`
	Digest   string `json:"digest"`
}

// digestOf returns the digest of a body as it is stored.
func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// newSalt returns a random salt for a body, 128 bits.
func newSalt() string {
	var b [16]byte
	rand.Read(b[:]) // crypto/rand never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Digested returns the fields of a write with the digest of the body that is stored.
func Digested(fields string, body []byte) string {
	f := auditFields{Digest: digestOf(body)}
	if fields != "" && json.Unmarshal([]byte(fields), &f) == nil {
		f.Digest = digestOf(body)
	}
	return f.String()
}

// signed returns the fields of a change with the digest of the body that it stores, the digest of its texts, and its
// signature.
func (v *Versioned) signed(w store.Write, of store.Origin) string {
	var f auditFields
	if w.Fields != "" && json.Unmarshal([]byte(w.Fields), &f) != nil {
		f = auditFields{}
	}
	if w.Kind != "" && !w.Delete {
		f.Digest = digestOf(w.Body)
	}
	v.mu.Lock()
	signer, texts := v.signer, v.format.Kinds[KindBaseline] >= signsTexts
	v.mu.Unlock()
	if signer == nil || w.Kind == "" && !texts {
		return f.String()
	}
	if texts {
		f.Salt = newSalt()
		f.Texts = sign.Texts{By: of.By, Reason: of.Reason, RequestID: of.RequestID, Person: of.Person, Token: of.Token,
			Remote: of.Remote, Fields: f.String()}.Digest()
	}
	f.Signature = signer.SignChange(sign.Change{Kind: w.Kind, ID: w.ID, Over: w.Expect, Deleted: w.Delete,
		Digest: f.Digest, AtMs: of.At.UnixMilli(), Action: of.Action, Texts: f.Texts})
	return f.String()
}

// SignChanges makes v sign what it commits from now on.
func (v *Versioned) SignChanges(by *sign.Signer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.signer = by
}

// OnlyDigest returns the fields of a change without anything but digests and the signature.
func OnlyDigest(fields string) string {
	var f auditFields
	if json.Unmarshal([]byte(fields), &f) != nil || f.Digest+f.Signature == "" {
		return ""
	}
	return auditFields{Digest: f.Digest, Signature: f.Signature, Texts: f.Texts}.String()
}

// Unsalted returns the fields of a change without the salt, for a change of which an erasure took texts.
func Unsalted(fields string) string {
	var f auditFields
	if json.Unmarshal([]byte(fields), &f) != nil || f.Salt == "" {
		return fields
	}
	f.Salt = ""
	return f.String()
}

// baselineRows are the digests of one document of a baseline.
const baselineRows = 1000

// baselineAfter is how long after the format was raised the baseline is made: replicas of a version that writes no
// digests end when they hear of the new format.
const baselineAfter = time.Minute

// digests reports whether the store's format has digests, and since when.
func (v *Versioned) digests() (since time.Time, has bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.format.At.Time, v.format.Kinds[KindBaseline] > 0
}

// Baseline keeps the digests of the documents that were stored before the audit had any, once.
func (v *Versioned) Baseline(ctx context.Context, now time.Time) error {
	since, has := v.digests()
	if !has || now.Sub(since) < baselineAfter || v.based.Load() {
		return nil
	}
	made, err := v.Store.Audit(ctx, store.AuditQuery{Kind: KindBaseline, Limit: 1})
	if err != nil {
		return err
	}
	if len(made) == 0 {
		rows, err := v.undigested(ctx)
		if err != nil {
			return err
		}
		c := store.Commit{Origin: store.Origin{At: now.UTC().Truncate(time.Millisecond), By: store.System,
			Action: "audit.baseline"}}
		parts := slices.Collect(slices.Chunk(rows, baselineRows))
		if len(rows) == 0 {
			parts = [][]storedDigest{{}} // it says that there were none
		}
		for _, part := range parts {
			body, err := Encode(baseline{part})
			if err != nil {
				return err
			}
			c.Writes = append(c.Writes, store.Write{Kind: KindBaseline, ID: fmt.Sprintf("%06d", len(c.Writes)+1), Body: body})
		}
		if _, err := v.Commit(ctx, c); err != nil && !fault.Is(err, fault.Conflict) { // another replica was first
			return err
		}
	}
	v.based.Store(true)
	return nil
}

// undigested returns the digests of the documents that were stored before the audit had any: their bodies have no salt.
func (v *Versioned) undigested(ctx context.Context) (rows []storedDigest, err error) {
	const few = 64 // days are large
	for _, kind := range v.kinds {
		for after := ""; kind.Name != KindFormat; {
			docs, err := v.Store.List(ctx, kind.Name, after, few)
			if err != nil {
				return nil, err
			}
			for _, d := range docs {
				if after = d.ID; !readMark(d.Body).salted {
					rows = append(rows, storedDigest{d.Kind, d.ID, d.Revision, digestOf(d.Body)})
				}
			}
			if len(docs) < few {
				break
			}
		}
	}
	return rows, nil
}

// Purge implements Store. What the baseline says of documents that have changed since goes too: their bodies had no
// salt.
func (v *Versioned) Purge(ctx context.Context) error {
	if err := v.shortenBaseline(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrRace, err)
	}
	return v.Store.Purge(ctx)
}

func (v *Versioned) shortenBaseline(ctx context.Context) error {
	docs, err := List(ctx, v, KindBaseline, "", "")
	if err != nil || len(docs) == 0 {
		return err
	}
	rows, err := v.undigested(ctx)
	if err != nil {
		return err
	}
	still := map[storedDigest]bool{}
	for _, r := range rows {
		still[r] = true
	}
	var c store.Commit
	for _, d := range docs {
		b, err := Decode[baseline](d)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(slices.Clone(b.Documents), func(r storedDigest) bool { return !still[r] })
		if len(left) == len(b.Documents) {
			continue
		}
		body, err := Encode(baseline{left})
		if err != nil {
			return err
		}
		c.Writes = append(c.Writes, store.Write{Kind: d.Kind, ID: d.ID, Expect: d.Revision, Body: body})
	}
	if len(c.Writes) == 0 {
		return nil
	}
	newest, err := v.Audit(ctx, store.AuditQuery{Newest: true, Limit: 1})
	if err != nil || len(newest) == 0 {
		return err
	}
	c.Origin = store.Origin{At: newest[0].At, By: store.System, Action: "audit.baseline"}
	_, err = v.Commit(ctx, c)
	return err
}

// Digests holds documents against what the audit says was stored. It is passed every document, as it is stored, then
// every change, in order, and then Finish. It tells of bodies alone: that a document is at the revision of its last
// change is the store's own check.
type Digests struct {
	report func(problem string)
	held   map[documentName]heldBody
	base   map[documentName]storedDigest
	based  int64 // sequence of the first change of the baseline; 0: there is none yet
	proved HeldDigests
}

// HeldDigests are numbers of documents.
type HeldDigests struct {
	ByEntry    int // whose body is the one that an entry of the audit names
	ByBaseline int // which are as they were when digests began
	Unknown    int // of which nothing says what they were: they were stored before digests began
}

type documentName struct{ kind, id string }

type heldBody struct {
	revision int64
	digest   string
	entry    int64 // that stored it, without a digest; 0: none was found
}

// NewDigests returns a Digests. It calls report for each problem.
func NewDigests(report func(problem string)) *Digests {
	return &Digests{report: report, held: map[documentName]heldBody{}, base: map[documentName]storedDigest{}}
}

// Document takes a document.
func (g *Digests) Document(d store.Document) {
	g.held[documentName{d.Kind, d.ID}] = heldBody{revision: d.Revision, digest: digestOf(d.Body)}
	if d.Kind == KindBaseline {
		b, err := Parse[baseline](readMark(d.Body).form)
		if err != nil {
			return // the inspection of documents tells
		}
		for _, row := range b.Documents {
			g.base[documentName{row.Kind, row.ID}] = row
		}
	}
}

// Change compares the document that a change stored, if it is still at its revision.
func (g *Digests) Change(c store.Change) {
	if c.Kind == KindBaseline {
		g.based = cmp.Or(g.based, c.Sequence)
	}
	if c.Kind == "" || c.Deleted {
		return
	}
	var f auditFields
	if json.Unmarshal([]byte(c.Fields), &f) != nil {
		f.Digest = ""
	}
	name := documentName{c.Kind, c.ID}
	d, held := g.held[name]
	switch is := held && d.revision == c.Revision; {
	case is && f.Digest == d.digest:
		g.proved.ByEntry++
		delete(g.held, name)
	case is && f.Digest != "":
		g.report(fmt.Sprintf("%s %s is not what entry %d of the audit says was stored (%s, at %s)", c.Kind, c.ID,
			c.Sequence, c.Action, c.At.UTC().Format(time.RFC3339)))
		delete(g.held, name)
	case is:
		d.entry = c.Sequence
		g.held[name] = d
	case f.Digest == "" && g.based > 0:
		g.report(emptied(c.Sequence, name))
	}
}

// emptied tells that an entry has no digest, though digests had begun.
func emptied(entry int64, of documentName) string {
	return fmt.Sprintf("entry %d of the audit does not say any more what was stored of %s %s", entry, of.kind, of.id)
}

// Finish compares the documents of which no entry has a digest with the baseline.
func (g *Digests) Finish() HeldDigests {
	for _, name := range slices.SortedFunc(maps.Keys(g.held), func(a, b documentName) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id))
	}) {
		d, base := g.held[name], g.base[name]
		switch before := base.Revision == d.revision; {
		case before && base.Digest == d.digest:
			g.proved.ByBaseline++
		case before:
			g.report(fmt.Sprintf("%s %s is not as it was when the audit began to say what was stored", name.kind, name.id))
		case g.based == 0:
			g.proved.Unknown++
		case d.entry == 0:
			g.report(fmt.Sprintf("%s %s is on no entry of the audit", name.kind, name.id))
		default:
			g.report(emptied(d.entry, name))
		}
	}
	return g.proved
}
