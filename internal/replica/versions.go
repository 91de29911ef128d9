package replica

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/sign"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// Each stored document is in a version of its kind's form, which its mark says, with its salt: "v2.SALT " before the
// form. Without a salt (see digests.go) it is "v2 ", "v3 " and so on, and version 1 has no mark. No form begins so: a
// program older than this scheme fails on it and misreads nothing.

// Upgrade is one step from a version of a kind's form to the next. Steps are never removed.
type Upgrade struct {
	Up func(body []byte) ([]byte, error)
	// Down converts back, for as long as replicas run that do not know the version. It fails with Conflict when the
	// conversion would lose something; such a document cannot be stored until the store's format is raised.
	Down func(body []byte) ([]byte, error)
}

// Adds returns the step to a version with more members, without which older programs do well: drop removes them.
func Adds[T any](drop func(*T)) Upgrade {
	return Upgrade{Up: unchanged, Down: func(body []byte) ([]byte, error) {
		v, err := Parse[T](body)
		if err != nil {
			return nil, err
		}
		drop(&v)
		return Encode(v)
	}}
}

// Needs returns the step to a version with more members, for whose values loses gives an error, because older programs
// would do wrong without them.
func Needs[T any](loses func(T) error) Upgrade {
	return Upgrade{Up: unchanged, Down: func(body []byte) ([]byte, error) {
		v, err := Parse[T](body)
		if err == nil {
			err = loses(v)
		}
		return body, err
	}}
}

func unchanged(body []byte) ([]byte, error) { return body, nil }

// Version returns the latest version of the kind's form.
func (k Kind) Version() int { return len(k.Upgrades) + 1 }

// mark is what a stored body says before its form.
type mark struct {
	version int
	salted  bool
	form    []byte // the rest
}

func readMark(body []byte) mark {
	if bytes.HasPrefix(body, []byte("v")) {
		of, form, _ := bytes.Cut(body[1:], []byte(" "))
		digits, _, salted := strings.Cut(string(of), ".")
		if n, err := strconv.Atoi(digits); err == nil && (n > 1 || n == 1 && salted) {
			return mark{n, salted, form}
		}
	}
	return mark{1, false, body}
}

// marked returns the body of a form as it is stored. An empty salt is none.
func marked(version int, salt string, form []byte) []byte {
	switch {
	case salt != "":
		return append(fmt.Appendf(nil, "v%d.%s ", version, salt), form...)
	case version > 1:
		return append(fmt.Appendf(nil, "v%d ", version), form...)
	}
	return form
}

// Latest converts a stored document to the latest version. It fails with NewerVersion when the document's version is
// later.
func (k Kinds) Latest(d store.Document) (store.Document, error) {
	kind, known := k.Find(d.Kind)
	if !known {
		return d, &NewerVersion{Says: "it is of a kind that this program does not know"}
	}
	m := readMark(d.Body)
	if m.version > kind.Version() {
		return d, &NewerVersion{Says: fmt.Sprintf("it is in version %d, and this program knows up to %d", m.version,
			kind.Version())}
	}
	body := m.form
	for _, step := range kind.Upgrades[m.version-1:] {
		var err error
		if body, err = step.Up(body); err != nil {
			return d, fmt.Errorf("upgrade from version %d: %w", m.version, err)
		}
	}
	d.Body = body
	if d.Kind == KindFormat {
		_, err := k.readFormat(d)
		return d, err
	}
	return d, nil
}

// in converts a form from the latest version to another one.
func (k Kind) in(version int, body []byte) ([]byte, error) {
	for n := k.Version(); n > version; n-- {
		var err error
		if body, err = k.Upgrades[n-2].Down(body); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// NewerVersion is the error of a program that meets data of a newer program.
type NewerVersion struct {
	Says string // what the program met
	By   string // the program that stored it; empty: unknown
}

func (n *NewerVersion) Error() string {
	by := "a newer Lifeline"
	if n.By != "" {
		by += " (" + n.By + ")"
	}
	return n.Says + ": it was stored by " + by + ". Start that one, or restore a backup from before with lifeline restore"
}

// Unwrap makes a NewerVersion a Conflict.
func (n *NewerVersion) Unwrap() error { return fault.New(fault.Conflict, "%s", n.Error()) }

const (
	KindFormat = "format" // the list of the versions in which documents are stored, one document
	formatID   = "format"
)

var formatKinds = Kinds{{Name: KindFormat, Form: reflect.TypeFor[Format](), Copy: Copied(ParsePart[Format]),
	Inspect: func(*Inspector, store.Document) error { return nil }}}

// Format lists the versions in which a store's documents are written. Without it they are all in version 1. The format
// has only one form of its own, which every program can read.
type Format struct {
	Kinds map[string]int    `json:"kinds"` // version by kind; 1 where a kind is missing
	By    string            `json:"by"`    // the program that raised it
	At    schedules.Instant `json:"at"`
}

// FormatOf returns the format of a store; the zero Format if it has none yet.
func FormatOf(ctx context.Context, docs Documents) (f Format, err error) {
	d, err := docs.Get(ctx, KindFormat, formatID)
	if fault.Is(err, fault.NotFound) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	return ParsePart[Format](d.Body)
}

// Written returns the version in which documents of a kind are stored.
func Written(m *Replica, kind string) int {
	row, _ := CacheOf[*Cache[Format]](m, KindFormat).Get(formatID)
	return max(row.Value.Kinds[kind], 1)
}

// errOldFormat means that a document cannot be stored before the store's format is raised. Trying again does not help.
var errOldFormat = errors.New("replica: the store has an older format")

// Versioned is a Store that shows documents in their latest versions. It stores them in the versions of the store's
// format, so that replicas of two releases can share a store until the format is raised. It refuses documents of
// undeclared kinds.
type Versioned struct {
	Store
	kinds   Kinds
	program string

	mu     sync.Mutex
	format Format
	signer *sign.Signer // of changes; nil: this program has not the key
	based  atomic.Bool  // the store has its baseline
}

// NewVersioned reads the format of s. It fails with NewerVersion when a program newer than program, the name of this
// one, wrote it.
func NewVersioned(ctx context.Context, s Store, kinds Kinds, program string) (*Versioned, error) {
	v := &Versioned{Store: s, kinds: kinds, program: program}
	_, err := v.read(ctx)
	return v, err
}

// read loads the store's format and returns the revision of its document.
func (v *Versioned) read(ctx context.Context) (revision int64, err error) {
	d, err := v.Store.Get(ctx, KindFormat, formatID)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	f, err := v.kinds.readFormat(d)
	if err != nil {
		return 0, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.format = f
	return d.Revision, nil
}

// readFormat decodes a store's format. It fails with NewerVersion when the format has a kind or version that the kinds
// do not declare.
func (k Kinds) readFormat(d store.Document) (f Format, err error) {
	if err := json.Unmarshal(d.Body, &f); err != nil { // not strict: the name of a newer program must be readable
		return f, fmt.Errorf("replica: the store's format: %w", err)
	}
	var beyond []string
	for name, version := range f.Kinds {
		kind, known := k.Find(name)
		switch {
		case !known:
			beyond = append(beyond, fmt.Sprintf("%s, which this program does not know", name))
		case version > kind.Version():
			beyond = append(beyond, fmt.Sprintf("%s in version %d, of which this program knows up to %d", name, version,
				kind.Version()))
		}
	}
	if len(beyond) == 0 {
		return f, nil
	}
	slices.Sort(beyond)
	return f, &NewerVersion{Says: "the store has documents of the kind " + strings.Join(beyond, "; "), By: f.By}
}

// written returns the version in which documents of a kind are stored.
func (v *Versioned) written(kind Kind) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return max(v.format.Kinds[kind.Name], 1)
}

// Raised reports whether the store's format is this program's own.
func (v *Versioned) Raised() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !slices.ContainsFunc(v.kinds, func(k Kind) bool { return v.format.Kinds[k.Name] != k.Version() })
}

// Raise sets the store's format to this program's versions. Programs that do not know them then refuse the store, and
// running ones end.
func (v *Versioned) Raise(ctx context.Context, by string, now time.Time) error {
	revision, err := v.read(ctx)
	if err != nil || v.Raised() {
		return err
	}
	f := Format{Kinds: map[string]int{}, By: v.program, At: schedules.At(now)}
	for _, kind := range v.kinds {
		f.Kinds[kind.Name] = kind.Version()
	}
	body, err := Encode(f)
	if err != nil {
		return err
	}
	of := store.Origin{At: now.UTC().Truncate(time.Millisecond), By: by, Action: "format.raise"}
	write := store.Write{Kind: KindFormat, ID: formatID, Expect: revision, Body: body}
	write.Fields = v.signed(write, of)
	_, err = v.Store.Commit(ctx, store.Commit{Writes: []store.Write{write}, Origin: of})
	if fault.Is(err, fault.Stale) || fault.Is(err, fault.Conflict) { // another caller was first
		_, err = v.read(ctx)
		return err
	}
	if err == nil {
		v.mu.Lock()
		v.format = f
		v.mu.Unlock()
	}
	return err
}

// Get implements Store. It fails with NewerVersion when the document's version is unknown to this program.
func (v *Versioned) Get(ctx context.Context, kind, id string) (store.Document, error) {
	d, err := v.Store.Get(ctx, kind, id)
	if err != nil {
		return d, err
	}
	return v.latest(d)
}

// List implements Store. It fails like Get.
func (v *Versioned) List(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	docs, err := v.Store.List(ctx, kind, after, limit)
	for i := range docs {
		if err == nil {
			docs[i], err = v.latest(docs[i])
		}
	}
	return docs, err
}

func (v *Versioned) latest(d store.Document) (store.Document, error) {
	latest, err := v.kinds.Latest(d)
	if err != nil {
		return d, fmt.Errorf("replica: %s %s: %w", d.Kind, d.ID, err)
	}
	return latest, nil
}

// Commit implements Store. It stores documents in the versions of the store's format, and their digests, signed, on the
// audit.
func (v *Versioned) Commit(ctx context.Context, c store.Commit) ([]store.Change, error) {
	_, digests := v.digests()
	c.Writes = slices.Clone(c.Writes)
	for i := range c.Writes {
		w := &c.Writes[i]
		kind, declared := v.kinds.Find(w.Kind)
		if !declared {
			return nil, fmt.Errorf("replica: documents of kind %q are not declared", w.Kind)
		}
		if w.Delete {
			if digests {
				w.Fields = v.signed(*w, c.Origin)
			}
			continue
		}
		version, salt := v.written(kind), ""
		form, err := kind.in(version, w.Body)
		if err != nil {
			return nil, fmt.Errorf("%w: %s %s: %w", errOldFormat, w.Kind, w.ID, err)
		}
		if digests {
			salt = newSalt()
		}
		if w.Body = marked(version, salt, form); digests {
			w.Fields = v.signed(*w, c.Origin)
		}
	}
	if len(c.Writes) == 0 && digests {
		c.Fields = v.signed(store.Write{Fields: c.Fields}, c.Origin)
	}
	return v.Store.Commit(ctx, c)
}

// Changes implements Store. It also loads a raised format, and fails with NewerVersion when this program does not know
// it.
func (v *Versioned) Changes(ctx context.Context, since int64, limit int) ([]store.Change, error) {
	changes, err := v.Store.Changes(ctx, since, limit)
	raised := slices.ContainsFunc(changes, func(c store.Change) bool { return c.Kind == KindFormat })
	if raised || fault.Is(err, fault.Gone) { // a change that is gone may have raised the format
		if _, err := v.read(ctx); err != nil {
			return nil, err
		}
	}
	return changes, err
}

// Parse decodes a stored document. It fails with NewerVersion when the body has an unknown field: ignoring the field
// would lose it at the next change.
func Parse[T any](body []byte) (v T, err error) {
	in := bytes.NewReader(body)
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	err = d.Decode(&v)
	return v, strictly(err, d.Buffered(), in)
}

// ParsePart decodes the fields that T has and ignores others. It is for bodies that are never stored again.
func ParsePart[T any](body []byte) (v T, err error) {
	err = json.Unmarshal(body, &v)
	return v, err
}

// strictly returns the error of a decoder without unknown fields, or an error when data follows the document in rest.
func strictly(err error, rest ...io.Reader) error {
	if err == nil {
		if b, _ := io.ReadAll(io.MultiReader(rest...)); len(bytes.TrimSpace(b)) > 0 {
			return errors.New("something follows its end")
		}
		return nil
	}
	if _, field, unknown := strings.Cut(err.Error(), "json: unknown field "); unknown {
		return &NewerVersion{Says: fmt.Sprintf("it has a field %s, which this program does not know", field)}
	}
	return err
}
