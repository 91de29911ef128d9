package statedir

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type notes struct {
	Name  string `json:"name"`
	Count int    `json:"count,omitempty"`
}

func TestADamagedRecordIsNeverBelieved(t *testing.T) {
	want := notes{"lantern", 1234}
	b, err := encode(want)
	must(t, err)
	try := func(how string, bad []byte) {
		var got notes
		if _, err := decode(bad, &got); err == nil && got != want {
			t.Errorf("%s: %s is read as %+v", how, bad, got)
		}
		if _, err := decode(bad, &got); err == nil {
			t.Errorf("%s: %q is believed", how, bad)
		}
	}
	for i := range b {
		for with := 1; with < 256; with++ {
			bad := bytes.Clone(b)
			bad[i] ^= byte(with)
			try("a changed byte", bad)
		}
		try("cut short", b[:i])
	}
	try("longer", append(bytes.Clone(b), b...))
}

func TestARecordOfAnEarlierPlayerIsReadWithoutASum(t *testing.T) {
	var got notes
	if summed, err := decode([]byte(`{"name":"lantern","count":7}`), &got); summed || err != nil ||
		got != (notes{"lantern", 7}) {
		t.Errorf("%+v, %v, %v", got, summed, err)
	}
	b, err := encode(struct{}{})
	must(t, err)
	if summed, err := decode(b, &struct{}{}); !summed || err != nil {
		t.Errorf("%s is read with %v", b, err)
	}
	if _, err := encode([]int{1}); err == nil {
		t.Error("what is no object has a sum")
	}
}

func TestARecordIsReadFromTheCopyThatIsWhole(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	must(t, d.Record(notes{Name: "lantern"}, Twice("notes.json")...))
	must(t, os.WriteFile(filepath.Join(dir, "notes-2.json"), []byte("x"), 0o600))
	copies := Records[notes](d, 100, append(Twice("notes.json"), "none.json")...)
	if c := copies[0]; c.Err != nil || !c.Summed || c.Damaged() || c.Value.Name != "lantern" {
		t.Errorf("the whole copy is read as %+v", c)
	}
	if c := copies[1]; !c.Damaged() {
		t.Errorf("the damaged one is read as %+v", c)
	}
	if c := copies[2]; c.Damaged() || !errors.Is(c.Err, fs.ErrNotExist) {
		t.Errorf("one that is not there is read as %+v", c)
	}
}

func TestADamagedNameOrMarkOfTheDirectoryIsToldAndStopsNoPlayer(t *testing.T) {
	for _, name := range append(Twice(ownerName), Twice(formatName)...) {
		dir := t.TempDir()
		s := open(t, dir)
		must(t, s.Belong("lantern"))
		must(t, s.Mark("playout 1"))
		must(t, s.Close())
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		for i := range b {
			for _, bad := range [][]byte{b[:i], append(append(bytes.Clone(b[:i]), b[i]^1), b[i+1:]...)} {
				must(t, os.WriteFile(filepath.Join(dir, name), bad, 0o600))
				s, err := Open(dir)
				must(t, err)
				must(t, s.For("lantern"))
				if strings.TrimSpace(string(bad)) != strings.TrimSpace(string(b)) && len(s.Damaged()) == 0 {
					t.Errorf("%s: %q is not told", name, bad)
				}
				if s.For("harbour") == nil {
					t.Errorf("%s: %q makes it another station's", name, bad)
				}
				must(t, s.Close())
			}
		}
	}
}
