package replica

import (
	"reflect"
	"slices"
	"strings"

	"lifeline/internal/store"
)

// Kind declares a kind of document, once for all that must know of it: the copy in memory, fsck, backups, the names
// under which changes are told. Whatever is stored is of a declared kind.
type Kind struct {
	Name string // in the store

	// Changes is the name under which the API tells of the kind's changes; "": it does not. Several kinds may share one.
	Changes string
	// Tells picks the changes that are told; nil: all are.
	Tells func(store.Change) bool
	// OfStation is whether the id of a document begins with the station that it belongs to.
	OfStation bool
	// Often is whether the documents change so often that a change wakes only those who ask for this kind by name.
	Often bool

	// Form is the type of a stored document: what its JSON can say. Of a signed kind it is what the envelope signs.
	Form   reflect.Type
	Signed bool
	// Upgrades are the steps to the versions of the kind's form from 2 on.
	Upgrades []Upgrade
	// Copy makes the copy of the kind's documents in memory; nil: there is none.
	Copy func() kindCache
	// Inspect tells i of what is wrong with a document, and fails where it cannot be read.
	Inspect func(i *Inspector, d store.Document) error
}

// Kinds are declared kinds of document.
type Kinds []Kind

// SharedKinds are those that several packages read.
var SharedKinds = slices.Concat(libraryKinds, networkKinds, schedulingKinds, statusKinds, formatKinds)

// Find is the kind of a name.
func (k Kinds) Find(name string) (Kind, bool) {
	n := slices.IndexFunc(k, func(kind Kind) bool { return kind.Name == name })
	if n < 0 {
		return Kind{}, false
	}
	return k[n], true
}

// ChangeNames are the names under which changes are told, in order.
func (k Kinds) ChangeNames() []string {
	var out []string
	for _, kind := range k {
		if kind.Changes != "" {
			out = append(out, kind.Changes)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Told is how the API names a change, and the station that it belongs to, if any; ok is whether it is told at all.
func (k Kinds) Told(c store.Change) (name, station string, ok bool) {
	kind, known := k.Find(c.Kind)
	if !known || kind.Changes == "" || kind.Tells != nil && !kind.Tells(c) {
		return "", "", false
	}
	if kind.OfStation {
		station, _, _ = strings.Cut(c.ID, "/")
	}
	return kind.Changes, station, true
}
