package replica

import (
	"strings"
	"testing"

	"lifeline/internal/store"
	"lifeline/internal/wire"
)

// said returns a change of a document at a revision, by a person who told these fields; none: by an older program.
func said(revision int64, fields ...wire.FieldChange) store.Change {
	c := store.Change{Kind: "person", ID: "hana", Revision: revision, Origin: store.Origin{By: "Ada"}}
	if len(fields) > 0 {
		c.Fields = auditFields{Fields: fields}.String()
	}
	return c
}

func TestADocumentIsHeldToWhatTheAuditLastSaidOfIt(t *testing.T) {
	kind := Kind{Name: "person", Audited: []string{"roles", "sensitive"}, Claimed: []string{"here"}}
	is := func(field, after string) wire.FieldChange { return wire.FieldChange{Field: field, After: after} }
	made := said(1, is("name", "Hana"), is("roles", `["admin","viewer"]`))
	system := store.Change{Kind: "person", ID: "hana", Revision: 2, Origin: store.Origin{By: store.System}}
	gone := store.Change{Kind: "person", ID: "hana", Revision: 2, Deleted: true, Origin: store.Origin{By: "Ada"}}
	for what, c := range map[string]struct {
		body     string
		revision int64
		history  []store.Change
		chained  bool
		want     string // none: no difference
	}{
		"as made":          {`{"roles":["admin","viewer"]}`, 1, []store.Change{made}, true, ""},
		"another role":     {`{"roles":["admin","producer"]}`, 1, []store.Change{made}, true, `roles`},
		"a further role":   {`{"roles":["admin","viewer","x"]}`, 1, []store.Change{made}, true, `roles`},
		"named by hand":    {`{"roles":["admin","viewer"],"sensitive":true}`, 1, []store.Change{made}, true, `sensitive "true"`},
		"claimed":          {`{"roles":["admin","viewer"],"here":true}`, 1, []store.Change{made}, true, `here "true"`},
		"after background": {`{"roles":["viewer"]}`, 2, []store.Change{made, system}, true, `roles`},
		"an element changed": {`{"roles":["admin","producer"]}`, 2,
			[]store.Change{made, said(2, is("roles.1", "producer"))}, true, ""},
		"an element changed back by hand": {`{"roles":["admin","viewer"]}`, 2,
			[]store.Change{made, said(2, is("roles.1", "producer"))}, true, "roles"},
		"told by an older program":  {`{"roles":["x"],"sensitive":true}`, 2, []store.Change{made, said(2)}, true, ""},
		"of which nothing was told": {`{"roles":["x"]}`, 1, []store.Change{said(1)}, true, ""},
		"an element after an older program": {`{"roles":["x","y"]}`, 3,
			[]store.Change{made, said(2), said(3, is("roles.0", "z"))}, true, `audit says "z"`},
		"made again":             {`{"roles":["x"]}`, 3, []store.Change{made, gone, said(3, is("roles", `["x"]`))}, true, ""},
		"made again, named":      {`{"sensitive":true}`, 3, []store.Change{made, gone, said(3, is("name", `x`))}, true, "sensitive"},
		"without an entry":       {`{"roles":["admin","viewer"]}`, 2, []store.Change{made}, true, "revision 2"},
		"an old one without one": {`{"roles":["admin","viewer"]}`, 2, []store.Change{made}, false, ""},
	} {
		got := strings.Join(kind.HeldToAudit(store.Document{Kind: "person", ID: "hana", Revision: c.revision,
			Body: []byte(c.body)}, c.history, c.chained), "; ")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}
