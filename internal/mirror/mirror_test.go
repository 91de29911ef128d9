package mirror

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

var pushedAt = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newKey(t *testing.T) *age.X25519Identity {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestPaddedLengthsAreFewAndAddLittle(t *testing.T) {
	lengths := map[int64]bool{}
	dice := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		n := dice.Int64N(1 << (14 + dice.Int64N(17)))
		padded := PaddedLength(n)
		lengths[padded] = true
		if padded < n+prefix || padded > max(leastLength, (n+prefix)*1063/1000+1) {
			t.Fatalf("%d bytes are padded to %d", n, padded)
		}
		if n > 1<<20 && padded > n*1032/1000 {
			t.Fatalf("%d bytes of audio are padded to %d", n, padded)
		}
	}
	if len(lengths) > 17*32 {
		t.Errorf("there are %d padded lengths up to 2 GiB", len(lengths))
	}
}

func TestOnlyItsStationReadsAFile(t *testing.T) {
	key, other := newKey(t), newKey(t)
	for _, n := range []int{0, 1, 70_000} {
		content := bytes.Repeat([]byte{7}, n)
		encrypted, err := EncryptBytes(content, key.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := OpenBytes(encrypted, int64(n), key); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes came back as %d: %v", n, len(got), err)
		}
		if _, err := OpenBytes(encrypted, int64(n), other); !fault.Is(err, fault.Forbidden) {
			t.Errorf("another station: %v", err)
		}
		if _, err := OpenBytes(encrypted, int64(n)-1, key); n > 0 && !fault.Is(err, fault.Invalid) {
			t.Errorf("over the bound: %v", err)
		}
		for _, damaged := range [][]byte{encrypted[:len(encrypted)/2], encrypted[:len(encrypted)-1], nil, []byte("<html>")} {
			if got, err := OpenBytes(damaged, 1<<20, key); err == nil && !bytes.Equal(got, content) {
				t.Errorf("%d bytes came of a damaged file", len(got))
			}
		}
	}
}

func TestFilesDoNotSayHowManyStationsReadThem(t *testing.T) {
	sizes := map[int]int{}
	for stations := 5; stations <= 8; stations++ {
		var to []age.Recipient
		for range stations {
			to = append(to, newKey(t).Recipient())
		}
		encrypted, err := EncryptBytes([]byte("queue"), to...)
		if err != nil {
			t.Fatal(err)
		}
		sizes[len(encrypted)]++
		if n := bytes.Count(encrypted, []byte("\n-> X25519 ")); n != 8 {
			t.Errorf("a file to %d stations has %d recipients", stations, n)
		}
	}
	if len(sizes) != 1 {
		t.Errorf("the sizes are %v", sizes)
	}
}

// memory is a target in memory. It fails at the put with a number.
type memory struct {
	files  map[string][]byte
	puts   []string
	failAt int
}

func (p *memory) List(context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	for name, b := range p.files {
		out[name] = int64(len(b))
	}
	return out, nil
}

func (p *memory) Put(_ context.Context, name string, _ int64, content io.ReadSeeker) (err error) {
	p.puts = append(p.puts, name)
	if len(p.puts) == p.failAt {
		return errors.New("the link broke")
	}
	p.files[name], err = io.ReadAll(content)
	return err
}

func (p *memory) Remove(_ context.Context, name string) error { delete(p.files, name); return nil }

// service composes trees for two stations.
type service struct {
	t        *testing.T
	dir      string
	tree     *Tree
	keys     map[string]*age.X25519Identity
	queue    string // of both
	read     int    // recordings that were read
	audio    []byte
	composed time.Time
	erased   []string
}

func newTestService(t *testing.T) *service {
	s := &service{t: t, dir: t.TempDir(), keys: map[string]*age.X25519Identity{"lantern": newKey(t), "harbour": newKey(t)},
		queue: "queue 1", audio: bytes.Repeat([]byte("la"), 40_000), composed: pushedAt}
	s.open()
	return s
}

func (s *service) open() {
	tree, err := OpenTree(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	s.tree = tree
	s.t.Cleanup(func() { _ = tree.Close() })
}

func (s *service) compose() {
	s.t.Helper()
	c := Composition{Now: s.composed, Life: time.Hour, Keep: time.Hour, Erased: s.erased,
		Sign: func(payload []byte) ([]byte, error) { return payload, nil },
		Recording: func(context.Context, Recording) (io.ReadCloser, error) {
			s.read++
			return io.NopCloser(bytes.NewReader(s.audio)), nil
		}}
	for _, id := range slices.Sorted(maps.Keys(s.keys)) {
		c.Stations = append(c.Stations, Station{ID: id, Recipient: s.keys[id].Recipient().String(),
			Documents:  []Document{{"recalls.dsse", []byte("recalls")}, {"queues/2026-11-23.dsse", []byte(s.queue + id)}},
			Recordings: []Recording{{hash(s.audio), int64(len(s.audio))}}})
	}
	if err := s.tree.Compose(s.t.Context(), c); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) push(to *memory) Pushed {
	s.t.Helper()
	done, err := s.tree.Push(s.t.Context(), to)
	if err != nil {
		s.t.Fatal(err)
	}
	return done
}

// reads returns what a station finds at a memory, by document name, and fails unless all of it is there.
func reads(t *testing.T, files map[string][]byte, key *age.X25519Identity) (wire.MirrorPointer, map[string]string) {
	t.Helper()
	var p wire.MirrorPointer
	var m wire.MirrorManifest
	out := map[string]string{}
	get := func(f wire.MirrorFile, most int64) []byte {
		b := files[FileName(f.SHA256)]
		if hash(b) != f.SHA256 || int64(len(b)) != f.Bytes || f.Bytes > MostEncrypted(most) {
			t.Fatalf("file %s has %d bytes, and %d are named", f.SHA256, len(b), f.Bytes)
		}
		content, err := OpenBytes(b, most, key)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	b, err := OpenBytes(files[PointerName(key.Recipient().String())], wire.MostPointerBytes, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &p); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(get(p.Manifest, wire.MostManifestBytes), &m); err != nil {
		t.Fatal(err)
	}
	for _, d := range m.Documents {
		out[d.Name] = string(get(d.File, 1<<20))
	}
	for _, r := range m.Recordings {
		out[r.SHA256] = string(get(r.File, 1<<20))
	}
	return p, out
}

func TestPushSendsOnlyWhatChanged(t *testing.T) {
	s, to := newTestService(t), &memory{files: map[string][]byte{"index.html": []byte("of somebody else")}}
	s.compose()
	if done := s.push(to); done.Files != 6 || done.Held != 0 { // recalls, audio, and a queue and a manifest for each
		t.Errorf("the first push did %+v", done)
	}
	first, _ := reads(t, to.files, s.keys["lantern"])
	s.compose()
	if done := s.push(to); done.Files != 0 || done.Held != 6 || s.read != 1 {
		t.Errorf("the same again did %+v, and %d recordings were read", done, s.read)
	}
	s.queue, s.composed = "queue 2", s.composed.Add(time.Minute)
	if err := s.tree.Close(); err != nil {
		t.Fatal(err)
	}
	s.open() // as a later run of the command
	s.compose()
	if done := s.push(to); done.Files != 4 || done.Held != 2 || done.Removed != 0 || s.read != 1 {
		t.Errorf("a changed queue did %+v, and %d recordings were read", done, s.read)
	}
	p, got := reads(t, to.files, s.keys["lantern"])
	if got["queues/2026-11-23.dsse"] != "queue 2lantern" || p.Number <= first.Number {
		t.Errorf("pointer %d after %d leads to %q", p.Number, first.Number, got["queues/2026-11-23.dsse"])
	}
	if string(to.files["index.html"]) != "of somebody else" {
		t.Error("a file that no push put there is gone")
	}
}

// The push after an erasure leaves no file that no pointer names: what held the recording is gone at once, in the tree
// and at its target. Later pushes keep files again.
func TestWhatHeldAnErasedRecordingIsGoneWithTheNextPush(t *testing.T) {
	s, to := newTestService(t), &memory{files: map[string][]byte{}}
	s.compose()
	s.push(to)
	erased := s.audio
	s.erased, s.audio, s.queue = []string{hash(erased)}, bytes.Repeat([]byte("lo"), 50_000), "queue 2"
	s.composed = s.composed.Add(time.Minute)
	s.compose()
	s.push(to)
	for name, content := range to.files {
		if b, err := OpenBytes(content, 1<<20, s.keys["lantern"], s.keys["harbour"]); err != nil || bytes.Equal(b, erased) {
			t.Errorf("%s still holds the recording (%v)", name, err)
		}
	}
	held := func() (files int) {
		entries, err := os.ReadDir(filepath.Join(s.dir, blobsDir))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if len(to.files) != 6+2 || held() != 6 {
		t.Errorf("the target has %d files, the tree %d", len(to.files), held())
	}
	s.queue, s.composed = "queue 3", s.composed.Add(time.Minute)
	s.compose()
	s.push(to)
	if len(to.files) != 6+4+2 {
		t.Errorf("later pushes keep %d files", len(to.files))
	}
}

func TestOldFilesStayForAWhile(t *testing.T) {
	s, to := newTestService(t), &memory{files: map[string][]byte{}}
	s.compose()
	s.push(to)
	old := maps.Clone(to.files)
	s.queue, s.composed = "queue 2", s.composed.Add(time.Minute)
	s.compose()
	s.push(to)
	for name := range old {
		if to.files[name] == nil {
			t.Errorf("%s is gone at once", name)
		}
	}
	s.composed = s.composed.Add(time.Hour)
	s.compose()
	if done := s.push(to); done.Removed != 4 {
		t.Errorf("after the time that files stay: %+v", done)
	}
	reads(t, to.files, s.keys["lantern"])
	entries, err := os.ReadDir(filepath.Join(s.dir, blobsDir))
	if err != nil || len(entries) != 6 {
		t.Errorf("the tree keeps %d files: %v", len(entries), err)
	}
}

func TestAPushThatBreaksOffLeavesTheOldTreeValid(t *testing.T) {
	for at := 1; ; at++ {
		s, to := newTestService(t), &memory{files: map[string][]byte{}}
		s.compose()
		s.push(to)
		s.queue, s.composed = "queue 2", s.composed.Add(time.Minute)
		s.compose()
		to.puts, to.failAt = nil, at
		_, err := s.tree.Push(t.Context(), to)
		for id, key := range s.keys {
			if _, got := reads(t, to.files, key); got["queues/2026-11-23.dsse"] != "queue 1"+id &&
				got["queues/2026-11-23.dsse"] != "queue 2"+id {
				t.Errorf("station %s finds %q", id, got["queues/2026-11-23.dsse"])
			}
		}
		if err == nil {
			if at != 7 { // 4 files and 2 pointers
				t.Errorf("a push made %d puts", at-1)
			}
			return
		}
	}
}

func TestASeizedOrReplacedKeyReadsNothingNew(t *testing.T) {
	s, to := newTestService(t), &memory{files: map[string][]byte{}}
	s.compose()
	s.push(to)
	before, seized := maps.Clone(to.files), s.keys["harbour"]
	delete(s.keys, "harbour")
	s.composed = s.composed.Add(time.Minute)
	s.compose()
	s.push(to)
	if to.files[PointerName(seized.Recipient().String())] != nil {
		t.Error("the pointer of the seized key is still there")
	}
	for name, b := range to.files {
		if _, err := OpenBytes(b, 1<<20, seized); err == nil && before[name] == nil {
			t.Errorf("the seized key reads %s", name)
		}
	}
	if _, got := reads(t, to.files, s.keys["lantern"]); got[hash(s.audio)] != string(s.audio) {
		t.Error("the other station lacks the recording")
	}
	s.keys["lantern"] = newKey(t)
	s.compose()
	s.push(to)
	reads(t, to.files, s.keys["lantern"])
}

func TestNumbersGrowThoughTheDirectoryIsLostOrTheClockIsSetBack(t *testing.T) {
	s, to := newTestService(t), &memory{files: map[string][]byte{}}
	last := int64(0)
	for i, step := range []time.Duration{0, 0, time.Second, -time.Hour, 2 * time.Hour} {
		s.composed = s.composed.Add(step)
		if i == 4 {
			s.dir = t.TempDir()
			s.open()
		}
		s.compose()
		s.push(to)
		p, _ := reads(t, to.files, s.keys["lantern"])
		if p.Number <= last {
			t.Errorf("push %d has number %d after %d", i, p.Number, last)
		}
		last = p.Number
	}
}

func TestTwoPushesAtOnceAreRefused(t *testing.T) {
	s := newTestService(t)
	if _, err := OpenTree(s.dir); !fault.Is(err, fault.Conflict) {
		t.Errorf("the second got %v", err)
	}
}

func TestADamagedIndexOrFileIsMadeAnew(t *testing.T) {
	s, to := newTestService(t), &memory{files: map[string][]byte{}}
	s.compose()
	for _, damage := range []func(){
		func() { s.must(os.WriteFile(filepath.Join(s.dir, indexName), []byte("{"), 0o600)) },
		func() {
			entries, err := os.ReadDir(filepath.Join(s.dir, blobsDir))
			s.must(err)
			s.must(os.Truncate(filepath.Join(s.dir, blobsDir, entries[0].Name()), 10))
		},
	} {
		s.must(s.tree.Close())
		damage()
		s.open()
		s.compose()
		s.push(to)
		reads(t, to.files, s.keys["lantern"])
	}
}

func (s *service) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestAWrongRecordingIsNotPushed(t *testing.T) {
	s := newTestService(t)
	c := Composition{Now: pushedAt, Life: time.Hour, Sign: func(p []byte) ([]byte, error) { return p, nil },
		Stations: []Station{{ID: "lantern", Recipient: s.keys["lantern"].Recipient().String(),
			Recordings: []Recording{{hash(s.audio), int64(len(s.audio))}}}}}
	for _, wrong := range []string{"", string(s.audio) + "x", strings.Repeat("lo", len(s.audio)/2)} {
		c.Recording = func(context.Context, Recording) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(wrong)), nil
		}
		if err := s.tree.Compose(t.Context(), c); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%d bytes: %v", len(wrong), err)
		}
	}
}

func TestAStreamIsPaddedAndOpenedByAnyOfItsKeys(t *testing.T) {
	one, two, other := newKey(t), newKey(t), newKey(t)
	sizes := map[int]bool{}
	for _, n := range []int{0, 9, 10_000, 200_000, 200_001, 200_100} {
		content := bytes.Repeat([]byte{7}, n)
		var b bytes.Buffer
		s, err := NewStream(&b, one.Recipient(), two.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.Write(content); err == nil {
			err = s.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		sizes[b.Len()] = true
		in := bufio.NewReader(bytes.NewReader(b.Bytes()))
		if !Encrypted(in) {
			t.Error("it does not look encrypted")
		}
		out, err := Decrypt(in, other, two)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(out)
		if err != nil || !bytes.Equal(bytes.TrimRight(got, "\x00"), content) {
			t.Errorf("%d bytes came back as %d: %v", n, len(got), err)
		}
		if _, err := Decrypt(bytes.NewReader(b.Bytes()), other); !fault.Is(err, fault.Forbidden) {
			t.Errorf("another key: %v", err)
		}
		if _, err := Decrypt(bytes.NewReader(b.Bytes())); !fault.Is(err, fault.Forbidden) {
			t.Errorf("no key: %v", err)
		}
	}
	if len(sizes) != 2 {
		t.Errorf("there are %d sizes", len(sizes))
	}
	if Encrypted(bufio.NewReader(strings.NewReader("age"))) {
		t.Error("a short file looks encrypted")
	}
}
