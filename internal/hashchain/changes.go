package hashchain

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"lifeline/internal/sign"
	"lifeline/internal/wire"
)

// floorKind is the kind of the document that a store begins with which was set back.
const floorKind = "floor"

// Change is a change as the audit keeps it.
type Change struct {
	Sequence  int64  `json:"sequence"`
	Kind      string `json:"kind"` // empty: a note, which changes no document
	ID        string `json:"id"`
	Revision  int64  `json:"revision"`
	Deleted   bool   `json:"deleted"`
	AtMs      int64  `json:"at_ms"`
	Action    string `json:"action"`
	By        string `json:"by"`
	Reason    string `json:"reason"`
	RequestID string `json:"request_id"`
	Person    string `json:"person"`
	Token     string `json:"token"`
	Remote    string `json:"remote"`
	Fields    string `json:"fields"`
}

// Changes holds changes against the signatures of the programs that stored them: who writes to the store without the
// key can append a change and its document, and the service would seal the change with the next. It is passed every
// change, in order.
type Changes struct {
	keys    []ed25519.PublicKey
	former  []ed25519.PublicKey // of changes up to until
	until   int64
	begun   bool
	texts   bool // signatures cover texts, and notes have them
	erased  func(sequence int64) bool
	entries map[string]int64 // by signature
}

// NewChanges returns a Changes that trusts keys. erased reports whether an erasure took texts from an entry.
func NewChanges(keys []ed25519.PublicKey, erased func(sequence int64) bool) *Changes {
	return &Changes{keys: keys, erased: erased, entries: map[string]int64{}}
}

// TrustUntil makes it trust former keys for the changes before the one that says what the keys are, if a key that it
// trusts signed that one.
func (c *Changes) TrustUntil(of Change, former []ed25519.PublicKey) {
	if of.signed(of.part(), c.keys) {
		c.former, c.until = former, of.Sequence
	}
}

// Begin makes every later change of a document need a signature, although none before it has one.
func (c *Changes) Begin() { c.begun = true }

// signedPart is what the fields of a change say of its signature.
type signedPart struct{ Digest, Signature, Texts, Salt string }

func (h Change) part() (p signedPart) {
	if json.Unmarshal([]byte(h.Fields), &p) != nil {
		return signedPart{}
	}
	return p
}

func (h Change) signed(p signedPart, keys []ed25519.PublicKey) bool {
	over := max(h.Revision-1, 0)
	s := sign.Change{Kind: h.Kind, ID: h.ID, Over: over, Deleted: h.Deleted, Digest: p.Digest, AtMs: h.AtMs,
		Action: h.Action, Texts: p.Texts}
	if s.SignedBy(p.Signature, keys...) {
		return true
	}
	s.Over = 0 // a document that was made again counts on from the one that was deleted
	return over > 0 && s.SignedBy(p.Signature, keys...)
}

// told reports whether a change has the texts that it was made with. Of those that an erasure took, nothing is known.
func (c *Changes) told(h Change, p signedPart) bool {
	if p.Texts == "" || p.Salt == "" && c.erased(h.Sequence) {
		return true
	}
	return p.Texts == sign.Texts{By: h.By, Reason: h.Reason, RequestID: h.RequestID, Person: h.Person, Token: h.Token,
		Remote: h.Remote, Fields: h.Fields}.Digest()
}

// Problem returns what is wrong with the signature of a change; "" if nothing is.
func (c *Changes) Problem(h Change) string {
	p := h.part()
	c.begun = c.begun || p.Signature != ""
	c.texts = c.texts || p.Texts != ""
	switch {
	case h.Kind == "" && !c.texts || !c.begun:
		return ""
	case h.Kind == floorKind && h.Action == ActionSetBack:
		return "" // what sets a store back need not have the key; a verification tells when it was
	case p.Signature == "":
		return c.tell(h, "was stored without the service's key")
	}
	keys := c.keys
	if h.Sequence < c.until {
		keys = append(keys[:len(keys):len(keys)], c.former...)
	}
	if !h.signed(p, keys) {
		return c.tell(h, "has a signature that is not of a trusted key, or of another change")
	}
	if !c.told(h, p) {
		return c.tell(h, "does not say any more by whom, why or of what it was")
	}
	if first, again := c.entries[p.Signature]; again {
		return c.tell(h, fmt.Sprintf("has the signature of entry %d", first))
	}
	c.entries[p.Signature] = h.Sequence
	return ""
}

// tell says what is wrong with a change, and who may have made it.
func (c *Changes) tell(h Change, what string) string {
	of := ""
	if h.Kind != "" {
		of = " of " + h.Kind + " " + h.ID
	}
	return fmt.Sprintf("entry %d of the audit %s (%s%s, at %s): it was made by who writes to the store beside the service, "+
		"or by a command on a machine that does not have the key", h.Sequence, what, h.Action, of,
		time.UnixMilli(h.AtMs).UTC().Format(time.RFC3339))
}

// ChangeOf reads a change from an entry of the audit.
func ChangeOf(r wire.ChainRecord) (h Change, err error) {
	err = json.Unmarshal(r.Body, &h)
	return h, err
}
