package archive_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lifeline/internal/archive"
	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// held is the content of an archive.
type held struct {
	Trimmed   int64
	Key       string
	Folder    []archive.File
	Documents []store.Document
	Changes   []store.Change
	Entries   []store.Entry
	Blobs     []string
	Missing   []string
}

func sample() held {
	at := time.Date(2026, 11, 3, 17, 4, 5, 678_000_000, time.UTC)
	h := held{Trimmed: 7, Key: "c2VlZA==\n", Blobs: []string{"sound", "", strings.Repeat("long ", 50_000)},
		Folder: []archive.File{{Name: "1.root.json", Content: []byte("{}")},
			{Name: "queue.key", Content: []byte("c2VlZA==\n")}},
		Missing: []string{strings.Repeat("0", 64)}}
	for i, body := range []string{`{"한":"<&>\u2028","n":1e2}`, `[1, 2 ]`, "12", "null", `""`, "", " {}", "{\n}",
		"\x00\xff", "{", `{"a":1}` + "\n"} {
		h.Documents = append(h.Documents, store.Document{Kind: "종류 <&>", ID: fmt.Sprint(i), Revision: int64(i + 1),
			Body: []byte(body)})
		h.Entries = append(h.Entries, store.Entry{Station: "서울", Sequence: int64(i - 5),
			At: at.Add(time.Duration(i) * time.Millisecond), Body: json.RawMessage(body)})
	}
	for i := range 300 {
		h.Changes = append(h.Changes, store.Change{Sequence: int64(i + 1), Kind: "k", ID: "i", Revision: int64(i),
			Deleted: i%2 == 1,
			Origin: store.Origin{At: at, By: "«Ruth»", Action: "segment.approve", Reason: "읽었다\n\x01 \"quoted\"",
				RequestID: "01"}})
	}
	return h
}

// large returns a sample whose documents fill more than one member.
func large() held {
	h := sample()
	h.Documents = append(h.Documents, store.Document{Kind: "z", ID: "large", Revision: 1, Body: bytes.Repeat([]byte("x"),
		9<<20)},
		store.Document{Kind: "z", ID: "next member", Revision: 1, Body: []byte("{}")})
	return h
}

func write(t testing.TB, h held) ([]byte, archive.Manifest) {
	t.Helper()
	var out bytes.Buffer
	w := archive.NewWriter(&out, time.Date(2026, 11, 4, 0, 0, 0, 0, time.UTC))
	err := w.Begin(h.Trimmed, []byte(h.Key), h.Folder...)
	for _, d := range h.Documents {
		err = errors.Join(err, w.Document(d))
	}
	for _, c := range h.Changes {
		err = errors.Join(err, w.Change(c))
	}
	for _, e := range h.Entries {
		err = errors.Join(err, w.Entry(e))
	}
	for _, b := range h.Blobs {
		err = errors.Join(err, w.Blob(hash(b), int64(len(b)), strings.NewReader(b)))
	}
	for _, m := range h.Missing {
		w.Missing(m)
	}
	m, closed := w.Close()
	if err := errors.Join(err, closed); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), m
}

func read(r io.Reader) (h held, m archive.Manifest, err error) {
	a, err := archive.NewReader(r)
	if err != nil {
		return h, m, err
	}
	h.Trimmed, h.Key, h.Folder = a.Trimmed(), string(a.Key()), a.Folder()
	for d, err := range a.Documents() {
		if err != nil {
			return h, m, err
		}
		h.Documents = append(h.Documents, d)
	}
	for c, err := range a.Changes() {
		if err != nil {
			return h, m, err
		}
		h.Changes = append(h.Changes, c)
	}
	for e, err := range a.Entries() {
		if err != nil {
			return h, m, err
		}
		h.Entries = append(h.Entries, e)
	}
	for b, err := range a.Blobs() {
		if err != nil {
			return h, m, err
		}
		content, err := io.ReadAll(b)
		if err != nil {
			return h, m, err
		}
		h.Blobs = append(h.Blobs, string(content))
	}
	m, err = a.Finish()
	h.Missing = m.Missing
	return h, m, err
}

func TestArchiveIsReadAsItWasWritten(t *testing.T) {
	for name, h := range map[string]held{"nothing": {}, "all": sample(), "more": large()} {
		b, written := write(t, h)
		got, m, err := read(iotest.HalfReader(bytes.NewReader(b)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range got.Documents { // cmp is slow on megabytes
			if d, w := &got.Documents[i], &h.Documents[i]; len(d.Body) > 1<<20 && bytes.Equal(d.Body, w.Body) {
				d.Body, w.Body = nil, nil
			}
		}
		if diff := cmp.Diff(h, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-written +read):\n%.2000s", name, diff)
		}
		if diff := cmp.Diff(written, m); diff != "" {
			t.Errorf("%s: manifest (-written +read):\n%s", name, diff)
		}
	}
}

// The test uses none of our code to read the archive.
func TestArchiveIsReadWithoutLifeline(t *testing.T) {
	h := sample()
	b, m := write(t, h)
	dir := t.TempDir()
	file := filepath.Join(dir, "archive.tar")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	shell := func(command string) string {
		c := exec.Command("sh", "-ec", command)
		c.Dir = dir
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		return strings.Fields(string(out))[0]
	}
	shell("tar xf archive.tar; sha256sum -c manifest.json.sha256")
	for part, want := range map[string]archive.Part{"documents": m.Documents, "changes": m.Changes, "asrun": m.AsRun} {
		if got := shell("cat " + part + "/* | gzip -dc | sha256sum"); got != want.SHA256 {
			t.Errorf("%s: %s; want %s", part, got, want.SHA256)
		}
		if got := shell("cat " + part + "/* | gzip -dc | wc -l"); got != fmt.Sprint(want.Count) {
			t.Errorf("%s: %s lines; want %d", part, got, want.Count)
		}
	}
	if got := shell("cd blobs; sha256sum * | grep -c '^\\(.*\\)  \\1$'"); got != fmt.Sprint(len(h.Blobs)) {
		t.Errorf("%s blobs are those of their names; want %d", got, len(h.Blobs))
	}
}

func TestDamagedArchiveIsRefused(t *testing.T) {
	small, _ := write(t, sample())
	refuses := func(name string, b []byte) {
		t.Helper()
		if _, _, err := read(bytes.NewReader(b)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	end := len(small) - 1024 // the two empty blocks that end a tar
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		n := random.IntN(end)
		refuses(fmt.Sprintf("cut off at %d", n), small[:n])
	}
	fill := large
	if testing.Short() {
		fill = sample
	}
	whole, _ := write(t, fill())
	members := split(t, whole)
	for i := range members {
		refuses("without "+members[i].name, join(members[:i], members[i+1:]))
		if i > 0 {
			refuses("swapped before "+members[i].name, join(members[:i-1], members[i:i+1], members[i-1:i], members[i+1:]))
			refuses("twice "+members[i].name, join(members[:i], members[i:i+1], members[i:]))
		}
	}
	other := fill()
	other.Documents[0].Body, other.Trimmed = []byte("{}"), 8
	b, _ := write(t, other)
	theirs := split(t, b)
	for i, m := range members {
		if !bytes.Equal(theirs[i].bytes, m.bytes) {
			refuses("another's "+m.name, join(members[:i], theirs[i:i+1], members[i+1:]))
		}
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "text": []byte("no archive"), "an empty tar": make([]byte, 1024),
		"another's tar":  join([]member{{"a.txt", []byte("text")}}),
		"another format": join([]member{{"lifeline.json", []byte(`{"format":"lifeline-archive/2"}`)}}),
	} {
		refuses(name, b)
	}
}

// A flipped bit is found, or is in bytes without meaning, such as a member's padding.
func TestFlippedBitChangesNothingUnnoticed(t *testing.T) {
	h := sample()
	whole, _ := write(t, h)
	random := rand.New(rand.NewPCG(3, 4))
	flips, unnoticed := 1000, 0
	if testing.Short() { // slow under the race detector, which finds nothing in one goroutine
		flips = 50
	}
	for range flips {
		b := bytes.Clone(whole)
		at := random.IntN(len(b) - 1024)
		b[at] ^= 1 << random.IntN(8)
		got, _, err := read(bytes.NewReader(b))
		switch {
		case err == nil && !cmp.Equal(h, got, cmpopts.EquateEmpty()):
			t.Fatalf("a bit flipped at %d of %d changed what was read", at, len(b))
		case err == nil:
			unnoticed++
		case !fault.Is(err, fault.Invalid):
			t.Errorf("flipped at %d: %v", at, err)
		}
	}
	if unnoticed > flips/10 {
		t.Errorf("%d of %d flipped bits were not noticed", unnoticed, flips)
	}
}

func TestBlobOfOtherBytesIsNotWritten(t *testing.T) {
	for _, content := range []string{"other", "sounds", "soun"} {
		w := archive.NewWriter(io.Discard, time.Now())
		if err := w.Blob(hash("sound"), 5, strings.NewReader(content)); err == nil {
			t.Errorf("%q was taken for the bytes of another", content)
		}
	}
}

type member struct {
	name  string
	bytes []byte
}

func split(t *testing.T, b []byte) (all []member) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, member{h.Name, content})
	}
}

func join(parts ...[]member) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, part := range parts {
		for _, m := range part {
			w.WriteHeader(&tar.Header{Name: m.name, Size: int64(len(m.bytes)), Mode: 0o600})
			w.Write(m.bytes)
		}
	}
	w.Close()
	return out.Bytes()
}

func hash(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}
