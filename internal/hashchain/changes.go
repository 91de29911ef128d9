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

// Change is a change of a document as the audit keeps it.
type Change struct {
	Sequence int64  `json:"sequence"`
	Kind     string `json:"kind"`
	ID       string `json:"id"`
	Revision int64  `json:"revision"`
	Deleted  bool   `json:"deleted"`
	AtMs     int64  `json:"at_ms"`
	Action   string `json:"action"`
	Fields   string `json:"fields"`
}

// Changes holds changes against the signatures of the programs that stored them: who writes to the store without the
// key can append a change and its document, and the service would seal the change with the next. It is passed every
// change, in order.
type Changes struct {
	keys    []ed25519.PublicKey
	former  []ed25519.PublicKey // of changes up to until
	until   int64
	begun   bool
	entries map[string]int64 // by signature
}

// NewChanges returns a Changes that trusts keys.
func NewChanges(keys []ed25519.PublicKey) *Changes {
	return &Changes{keys: keys, entries: map[string]int64{}}
}

// TrustUntil makes it trust former keys for the changes before the one that says what the keys are, if a key that it
// trusts signed that one.
func (c *Changes) TrustUntil(of Change, former []ed25519.PublicKey) {
	if c.signed(of, c.keys) {
		c.former, c.until = former, of.Sequence
	}
}

// Begin makes every later change need a signature, although none before it has one.
func (c *Changes) Begin() { c.begun = true }

func (c *Changes) signed(h Change, keys []ed25519.PublicKey) bool {
	over := h.Revision - 1
	s := sign.Change{Kind: h.Kind, ID: h.ID, Over: over, Deleted: h.Deleted, Digest: h.part().Digest, AtMs: h.AtMs,
		Action: h.Action}
	if s.SignedBy(h.part().Signature, keys...) {
		return true
	}
	s.Over = 0 // a document that was made again counts on from the one that was deleted
	return over > 0 && s.SignedBy(h.part().Signature, keys...)
}

// part returns what the fields of a change say of its body.
func (h Change) part() (p struct{ Digest, Signature string }) {
	if json.Unmarshal([]byte(h.Fields), &p) != nil {
		return struct{ Digest, Signature string }{}
	}
	return p
}

// Problem returns what is wrong with the signature of a change; "" if nothing is.
func (c *Changes) Problem(h Change) string {
	signature := h.part().Signature
	c.begun = c.begun || signature != ""
	switch {
	case h.Kind == "" || !c.begun:
		return ""
	case h.Kind == floorKind && h.Action == ActionSetBack:
		return "" // what sets a store back need not have the key; a verification tells when it was
	case signature == "":
		return c.tell(h, "was stored without the service's key")
	}
	keys := c.keys
	if h.Sequence < c.until {
		keys = append(keys[:len(keys):len(keys)], c.former...)
	}
	if !c.signed(h, keys) {
		return c.tell(h, "has a signature that is not of a trusted key, or of another change")
	}
	if first, again := c.entries[signature]; again {
		return c.tell(h, fmt.Sprintf("has the signature of entry %d", first))
	}
	c.entries[signature] = h.Sequence
	return ""
}

// tell says what is wrong with a change, and who may have made it.
func (c *Changes) tell(h Change, what string) string {
	return fmt.Sprintf("entry %d of the audit %s (%s of %s %s, at %s): it was made by who writes to the store beside the "+
		"service, or by a command on a machine that does not have the key", h.Sequence, what, h.Action, h.Kind, h.ID,
		time.UnixMilli(h.AtMs).UTC().Format(time.RFC3339))
}

// ChangeOf reads a change from an entry of the audit.
func ChangeOf(r wire.ChainRecord) (h Change, err error) {
	err = json.Unmarshal(r.Body, &h)
	return h, err
}
