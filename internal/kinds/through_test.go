package kinds

import (
	"bytes"
	"compress/gzip"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/archive"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
)

// least returns a minimal body of a document of a kind.
func least(t *testing.T, kind string) []byte {
	switch kind {
	case replica.KindQueue, replica.KindFallback, replica.KindRecalls, "chain-link":
		return []byte(`{"payload":"e30=","signatures":[{"keyid":"k","sig":""}]}`)
	case replica.KindCounter:
		return []byte("1")
	case scheduling.KindExplanations:
		return []byte("[]")
	case library.KindWaveform:
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write([]byte("{}"))
		if err := errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	return []byte("{}")
}

// inspected returns the problem that fsck reports about a document, and whether it attributes the document to a newer
// program.
func inspected(d store.Document) (said string, newer bool) {
	var all []string
	err := replica.NewInspector(All, func(p string) { all = append(all, p) }).Document(d)
	return strings.Join(all, "\n"), errors.As(err, new(*replica.NewerVersion))
}

func exported(t *testing.T, s *memory.Store, to *archive.Writer) (out []store.Document) {
	t.Helper()
	err := s.Export(t.Context(), func(trimmed int64) error { return to.Begin(trimmed, nil) },
		func(d store.Document) error {
			out = append(out, d)
			return to.Document(d)
		}, to.Change, to.Entry)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryKindIsStoredReadCheckedAndCarriedByABackup(t *testing.T) {
	for _, kind := range All {
		t.Run(kind.Name, func(t *testing.T) {
			s := memory.New(100)
			v, err := replica.NewVersioned(t.Context(), s, All, "lifeline")
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Raise(t.Context(), "Ruth", time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
			body := least(t, kind.Name)
			if kind.Name != replica.KindFormat { // which exists already
				if _, err := v.Commit(t.Context(),
					store.Commit{Writes: []store.Write{{Kind: kind.Name, ID: "a", Body: body}}}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := replica.Open(t.Context(), v, All); err != nil {
				t.Errorf("a replica does not read it: %v", err)
			}

			var file, again bytes.Buffer
			w := archive.NewWriter(&file, time.Unix(0, 0))
			want := exported(t, s, w)
			if _, err := w.Close(); err != nil {
				t.Fatal(err)
			}
			r, err := archive.NewReader(&file)
			if err != nil {
				t.Fatal(err)
			}
			restored := memory.New(100)
			if err := restored.Import(t.Context(), r.Trimmed(), r.Documents(), r.Changes(), r.Entries()); err != nil {
				t.Fatal(err)
			}
			got := exported(t, restored, archive.NewWriter(&again, time.Unix(0, 0)))
			same := func(a, b store.Document) bool {
				return a.Kind == b.Kind && a.ID == b.ID && a.Revision == b.Revision && bytes.Equal(a.Body, b.Body)
			}
			if !slices.EqualFunc(got, want, same) {
				t.Errorf("a backup carries %+v as %+v", want, got)
			}

			d := store.Document{Kind: kind.Name, ID: "a", Revision: 1, Body: body}
			if said, newer := inspected(d); newer || strings.Contains(said, "cannot be read") {
				t.Errorf("fsck says of it: %s", said)
			}
			d.Body = []byte(`{"`)
			if said, newer := inspected(d); newer || !strings.Contains(said, "cannot be read") {
				t.Errorf("fsck says of a damaged one: %q", said)
			}
			d.Body = []byte("v99 {}")
			if said, newer := inspected(d); !newer || !strings.Contains(said, "version 99") {
				t.Errorf("fsck says of one in version 99: %q", said)
			}
			if string(body) == "{}" && kind.Name != replica.KindFormat {
				d.Body = []byte(`{"of_a_newer_program":1}`)
				if said, newer := inspected(d); !newer || !strings.Contains(said, "of_a_newer_program") {
					t.Errorf("fsck says of one with a field that it does not know: %q", said)
				}
			}
		})
	}
}
