package endtoend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/audio/samples"
)

// producerOfNothing is a producer at a terminal; the service has no segment and no station yet.
func producerOfNothing(t *testing.T) terminalOf {
	t.Helper()
	h := open(t, t.TempDir())
	return terminalOf{h, t, h.secrets["producer"]}
}

// folderOf makes a folder with copies of samples under a producer's names, and a table beside them.
func folderOf(t *testing.T, names map[string]string, table string, content []byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "녹음")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, sample := range names {
		b, err := samples.Files.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if table != "" {
		if err := os.WriteFile(filepath.Join(dir, table), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestUploadTakesAFolderWithTheSlashThatShellsPutAfterIt(t *testing.T) {
	t.Parallel()
	hana := producerOfNothing(t)
	dir := folderOf(t, map[string]string{"새벽.mp3": "ident-ko.mp3"}, "", nil)
	want(t, hana.says("upload", dir+"/", "--kind", "ident", "--language", "ko-KP"), "새벽.mp3")
	want(t, hana.says("upload", dir+"//.", "--kind", "ident", "--language", "ko-KP"), "새벽.mp3", "unchanged")
}

func TestUploadSaysOfWhichFileEachLineIs(t *testing.T) {
	t.Parallel()
	hana := producerOfNothing(t)
	table := "file,kind,title,language\n첫째.mp3,ident,첫째,ko-KP\nwav.mp3,ident,둘째,ko-KP\n"
	dir := folderOf(t, map[string]string{"첫째.mp3": "ident-ko.mp3"}, "t.csv", []byte(table))
	if err := os.WriteFile(filepath.Join(dir, "wav.mp3"), []byte("RIFF\x24\x00\x00\x00WAVEfmt "), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, code := hana.run("upload", dir)
	if code != 3 {
		t.Errorf("exit %d", code)
	}
	for line := range strings.Lines(out) {
		if strings.Contains(line, "rejected") != strings.Contains(line, "wav.mp3") {
			t.Errorf("which file is it? %s", line)
		}
	}
	want(t, out, "첫째.mp3", "wav.mp3")
}

func TestTheSameRecordingUnderTwoNamesOfATableChangesNothing(t *testing.T) {
	t.Parallel()
	hana := producerOfNothing(t)
	table := "file,kind,title,language\na.mp3,ident,첫째,ko-KP\ncopy.mp3,ident,둘째,ko-KP\n"
	dir := folderOf(t, map[string]string{"a.mp3": "ident-ko.mp3", "copy.mp3": "ident-ko.mp3"}, "t.csv", []byte(table))
	for _, flags := range [][]string{{}, {"--update"}, {"--replace"}} {
		_, wrong, code := hana.run(append([]string{"upload", dir}, flags...)...)
		if code != 3 || strings.Contains(wrong, "--update changes it") {
			t.Errorf("%v: exit %d: %s", flags, code, wrong)
		}
		want(t, wrong, "t.csv, line 3: copy.mp3: it is the same recording as t.csv, line 2: a.mp3")
		want(t, hana.says("segments", "--q", "첫째"), "1 segment")
	}
}

func TestATableThatASpreadsheetWroteWithQuestionMarksSaysHowToSaveIt(t *testing.T) {
	t.Parallel()
	hana := producerOfNothing(t)
	_, wrong, code := hana.run("upload", folderOf(t, nil, "t.csv",
		[]byte("file,kind,title,language\n呼??.mp3,reading,呼??,zh\ngone.mp3,reading,x,zh\n")))
	if code != 1 {
		t.Errorf("exit %d", code)
	}
	want(t, wrong, "line 2: 呼??.mp3: there is no such file", "CSV UTF-8", "line 3: gone.mp3: there is no such file")
	if strings.Contains(wrong, "呼??.mp3: 呼??.mp3") {
		t.Errorf("the name is said twice: %s", wrong)
	}
}

func TestUploadWithoutKindAndLanguageSaysHowToGiveThem(t *testing.T) {
	t.Parallel()
	hana := producerOfNothing(t)
	_, wrong, _ := hana.run("upload", folderOf(t, map[string]string{"a.mp3": "ident-ko.mp3"}, "", nil))
	want(t, wrong, "kind is missing: use one of", "\n  language is missing", "give --kind and --language")
	if strings.Contains(wrong, "more)") {
		t.Errorf("%s", wrong)
	}
}

func TestATableWithWrongRowsIsRefusedWholeBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	hana := producerOfNothing(t)
	table := "file,kind,title,language,valid_until\na.mp3,ident,첫째,ko-KP,\na.mp3,idnt,x,ko-KP,\n" +
		"a.mp3,ident,x,ko KP,tomorrow\n"
	dir := folderOf(t, map[string]string{"a.mp3": "ident-ko.mp3"}, "t.csv", []byte(table))
	_, wrong, code := hana.run("upload", dir)
	if code != 1 {
		t.Errorf("exit %d", code)
	}
	want(t, wrong, "t.csv, line 3: a.mp3: kind", "t.csv, line 4: a.mp3: ", "nothing was sent")
	want(t, hana.says("segments"), "0 segments")
}
