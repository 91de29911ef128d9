package playlist

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// item is a queue item with every field set.
func item(n int, title string) wire.QueueItem {
	start := schedules.At(time.UnixMilli(1698411565000 + int64(n)*460_003))
	return wire.QueueItem{ID: fmt.Sprintf("item-%d", n), Window: "evening", Position: "appeal", SegmentID: "reading",
		Kind:     "reading",
		Language: "ko-KP", Title: title, Voice: "Hana", StartAt: &start, StartMs: start.UnixMilli(), Start: schedules.Hard,
		Duration: schedules.Ms(459_680), CueIn: schedules.Ms(120), CueOut: schedules.Ms(459_800),
		FadeOut: schedules.Ms(1_500),
		GainDB:  -3.8, NotAfter: schedules.At(start.Add(time.Hour)),
		Audio: wire.AudioRef{SHA256: strings.Repeat("ab", 32),
			URL: "http://host:8080/v1/audio/x.mp3?exp=1698500000&sig=a.b-_", Bytes: 2761920}}
}

// hostile are titles that try to break out of every form, and some that are merely people's.
var hostile = []string{
	"호소문 첫째 대목 (하나)", "信件，来自祖母", "رسالة \u200fمن الشمال", "plain",
	"two\nlines", "carriage\r\nhttp://evil.example/x.mp3", "nul\x00 bell\a del\x7f nel\u0085 ls\u2028 ps\u2029",
	`quote " back \ slash \" both \\`, `", liq_cue_in="99`, `#{process.run("touch /tmp/x")}`,
	"it's 'quoted'\nfile '/etc/passwd'",
	"</title><track/>&amp;]]>", "#EXTINF:1,no", "comma, colon: equals=", "\xff\xfe bad utf-8 \xc3", "#EXTM3U\n\n\n",
	"  spaces  \t tab ", "",
}

func hostileList() List {
	l := List{Title: "station\n[playlist]"}
	for n, title := range hostile {
		l.Items = append(l.Items, item(n, title))
	}
	return l
}

func write(t testing.TB, f Form, l List) string {
	t.Helper()
	b, err := f.Write(l)
	if err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(b) {
		t.Fatalf("%s is not UTF-8", f)
	}
	return string(b)
}

func TestFormsAsTheyAreWritten(t *testing.T) {
	l := List{Title: "lantern 2023-10-27", Items: []wire.QueueItem{item(0, `He said "no", \ twice`)}}
	for f, want := range map[Form]string{
		M3U: "#EXTM3U\n#PLAYLIST:lantern 2023-10-27\n#EXTINF:460,He said \"no\", " +
			"\\ twice\nhttp://host:8080/v1/audio/x.mp3?exp=1698500000&sig=a.b-_\n",
		PLS: "[playlist]\nFile1=http://host:8080/v1/audio/x.mp3?exp=1698500000&sig=a.b-_\nTitle1=He said \"no\", " +
			"\\ twice\nLength1=460\nNumberOfEntries=1\nVersion=2\n",
		Liq: `annotate:item_id="item-0",segment_id="reading",sha256="` + strings.Repeat("ab", 32) +
			`",bytes="2761920",start_ms="1698411565000",start="hard",` +
			`not_after_ms="1698415165000",duration_ms="459680",liq_cue_in="0.120",liq_cue_out="459.800",liq_fade_out="1.500",liq_amplify="-3.8 dB",` +
			`window="evening",position="appeal",kind="reading",language="ko-KP",title="He said \"no\", \\ twice",artist="Hana":` +
			"http://host:8080/v1/audio/x.mp3?exp=1698500000&sig=a.b-_\n",
		FFConcat: "ffconcat version 1.0\n# item-0\nfile " +
			"'http://host:8080/v1/audio/x.mp3?exp=1698500000&sig=a.b-_'\ninpoint 0.120\noutpoint 459.800\nduration 459.680\n",
	} {
		if got := write(t, f, l); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", f, got, want)
		}
	}
}

// readXSPF reads with a generic reader, which shares nothing with the writer's types: the text of each element by path.
func readXSPF(t testing.TB, text string) map[string][]string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	var path []string
	out := map[string][]string{}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		switch e := token.(type) {
		case xml.StartElement:
			path = append(path, e.Name.Local)
			if e.Name.Space != "http://xspf.org/ns/0/" {
				t.Errorf("%s is in %q", e.Name.Local, e.Name.Space)
			}
			out[strings.Join(path, "/")] = append(out[strings.Join(path, "/")], "")
		case xml.CharData:
			if at := out[strings.Join(path, "/")]; len(at) > 0 {
				at[len(at)-1] += string(e)
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
}

// Whatever a title holds, a reader of each form finds as many items as there are, with their own addresses.
func TestNoTitleBreaksOutOfItsPlace(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := List{Title: rapid.String().Draw(r, "list")}
		for n := range rapid.IntRange(1, 4).Draw(r, "items") {
			i := item(n, rapid.OneOf(rapid.SampledFrom(hostile), rapid.String()).Draw(r, "title"))
			i.Voice = rapid.String().Draw(r, "voice")
			i.SegmentID = rapid.String().Draw(r, "segment")
			i.Audio.URL = fmt.Sprintf("http://host/%d", n) + rapid.SampledFrom(append(hostile, "/x.mp3")).Draw(r, "path")
			l.Items = append(l.Items, i)
		}
		n := len(l.Items)
		lines := strings.Split(strings.TrimSuffix(write(t, M3U, l), "\n"), "\n")
		if playlists := strings.HasPrefix(lines[1], "#PLAYLIST:"); playlists {
			lines = lines[1:]
		}
		if len(lines) != 1+2*n {
			r.Fatalf("m3u: %d lines", len(lines))
		}
		for k := range n {
			if !strings.HasPrefix(lines[1+2*k], "#EXTINF:460,") || lines[2+2*k] != address(l.Items[k]) {
				r.Errorf("m3u: %q %q", lines[1+2*k], lines[2+2*k])
			}
		}
		if got := strings.Count(write(t, PLS, l), "\n"); got != 3+3*n {
			r.Errorf("pls: %d lines", got)
		}
		if got := strings.Count(write(t, FFConcat, l), "\n"); got != 1+5*n {
			r.Errorf("ffconcat: %d lines", got)
		}
		if got := strings.Split(write(t, Liq, l), "\n"); len(got) != n+1 {
			r.Errorf("liq: %d lines", len(got))
		}
		tracks := readXSPF(t, write(t, XSPF, l))
		for k, i := range l.Items {
			if got := tracks["playlist/trackList/track/location"]; len(got) != n || got[k] != address(i) {
				r.Errorf("xspf: %q", got)
			}
		}
		if got := tracks["playlist/trackList/track/duration"]; got[0] != "459680" {
			r.Errorf("xspf: %q", got)
		}
	})
}

// Titles of old data may hold what is refused today.
func TestWhatSteersATerminalOrTurnsTextIsAnEscapeInEveryList(t *testing.T) {
	i := item(0, "a\x1b]0;x\x07b\u202ec\u2066d\u009be")
	i.Voice, i.Window, i.SegmentID = i.Title, i.Title, i.Title
	for _, f := range Forms {
		got := write(t, f, List{Title: i.Title, Items: []wire.QueueItem{i}})
		if strings.ContainsAny(got, "\x1b\x07\u202e\u2066\u009b") || f != FFConcat && !strings.Contains(got, `u202ec`) {
			t.Errorf("%s: %q", f, got)
		}
	}
}

// Liquidsoap itself reads the lines, as data, and answers every field as it was meant.
func TestLiquidsoapReadsTheLines(t *testing.T) {
	dir := t.TempDir()
	l := hostileList()
	list := filepath.Join(dir, "queue.liq")
	if err := os.WriteFile(list, []byte(write(t, Liq, l)), 0o600); err != nil {
		t.Fatal(err)
	}
	script := `
settings.init.allow_root.set(true)
def show(l) =
  if l != "" then
    x = string.annotate.parse(string.sub(l, start=9, length=string.length(l) - 9))
    print("#{json.stringify(compact=true, fst(x))}")
    print(json.stringify(compact=true, snd(x)))
  end
end
list.iter(show, string.split(separator="\n", file.contents("` + list + `")))
exit(0)
`
	out, err := exec.Command("liquidsoap", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(got) != 2*len(l.Items) {
		t.Fatalf("%d lines for %d items:\n%s", len(got), len(l.Items), out)
	}
	for n, i := range l.Items {
		var pairs [][2]string
		var url string
		if err := json.Unmarshal([]byte(got[2*n]), &pairs); err != nil {
			t.Fatalf("%v: %s", err, got[2*n])
		}
		if err := json.Unmarshal([]byte(got[2*n+1]), &url); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"item_id": i.ID, "title": strings.ReplaceAll(text.ShownLine(i.Title), "#{", "# {"),
			"start_ms": strconv.FormatInt(i.StartMs, 10), "liq_cue_in": "0.120",
			"liq_cue_out": "459.800", "liq_fade_out": "1.500", "liq_amplify": "-3.8 dB", "start": "hard",
			"sha256": i.Audio.SHA256}
		fields := map[string]string{}
		for _, p := range pairs {
			fields[p[0]] = p[1]
		}
		for name, value := range want {
			if fields[name] != value {
				t.Errorf("item %d: %s is %q, want %q", n, name, fields[name], value)
			}
		}
		if url != i.Audio.URL {
			t.Errorf("item %d: %q", n, url)
		}
	}
}

// ffmpeg reads the ffconcat, and xmllint the XSPF.
func TestToolsReadTheLists(t *testing.T) {
	dir := t.TempDir()
	mp3 := filepath.Join(dir, "it's a recording.mp3")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=3", "-c:a", "libmp3lame",
		mp3).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l := hostileList()
	for n := range l.Items {
		i := &l.Items[n]
		i.Audio.URL = strings.ReplaceAll(mp3, " ", "%20")
		i.CueIn, i.CueOut, i.Duration = schedules.Ms(500), schedules.Ms(2_500), schedules.Ms(2_000)
	}
	if err := os.Rename(mp3, strings.ReplaceAll(mp3, " ", "%20")); err != nil {
		t.Fatal(err)
	}
	read := func(f Form, name string, args ...string) string {
		file := filepath.Join(dir, "list."+string(f))
		if err := os.WriteFile(file, []byte(write(t, f, l)), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(name, append(args, file)...).Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, err.(*exec.ExitError).Stderr)
		}
		return strings.TrimSpace(string(out))
	}
	length, err := strconv.ParseFloat(read(FFConcat, "ffprobe", "-v", "error", "-f", "concat", "-safe", "0",
		"-show_entries", "format=duration", "-of", "csv=p=0"), 64)
	if want := float64(2 * len(l.Items)); err != nil || length < want-0.1 || length > want+0.1 {
		t.Errorf("ffprobe reads %.3f s of ffconcat, want %.3f", length, want)
	}
	count := read(XSPF, "xmllint", "--nonet", "--xpath", `count(//*[local-name()="track"])`)
	if count != strconv.Itoa(len(l.Items)) {
		t.Errorf("xmllint counts %s tracks, want %d", count, len(l.Items))
	}
}
