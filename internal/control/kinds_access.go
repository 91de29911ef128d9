package control

import (
	"fmt"
	"slices"

	"lifeline/internal/store"
)

const (
	kindToken = "token"
	kindKeys  = "signing-keys" // the one list of the keys that documents are signed with
)

var accessKinds = Kinds{
	{Name: kindToken, Copy: copied(tidied(tidyToken)), Inspect: looking(inspectToken)},
	{Name: kindKeys, Inspect: looking(inspectKeys)},
}

func tokensIn(m *Mirror) *table[token] { return rowsOf[*table[token]](m, kindToken) }

func inspectToken(i *Inspector, d store.Document, t token) {
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
		i.tell(d, "is malformed and lets nobody in: %s. Revoke it and make a new one", wrong)
	}
}

func inspectKeys(i *Inspector, d store.Document, k SigningKeys) {
	if !slices.ContainsFunc(k.Keys, func(key SigningKey) bool { return key.ID == k.Current }) {
		i.tell(d, "says that %q signs, which is none of its keys", k.Current)
	}
}
