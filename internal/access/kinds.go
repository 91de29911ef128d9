package access

import (
	"fmt"
	"reflect"
	"slices"

	"lifeline/internal/fault"
	"lifeline/internal/names"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/text"
)

const (
	KindToken = "token"
	KindUse   = "token-use"    // when a token was last used: the id of the token
	KindKeys  = "signing-keys" // the single list of the keys that sign documents

	KindMirrorList = "mirror-list" // where a station finds mirrors, signed: STATION
)

// The change feed names a change that waits when it begins to wait, and when it ends.
var Kinds = replica.Kinds{
	{Name: KindWaiting, Changes: "waiting", Form: reflect.TypeFor[waiting](),
		Copy: replica.Copied(replica.Parse[waiting]), Inspect: replica.Readable[waiting]},
	{Name: KindToken, Form: reflect.TypeFor[token](), Copy: replica.Copied(replica.Tidied(tidyToken)),
		Hides:   replica.Hiding("hash"),
		Inspect: replica.Looking(inspectToken), Upgrades: []replica.Upgrade{withPerson, withMaker}},
	{Name: KindUse, Often: true, Form: reflect.TypeFor[tokenUse](), Copy: replica.Copied(replica.Parse[tokenUse]),
		Inspect: replica.Readable[tokenUse]},
	{Name: KindEnds, Form: reflect.TypeFor[ends](), Copy: replica.Copied(replica.Parse[ends]),
		Inspect: replica.Readable[ends]},
	{Name: KindMassAct, Changes: "alarm", Urgent: true, Form: reflect.TypeFor[massAct](),
		Inspect: replica.Readable[massAct]},
	{Name: KindKeys, Form: reflect.TypeFor[SigningKeys](), Inspect: replica.Looking(inspectKeys),
		Upgrades: []replica.Upgrade{withRoot}},
	{Name: KindMirrorList, OfStation: true, Form: reflect.TypeFor[mirrorList](),
		Copy: replica.Copied(replica.Parse[mirrorList]), Inspect: replica.Readable[mirrorList]},
}

// withPerson adds the person of a token, and the operations that it is limited to. A program that does not know them
// would accept the token of a person who was ended, for everything.
var withPerson = replica.Needs(func(t token) error {
	if t.Person != "" || len(t.May) > 0 {
		return fault.New(fault.Conflict, "a token of a person, or one that is limited to operations, can be stored only "+
			"after every replica is in this version: bring the others up to it, then run lifeline upgrade-store")
	}
	return nil
})

// withMaker adds who made a token. A token without a maker counts for no second person.
var withMaker = replica.Adds(func(t *token) { t.CreatedBy, t.CreatedHere = "", false })

// withRoot adds the root and its keys. A program that does not know them would sign with a key that no station accepts.
var withRoot = replica.Needs(func(keys SigningKeys) error {
	if keys.Root > 0 {
		return fault.New(fault.Conflict, "a root of keys needs every replica in this version: bring the others up to it, "+
			"then run lifeline upgrade-store")
	}
	return nil
})

func tokensIn(m *replica.Replica) *replica.Cache[token] {
	return replica.CacheOf[*replica.Cache[token]](m, KindToken)
}

func tokenUsesIn(m *replica.Replica) *replica.Cache[tokenUse] {
	return replica.CacheOf[*replica.Cache[tokenUse]](m, KindUse)
}

func inspectToken(i *replica.Inspector, d store.Document, t token) {
	wrong := ""
	switch {
	case t.ID != d.ID:
		wrong = fmt.Sprintf("it says that it is %q", t.ID)
	case len(t.Hash) != 64:
		wrong = "its hash is missing or broken off"
	case !slices.Contains(Roles, t.Role):
		wrong = fmt.Sprintf("there is no role %q", t.Role)
	}
	if wrong != "" {
		i.Tell(d, "is malformed and lets nobody in: %s. Revoke it and make a new one", wrong)
	}
}

func inspectKeys(i *replica.Inspector, d store.Document, k SigningKeys) {
	if !slices.ContainsFunc(k.Keys, func(key SigningKey) bool { return key.ID == k.Current }) {
		i.Tell(d, "says that %q signs, which is none of its keys", k.Current)
	}
}

func tidyToken(t *token) {
	t.Name = text.Clean(t.Name)
	t.form = names.Of(t.Name)
}
