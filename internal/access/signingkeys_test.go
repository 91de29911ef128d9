package access

import (
	"testing"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
)

func TestKeysThatSignedAreKnownAfterAnotherSigns(t *testing.T) {
	docs, now := memory.New(100), time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, id := range []string{"a", "a", "b", "a"} {
		if err := UseSigningKey(t.Context(), docs, "Ruth", id, []byte(id), now); err != nil {
			t.Fatal(err)
		}
	}
	keys, revision, err := ReadSigningKeys(t.Context(), docs, "a")
	if err != nil || keys.Current != "a" || len(keys.Keys) != 2 || revision != 3 {
		t.Errorf("%+v at %d, %v", keys, revision, err)
	}
	if former := keys.Former(); len(former) != 1 || former[0].ID != "b" || former[0].PublicKey != "Yg==" {
		t.Errorf("before: %+v", former)
	}
}

// A store of an earlier version has no list of keys, but its lists name their signers. A damaged list is ignored.
func TestKeysOfAnOldStoreAreReadFromWhatTheySigned(t *testing.T) {
	docs := memory.New(100)
	var writes []store.Write
	for id, body := range map[string]string{"x": `{"payload":"e30=","signatures":[{"keyid":"old"}]}`,
		"y": `{"payload":"e30=","signatures":[{"keyid":"older"}]}`, "z": `{`} {
		writes = append(writes, store.Write{Kind: replica.KindFallback, ID: id, Body: []byte(body)})
	}
	if _, err := docs.Commit(t.Context(), store.Commit{Writes: writes}); err != nil {
		t.Fatal(err)
	}
	keys, revision, err := ReadSigningKeys(t.Context(), docs, "older")
	if err != nil || revision != 0 || keys.Current != "older" || len(keys.Keys) != 2 {
		t.Errorf("%+v at %d, %v", keys, revision, err)
	}
	if err := UseSigningKey(t.Context(), docs, "Ruth", "old", []byte("p"), time.Now()); err != nil {
		t.Fatal(err)
	}
	if keys, _, err := ReadSigningKeys(t.Context(), docs, "older"); err != nil || keys.Current != "old" ||
		string(keys.Keys[0].Public) != "p" {
		t.Errorf("then %+v, %v", keys, err)
	}
}
