package commands

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// The tables of testdata/tables were written by iconv. Each has two recordings with blank rows between them.
func TestTablesAreReadInTheEncodingsAndFormsOfSpreadsheets(t *testing.T) {
	korean := [3][2]string{{"호소문.mp3", "편지 2.mp3"}, {"어머니의 편지", "두 번째 편지"}, {"하나", "민준"}}
	chinese := [3][2]string{{"信.mp3", "第二.mp3"}, {"给姐姐的信", "第二封信"}, {"小红", "建国"}}
	for name, c := range map[string]struct {
		charset string
		want    [3][2]string
	}{"utf8.csv": {"", korean}, "utf8-bom.csv": {"", korean}, "utf16le.txt": {"", korean}, "utf16be.txt": {"", korean},
		"cp949.csv": {"cp949", korean}, "gbk.csv": {"gbk", chinese}} {
		got, err := catalogues{charset: c.charset}.entries(os.DirFS("testdata/tables"), name)
		if err != nil || len(got) != 2 {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		for i, e := range got {
			if e.file != c.want[0][i] || e.meta["title"] != c.want[1][i] || e.meta["voice"] != c.want[2][i] ||
				!strings.Contains(e.at, []string{"line 2", "line 5"}[i]) {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if c.charset == "" {
			continue
		}
		if _, err := (catalogues{}).entries(os.DirFS("testdata/tables"), name); err == nil ||
			!strings.Contains(err.Error(), "--charset cp949") {
			t.Errorf("%s without its encoding: %v", name, err)
		}
	}
}

// The tags of testdata/tags hold bytes that iconv wrote, in ID3v1 and in ID3v2.3 as Latin-1.
func TestTagsAreReadInTheDeclaredEncodingAndNeverGuessedWrongly(t *testing.T) {
	for charset, want := range map[string][2]string{"cp949": {"어머니의 편지", "하나"}, "gbk": {"给姐姐的信", "小红"},
		"cp1251": {"Письмо сестре", "Анна"}} {
		for _, form := range []string{"v1", "v23"} {
			name := charset + "-" + form + ".mp3"
			got, err := catalogues{charset: charset}.entries(os.DirFS("testdata/tags"), name)
			if err != nil || len(got) != 1 || got[0].meta["title"] != want[0] || got[0].meta["voice"] != want[1] {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			got, err = catalogues{}.entries(os.DirFS("testdata/tags"), name)
			if err != nil || len(got) != 1 || got[0].meta["title"] != strings.TrimSuffix(name, ".mp3") ||
				len(got[0].notes) != 1 || !strings.Contains(got[0].notes[0], "--charset cp949") {
				t.Errorf("%s, undeclared: %+v, %v", name, got, err)
			}
		}
	}
}

func TestColumnsThatNoFieldHasAreLeftOutAndNamed(t *testing.T) {
	dir := fstest.MapFS{"a.mp3": {Data: []byte("x")},
		"t.csv": {Data: []byte("file,비고,title,duration\na.mp3,nothing,One,0:30\n")}}
	got, err := catalogues{}.entries(dir, "t.csv")
	if err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	sent := passedOver(&told, got)
	if len(sent) != 1 || sent[0].meta["title"] != "One" || len(sent[0].meta) != 1 ||
		!strings.Contains(told.String(), "t.csv: warning: left out, since no segment has a field of that name: 비고, duration") {
		t.Errorf("%+v: %s", sent, told.String())
	}
}

func TestAllWrongRowsOfATableAreNamedAtOnce(t *testing.T) {
	_, err := catalogues{}.table(fstest.MapFS{"t.csv": {Data: []byte("file,episode,sensitive\na.mp3,one,\nb.mp3,2,\n" +
		"c.mp3,3,perhaps\nd.mp3,4,yes,more\n")}}, "t.csv")
	for _, says := range []string{"line 2: episode", "line 4: sensitive", "line 5"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not in %v", says, err)
		}
	}
}

// A folder that an earlier version uploaded is known again by the ids that it made.
func TestAnEntryKnowsTheIDThatEarlierVersionsMadeOfItsName(t *testing.T) {
	dir := fstest.MapFS{"01 호소문.mp3": {Data: []byte("x")}, "b.mp3": {Data: []byte("x")},
		"b.yaml": {Data: []byte("id: own\n")}}
	got, err := catalogues{}.entries(dir, "01 호소문.mp3")
	if err != nil || len(got) != 1 || got[0].was != "01-697f5bff45" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = (catalogues{}).entries(dir, "b.mp3"); err != nil || len(got) != 1 || got[0].was != "" {
		t.Errorf("an id of its own: %+v, %v", got, err)
	}
}

func TestAnImportRefusesQuestionMarksInThePlaceOfLetters(t *testing.T) {
	for _, c := range []struct {
		before, after string
		lost          bool
	}{{`"给姐姐的信"`, `"?姐姐的信"`, true}, {`"편지"`, `"??"`, true}, {`"편지"`, `"편지?"`, false}, {`"what!"`, `"what?"`, false},
		{`"편지"`, `"답장"`, false}} {
		err := lostLetters([]fieldChange{{"title", []byte(c.before), []byte(c.after)}})
		if (err != nil) != c.lost {
			t.Errorf("%s -> %s: %v", c.before, c.after, err)
		}
	}
}
