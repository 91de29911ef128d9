package replica

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// auditFields is the form of store.Change.Fields: what a change changed, or what a note is about.
type auditFields struct {
	Kind   string             `json:"kind,omitempty"` // of the document that a note is about
	ID     string             `json:"id,omitempty"`
	Times  int64              `json:"times,omitempty"` // how often it happened; 0: once
	Fields []wire.FieldChange `json:"fields,omitempty"`
	Digest string             `json:"digest,omitempty"` // of the body that a change stored

	Signature string `json:"signature,omitempty"` // of the change: see sign.Change
	Texts     string `json:"texts,omitempty"`     // digest of what an erasure may take: see sign.Texts
	Salt      string `json:"salt,omitempty"`      // of that digest

	// of a change of what the audit keeps whole: its value before, or that two persons agreed on the change
	Former   json.RawMessage `json:"former,omitempty"`
	Seconded bool            `json:"seconded,omitempty"`
}

// NoteOn returns the fields of a commit without writes that is about a document, and that happened so many times.
func NoteOn(kind, id string, times int64) string {
	return auditFields{Kind: kind, ID: id, Times: times}.String()
}

func (f auditFields) String() string {
	b, err := json.Marshal(f)
	if err != nil {
		return "" // cannot happen: it has texts, numbers and truth values
	}
	return string(b)
}

// AuditRecord returns what the audit shows of a change.
func AuditRecord(c store.Change) (r wire.AuditRecord) {
	r = wire.AuditRecord{Sequence: c.Sequence, At: schedules.At(c.At), By: c.By, Action: c.Action, Reason: c.Reason,
		Kind: c.Kind, ID: c.ID, From: max(c.Revision-1, 0), To: c.Revision, RequestID: c.RequestID,
		Person: c.Person, Token: c.Token, Remote: c.Remote}
	var f auditFields
	if c.Fields == "" || json.Unmarshal([]byte(c.Fields), &f) != nil {
		return r
	}
	if c.Kind == "" {
		r.Kind, r.ID = f.Kind, f.ID
	}
	r.Times, r.Fields = f.Times, f.Fields
	return r
}

// tellFields adds to the writes of a commit what they change, except for background work, which changes documents often
// and by rule. If a document is not at the expected revision, it adds
// nothing: the commit will fail. seconded: two persons agreed on the commit.
func (m *Replica) tellFields(ctx context.Context, c *store.Commit, seconded bool) error {
	if c.By == store.System {
		return nil
	}
	c.Writes = slices.Clone(c.Writes)
	for i := range c.Writes {
		w := &c.Writes[i]
		kind, ok := m.Kinds.Find(w.Kind)
		if !ok || kind.Hides == nil {
			continue
		}
		before, after, current, err := states(ctx, m, *w)
		if err != nil {
			return err
		}
		if !current {
			continue
		}
		f := auditFields{Fields: fieldChanges(before, after, kind.Hides(before, after), toldInAudit)}
		if former := kind.former(before, after); former != nil {
			f.Seconded = seconded
			if !seconded && !m.acts.keepsFormer(*c, *w) {
				if f.Former, err = json.Marshal(former); err != nil {
					return err
				}
			}
		}
		if len(f.Fields) > 0 {
			w.Fields = f.String()
		}
	}
	return nil
}

// former returns what the audit keeps whole of a change: the value of the first such field where no other is there, as
// older programs wrote it, or else all of them by name. It is nil if none changes.
func (k Kind) former(before, after map[string]any) any {
	if before == nil || !slices.ContainsFunc(k.Whole, func(name string) bool {
		return !reflect.DeepEqual(before[name], after[name])
	}) {
		return nil
	}
	if !slices.ContainsFunc(k.Whole[1:], func(name string) bool { return before[name] != nil || after[name] != nil }) {
		return before[k.Whole[0]]
	}
	all := map[string]any{}
	for _, name := range k.Whole {
		all[name] = before[name]
	}
	return all
}

// FormerOf returns the value before a change of what the audit keeps whole of a document; none if the change has none.
// seconded: two persons agreed on a change of it.
func FormerOf(c store.Change) (former json.RawMessage, seconded bool) {
	var f auditFields
	if c.Fields == "" || json.Unmarshal([]byte(c.Fields), &f) != nil {
		return nil, false
	}
	return f.Former, f.Seconded
}

// states returns the members of a document before and after a write: from the copy, or from the store where the copy
// has not that revision. It is not current if it is not at the expected revision.
func states(ctx context.Context, m *Replica, w store.Write) (before, after map[string]any, current bool, err error) {
	kind, _ := m.Kinds.Find(w.Kind)
	if cache, copied := m.caches[w.Kind]; copied && w.Expect > 0 && !kind.Signed {
		before = cache.members(w.ID, w.Expect, kind.Form)
	}
	if w.Expect > 0 && before == nil {
		d, err := m.Store.Get(ctx, w.Kind, w.ID)
		if fault.Is(err, fault.NotFound) || err == nil && d.Revision != w.Expect {
			return nil, nil, false, nil
		}
		if err != nil {
			return nil, nil, false, err
		}
		before = Members(d.Body)
	}
	if !w.Delete {
		after = Members(w.Body)
	}
	return before, after, true, nil
}

// FieldsOf returns what a write would change, for a reader who decides on it: of a signed document, what was signed. It
// is not current if the document is not at the expected revision. A reader who knows what is sensitive gets every field
// of segments. Of what is deleted and has no fields on the audit, it tells none.
func (m *Replica) FieldsOf(ctx context.Context, w store.Write, knows bool) (f []wire.FieldChange, current bool,
	err error) {
	before, after, current, err := states(ctx, m, w)
	if err != nil || !current {
		return nil, false, err
	}
	kind, _ := m.Kinds.Find(w.Kind)
	if w.Delete && kind.Hides == nil {
		return nil, true, nil
	}
	hides := Hiding()(before, after)
	if kind.Hides != nil && (w.Kind != KindSegment || !knows) {
		hides = kind.Hides(before, after)
	}
	return fieldChanges(signedMembers(before), signedMembers(after), hides, toldToDecide), true, nil
}

// signedMembers returns the members of what an envelope signs; those of the document itself if it is none.
func signedMembers(document map[string]any) map[string]any {
	payload, ok := document["payload"].(string)
	if !ok {
		return document
	}
	b, err := base64.StdEncoding.DecodeString(payload)
	if err != nil {
		return document
	}
	return Members(b)
}

// Members returns the members of a JSON object; none if it is none.
func Members(body []byte) (out map[string]any) {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	if d.Decode(&out) != nil {
		return nil
	}
	return out
}

// bounds are those of what is told of one change: fields, and bytes of a value and of a name.
type bounds struct{ fields, value, name int }

// Whoever decides on a change is told more of it than the audit keeps for good.
var (
	toldInAudit  = bounds{30, 120, 80}
	toldToDecide = bounds{500, 4000, 200}
)

// fieldChanges returns the fields in which two states of a document differ, in order. The revision is no field.
func fieldChanges(before, after map[string]any, hides func(string) bool, most bounds) (out []wire.FieldChange) {
	more := 0
	var compare func(field string, b, a any)
	compare = func(field string, b, a any) {
		if field == "revision" || reflect.DeepEqual(b, a) {
			return
		}
		bs, as, both := inParts(b, a)
		if both {
			for _, name := range slices.Sorted(maps.Keys(union(bs, as))) {
				compare(strings.TrimPrefix(field+"."+name, "."), bs[name], as[name])
			}
			return
		}
		if len(out) == most.fields {
			more++
			return
		}
		f := wire.FieldChange{Field: fault.Cut(field, most.name), Hidden: hides(field)}
		if !f.Hidden {
			f.Before, f.After = told(b, most.value), told(a, most.value)
		}
		out = append(out, f)
	}
	for _, name := range slices.Sorted(maps.Keys(union(before, after))) {
		compare(name, before[name], after[name])
	}
	if more > 0 {
		out = append(out, wire.FieldChange{Field: fmt.Sprintf("and %d more", more), Hidden: true})
	}
	return out
}

func union(a, b map[string]any) map[string]any {
	all := map[string]any{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

// inParts returns the members of two objects, of which one may be missing, or the elements of two lists of one length
// by their positions. Other values have no parts.
func inParts(b, a any) (before, after map[string]any, ok bool) {
	before, objectBefore := b.(map[string]any)
	after, objectAfter := a.(map[string]any)
	if (objectBefore || b == nil) && (objectAfter || a == nil) {
		return before, after, true
	}
	bs, listBefore := b.([]any)
	as, listAfter := a.([]any)
	if !listBefore || !listAfter || len(bs) != len(as) {
		return nil, nil, false
	}
	before, after = map[string]any{}, map[string]any{}
	for i := range bs {
		before[strconv.Itoa(i)], after[strconv.Itoa(i)] = bs[i], as[i]
	}
	return before, after, true
}

// told returns a value in words: one of more bytes than most by its length and hash.
func told(v any, most int) string {
	s, isText := v.(string)
	if !isText {
		if v == nil {
			return ""
		}
		b, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		s = string(b)
	}
	if len(s) > most {
		return fmt.Sprintf("%d bytes, SHA-256 %x", len(s), sha256.Sum256([]byte(s)))
	}
	return s
}

// Hiding returns the Hides of a kind: of the named fields, and of what they hold, the audit never tells the values.
func Hiding(secret ...string) func(before, after map[string]any) func(field string) bool {
	return func(_, _ map[string]any) func(string) bool {
		return func(field string) bool {
			top, _, _ := strings.Cut(field, ".")
			return slices.Contains(secret, top)
		}
	}
}

// ofEverySegment are the fields of a segment that tell nothing of the persons in it.
var ofEverySegment = []string{"kind", "language", "state", "valid_from", "valid_until", "sensitive", "script",
	"uploaded_by", "uploaded_by_id", "reinstated_by", "reinstated_by_id", "intro", "back_announce", "repeat_after_ms"}

// kindsOfPersons are the kinds of segments in which persons speak or are named.
var kindsOfPersons = []any{"testimony", "interview", "letter", "names"}

// hidesOfSegment hides persons and consent, and every text of a segment that has them, is sensitive or of a kind of
// persons, before or after: what the audit tells cannot be erased.
func hidesOfSegment(before, after map[string]any) func(field string) bool {
	protected := false
	for _, s := range []map[string]any{before, after} {
		persons, _ := s["persons"].([]any)
		former, _ := s["former_persons"].([]any)
		protected = protected || s["sensitive"] == true || len(persons)+len(former) > 0 || s["consent"] != nil ||
			slices.Contains(kindsOfPersons, s["kind"])
	}
	return func(field string) bool {
		top, _, _ := strings.Cut(field, ".")
		return top == "persons" || top == "former_persons" || top == "consent" || field == "recall.person" ||
			protected && !slices.Contains(ofEverySegment, top)
	}
}
