package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// codeUse holds how the sources use the constants of warning codes.
type codeUse struct {
	set      *token.FileSet
	declared map[string]token.Pos
	emitted  map[string]bool
	literals []token.Pos     // codes of warnings that are written as texts
	texts    map[string]bool // every text of the sources
}

// Warnings of a plan are recognized by their codes, for example to drop those that an edit computes again. A code that
// is misspelled where it is compared compiles, and the warning stays for ever. So codes are constants, and each of them
// is given to some warning.
func TestEveryWarningCodeIsAConstantThatSomeWarningHas(t *testing.T) {
	u := codeUse{token.NewFileSet(), map[string]token.Pos{}, map[string]bool{}, nil, map[string]bool{}}
	root := filepath.Join("..", "..")
	for _, dir := range []string{"schedules", "internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			source, err := parser.ParseFile(u.set, file, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			switch source.Name.Name { // those that read warnings; elsewhere, other things have codes too
			case "schedules", "planner", "auditor", "scheduling", "commands":
				ast.Inspect(source, u.compares)
			}
			ast.Inspect(source, u.emits)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range u.literals {
		t.Errorf("%s: name the code of a warning by its constant", u.set.Position(at))
	}
	for name, at := range u.declared {
		if !u.emitted[name] {
			t.Errorf("%s: no warning has the code %s", u.set.Position(at), name)
		}
	}
	if len(u.declared) < 23 {
		t.Errorf("only %d codes are declared", len(u.declared))
	}
	u.console(t, filepath.Join(root, "internal", "console", "assets"))
}

// compares notes the texts with which a node compares a code.
func (u *codeUse) compares(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if nameOf(n.X) == "Code" {
			u.literal(n.Y)
		}
	case *ast.SwitchStmt:
		if n.Tag == nil || nameOf(n.Tag) != "Code" {
			return true
		}
		for _, clause := range n.Body.List {
			for _, e := range clause.(*ast.CaseClause).List {
				u.literal(e)
			}
		}
	}
	return true
}

var warnCode = regexp.MustCompile(`^[Ww]arn[A-Z][A-Za-z]*$`)

// emits notes the codes that a node declares or gives to a warning.
func (u *codeUse) emits(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BasicLit:
		u.texts[strings.Trim(n.Value, "\"`")] = true
	case *ast.ValueSpec:
		if warnCode.MatchString(n.Names[0].Name) && len(n.Values) == 1 {
			if text, ok := n.Values[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
				u.declared[n.Names[0].Name] = n.Pos()
			}
		}
	case *ast.CompositeLit:
		typ := n.Type
		if list, ok := typ.(*ast.ArrayType); ok {
			typ = list.Elt
		}
		if typ != nil && nameOf(typ) == "Warning" {
			ast.Inspect(n, func(n ast.Node) bool {
				if pair, ok := n.(*ast.KeyValueExpr); ok && nameOf(pair.Key) == "Code" {
					u.literal(pair.Value)
				}
				return true
			})
		}
	case *ast.KeyValueExpr:
		if nameOf(n.Key) == "Code" {
			u.emitted[nameOf(n.Value)] = true
		}
	case *ast.CallExpr:
		if nameOf(n.Fun) == "warn" && len(n.Args) > 2 {
			u.literal(n.Args[0])
			u.emitted[nameOf(n.Args[0])] = true
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if nameOf(left) == "Code" && len(n.Rhs) == len(n.Lhs) {
				u.emitted[nameOf(n.Rhs[i])] = true
			}
		}
	}
	return true
}

func (u *codeUse) literal(e ast.Expr) {
	if text, ok := e.(*ast.BasicLit); ok && text.Kind == token.STRING {
		u.literals = append(u.literals, e.Pos())
	}
}

// nameOf returns the name of a type, a function or a constant, without its package; empty if it has none.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

var consoleCode = regexp.MustCompile(`\.code === '([a-z_]+)'`)

// console checks that each code that the console compares is one of the service's.
func (u *codeUse) console(t *testing.T, assets string) {
	files, err := filepath.Glob(filepath.Join(assets, "*.js"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range consoleCode.FindAllStringSubmatch(string(source), -1) {
			if read++; !u.texts[m[1]] {
				t.Errorf("%s: the service has no code %q", file, m[1])
			}
		}
	}
	if read == 0 {
		t.Error("the console compares no code")
	}
}
