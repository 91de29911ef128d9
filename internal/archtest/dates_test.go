package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// namedDay finds a day that a test names to plan or to publish it, from 2026 to 2089.
var namedDay = regexp.MustCompile(`(?:date\(t, |publish\(\[\]string\{[^}]*\}, )"20(?:2[6-9]|[3-8]\d)-\d\d-\d\d"`)

// The services of end-to-end tests live in the present: a day that a test names in the near future is over once, and
// can be published no more. Tests take comingDay.
func TestEndToEndTestsNameNoDayThatWillBeOver(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "cmd", "endtoend", "*_test.go"))
	if err != nil || len(files) < 50 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range namedDay.FindAllString(string(text), -1) {
			t.Errorf("%s: %s", file, found)
		}
	}
	if !namedDay.MatchString(`date(t, "2026-12-01")`) || namedDay.MatchString(`date(t, "2099-11-25")`) {
		t.Error("the pattern does not tell days that will be over from those far away")
	}
}
