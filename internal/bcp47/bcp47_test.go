package bcp47

import (
	"strings"
	"testing"
)

func TestLanguageTagsAreComparedInOneForm(t *testing.T) {
	for in, want := range map[string]string{"ko": "ko", "KOR": "ko", "KO-kp": "ko-KP", "ko_KP": "ko-KP",
		"cmn-hans": "cmn-Hans", "iw": "he",
		"zxx": "zxx", "x-house": "x-house", "en": "en", "zh-CN": "zh-CN"} {
		if got, err := Canonical(in); err != nil || got != want {
			t.Errorf("Canonical(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestALanguageNameIsRefusedWithItsTag(t *testing.T) {
	for in, says := range map[string]string{"Korean": `"ko"`, "korean": `"ko-KP"`, "한국어": `"ko"`, "Русский": `"ru"`,
		"Chinese": `"zh"`,
		"xx":      "not registered", "ko-KP-": "not a language tag", "": "not a language tag",
		"Klingonish": "not a language tag"} {
		if got, err := Canonical(in); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Canonical(%q) = %q, %v; want words with %s", in, got, err, says)
		}
		if Kept(in) != in {
			t.Errorf("%q is kept as %q", in, Kept(in))
		}
	}
}
