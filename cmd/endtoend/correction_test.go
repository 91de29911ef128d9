package endtoend

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeline/audio/samples"
	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/cmdline"
)

func TestACorrectedTableUploadedAgainIsAppliedAndTold(t *testing.T) {
	t.Parallel()
	h := open(t, filepath.Join(t.TempDir(), "data"))
	dir := t.TempDir()
	for name, sample := range map[string]string{"a.mp3": "ident-ko.mp3", "b.mp3": "ident-tone.mp3",
		"c.mp3": "frequency-ko.mp3"} {
		b, err := samples.Files.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	table := filepath.Join(dir, "catalogue.csv")
	upload := func(rows string, flags ...string) (int, string) {
		t.Helper()
		if err := os.WriteFile(table, []byte("file,id,kind,title,language,persons,valid_until\n"+rows), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		code := commands.Run(t.Context(), append([]string{"upload", table, "--quiet", "--server", h.url, "--token",
			h.secrets["producer"]}, flags...), &out, &out)
		return code, out.String()
	}
	first := "a.mp3,a,letter,First lettr,ko-KP,p1,\nb.mp3,b,letter,Second " +
		"lettr,ko-KP,p2,2027-06-01T00:00:00Z\nc.mp3,c,letter,Third,ko-KP,,\n"
	if code, out := upload(first); code != 0 {
		t.Fatal(code, out)
	}
	if code, out := upload(first); code != 0 || strings.Count(out, "unchanged") != 3 {
		t.Errorf("the same again: %d %s", code, out)
	}
	corrected := "a.mp3,a,letter,First letter,ko-KP,p1,\nb.mp3,b,letter,Second " +
		"letter,ko-KP,p2,2026-12-01T00:00:00Z\nc.mp3,c,letter,Third,ko-KP,p9,\n"
	if code, out := upload(corrected); code == 0 || !strings.Contains(out, `title "First lettr" -> "First letter"`) ||
		!strings.Contains(out, "--update") {
		t.Errorf("without a flag: %d %s", code, out)
	}
	if s, err := h.producer.Segment(t.Context(), "a"); err != nil || s.Title != "First lettr" {
		t.Errorf("changed without a flag: %+v, %v", s, err)
	}
	if _, err := approve(t.Context(), h.scheduler, "c"); err != nil {
		t.Fatal(err)
	}
	code, out := upload(corrected, "--update")
	if code != 0 || !strings.Contains(out, `valid_until "2027-06-01T00:00:00.000Z" -> "2026-12-01T00:00:00.000Z"`) ||
		!strings.Contains(out, "needs approval anew") {
		t.Errorf("--update: %d %s", code, out)
	}
	got := map[string]string{}
	for _, id := range []string{"a", "b", "c"} {
		s, err := h.producer.Segment(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		got[id] = s.Title + " " + strings.Join(s.Persons, " ") + " " + string(s.State)
	}
	if want := map[string]string{"a": "First letter p1 pending", "b": "Second letter p2 pending",
		"c": "Third p9 pending"}; !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if code, out := upload(corrected, "--replace"); code != 0 || strings.Count(out, "unchanged") != 3 {
		t.Errorf("again: %d %s", code, out)
	}
}

func TestOneSegmentIsCorrectedByItsFields(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	hana, ruth := terminalOf{h, t, h.secrets["producer"]}, terminalOf{h, t, h.secrets["editor"]}
	const id = "music-lamp"
	refused := func(code int, says string, args ...string) {
		t.Helper()
		if out, wrong, got := hana.run(append([]string{"correct", id}, args...)...); got != code ||
			!strings.Contains(out+wrong, says) {
			t.Errorf("%v: exit %d, %s%s", args, got, out, wrong)
		}
	}
	refused(cmdline.Misunderstood, "the fields are kind, title", "titel=x")
	refused(cmdline.Misunderstood, "must be FIELD=VALUE", "title")
	refused(cmdline.Misunderstood, "must be FIELD=VALUE", "id=other")
	refused(cmdline.Misunderstood, "episode must be a whole number", "episode=first")
	refused(cmdline.Failed, "language", "language=Korean")
	before, err := h.producer.Segment(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	refused(cmdline.Nothing, "is so already", "title="+before.Title)
	out, wrong, code := hana.run("correct", id, "title=등불, again", "tags=night appeal", "voice=")
	if code != 0 || !strings.Contains(out, `-> "등불, again"`) || !strings.Contains(out, "another person must approve it") {
		t.Errorf("exit %d: %s%s", code, out, wrong)
	}
	s, err := h.producer.Segment(t.Context(), id)
	if err != nil || s.Title != "등불, again" || !slices.Equal(s.Tags, []string{"night", "appeal"}) || s.Voice != "" ||
		s.Recording.SHA256 != before.Recording.SHA256 || len(s.Edits) == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if out, _, _ := ruth.run("segments", id); !strings.Contains(out, "not approved   tags, title") {
		t.Error(out)
	}
}
