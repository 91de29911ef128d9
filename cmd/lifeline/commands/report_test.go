package commands

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
)

func TestTheAuditHasOneLineForEachChangeUnlessItsFieldsAreAskedFor(t *testing.T) {
	records := []wire.AuditRecord{{By: "Ruth", Action: "segment.edit", Kind: "segment", ID: "s1", From: 1, To: 2,
		Fields: []wire.FieldChange{{Field: "title", Before: "a", After: "b"}, {Field: "voice", After: "Hana"}}},
		{By: "Ruth", Action: "signin.enter", Kind: "person", ID: "ruth"}}
	var short, long strings.Builder
	printAuditRecords(&short, records, time.UTC, false)
	if said := short.String(); strings.Count(said, "\n") != 3 || !strings.Contains(said, "revision 1 to 2, 2 fields") ||
		!strings.Contains(said, "--verbose") {
		t.Error(said)
	}
	printAuditRecords(&long, records, time.UTC, true)
	if said := long.String(); strings.Count(said, "\n") != 4 || !strings.Contains(said, "title") {
		t.Error(said)
	}
}
