package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The map names folders and files from the top of the repository, so that its readers find them.
func TestEveryPathOfTheMapIsThere(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	paths := 0
	for _, quoted := range regexp.MustCompile("`([^` ]+)`").FindAllStringSubmatch(string(b), -1) {
		path := quoted[1]
		if !strings.Contains(path, "/") || strings.HasPrefix(path, "/") { // a name, or a path of the API
			continue
		}
		paths++
		found, err := filepath.Glob(filepath.Join("..", "..", strings.ReplaceAll(path, "…", "*")))
		if err != nil || len(found) == 0 || strings.HasPrefix(path, ".") {
			t.Errorf("the map names %s, which is not there (%v)", path, err)
		}
	}
	if paths < 100 {
		t.Errorf("only %d paths were found", paths)
	}
}
