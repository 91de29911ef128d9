package commands

import (
	"testing"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
)

func TestFaultsOfAnAppliedDocumentNameItsPartsByTheirIDs(t *testing.T) {
	document := []byte("stations:\n- id: seoul\n  windows:\n  - {id: dawn}\n  - {length_ms: 5}\n- {name: x}\n")
	one := fault.Fields(fault.Field{Field: "stations[0].windows[0].clock", Message: `"huor" is not known`})
	if got, want := cmdline.Words(placed(one, document)), `station "seoul", window "dawn", clock "huor" is not known`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	several := fault.Fields(fault.Field{Field: "stations[0].windows[1].length_ms", Message: "is too short"},
		fault.Field{Field: "stations[1].id", Message: "is missing"}, fault.Field{Field: "stations[7].id", Message: "is odd"},
		fault.Field{Field: "stations[0].languages", Message: "must be a list"})
	want := `station "seoul", window 2, length_ms is too short` + "\n  station 2, id is missing\n  station 8, id is odd\n" +
		`  station "seoul", languages must be a list`
	if got := cmdline.Words(placed(several, document)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := cmdline.Words(placed(one, []byte("- a"))); got == "" {
		t.Error("nothing is said")
	}
}
