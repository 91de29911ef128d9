package endtoend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/audio/samples"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
)

// An upload in a language that no window allows reports that, before anybody approves a segment that cannot air.
func TestAnUploadSaysWhichStationsCanAirItsLanguage(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	hana := terminalOf{h, t, h.secrets["producer"]}
	dir := t.TempDir()
	sound, err := samples.Files.ReadFile("ident-tone.mp3")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "tone.mp3")
	for id, language := range map[string]string{"plain": "ko", "north": "ko-kp", "tone": "ZXX"} {
		sidecar := "id: " + id + "\nkind: ident\ntitle: t\nlanguage: " + language + "\n"
		for path, b := range map[string][]byte{file: append(sound, id...), filepath.Join(dir, "tone.yaml"): []byte(sidecar)} {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out := hana.says("upload", file, "--quiet")
		var s wire.SegmentNow
		hana.json(&s, "segments", id)
		if id == "plain" {
			want(t, out, "warning: ko airs nowhere: no window of any station allows this language")
			want(t, hana.says("segments", id), "ko airs nowhere")
			if s.AirableOn == nil || len(s.AirableOn) > 0 {
				t.Errorf("%s airs on %q", id, s.AirableOn)
			}
			continue
		}
		want(t, out, s.Language+" can air on "+strings.Join(s.AirableOn, ", "))
		if len(s.AirableOn) == 0 {
			t.Errorf("%s airs nowhere", id)
		}
	}
}
