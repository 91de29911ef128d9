package replica

import (
	"testing"

	"lifeline/internal/fault"
)

// A replica that does not know the policy would sign fallback lists without it.
func TestAStarvedPolicyIsStoredOnlyWhenEveryReplicaKnowsIt(t *testing.T) {
	station, _ := networkKinds.Find(KindStation)
	without, with := []byte(`{"id":"s","name":"s"}`), []byte(`{"id":"s","name":"s","starved":{"policy":"go_on"}}`)
	if old, err := station.in(1, without); err != nil || string(old) != string(without) {
		t.Errorf("without a policy: %s, %v", old, err)
	}
	if _, err := station.in(1, with); !fault.Is(err, fault.Conflict) {
		t.Errorf("with one: %v", err)
	}
}
