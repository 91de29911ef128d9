package audio

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestTagTextsSayWhetherTheirEncodingIsDeclared(t *testing.T) {
	frame := func(name string, text string) string {
		return name + string([]byte{0, 0, 0, byte(len(text)), 0, 0}) + text
	}
	body := frame("TIT2", "\x03제목") + frame("TPE1", "\x00\xc5\xe4") + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	v2 := "ID3\x03\x00\x00" + string([]byte{0, 0, 0, byte(len(body))}) + body
	v1 := make([]byte, 128)
	copy(v1, "TAG")
	copy(v1[3:], "another title")
	copy(v1[63:], "an album")
	got, err := ReadTagTexts(bytes.NewReader(append([]byte(v2+"audio"), v1...)))
	want := TagTexts{Title: TagText{"제목", true}, Artist: TagText{"Åä", false}, Album: TagText{"an album", false}}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, short := range []string{"", "ID3", v2[:20]} {
		if got, err := ReadTagTexts(bytes.NewReader([]byte(short))); err != nil || got != (TagTexts{}) {
			t.Errorf("%q: %+v, %v", short, got, err)
		}
	}
	broken := errors.New("the disk is broken")
	if _, err := ReadTagTexts(failing{broken}); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)       { return 0, f.err }
func (f failing) Seek(int64, int) (int64, error) { return 0, nil }

// FuzzReadTagTexts holds that no bytes of others panic.
func FuzzReadTagTexts(f *testing.F) {
	f.Add([]byte("ID3\x04\x00\x00\x00\x00\x00\x20TIT2\x00\x00\x00\x03\x00\x41\x01a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := ReadTagTexts(bytes.NewReader(b)); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
}
