package playout

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"filippo.io/age"

	"lifeline/internal/harness"
	"lifeline/internal/mirror"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// textForms returns the ways in which a text may lie in a file: as it is, in UTF-16, in hexadecimal and in base64 at
// each of the three places where it may begin.
func textForms(text string) (out [][]byte) {
	raw := []byte(text)
	var wide []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	out = append(out, raw, wide, []byte(hex.EncodeToString(raw)), []byte(strings.ToUpper(hex.EncodeToString(raw))))
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			encoded := encoding.EncodeToString(append(make([]byte, before), raw...))
			begin, end := (before*8+5)/6, (before+len(raw))*8/6 // the digits that only the text determines
			out = append(out, []byte(encoded[begin:end]))
		}
	}
	return out
}

// unpacked returns what decompresses from any place in a file.
func unpacked(b []byte) (out []byte) {
	for i := range len(b) - 2 {
		var in io.Reader
		var err error
		switch {
		case b[i] == 0x1f && b[i+1] == 0x8b && b[i+2] == 8:
			in, err = gzip.NewReader(bytes.NewReader(b[i:]))
		case b[i] == 0x78 && (int(b[i])<<8+int(b[i+1]))%31 == 0:
			in, err = zlib.NewReader(bytes.NewReader(b[i:]))
		case i == 0:
			in = flate.NewReader(bytes.NewReader(b))
		default:
			continue
		}
		if err == nil {
			content, _ := io.ReadAll(io.LimitReader(in, 1<<20)) // most is no compressed text
			out = append(out, content...)
		}
	}
	return out
}

// betrays returns the secrets that can be found in the names and contents of files.
func betrays(files map[string][]byte, secrets []string) (found []string) {
	var all []byte
	for name, b := range files {
		all = append(append(append(append(all, name...), 0), b...), 0)
		all = append(append(all, unpacked(b)...), 0)
	}
	for _, secret := range secrets {
		for i, form := range textForms(secret) {
			if len(form) >= 5 && bytes.Contains(all, form) { // a shorter one may be there by chance
				found = append(found, fmt.Sprintf("%q in form %d", secret, i))
			}
		}
	}
	return found
}

// library is a station's documents over many segments, and all that nobody else may learn of them.
type library struct {
	composition mirror.Composition
	secrets     []string
	sizes       map[int64]bool // of documents and recordings
	key         *age.X25519Identity
}

func newLibrary(t *testing.T) *library {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	l := &library{key: key, sizes: map[int64]bool{}, secrets: []string{"lantern-coast", "Lantern Coast Relay", "11735 kHz",
		"15170 kHz", "frequency", "2026-11-23", "20261123", "23 Nov 2026", "2026-11-24", "2026-11-29", "1795435200",
		"sensitive",
		"segment_id", "queue", "recalls", "mp3", "Asia/Tashkent"}}
	day := schedules.DateOf(documentsNow)
	audio := map[string][]byte{}
	dice := rand.New(rand.NewPCG(3, 4))
	q := wire.Queue{Schema: wire.QueueSchema, Station: "lantern-coast", Date: day, Timezone: "Asia/Tashkent", Revision: 7,
		PublishedAt: schedules.At(documentsNow), ExpiresAt: schedules.At(documentsNow.Add(48 * time.Hour))}
	s := mirror.Station{ID: "lantern-coast", Recipient: key.Recipient().String()}
	for segment := range harness.Segments(60) {
		b := make([]byte, 3000+dice.IntN(60_000))
		for i := range b {
			b[i] = byte(dice.Uint32())
		}
		r := mirror.Recording{SHA256: sha(b), Bytes: int64(len(b))}
		audio[r.SHA256] = b
		s.Recordings = append(s.Recordings, r)
		q.Items = append(q.Items, wire.QueueItem{ID: "item-" + segment.ID, SegmentID: segment.ID, Title: segment.Title,
			Voice: segment.Voice, Window: "evening on 11735 kHz and 15170 kHz", Kind: segment.Kind,
			Audio: wire.AudioRef{SHA256: r.SHA256, Bytes: r.Bytes, ContentType: "audio/mpeg"}})
		l.secrets = append(l.secrets, segment.ID, segment.Title, segment.Voice, r.SHA256, fmt.Sprintf(":%d,", r.Bytes),
			fmt.Sprintf("%011o", r.Bytes),
			string(b[100:140]))
		l.sizes[r.Bytes] = true
	}
	for _, d := range []mirror.Document{{Name: recallsName, Content: byKey(t, recallKey, wire.RecallsType,
		wire.Recalls{Schema: wire.RecallsSchema, IssuedAt: schedules.At(documentsNow),
			Segments: []wire.Recalled{{SegmentID: "reading-ko-recalled"}}})},
		{Name: queueName(day), Content: byKey(t, queueKey, wire.QueueType, q)}} {
		s.Documents = append(s.Documents, d)
		l.secrets = append(l.secrets, fmt.Sprintf(":%d,", len(d.Content)), fmt.Sprintf("%011o", len(d.Content)), d.Name)
		l.sizes[int64(len(d.Content))] = true
	}
	l.secrets = append(l.secrets, "reading-ko-recalled")
	l.composition = mirror.Composition{Stations: []mirror.Station{s}, Now: documentsNow, Life: time.Hour, Keep: time.Hour,
		Recording: func(_ context.Context, r mirror.Recording) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(audio[r.SHA256])), nil
		}, Sign: func(payload []byte) ([]byte, error) {
			return byKey(t, mirrorKey, wire.MirrorPointerType, json.RawMessage(payload)), nil
		}}
	return l
}

func TestAMirrorWithoutAKeySaysNothingOfTheLibrary(t *testing.T) {
	l := newLibrary(t)
	tree, err := mirror.OpenTree(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	files := memoryTree{}
	if err := tree.Compose(t.Context(), l.composition); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Push(t.Context(), files); err != nil {
		t.Fatal(err)
	}
	if found := betrays(files, l.secrets); len(found) > 0 {
		t.Errorf("the tree betrays %q", found)
	}
	sizes := map[int]int{}
	for name, b := range files {
		sizes[len(b)]++
		if l.sizes[int64(len(b))] {
			t.Errorf("file %s has the size of a document or recording", name)
		}
	}
	if len(files) != 64 || len(sizes) > 30 { // 60 recordings, two documents, a manifest and a pointer
		t.Errorf("%d files have %d sizes", len(files), len(sizes))
	}
	// The search finds what is there.
	plain := map[string][]byte{"bundle": l.composition.Stations[0].Documents[1].Content}
	if found := betrays(plain, l.secrets); len(found) < 180 {
		t.Errorf("the search finds %d secrets in a queue that is not encrypted", len(found))
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("of Lantern Coast Relay")); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	if found := betrays(map[string][]byte{"gzip": packed.Bytes()}, l.secrets); len(found) == 0 {
		t.Error("the search finds nothing in what is compressed")
	}
}
