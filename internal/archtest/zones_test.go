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

// The library's LoadLocation prefers the data of the machine however old they are, and its ZoneBounds has bounds where
// clocks do not change.
func TestZonesAreReadFromTheNewestDataAndByTheirTrueBounds(t *testing.T) {
	read := 0
	err := filepath.WalkDir(filepath.Join("..", ".."), func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		read++
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "LoadLocation" {
				t.Errorf("%s: call schedules.Zone instead", set.Position(n.Pos()))
			}
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) > 0 || strings.HasSuffix(filepath.ToSlash(file), "schedules/zone.go") {
				return true
			}
			if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "ZoneBounds" {
				t.Errorf("%s: call schedules.ZoneBounds instead", set.Position(n.Pos()))
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 300 {
		t.Errorf("only %d files were read", read)
	}
}
