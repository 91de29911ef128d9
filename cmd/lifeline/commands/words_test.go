package commands

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestDemoCountsLanguagesInWords(t *testing.T) {
	if got := counted(map[string]int{"ko-KP": 20, "cmn-Hans": 9, "zxx": 10}); got != "9 cmn-Hans, 20 ko-KP, 10 zxx" {
		t.Error(got)
	}
}

// The help of upload names every field of a table, so that users need not read the API's documentation.
func TestHelpOfUploadNamesEveryColumn(t *testing.T) {
	help := (&uploadCmd{}).Help()
	named := func(column string) {
		if !strings.Contains(help, "  "+column+"\n") && !strings.Contains(help, "  "+column+": ") {
			t.Errorf("%s is not named", column)
		}
	}
	named("file")
	for prefix, of := range map[string]reflect.Type{"": reflect.TypeFor[wire.SegmentMeta](),
		"consent.": reflect.TypeFor[schedules.Consent]()} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if name != "consent" {
				named(prefix + name)
			}
		}
	}
}

func TestVersionSaysWhatWasBuilt(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	var out bytes.Buffer
	if code := Run(t.Context(), []string{"version"}, &out, &out); code != 0 || !strings.HasPrefix(out.String(),
		"lifeline ") || !strings.Contains(out.String(), "go1.") {
		t.Errorf("%d %s", code, out.String())
	}
}
