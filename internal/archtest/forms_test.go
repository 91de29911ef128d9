package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// The check finds the tests that have a longer form than the one under the race detector by their text: it looks for
// testing.Short and longform.Only between the head of a test and its end. A helper that asks for the form would hide
// its callers from it.
func TestOnlyTestsThemselvesAskForTheShortForm(t *testing.T) {
	asks := 0
	err := filepath.WalkDir(filepath.Join("..", ".."), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.Contains(file, "harness/longform/") {
			return err
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range source.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				pkg, ok := s.X.(*ast.Ident)
				if !ok || pkg.Name+"."+s.Sel.Name != "testing.Short" && pkg.Name+"."+s.Sel.Name != "longform.Only" {
					return true
				}
				asks++
				if f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") {
					t.Errorf("%s: %s asks for the form of the test; let the test itself ask", file, f.Name.Name)
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if asks == 0 {
		t.Error("no test asks for the form")
	}
}

// The check runs these packages without the race detector, or compiles them without it: they start no goroutine, so
// that it has nothing to find in them. Their tests that call them concurrently are named so, and run under it.
func TestPackagesThatTheRaceDetectorSkipsStartNoGoroutine(t *testing.T) {
	for _, room := range []string{"schedules", "internal/playout/dsp"} {
		err := filepath.WalkDir(filepath.Join("..", "..", room), func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") {
				return err
			}
			source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, decl := range source.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok || strings.Contains(f.Name.Name, "Concurrent") {
					continue
				}
				longer := false
				ast.Inspect(f, func(n ast.Node) bool {
					started := false
					switch n := n.(type) {
					case *ast.GoStmt:
						started = true
					case *ast.SelectorExpr:
						started = n.Sel.Name == "Go"
						if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "longform" {
							longer = true // it runs without the detector everywhere
						}
					}
					if started && !longer {
						t.Errorf("%s: %s starts a goroutine", file, f.Name.Name)
					}
					return true
				})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
