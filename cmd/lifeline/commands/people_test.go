package commands

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestTheListOfPersonsShowsWhoHearsWhatIsSensitiveAndWhoIsRecovered(t *testing.T) {
	var out bytes.Buffer
	begun := schedules.At(time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC))
	until := schedules.At(begun.AddDate(0, 0, 1))
	printPeople(&out, []wire.MemberNow{
		{Member: wire.Member{ID: "hana", Name: "Hana", Roles: []string{"producer"}, Active: true, Sensitive: true},
			Recovery: &wire.Recovery{By: []string{"Ruth"}, Since: begun, ExpiresAt: until}},
		{Member: wire.Member{ID: "ruth", Name: "Ruth", Roles: []string{"admin"}, Active: true},
			Recovery: &wire.Recovery{Since: begun, ExpiresAt: until, Code: true}}})
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	for i, want := range []string{"person state name roles sensitive languages stations",
		"hana active Hana producer yes all all",
		"recovery: begun by Ruth at 2026-11-30T09:00:00Z; waits for a second person until 2026-12-01T09:00:00Z",
		"ruth active Ruth admin no all all", "recovery: a code for new passkeys was made on the service's machine at " +
			"2026-11-30T09:00:00Z, and can be used until 2026-12-01T09:00:00Z"} {
		if i >= len(got) || got[i] != want {
			t.Errorf("line %d of %q is not %q", i, got, want)
		}
	}
}
