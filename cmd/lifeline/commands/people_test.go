package commands

import (
	"bytes"
	"strings"
	"testing"

	"lifeline/internal/wire"
)

func TestTheListOfPersonsShowsWhoHearsWhatIsSensitive(t *testing.T) {
	var out bytes.Buffer
	printPeople(&out, []wire.Member{{ID: "hana", Name: "Hana", Roles: []string{"producer"}, Active: true, Sensitive: true},
		{ID: "ruth", Name: "Ruth", Roles: []string{"admin"}, Active: true}})
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	for i, want := range []string{"person state name roles sensitive languages stations",
		"hana active Hana producer yes all all", "ruth active Ruth admin no all all"} {
		if i >= len(got) || got[i] != want {
			t.Errorf("line %d of %q is not %q", i, got, want)
		}
	}
}
