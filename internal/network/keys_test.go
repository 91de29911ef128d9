package network_test

import (
	"bytes"
	"testing"

	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
)

func TestAStationHasTheKeyThatItEnrolledLastAndNoneOnceItIsSeized(t *testing.T) {
	o := newFixture(t)
	if _, ok := o.Network.Key("s"); ok || o.Network.Keys("s") != nil {
		t.Error("a station that never enrolled has a key")
	}
	keys := replica.StationKeys{Station: "s", Keys: []replica.StationKey{
		{ID: "a", Signing: bytes.Repeat([]byte{1}, 32), Recipient: "age1a", State: replica.KeyReplaced},
		{ID: "b", Signing: bytes.Repeat([]byte{2}, 32), Recipient: "age1b", State: replica.KeyActive}}}
	servicetest.Put(t, o.replica, replica.KindStationKeys, "s", keys)
	if key, ok := o.Network.Key("s"); !ok || key.ID != "b" || key.Recipient != "age1b" || len(o.Network.Keys("s")) != 2 {
		t.Errorf("%+v, %v, of %d", key, ok, len(o.Network.Keys("s")))
	}
	keys.Keys[1].State = replica.KeySeized
	servicetest.Put(t, o.replica, replica.KindStationKeys, "s", keys)
	if key, ok := o.Network.Key("s"); ok || len(o.Network.Keys("s")) != 2 {
		t.Errorf("a seized key is still the station's: %+v", key)
	}
}
