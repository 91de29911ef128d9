package trust

import (
	"crypto"
	"crypto/ed25519"
	"slices"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"lifeline/internal/fault"
	"lifeline/internal/sign"
)

// Draft is the content of a root that is not made yet.
type Draft struct{ signed metadata.RootType }

// NewDraft returns the draft of a first root. threshold is the number of its root keys that must sign the next root.
func NewDraft(threshold int, expires time.Time) *Draft {
	signed := metadata.Root(whole(expires)).Signed
	signed.Roles = map[string]*metadata.Role{string(RootKeys): {KeyIDs: []string{}, Threshold: threshold}}
	for _, role := range Online {
		signed.Roles[string(role)] = &metadata.Role{KeyIDs: []string{}, Threshold: 1}
	}
	return &Draft{signed}
}

// whole returns t in UTC without fractions of a second, as the format requires.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// Redraft returns a draft with the content and version of r, for changes to a root that too few keys have signed.
func (r *Root) Redraft(expires time.Time) (*Draft, error) {
	again, err := ParseRoot(r.raw)
	if err != nil {
		return nil, err
	}
	again.meta.Signed.Expires = whole(expires)
	return &Draft{again.meta.Signed}, nil
}

// Draft returns a draft of the root after r, with the same content.
func (r *Root) Draft(expires time.Time) (*Draft, error) {
	if r.Version() >= MaxRoots {
		return nil, fault.New(fault.Conflict, "root %d is the last of its chain: make a new one with lifeline key init, and "+
			"pin it at the stations", r.Version())
	}
	d, err := r.Redraft(expires)
	if err == nil {
		d.signed.Version++
	}
	return d, err
}

// Add adds a key to a role.
func (d *Draft) Add(role KeyRole, key ed25519.PublicKey) error {
	k, err := metadata.KeyFromPublicKey(key)
	if err == nil {
		err = d.signed.AddKey(k, string(role))
	}
	return err
}

// Remove removes a key from a role. It fails with NotFound if the role has no key with that id.
func (d *Draft) Remove(role KeyRole, id string) error {
	for _, tufID := range slices.Clone(d.signed.Roles[string(role)].KeyIDs) {
		key, err := d.signed.Keys[tufID].ToPublicKey()
		if err != nil {
			return err
		}
		if public, ok := key.(ed25519.PublicKey); ok && sign.KeyID(public) == id {
			return d.signed.RevokeKey(tufID, string(role))
		}
	}
	return fault.New(fault.NotFound, "role %s has no key %q", role, id)
}

// Root returns the draft as a root without signatures.
func (d *Draft) Root() (*Root, error) {
	return remade(&metadata.Metadata[metadata.RootType]{Signed: d.signed, Signatures: []metadata.Signature{}})
}

// Sign returns r with an additional signature by a root key.
func (r *Root) Sign(key crypto.PrivateKey) (*Root, error) {
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fault.New(fault.Invalid, "the root key is no Ed25519 key")
	}
	signer, err := signature.LoadED25519Signer(private)
	if err != nil {
		return nil, err
	}
	if r.signedBy(private.Public().(ed25519.PublicKey)) {
		return r, nil
	}
	again, err := ParseRoot(r.raw)
	if err != nil {
		return nil, err
	}
	if _, err := again.meta.Sign(signer); err != nil {
		return nil, err
	}
	return remade(again.meta)
}

// Merge returns r with the signatures of other copies of the same root. It fails with Conflict if a copy has other
// content.
func (r *Root) Merge(others ...*Root) (*Root, error) {
	all := *r.meta
	all.Signatures = slices.Clone(all.Signatures)
	for _, o := range others {
		if !Same(r, o) {
			return nil, fault.New(fault.Conflict, "the files hold different roots of version %d and %d: collect signatures of "+
				"one and the same", r.Version(), o.Version())
		}
		for _, s := range o.meta.Signatures {
			if !slices.ContainsFunc(all.Signatures, func(h metadata.Signature) bool { return h.KeyID == s.KeyID }) {
				all.Signatures = append(all.Signatures, s)
			}
		}
	}
	return remade(&all)
}

// Same reports whether two roots have the same content, regardless of their signatures.
func Same(a, b *Root) bool {
	left, err := a.meta.Signed.MarshalJSON()
	right, errToo := b.meta.Signed.MarshalJSON()
	return err == nil && errToo == nil && string(left) == string(right)
}

func remade(meta *metadata.Metadata[metadata.RootType]) (*Root, error) {
	b, err := meta.ToBytes(true)
	if err != nil {
		return nil, err
	}
	return ParseRoot(append(b, '\n'))
}
