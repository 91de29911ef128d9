package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// predicate matches the beginning of a message that reads on after the name of its field: a verb, or a value and then
// a verb. "of" continues a plural such as starts.
var predicate = regexp.MustCompile(`^(?:"?%[+.0-9]*[a-z]"? )?(?:is|are|was|must|has|have|holds?|cannot|lies|leaves|needs?|names|` +
	`never|replaces|makes|begins|lasts|does|tells|and|of)\b|^%[a-z]$|^%q %s$|^%[a-z]: use one of `)

// sentences are the files whose errors become messages of fields.
var sentences = []string{"schedules/recurrence.go", "schedules/units.go", "schedules/zone.go"}

// A refusal and the lists of problems show a field's name and then its message, which together are a sentence. A
// message that begins with the field's name again, or with another subject, is none.
func TestMessagesOfFieldsReadOnAfterTheField(t *testing.T) {
	root, read := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		within, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		errorsToo := slices.Contains(sentences, filepath.ToSlash(within))
		ast.Inspect(parsed, func(n ast.Node) bool {
			if message := messageOf(n, parsed.Name.Name, errorsToo); message != "" {
				read++
				if !predicate.MatchString(message) {
					t.Errorf("%s: %q does not read on after its field", set.Position(n.Pos()), message)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 100 {
		t.Errorf("only %d messages were found", read)
	}
}

// messageOf returns the literal beginning of the message that a node gives a field; empty if it gives none.
func messageOf(n ast.Node, pkg string, errorsToo bool) string {
	switch n := n.(type) {
	case *ast.CompositeLit:
		name := ""
		switch typ := n.Type.(type) {
		case *ast.SelectorExpr:
			name = typ.Sel.Name
		case *ast.Ident:
			name = typ.Name
		}
		if name != "Field" && name != "Problem" {
			return ""
		}
		for _, e := range n.Elts {
			if pair, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Message" {
					return literalOf(pair.Value)
				}
			}
		}
	case *ast.CallExpr:
		call, ok := n.Fun.(*ast.SelectorExpr)
		if !ok {
			return ""
		}
		of, _ := call.X.(*ast.Ident)
		switch {
		case pkg == "schedules" && call.Sel.Name == "add" && len(n.Args) > 1,
			pkg == "httpapi" && call.Sel.Name == "wrong" && len(n.Args) > 1:
			return literalOf(n.Args[1])
		case errorsToo && of != nil && (of.Name == "fmt" && call.Sel.Name == "Errorf" ||
			of.Name == "errors" && call.Sel.Name == "New"):
			return literalOf(n.Args[0])
		}
	}
	return ""
}

// literalOf returns the literal at the beginning of an expression: its own, that of a sum, or that of a call's format.
func literalOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.BinaryExpr:
		return literalOf(e.X)
	case *ast.CallExpr:
		if len(e.Args) > 0 {
			return literalOf(e.Args[0])
		}
	}
	return ""
}
