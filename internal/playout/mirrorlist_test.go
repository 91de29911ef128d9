package playout

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/mirror"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func (r *reader) addresses() (out []string) {
	for _, s := range r.States() {
		out = append(out, s.Address)
	}
	return out
}

// The list comes from the service, so that a station knows mirrors before it loses its link. An old one, or one that
// another key signed, changes nothing.
func TestAStationLearnsMirrorsFromTheSignedListAndNeverAnOlderOne(t *testing.T) {
	w, dir := newMirrored(t, documentsNow), t.TempDir()
	own := w.other.Recipient().String()
	list := func(push int, mirrors ...string) wire.MirrorList {
		return wire.MirrorList{Schema: wire.MirrorListSchema, Station: "lantern", IssuedAt: schedules.At(w.at(push)),
			Mirrors: mirrors, Drops: own}
	}
	signed := func(key byte, l wire.MirrorList) []byte { return byKey(t, key, wire.MirrorListType, l) }
	open := func(mirrors map[string]http.RoundTripper) *reader {
		r := w.station(t, dir, w.at(pushes).Add(time.Second), mirrors)
		if err := r.documents.OfferRoots(w.roots.offered(0)); err != nil {
			t.Fatal(err)
		}
		r.hear()
		return r
	}
	holds := func(why string, r *reader, want ...string) {
		t.Helper()
		r.hear()
		if got := r.addresses(); !slices.Equal(got, want) || len(want) > 0 && r.Drops() != own {
			t.Errorf("%s: the station knows %q, and drops to %q", why, got, r.Drops())
		}
	}
	r := open(nil)
	foreign, schema, ahead := list(2, "https://evil.example"), list(2, "https://evil.example"), list(2,
		"https://evil.example")
	foreign.Station, schema.Schema = "harbour", wire.QueueSchema
	ahead.IssuedAt = schedules.At(w.at(pushes).Add(400 * 24 * time.Hour))
	for why, envelope := range map[string][]byte{"signed it": signed(queueKey, list(2, "https://evil.example")),
		"harbour": signed(mirrorKeyNext, foreign), "schema": signed(mirrorKeyNext, schema),
		"dated": signed(mirrorKeyNext, ahead)} {
		if err := r.documents.OfferMirrorList(envelope); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	holds("after lists that are not of the service", r)
	offer := func(r *reader, l wire.MirrorList) {
		t.Helper()
		if err := r.documents.OfferMirrorList(signed(mirrorKeyNext, l)); err != nil {
			t.Error(err)
		}
	}
	offer(r, list(2, "https://one.example", "file:///etc"))
	holds("after a list", r, "https://one.example")
	offer(r, list(1, "https://old.example"))
	holds("after an older list", r, "https://one.example")
	holds("after a restart", open(nil), "https://one.example")
	r = open(nil)
	offer(r, list(1, "https://old.example"))
	holds("after a restart and an older list", r, "https://one.example")

	// A pointer and a list: the one that was issued last counts.
	w.public, w.drops = []string{"https://two.example"}, own
	r = open(map[string]http.RoundTripper{"mirror-0": honest(w.signedBy(pushes-1, mirrorKeyNext, 1))})
	r.Poll(t.Context())
	holds("after a later pointer", r, "http://mirror-0", "https://two.example")
	offer(r, list(4, "https://old.example"))
	holds("after a list from before the pointer", r, "http://mirror-0", "https://two.example")
	offer(r, list(pushes+1, "https://three.example"))
	holds("after a list from after the pointer", r, "http://mirror-0", "https://three.example")
	again := open(map[string]http.RoundTripper{"mirror-0": honest(w.signedBy(pushes-1, mirrorKeyNext, 1))})
	again.Poll(t.Context())
	holds("after the pointer came again", again, "http://mirror-0", "https://three.example")

	// The key of mirrors was stolen: its list goes with it, and nothing is dropped to the thief.
	w.roots.rotate(trust.Mirror, mirrorKeyNext, 77)
	if err := again.documents.OfferRoots(w.roots.offered(0)); err != nil {
		t.Fatal(err)
	}
	if again.hear(); again.Drops() != "" || again.documents.Holdings().Mirrors != nil {
		t.Errorf("after the key was replaced, the station drops to %q", again.Drops())
	}
	if err := again.documents.OfferMirrorList(signed(77, list(0, "https://new.example"))); err != nil {
		t.Error(err)
	}
	holds("after a list by the new key", again, "http://mirror-0", "https://new.example")
}

func TestAStationFetchesItsListOfMirrorsFromTheServiceAndABundleHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.publish(day("lantern", 1, time.Now().Add(time.Hour), 12*time.Second, []wire.QueueItem{s.record(rec(1, 12))}))
		envelope := s.sign(wire.MirrorListType, wire.MirrorList{Schema: wire.MirrorListSchema, Station: "lantern",
			IssuedAt: schedules.At(time.Now()), Mirrors: []string{"https://one.example"}})
		s.put("/v1/stations/lantern/mirrors.dsse", envelope)
		st := newStation(t, s)
		st.keys = append(st.keys, s.signer.Public())
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if got := st.run(ctx).mirrors.States(); len(got) != 1 || got[0].Address != "https://one.example" {
			t.Errorf("the station knows %v", got)
		}
		c, err := Collect(t.Context(), s.api(), BundleOptions{Station: "lantern", Days: 2, Now: time.Now()})
		if err != nil || !slices.ContainsFunc(c.Documents, func(d mirror.Document) bool { return d.Name == mirrorListName }) {
			t.Errorf("the bundle has %v, %v", c.Documents, err)
		}
	})
}

func TestMirrorsWithoutTLSAreLeftOutWhoeverNamesThem(t *testing.T) {
	m := &Mirrors{opt: MirrorOptions{TLSOnly: true}, problems: NewProblems(time.Now, discardLog())}
	m.know([]string{"http://one.example", "https://two.example", "http://[::1]:8080", "http://localhost/x"})
	var known []string
	for _, s := range m.sources() {
		known = append(known, s.address)
	}
	if !slices.Equal(known, []string{"https://two.example", "http://[::1]:8080", "http://localhost/x"}) {
		t.Errorf("%q", known)
	}
}
