package playout

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/playout/statedir"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// enrolled gives the station of a state directory a key of its own, and returns the recipient.
func enrolled(t *testing.T, state *statedir.Dir) string {
	t.Helper()
	keys, err := trust.NewStationIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Record(keptIdentity{"lantern", keys.Stored(), "token", schedules.At(documentsNow)},
		statedir.Twice(identityName)...); err != nil {
		t.Fatal(err)
	}
	return keys.Recipient()
}

// encryptedBundle is an encrypted bundle of a service, and what nobody else may learn from it.
type encryptedBundle struct {
	*shelf
	file, recipient string
	cache           string // directory in which it came together
	secrets         []string
}

func newEncryptedBundle(t *testing.T) *encryptedBundle {
	b := &encryptedBundle{shelf: newShelf(t), file: filepath.Join(t.TempDir(), "stick", "week.tar"), cache: t.TempDir()}
	t.Setenv("XDG_CACHE_HOME", b.cache)
	q := b.queue(1)
	for i := range q.Items {
		q.Items[i].Title = fmt.Sprintf("A letter to my sister, part %d", i)
		b.secrets = append(b.secrets, q.Items[i].Title, q.Items[i].SegmentID, q.Items[i].Audio.SHA256,
			fmt.Sprintf("%011o", q.Items[i].Audio.Bytes), fmt.Sprintf(":%d,", q.Items[i].Audio.Bytes))
	}
	b.secrets = append(b.secrets, "lantern", "evening", "2026-11-23", "2026-11-24", "queues", "fallback", "segment",
		"lifeline", "application/vnd")
	b.service.publish(q)
	b.service.setFallback(b.fallbackDoc(1))
	b.service.put("/v1/recalls", b.recallsDoc(1))
	state, err := statedir.Open(b.dir)
	if err == nil {
		err = os.Mkdir(filepath.Dir(b.file), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.recipient = enrolled(t, state)
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	b.save(t, BundleOptions{})
	return b
}

func (b *encryptedBundle) save(t *testing.T, opt BundleOptions) {
	t.Helper()
	opt.Station, opt.Days, opt.Now, opt.Recipient = "lantern", 8, documentsNow, b.recipient
	if _, err := SaveBundle(t.Context(), b.file, b.service.api(), opt); err != nil {
		t.Fatal(err)
	}
}

func (b *encryptedBundle) bytes(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile(b.file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestABundleWithoutAKeySaysNothingOfTheLibrary(t *testing.T) {
	b := newEncryptedBundle(t)
	if found := betrays(map[string][]byte{"": b.bytes(t)}, b.secrets); len(found) > 0 {
		t.Errorf("the bundle betrays %q", found)
	}
	plain := bundleOf(t, b.service, documentsNow)
	if found := betrays(map[string][]byte{"": plain}, b.secrets); len(found) < len(b.secrets) {
		t.Errorf("the search finds %d of %d secrets in a plain bundle", len(found), len(b.secrets))
	}
	if left, err := os.ReadDir(filepath.Dir(b.file)); err != nil || len(left) != 1 {
		t.Errorf("beside the bundle there is %v, %v", left, err)
	}
	if parts, err := filepath.Glob(filepath.Join(b.cache, "lifeline", "bundles", "*.part")); err != nil || len(parts) > 0 {
		t.Errorf("the plain parts are left: %q, %v", parts, err)
	}
}

func TestAnEncryptedBundleIsTakenByItsStationAlone(t *testing.T) {
	b := newEncryptedBundle(t)
	lay := func(dir string, content []byte) (string, error) {
		state, err := statedir.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer state.Close()
		return LayIn(state, bytes.NewReader(content), time.Now())
	}
	if _, err := lay(t.TempDir(), b.bytes(t)); err == nil || !strings.Contains(err.Error(), "no key of its own") {
		t.Errorf("a player that has not enrolled: %v", err)
	}
	other := t.TempDir()
	state, err := statedir.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	enrolled(t, state)
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := lay(other, b.bytes(t)); err == nil || !strings.Contains(err.Error(), "to another station") {
		t.Errorf("another station: %v", err)
	}
	for n, damaged := range [][]byte{b.bytes(t)[:100], b.bytes(t)[:len(b.bytes(t))/2],
		append([]byte("age-encryption.org/v2"), b.bytes(t)...)} {
		if _, err := lay(b.dir, damaged); err == nil {
			t.Errorf("damaged bundle %d is laid in", n)
		}
	}
	for _, c := range []struct {
		name    string
		content []byte
	}{{"encrypted", b.bytes(t)}, {"plain, as of an older maker", bundleOf(t, b.service, documentsNow)}} {
		name, err := lay(b.dir, c.content)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		box, _ := b.inbox(t)
		box.take(t.Context(), name)
		result, err := Result(box.state, name)
		if err != nil || !result.Whole || result.Foreign != "" || len(result.Refused) > 0 {
			t.Errorf("%s: %+v, %v", c.name, result, err)
		}
	}
	if held := b.Holdings(); len(held.Queues) != 1 || held.Fallback == nil || held.Recalls == nil {
		t.Errorf("the station holds %+v", held)
	}
}

func TestAnEncryptedBundleThatBrokeOffIsGoneOnWith(t *testing.T) {
	b := newEncryptedBundle(t)
	if err := os.Remove(b.file); err != nil {
		t.Fatal(err)
	}
	part, err := partOf(b.file, b.recipient)
	if err != nil {
		t.Fatal(err)
	}
	plain := bundleOf(t, b.service, documentsNow)
	if err := os.WriteFile(part, plain[:len(plain)-1200], 0o600); err != nil {
		t.Fatal(err)
	}
	b.service.mu.Lock()
	clear(b.service.requests)
	b.service.mu.Unlock()
	b.save(t, BundleOptions{})
	fetched := 0
	for path, n := range b.service.requests {
		if strings.HasPrefix(path, wire.Base+"/audio/") {
			fetched += n
		}
	}
	if fetched > 2 {
		t.Errorf("%d recordings were fetched again", fetched)
	}
}

func TestADeltaLeavesOutWhatAnEncryptedBundleHad(t *testing.T) {
	b := newEncryptedBundle(t)
	first := b.file
	opt := BundleOptions{}
	if err := opt.LeaveOut("", []string{first}); err != nil {
		t.Fatal(err)
	}
	if len(opt.Have) != 7 {
		t.Errorf("the bundle had %d recordings", len(opt.Have))
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // on another machine
	if err := opt.LeaveOut("", []string{first}); err == nil || !strings.Contains(err.Error(), "--have") {
		t.Errorf("elsewhere: %v", err)
	}
}
