package archtest

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// The bounds of what is read at one glance.
const (
	widest  = 120 // characters of a line, a tab being one
	longest = 80  // lines of a function that is no test
)

// narrow are the packages whose lines and functions are within the bounds.
var narrow = []string{"audio/sinc", "internal/playout/dsp", "internal/playout/output", "internal/playout/retry",
	"internal/render", "internal/store/notify"}

func TestLinesAndFunctionsFitAScreen(t *testing.T) {
	for _, pkg := range narrow {
		files, err := filepath.Glob(filepath.Join("..", "..", pkg, "*.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("no source of %s was read: %v", pkg, err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(bytes.NewReader(source))
			for n := 1; lines.Scan(); n++ {
				if width := utf8.RuneCount(lines.Bytes()); width > widest {
					t.Errorf("%s:%d is %d characters wide, over %d", file, n, width, widest)
				}
			}
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range parsed.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || len(f.Name.Name) > 4 && f.Name.Name[:4] == "Test" {
					continue
				}
				if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > longest {
					t.Errorf("%s: %s has %d lines, over %d", file, f.Name.Name, n, longest)
				}
			}
		}
	}
}
