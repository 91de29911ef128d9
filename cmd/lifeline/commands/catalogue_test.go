package commands

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"

	"lifeline/audio/samples"
	"lifeline/internal/cmdline"
	"lifeline/internal/text"
	"lifeline/schedules"
)

const koreanTable = "file,id,kind,title,language,voice,tags\na.mp3,a,letter,어머니의 편지,ko-KP,하나,winter " +
	"cold\nb.mp3,b,letter,\"누나의 편지, 둘째\",ko-KP,민준,\n"

func read(t *testing.T, c catalogues, name string, b []byte) ([]entry, error) {
	t.Helper()
	return c.entries(fstest.MapFS{name: {Data: b}}, name)
}

func TestTablesAreReadAsSpreadsheetsWriteThem(t *testing.T) {
	want, err := read(t, catalogues{}, "t.csv", []byte(koreanTable))
	if err != nil || len(want) != 2 || want[0].meta["title"] != "어머니의 편지" || want[1].meta["title"] != "누나의 편지, 둘째" {
		t.Fatalf("%v, %v", want, err)
	}
	utf16 := func(s string) []byte {
		b, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	cp949, err := korean.EUCKR.NewEncoder().Bytes([]byte(koreanTable))
	if err != nil {
		t.Fatal(err)
	}
	semicolons := strings.NewReplacer(",", ";", "\"누나의 편지, 둘째\"", "누나의 편지, 둘째").Replace(koreanTable)
	tabs := strings.ReplaceAll(semicolons, ";", "\t")
	quoted := strings.ReplaceAll(strings.ReplaceAll(semicolons, ";", "\",\""), "\n", "\"\r\n\"")
	for name, c := range map[string]struct {
		catalogues
		bytes []byte
	}{
		"its line in quotes":  {catalogues{}, []byte("\ufeff\"sep=;\"\r\n" + semicolons)},
		"its line with a tab": {catalogues{}, []byte("SEP=\t\n" + tabs)},
		"marks inside": {catalogues{}, []byte(strings.NewReplacer("id,", "\ufeffid,", "\nb", "\n\ufeffb").Replace(
			koreanTable))},
		"kinds in capitals":       {catalogues{}, []byte(strings.ReplaceAll(koreanTable, ",letter,", ",Letter,"))},
		"a byte order mark":       {catalogues{}, []byte("\ufeff" + koreanTable)},
		"mark and quoted names":   {catalogues{}, []byte("\ufeff\"" + strings.TrimSuffix(quoted, "\""))},
		"semicolons":              {catalogues{}, []byte(semicolons)},
		"tabs":                    {catalogues{}, []byte(tabs)},
		"UTF-16 with tabs":        {catalogues{}, utf16(strings.ReplaceAll(tabs, "\n", "\r\n"))},
		"CR alone":                {catalogues{}, []byte(strings.ReplaceAll(koreanTable, "\n", "\r"))},
		"CR LF":                   {catalogues{}, []byte(strings.ReplaceAll(koreanTable, "\n", "\r\n"))},
		"no last line end":        {catalogues{}, []byte(strings.TrimSpace(koreanTable))},
		"blank rows":              {catalogues{}, []byte(strings.ReplaceAll(koreanTable, "\n", "\n\n,,,,,,\n"))},
		"names in capitals":       {catalogues{}, []byte(strings.Replace(koreanTable, "file,id,kind", "File, ID ,KIND", 1))},
		"Excel's first line":      {catalogues{}, []byte("sep=;\r\n" + semicolons)},
		"a declared encoding":     {catalogues{charset: "cp949"}, cp949},
		"columns without a name":  {catalogues{}, []byte(strings.ReplaceAll(koreanTable, "\n", ",,\n"))},
		"a mark beside a charset": {catalogues{charset: "cp949"}, []byte("\ufeff" + koreanTable)},
	} {
		got, err := read(t, c.catalogues, "t.csv", c.bytes)
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: %d rows, %v", name, len(got), err)
			continue
		}
		for i := range got {
			a, _ := json.Marshal(got[i].meta)
			b, _ := json.Marshal(want[i].meta)
			if !bytes.Equal(a, b) || got[i].file != want[i].file {
				t.Errorf("%s: %s, want %s", name, a, b)
			}
		}
	}
}

func TestATableThatCannotBeReadIsRefusedByItsLine(t *testing.T) {
	cp949, err := korean.EUCKR.NewEncoder().Bytes([]byte(koreanTable))
	if err != nil {
		t.Fatal(err)
	}
	for says, b := range map[string][]byte{
		"line 2 holds the byte": cp949,
		"CSV UTF-8":             cp949,
		"--charset cp949":       cp949,
		`no column "file"`:      []byte("id,title\na,b\n"),
		"no line below them":    []byte("file,id\n\n,\n"),
		"it is empty":           []byte("\n"),
		"line 3: a quote":       []byte("file,title\na.mp3,x\nb.mp3,\"y\" z, \"\n\n"),
		"line 2 has \"둘째\"":     []byte("file,title\na.mp3,누나, 둘째\n"),
		"line 3: script must":   []byte("file,script\na.mp3,\nb.mp3,appeal\n"),
		"line 2: episode":       []byte("file,episode\na.mp3,first\n"),
		"line 2: sensitive":     []byte("file,sensitive\na.mp3,maybe\n"),
		"no segment has a field \"titel\": did you mean \"title\"? (the columns are file, id": []byte("file,titel\na.mp3,red\n"),
		"line 1: two columns": []byte("file,title,\u200bTitle\na,b,c\n"),
		"two columns":         []byte("file,title,title\na,b,c\n"),
		"t.csv, line 2 names": []byte("file,title\n,b\n"),
	} {
		if got, err := read(t, catalogues{}, "t.csv", b); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, %v", says, got, err)
		}
	}
	got, err := read(t, catalogues{}, "t.csv", []byte("file,title\na.mp3,The \"Lamp\" song\n"))
	if err != nil || got[0].meta["title"] != `The "Lamp" song` {
		t.Errorf("quotes inside a cell: %v, %v", got, err)
	}
}

func TestASecondYAMLDocumentIsNotLeftOutInSilence(t *testing.T) {
	dir := fstest.MapFS{"a.mp3": {Data: []byte("x")}, "b.mp3": {Data: []byte("x")}}
	for text, says := range map[string]string{
		"segments:\n- {file: a.mp3}\n":                                  "",
		"---\n# one\nsegments:\n- {file: a.mp3}\n...\n":                 "",
		"segments:\n- {file: a.mp3}\n---\nsegments:\n- {file: b.mp3}\n": "more than one YAML document",
	} {
		dir["list.yaml"] = &fstest.MapFile{Data: []byte(text)}
		list, err := catalogues{}.yaml(dir, "list.yaml")
		if says == "" && (err != nil || len(list) != 1) || says != "" && (err == nil || !strings.Contains(err.Error(),
			says)) {
			t.Errorf("%q: %d entries, %v", text, len(list), err)
		}
	}
	if _, err := cmdline.ReadSettings(strings.NewReader("server: a\n---\ntoken: b\n")); err == nil {
		t.Error("settings of two documents are read")
	}
}

// An empty sidecar, or an empty entry of a list, is the same as none.
func TestAnEmptyDocumentSaysNothingOfARecording(t *testing.T) {
	for _, empty := range []string{"", "\n", "# nothing yet\n", "---\n", "{}"} {
		dir := fstest.MapFS{"a.mp3": {Data: []byte("x")}, "a.yaml": {Data: []byte(empty)}}
		got, err := catalogues{given: map[string]any{"kind": "ident"}}.entries(dir, "a.mp3")
		if err != nil || len(got) != 1 || got[0].meta["id"] != "a" || got[0].meta["kind"] != "ident" {
			t.Errorf("%q: %+v, %v", empty, got, err)
		}
	}
	for _, list := range []string{"segments:\n-\n", "segments: [~]\n"} {
		dir := fstest.MapFS{"list.yaml": {Data: []byte(list)}}
		if _, err := (catalogues{given: map[string]any{"kind": "ident"}}).entries(dir, "list.yaml"); err == nil ||
			!strings.Contains(err.Error(), "entry 1 names no file") {
			t.Errorf("%q: %v", list, err)
		}
	}
}

// A file name may leave no room for the ending of a sidecar.
func TestARecordingOfTheLongestNameIsRead(t *testing.T) {
	dir := t.TempDir()
	name := strings.Repeat("가", 83) + "ab.mp3" // 255 bytes
	if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := catalogues{}.entries(os.DirFS(dir), ".")
	if err != nil || len(got) != 1 || got[0].wrong != nil || got[0].meta["id"] != idOf(strings.TrimSuffix(name, ".mp3")) {
		t.Errorf("%+v, %v", got, err)
	}
}

// A lone CR ends a line only in a file that has no other line ends; otherwise it is part of a cell.
func TestACRInACellLosesNothing(t *testing.T) {
	for text, want := range map[string]string{"file,title\na.mp3,one\rtwo\n": "one\rtwo",
		"file,title\r\na.mp3,one\rtwo\r\n": "one\rtwo", "file,title\ra.mp3,one\r": "one",
		"file,title\na.mp3,\"one\ntwo\"\n": "one\ntwo", "file,title\r\na.mp3,\"one\r\ntwo\"\r\n": "one\ntwo"} {
		got, err := catalogues{}.table(fstest.MapFS{"t.csv": {Data: []byte(text)}}, "t.csv")
		if err != nil || len(got) != 1 || got[0].meta["title"] != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// A cell that is too large for every field is refused with its line number, before any data is sent.
func TestACellThatNoSpreadsheetRunsIsReadAsItsText(t *testing.T) {
	for _, title := range []string{"=1+1", "'=1", "-5", "@home", "it's", "＝1", "\"=1\""} {
		table := "\ufefffile,title\r\na.mp3,\"" + strings.ReplaceAll(text.Cell(title), `"`, `""`) + "\"\r\n"
		got, err := read(t, catalogues{}, "t.csv", []byte(table))
		if err != nil || len(got) != 1 || got[0].meta["title"] != title {
			t.Errorf("%q: %v, %v", title, got, err)
		}
	}
}

func TestACellThatNoFieldTakesIsRefusedByItsLine(t *testing.T) {
	dir := fstest.MapFS{"a.mp3": {Data: []byte("x")}, "t.csv": {Data: []byte("file,title\na.mp3," +
		strings.Repeat("a", 10<<20) + "\n")}}
	got, err := catalogues{}.entries(dir, "t.csv")
	if err != nil || len(got) != 1 {
		t.Fatal(err)
	}
	_, err = uploader{sent: map[string]entry{}, progress: io.Discard}.all(t.Context(), got)
	if err == nil || !strings.Contains(err.Error(), "t.csv, line 2: a.mp3: its title holds 10485762 bytes") {
		t.Error(err)
	}
}

func TestUnicodeTextOfSpreadsheetsIsATable(t *testing.T) {
	text := "file\tkind\ttitle\tlanguage\r\na.mp3\tident\t첫째\tko-KP\r\n"
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	cp949, err := korean.EUCKR.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ content, charset string }{"UTF-16": {utf16, ""}, "CP949": {cp949, "cp949"}} {
		dir := t.TempDir()
		for name, content := range map[string]string{"a.mp3": "", "table.txt": c.content, "notes.txt": "no table"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, at := range []string{dir, filepath.Join(dir, "table.txt")} {
			root, err := os.OpenRoot(filepath.Dir(at))
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			found, err := catalogues{charset: c.charset}.entries(root.FS(), filepath.Base(at))
			if err != nil || len(found) != 1 || found[0].meta["title"] != "첫째" {
				t.Errorf("%s: %v, %v", name, found, err)
			}
		}
	}
}

// Two names with one id are listed with their difference, and a name with a line break is printed on one line.
func TestNamesThatLookAlikeAreToldSo(t *testing.T) {
	for _, pair := range [][2]string{{"편지.mp3", "편지.mp3"}, {"Letter.mp3", "letter.mp3"}, {"a b.mp3", "a  b.mp3"},
		{"CON.mp3", "con .mp3"}, {"a\u3000b.mp3", "a b.mp3"}} {
		dir := fstest.MapFS{pair[0]: {Data: []byte("x")}, pair[1]: {Data: []byte("y")}}
		got, err := catalogues{}.entries(dir, ".")
		if err != nil || len(got) != 2 {
			t.Fatal(got, err)
		}
		if err := distinctIDs(got); err == nil || !strings.Contains(err.Error(), "the form of the same letters alone") ||
			!strings.Contains(err.Error(), "nothing was sent") {
			t.Errorf("%q: %v", pair, err)
		}
	}
	if e := (entry{file: "a\nb.mp3"}); e.name() != `a\nb.mp3` {
		t.Error(e.name())
	}
}

// A tag may hold a picture of 32 MB before the title, and claim more than the file has.
func TestAPictureInTagsCostsNoMemory(t *testing.T) {
	const picture = 32 << 20
	frame := func(name string, body []byte) []byte {
		return append(binary.BigEndian.AppendUint32([]byte(name), uint32(len(body))), append([]byte{0, 0}, body...)...)
	}
	file := append([]byte("ID3\x03\x00\x00\x7f\x7f\x7f\x7f"), frame("APIC", make([]byte, picture))...)
	file = append(file, frame("TIT2", []byte("\x03제목"))...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	meta, unread := readTags(bytes.NewReader(file), "")
	runtime.ReadMemStats(&after)
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 8<<20 || meta["title"] != "제목" || len(unread) > 0 {
		t.Errorf("it costs %d bytes and gives %v, %v", cost, meta, unread)
	}
}

func TestNamesOfAnyScriptHaveIDsOfTheirOwn(t *testing.T) {
	names, err := os.ReadFile(filepath.Join("testdata", "file-names.txt"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for name := range strings.Lines(string(names)) {
		name = strings.TrimSuffix(strings.TrimSpace(name), ".mp3")
		id := idOf(name)
		if other, taken := seen[id]; taken || !schedules.ValidID(id) {
			t.Errorf("%q is %q, as is %q", name, id, other)
		}
		seen[id] = name
	}
	for _, same := range [][2]string{{"하나", "\u1112\u1161\u1102\u1161"}, {"Hana 1", "hana  1 "}} {
		if idOf(same[0]) != idOf(same[1]) {
			t.Errorf("%+q and %+q have two ids", same[0], same[1])
		}
	}
	for name, want := range map[string]string{"01 호소문": "01-hosomun-", "01 편지": "01-pyeonji-", "Письмо 2": "pismo-2-",
		"给姐姐的信": "gei-jie-jie-de-xin-", "2026-11-29 (민준)": "2026-11-29-minjun-"} {
		if id := idOf(name); !strings.HasPrefix(id, want) || len(id) != len(want)+10 {
			t.Errorf("%q is %q", name, id)
		}
	}
	for name, want := range map[string]string{"reading-ko-full": "reading-ko-full",
		"Letter to my sister": "letter-to-my-sister"} {
		if idOf(name) != want {
			t.Errorf("%q is %q", name, idOf(name))
		}
	}
	for _, name := range []string{"(a)", "[a]", "a!", strings.Repeat("a", 80), "편지", "...", ""} {
		if id := idOf(name); !schedules.ValidID(id) || id == "a" {
			t.Errorf("%q is %q", name, id)
		}
	}
}

func TestTwoFilesOfOneIDAreRefusedBeforeAnythingIsSent(t *testing.T) {
	dir := fstest.MapFS{"x/a b.mp3": {Data: []byte("x")}, "x/a-b.mp3": {Data: []byte("y")}, "x/c.mp3": {Data: []byte("z")}}
	entries, err := catalogues{}.entries(dir, "x")
	if err != nil || len(entries) != 3 {
		t.Fatal(entries, err)
	}
	if err := distinctIDs(entries); err == nil || !strings.Contains(err.Error(),
		`a b.mp3 and a-b.mp3 would both be the segment "a-b"`) {
		t.Errorf("%v", err)
	}
}

func TestWhatSystemsLeaveInAFolderIsPassedOverWithAWord(t *testing.T) {
	root := t.TempDir()
	in := filepath.Join(root, "in")
	if err := os.Mkdir(in, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"in/a.mp3", "in/._a.mp3", "in/.hidden.csv", "in/Thumbs.db", "in/.DS_Store",
		"in/\xc6\xed.mp3"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(t.TempDir(), "out.mp3"), filepath.Join(in, "link.mp3")); err != nil {
		t.Fatal(err)
	}
	_, entries := entriesIn(t, root)
	var told bytes.Buffer
	sent := passedOver(&told, entries)
	if len(sent) != 2 || sent[0].wrong == nil || sent[1].meta["id"] != "a" {
		t.Errorf("%+v", sent)
	}
	for _, name := range []string{"._a.mp3", ".hidden.csv", "Thumbs.db", ".DS_Store", "link.mp3"} {
		if !strings.Contains(told.String(), name+": skipped") {
			t.Errorf("nothing is said of %s: %s", name, told.String())
		}
	}
}

func TestARecordingThatTheTableOfItsFolderLeavesOutIsPassedOverWithAWord(t *testing.T) {
	root := t.TempDir()
	in := filepath.Join(root, "in")
	if err := os.Mkdir(in, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"table.csv": "file,title\na.mp3,A\n./b.mp3,B\n\uac00.mp3,C\n",
		"a.mp3": "x", "b.mp3": "y", "\u1100\u1161.mp3": "z", "late.mp3": "w"} {
		if err := os.WriteFile(filepath.Join(in, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, entries := entriesIn(t, root)
	var told bytes.Buffer
	if sent := passedOver(&told, entries); len(sent) != 3 {
		t.Errorf("%+v", sent)
	}
	want := "in/late.mp3: skipped: no catalogue in its folder names it. Name the file itself to send it\n"
	if told.String() != want {
		t.Errorf("%q, not %q", told.String(), want)
	}
}

// entriesIn opens root and returns it with the entries of its folder "in", read as upload reads them.
func entriesIn(t *testing.T, root string) (*os.Root, []entry) {
	t.Helper()
	dir, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	entries, err := catalogues{}.entries(dir.FS(), "in")
	if err != nil {
		t.Fatal(err)
	}
	return dir, entries
}

// An unreadable file does not keep the others from being sent, and nothing waits for a pipe.
func TestWhatIsNoRecordingInAFolderHoldsUpNothing(t *testing.T) {
	root := t.TempDir()
	in := filepath.Join(root, "in")
	for _, folder := range []string{"in", "in/folder.mp3", "in/table.csv"} {
		if err := os.Mkdir(filepath.Join(root, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"a.mp3": "x", "b.mp3": "y", "b.yaml": "title: [", "c.mp3": "z",
		"zero.mp3": ""} {
		if err := os.WriteFile(filepath.Join(in, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	socket, err := net.Listen("unix", filepath.Join(in, "socket.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for link, to := range map[string]string{"loop.mp3": "loop.mp3", "up.mp3": "."} {
		if err := os.Symlink(to, filepath.Join(in, link)); err != nil {
			t.Fatal(err)
		}
	}
	dir, entries := entriesIn(t, root)
	var told bytes.Buffer
	wrong := map[string]bool{}
	for _, e := range passedOver(&told, entries) {
		wrong[path.Base(e.file)] = e.wrong != nil
	}
	if want := map[string]bool{"a.mp3": false, "b.mp3": true, "c.mp3": false, "zero.mp3": false}; !maps.Equal(wrong,
		want) {
		t.Errorf("%v, not %v", wrong, want)
	}
	for _, name := range []string{"folder.mp3", "table.csv", "socket.mp3", "loop.mp3", "up.mp3"} {
		if !strings.Contains(told.String(), name+": skipped") {
			t.Errorf("nothing is said of %s: %s", name, told.String())
		}
	}
	if _, err := (catalogues{}).entries(dir.FS(), "in/socket.mp3"); !errors.Is(err, errNotRegular) {
		t.Error(err)
	}
}

func TestAnalyseReadsTagsAsUploadDoes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "old.mp3")
	sample, err := samples.Files.ReadFile("time-signal.mp3")
	if err != nil {
		t.Fatal(err)
	}
	title, err := korean.EUCKR.NewEncoder().String("호소문")
	if err != nil {
		t.Fatal(err)
	}
	v1 := append([]byte("TAG"+title), make([]byte, 125-len(title))...) // ID3v1, in the writer's encoding
	if i := bytes.Index(sample, []byte("ID3")); i == 0 {
		size := int(sample[6])<<21 | int(sample[7])<<14 | int(sample[8])<<7 | int(sample[9])
		sample = sample[10+size:]
	}
	if err := os.WriteFile(file, append(sample, v1...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		charset []string
		want    string
	}{{nil, ""}, {[]string{"--charset", "cp949"}, "호소문"}} {
		var out bytes.Buffer
		if code := Run(t.Context(), append([]string{"analyse", file, "--quiet", "--output", "json"}, c.charset...), &out,
			io.Discard); code != 0 {
			t.Fatal(code, out.String())
		}
		var got struct {
			Tags struct{ Title string }
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Tags.Title != c.want {
			t.Errorf("--charset %q: %q, not %q, %v", c.charset, got.Tags.Title, c.want, err)
		}
	}
}

func TestATableFindsItsFilesWhateverFormTheirNamesHave(t *testing.T) {
	dir := fstest.MapFS{"t.csv": {Data: []byte("file,title\n하나.mp3,x\n")},
		"\u1112\u1161\u1102\u1161.mp3": {Data: []byte("x")}}
	entries, err := catalogues{}.entries(dir, "t.csv")
	if err != nil || entries[0].file != "\u1112\u1161\u1102\u1161.mp3" {
		t.Errorf("%+q, %v", entries[0].file, err)
	}
}

func TestTagsThatANamedEncodingReadsAreComparedWithTheSegmentThatIsThere(t *testing.T) {
	is := schedules.Segment{ID: "09a-v1-cp949", Title: "09a-v1-cp949"}
	for encoding, want := range map[string]bool{"": false, "cp949": true} {
		e, err := catalogues{charset: encoding}.describe(os.DirFS("testdata"), "09a-v1-cp949.mp3")
		if err != nil {
			t.Fatal(err)
		}
		changes, err := differences(e, is)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(changeLine(changes), `title "09a-v1-cp949" -> "호소문"`); got != want {
			t.Errorf("--charset %q: %v", encoding, changes)
		}
	}
}

func TestEmptyCellsRemoveTheConsentAndThePersons(t *testing.T) {
	var at schedules.Instant
	if err := at.UnmarshalText([]byte("2027-06-01T00:00:00Z")); err != nil {
		t.Fatal(err)
	}
	s := schedules.Segment{ID: "b", Kind: "letter", Title: "B", Language: "ko-KP", Persons: []string{"p2"},
		Consent: &schedules.Consent{Reference: "file 4", GivenAt: at}}
	for columns, want := range map[string]string{
		"persons,consent.reference,consent.given_at,consent.expires_at": "[consent persons] null",
		"voice,consent.reference,series,tags":                           `[consent] {"given_at":"2027-06-01T00:00:00.000Z","expires_at":null}`,
		"voice,consent.expires_at,series,tags":                          "[]",
	} {
		entries, err := read(t, catalogues{}, "t.csv", []byte("file,id,kind,title,language,"+columns+
			"\nb.mp3,b,letter,B,ko-KP,,,,\n"))
		if err != nil {
			t.Fatal(err)
		}
		changes, err := differences(entries[0], s)
		var fields []string
		consent := ""
		for _, c := range changes {
			if fields = append(fields, c.field); c.field == "consent" {
				consent = " " + string(c.after)
			}
		}
		if got := "[" + strings.Join(fields, " ") + "]" + consent; err != nil || got != want {
			t.Errorf("%s: %s, want %s (%v)", columns, got, want, err)
		}
	}
}

func TestTagsAreReadInAnEncodingThatIsKnownOrNotAtAll(t *testing.T) {
	cases := map[string][]byte{}
	for _, name := range []string{"09a-v1-cp949.mp3", "09b-v23-enc0-cp949.mp3"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		cases[name] = b
		meta, unread := readTags(bytes.NewReader(b), "")
		if len(meta) > 0 || !slices.Contains(unread, "title") {
			t.Errorf("%s: %v, %v", name, meta, unread)
		}
		if meta, _ = readTags(bytes.NewReader(b), "cp949"); meta["title"] != "호소문" {
			t.Errorf("%s, declared: %v", name, meta)
		}
	}
	for said, want := range map[string]string{"Grüße aus Söul": "Grüße aus Söul", "Été": "Été", "plain": "plain",
		"Ð\u0098": "И"} {
		if got, known := tagText(said, true, ""); !known || got != want {
			t.Errorf("%q is %q, %v", said, got, known)
		}
	}
	for _, said := range []string{"Ïèñüìî", "È£¼Ò¹®", "\xc8\xa3\xbc\xd2", "\xdf", "\xc8. \xc1."} {
		if got, known := tagText(said, true, ""); known {
			t.Errorf("%q is taken for %q", said, got)
		}
	}
	if got, known := tagText("Ïèñüìî", true, "windows-1251"); !known || got != "Письмо" {
		t.Errorf("%q, %v", got, known)
	}
}

func TestACorrectedTableIsComparedFieldByField(t *testing.T) {
	at := func(s string) schedules.Instant {
		var i schedules.Instant
		if err := json.Unmarshal([]byte(`"`+s+`"`), &i); err != nil {
			t.Fatal(err)
		}
		return i
	}
	s := schedules.Segment{ID: "b", Kind: "letter", Title: "Second lettr", Language: "ko-KP", Persons: []string{"p2"},
		Voice: "하나", ValidUntil: at("2027-06-01T00:00:00Z")}
	for row, want := range map[string][]string{
		"b.mp3,b,letter,Second lettr,KO-kp,p2,2027-06-01T00:00:00.000Z,\u1112\u1161\u1102\u1161 ": nil,
		"b.mp3,b,letter,Second letter,ko-KP,p2,2026-12-01T00:00:00Z,하나":                           {"title", "valid_until"},
		"b.mp3,b,letter,Second lettr,ko-KP,,,": {"persons", "valid_until",
			"voice"},
		"b.mp3,b,,,,p2,2027-06-01T00:00:00Z,하나": nil,
	} {
		entries, err := read(t, catalogues{}, "t.csv", []byte("file,id,kind,title,language,persons,valid_until,voice\n"+row+
			"\n"))
		if err != nil {
			t.Fatal(err)
		}
		changes, err := differences(entries[0], s)
		if err != nil {
			t.Fatal(err)
		}
		var fields []string
		for _, c := range changes {
			fields = append(fields, c.field)
		}
		if !slices.Equal(fields, want) {
			t.Errorf("%s: %v, want %v", row, fields, want)
		}
	}
	guessed := entry{meta: map[string]any{"title": "b"}}
	if changes, err := differences(guessed, s); err != nil || len(changes) > 0 {
		t.Errorf("what a file's name says goes before what a person wrote: %v, %v", changes, err)
	}
	misspelt := entry{meta: map[string]any{"titel": "x"}, said: []string{"titel"}}
	if changes, err := differences(misspelt, s); err == nil || !strings.Contains(err.Error(), `"titel" is not a field`) {
		t.Errorf("a misspelt field goes without a word: %v, %v", changes, err)
	}
}
