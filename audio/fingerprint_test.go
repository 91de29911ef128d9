package audio

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"lifeline/internal/rig/longform"
)

// voiced makes a WAV of speech, a different recording for each number.
func voiced(t testing.TB, dir string, n int) string {
	t.Helper()
	words := []string{"border", "family", "letter", "winter", "mother", "station", "harbour", "village", "promise", "morning", "mountain", "signal"}
	text := ""
	for i := range 14 {
		text += words[(n*7+i*(n%5+1)+i*i)%len(words)] + " " + words[(n*3+i*5)%len(words)] + ". "
	}
	out := filepath.Join(dir, fmt.Sprintf("voice%d.wav", n))
	voice := []string{"en", "en+f3", "en+m3", "ko", "de", "ru"}[n%6]
	run(t, "espeak-ng", "-v", voice, "-s", fmt.Sprint(130+n%7*10), "-p", fmt.Sprint(30+n%9*6), "-w", out, text)
	return out
}

// It takes 14 recordings, or with LIFELINE_PROVE=fingerprint 46, which are 1,035 pairs.
func TestTwoEncodingsOfARecordingMatchAndOthersDoNot(t *testing.T) {
	longform.Only(t)
	dir := t.TempDir()
	n := 14
	if prove("fingerprint") {
		n = 46 // 1,035 pairs of different recordings
	}
	var prints []Fingerprint
	var same, strange []float64
	for i := range n {
		wav := voiced(t, dir, i)
		a := analyse(t, contents(t, encode(t, wav, "-b", "128", "--resample", "44.1", "-m", "j")))
		prints = append(prints, a.Fingerprint)
		if i%4 != 0 {
			continue
		}
		late := filepath.Join(dir, "late.wav")
		run(t, "sox", wav, late, "pad", "0.3", "0")
		for _, args := range [][]string{
			{"-b", "32", "-m", "m", "--resample", "22.05"}, {"-b", "48", "-m", "m", "--resample", "24"}, {"-V", "7", "--resample", "32"}, {"-b", "24", "-m", "m", "--resample", "16"},
		} {
			b := analyse(t, contents(t, encode(t, late, args...)))
			l := a.Fingerprint.Compare(b.Fingerprint)
			same = append(same, l.Errors)
			if !l.Same() {
				t.Errorf("recording %d as %v does not match: %+v", i, args, l)
			}
			if ms := l.Shift.Milliseconds(); ms < 230 || ms > 380 {
				t.Errorf("recording %d as %v is said to be %d ms late, not 300", i, args, ms)
			}
		}
	}
	for i, p := range prints {
		for _, q := range prints[i+1:] {
			l := p.Compare(q)
			if l.Errors < 1 {
				strange = append(strange, l.Errors)
			}
			if l.Same() {
				t.Errorf("two recordings match: %+v", l)
			}
		}
	}
	slices.Sort(same)
	slices.Sort(strange)
	t.Logf("%d pairs that are the same: errors up to %.3f; %d of others that overlap: errors from %.3f", len(same), same[len(same)-1], len(strange), strange[0])
}

func TestFingerprintSurvivesJSON(t *testing.T) {
	p := Fingerprint{Words: []uint32{0, 1, 0xFFFFFFFF, 0x12345678}}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var q Fingerprint
	if err := json.Unmarshal(b, &q); err != nil || diff(p, q) != "" {
		t.Errorf("%s came back as %v, %v", b, q, err)
	}
	for _, bad := range []string{`"AAA="`, `"%"`} {
		if err := json.Unmarshal([]byte(bad), &q); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
