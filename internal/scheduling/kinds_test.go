package scheduling

import (
	"slices"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/store"
)

// testKinds are the kinds of documents in the replicas of these tests.
var testKinds = slices.Concat(replica.SharedKinds, library.Kinds, record.Kinds, Kinds, access.Kinds)

func TestExplanationsOfVersion1LoseTheAimsThatAreNotMadeAnyMore(t *testing.T) {
	d := store.Document{Kind: KindExplanations, ID: "s/2023-10-27/000000000001",
		Body: []byte(
			`[{"item":"i","choice":{"method":"closing","target_ms":9007199254740993,"asked_ms":1,"mean_ms":2,"slack_ms":3}},{"item":"k","choice":null}]`)}
	d, err := testKinds.Latest(d)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(d.Body),
		`[{"choice":{"method":"closing","target_ms":9007199254740993},"item":"i"},{"choice":null,"item":"k"}]`; got != want {
		t.Errorf("it is now %s, want %s", got, want)
	}
}
