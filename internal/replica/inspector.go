package replica

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/internal/store"
	"lifeline/schedules"
)

// Inspector checks a whole store for documents that the use cases could not have written. The caller passes it every
// document, then every entry, and calls Finish.
type Inspector struct {
	kinds      Kinds
	report     func(problem string)
	network    schedules.Network
	library    map[string]schedules.Segment
	References map[string]Held
	airs       map[string]string // SHA-256 -> a queue or fallback list that airs it
	days       map[string]int64  // latest revision of a rundown by station
	counted    map[string]int64
	signers    map[string]map[string]int
	last       store.Entry
	people     []KnownPerson
	erased     map[string]bool // SHA-256 of recordings that are no more
}

// Held describes a blob that documents name.
type Held struct {
	By      string // such as "segment ident-ko"
	Bytes   int64  // 0: unknown
	Records bool   // it is a file of records, not a recording
}

// NewInspector returns an Inspector for documents of the given kinds. It calls report for each problem.
func NewInspector(kinds Kinds, report func(problem string)) *Inspector {
	return &Inspector{kinds: kinds, report: report, library: map[string]schedules.Segment{}, References: map[string]Held{},
		airs: map[string]string{},
		days: map[string]int64{}, counted: map[string]int64{}, signers: map[string]map[string]int{},
		erased: map[string]bool{}}
}

// Document checks one document by itself. It reports a document of a newer program, and fails with NewerVersion.
func (i *Inspector) Document(d store.Document) error {
	d, err := i.kinds.Latest(d)
	if err == nil {
		kind, _ := i.kinds.Find(d.Kind)
		err = kind.Inspect(i, d)
	}
	if err == nil {
		return nil
	}
	i.Tell(d, "cannot be read: %v", err)
	if newer := new(NewerVersion); errors.As(err, &newer) {
		return fmt.Errorf("%s %s cannot be read: %w", d.Kind, d.ID, newer)
	}
	return nil
}

// Problems returns what is wrong with one document by itself: what its inspection reports, and that the replica cannot
// hold it.
func (k Kinds) Problems(d store.Document) (problems []string) {
	tell := func(problem string) { problems = append(problems, problem) }
	if err := NewInspector(k, tell).Document(d); err != nil {
		return problems // it has told
	}
	latest, err := k.Latest(d)
	if kind, _ := k.Find(d.Kind); err == nil && kind.Copy != nil {
		_, err = kind.Copy().read([]store.Document{latest})
	}
	if err != nil {
		tell(err.Error())
	}
	return problems
}

// Entry checks one as-run entry. The caller passes entries by station and sequence.
func (i *Inspector) Entry(e store.Entry) {
	say := func(format string, args ...any) {
		i.report(fmt.Sprintf("as-run %d of %s ", e.Sequence, e.Station) + fmt.Sprintf(format, args...))
	}
	if e.Station == i.last.Station && e.Sequence <= i.last.Sequence {
		say("comes after %d", i.last.Sequence)
	}
	i.last = e
	if !slices.ContainsFunc(i.network.Stations, func(s schedules.Station) bool { return s.ID == e.Station }) {
		say("is of a station that is not known")
	}
	r, err := ParsePart[schedules.AsRun](e.Body)
	switch {
	case err != nil:
		say("cannot be read: %v", err)
	case r.Sequence != e.Sequence:
		say("has the body of %d", r.Sequence)
	case r.Check() != "":
		say("is invalid: %s", r.Check())
	}
}

// Blobs returns the blobs that documents name, by SHA-256, without erased ones.
func (i *Inspector) Blobs() map[string]Held {
	maps.DeleteFunc(i.References, func(sha256 string, _ Held) bool { return i.erased[sha256] })
	return i.References
}

// Finish checks the references between documents.
func (i *Inspector) Finish() {
	i.network.Segments = func(id string) (schedules.Segment, bool) { s, ok := i.library[id]; return s, ok }
	for _, p := range i.network.Problems() {
		i.report(fmt.Sprintf("network: %s %s", i.named(p.Field), p.Message))
	}
	for _, sha256 := range slices.Sorted(maps.Keys(i.airs)) {
		if h, named := i.References[sha256]; (!named || h.Records) && !i.erased[sha256] {
			i.report(fmt.Sprintf("%s airs %s, which is the recording of no segment", i.airs[sha256], sha256))
		}
	}
	for _, station := range slices.Sorted(maps.Keys(i.days)) {
		if i.days[station] > i.counted[station] {
			i.report(fmt.Sprintf("station %s has a rundown of revision %d, but its last one is %d", station, i.days[station],
				i.counted[station]))
		}
	}
}

// named replaces an index by an id: "stations[3].windows[0]" becomes "station lantern-coast windows[0]".
func (i *Inspector) named(field string) string {
	list, rest, _ := strings.Cut(field, "].")
	var n int
	for name, id := range map[string]func(n int) string{
		"stations":  func(n int) string { return i.network.Stations[n].ID },
		"clocks":    func(n int) string { return i.network.Clocks[n].ID },
		"scripts":   func(n int) string { return i.network.Scripts[n].ID },
		"campaigns": func(n int) string { return i.network.Campaigns[n].ID },
	} {
		if _, err := fmt.Sscanf(list, name+"[%d", &n); err == nil {
			return strings.TrimSuffix(name, "s") + " " + id(n) + ": " + rest
		}
	}
	return field
}

func (i *Inspector) Tell(d store.Document, format string, args ...any) {
	i.report(fmt.Sprintf("%s %s ", d.Kind, d.ID) + fmt.Sprintf(format, args...))
}

// Looking returns an inspection that decodes a document and passes it to look.
func Looking[T any](look func(*Inspector, store.Document, T)) func(*Inspector, store.Document) error {
	return func(i *Inspector, d store.Document) error {
		v, err := Parse[T](d.Body)
		if err == nil {
			look(i, d, v)
		}
		return err
	}
}

// Readable is the inspection of a kind without further checks. It fails when the document cannot be decoded.
func Readable[T any](_ *Inspector, d store.Document) error {
	_, err := Parse[T](d.Body)
	return err
}

// Signers returns, by key id, how many documents of each kind that key signed.
func (i *Inspector) Signers() map[string]map[string]int { return i.signers }

// Signed counts the document under the key that signed it.
func (i *Inspector) Signed(d store.Document) error {
	signer, err := SignerOf(d.Body)
	if i.signers[signer] == nil {
		i.signers[signer] = map[string]int{}
	}
	i.signers[signer][d.Kind]++
	return err
}

// itself compares the id and revision inside a document with those under which it is stored.
func (i *Inspector) itself(d store.Document, id string, revision int64) {
	if id != d.ID || revision != d.Revision {
		i.Tell(d, "has the body of %s at revision %d", id, revision)
	}
}
