package replica

import (
	"reflect"
	"slices"
	"strings"

	"lifeline/internal/store"
)

// Kind declares a kind of document, in one place for every user: the replica, fsck, backups and the change feed. Every
// stored document is of a declared kind.
type Kind struct {
	Name string // in the store

	// Changes is the public name of the kind in the change feed. An empty name leaves its changes out. Several kinds may
	// share one name.
	Changes string
	// Tells reports whether a change appears in the feed; nil means that all do.
	Tells func(store.Change) bool
	// OfStation means that each document's id begins with the id of its station.
	OfStation bool
	// Often means that documents change so often that a change wakes only those who wait for this kind by name.
	Often bool
	// Derived means that documents number, chain or repeat what others say: who decides on a change is not shown them.
	Derived bool
	// Urgent means that webhooks are sent a change before all that are not urgent, without waiting for their next try.
	Urgent bool

	// Hides returns which fields the audit names without their values, where a document changes from before to after. The
	// audit tells no fields of a kind without it.
	Hides func(before, after map[string]any) func(field string) bool
	// Whole names fields whose former values the audit keeps whole, where a person changes one of them: at least of the
	// first change of a person in each hour. What one person may change in a day is decided by them (FormerOf).
	Whole []string

	// Form is the type that a stored document is decoded into. For a signed kind it is the type of the payload.
	Form   reflect.Type
	Signed bool
	// Upgrades are the steps to version 2 of the form and those that follow.
	Upgrades []Upgrade
	// Copy returns an empty cache for the kind; nil means that the replica holds no copy.
	Copy func() kindCache
	// Inspect reports the faults of a document to i. It fails when the document cannot be decoded.
	Inspect func(i *Inspector, d store.Document) error
}

// Kinds is a list of declared kinds.
type Kinds []Kind

// SharedKinds are the kinds that several packages read.
var SharedKinds = slices.Concat(libraryKinds, networkKinds, schedulingKinds, standingKinds, statusKinds,
	stationKeyKinds, peopleKinds, erasureKinds, formatKinds, turnKinds, baselineKinds)

// Find returns the kind with the given name.
func (k Kinds) Find(name string) (Kind, bool) {
	n := slices.IndexFunc(k, func(kind Kind) bool { return kind.Name == name })
	if n < 0 {
		return Kind{}, false
	}
	return k[n], true
}

// Names returns the names of the kinds, in order.
func (k Kinds) Names() (out []string) {
	for _, kind := range k {
		out = append(out, kind.Name)
	}
	slices.Sort(out)
	return out
}

// ChangeNames returns the public names of the change feed, in order.
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

// Told returns the public name of a change and its station, if it has one. ok is false when the change is not in the
// feed.
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
