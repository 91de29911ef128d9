package access_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/kinds"
	"lifeline/internal/replica"
	"lifeline/internal/sign"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestAListOfMirrorsIsStoredIfTheirKeySignedItAndNoLaterOneIsThere(t *testing.T) {
	now := time.Date(2026, 11, 30, 6, 0, 0, 0, time.UTC)
	m, err := replica.Open(t.Context(), memory.New(10), kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	signer := func(n byte) *sign.Signer {
		s, err := sign.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	lists := access.NewMirrorLists(m, []ed25519.PublicKey{signer(1).Public()}, func() time.Time { return now })
	good := wire.MirrorList{Schema: wire.MirrorListSchema, Station: "s", IssuedAt: schedules.At(now),
		Mirrors: []string{"https://one.example/x"}}
	set := func(key byte, payloadType string, change func(*wire.MirrorList)) error {
		list := good
		change(&list)
		payload, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		envelope, err := signer(key).Sign(payloadType, payload)
		if err != nil {
			t.Fatal(err)
		}
		return lists.Set(t.Context(), access.Actor{Name: "Ada"}, "s", envelope)
	}
	same := func(*wire.MirrorList) {}
	for name, c := range map[string]struct {
		key    byte
		of     string
		change func(*wire.MirrorList)
		kind   fault.Kind
		says   string
	}{
		"another key":     {2, wire.MirrorListType, same, fault.Forbidden, "role mirror"},
		"another type":    {1, wire.MirrorPointerType, same, fault.Forbidden, "role mirror"},
		"another schema":  {1, wire.MirrorListType, func(l *wire.MirrorList) { l.Schema = "x" }, fault.Invalid, "schema"},
		"another station": {1, wire.MirrorListType, func(l *wire.MirrorList) { l.Station = "t" }, fault.Invalid, `"t"`},
		"the future": {1, wire.MirrorListType, func(l *wire.MirrorList) {
			l.IssuedAt = schedules.At(now.Add(time.Hour))
		}, fault.Invalid, "still to come"},
		"no address": {1, wire.MirrorListType, func(l *wire.MirrorList) {
			l.Mirrors = []string{"file:///etc"}
		}, fault.Invalid, "file:///etc"},
		"too many": {1, wire.MirrorListType, func(l *wire.MirrorList) {
			l.Mirrors = make([]string, wire.MostMirrors+1)
		}, fault.Invalid, "33"},
		"no recipient": {1, wire.MirrorListType, func(l *wire.MirrorList) { l.Drops = "age1" }, fault.Invalid, "age1"},
	} {
		if err := set(c.key, c.of, c.change); !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := lists.Of("s"); !fault.Is(err, fault.NotFound) {
		t.Errorf("after refused ones: %v", err)
	}
	for range 2 {
		if err := set(1, wire.MirrorListType, same); err != nil {
			t.Error(err)
		}
	}
	err = set(1, wire.MirrorListType, func(l *wire.MirrorList) { l.IssuedAt = schedules.At(now.Add(-time.Second)) })
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("an older one: %v", err)
	}
	if envelope, _, err := lists.Of("s"); err != nil || !strings.Contains(string(envelope), signer(1).KeyID()) {
		t.Errorf("%s, %v", envelope, err)
	}
}
