package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Who opens the file of a topic sees the whole of each route: where it is, who may, its words and its handler.
func TestEachRouteStandsInTheFileOfItsHandler(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "httpapi", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	parsed := map[string]*ast.File{}
	home := map[string]string{} // the file of each method, by type and name
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		if parsed[file], err = parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution); err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed[file].Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil {
				home[receiver(f.Recv.List[0].Type)+"."+f.Name.Name] = file
			}
		}
	}
	found := 0
	for file, source := range parsed {
		for _, decl := range source.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "routes" {
				continue
			}
			topic, a := receiver(f.Recv.List[0].Type), f.Recv.List[0].Names[0].Name
			ast.Inspect(f.Body, func(n ast.Node) bool {
				lit, ok := n.(*ast.CompositeLit)
				if !ok || len(lit.Elts) != 2 || !isRoute(lit.Elts[1]) {
					return true
				}
				found++
				handlers := 0
				ast.Inspect(lit.Elts[0], func(n ast.Node) bool {
					s, ok := n.(*ast.SelectorExpr)
					if !ok {
						return true
					}
					if of, ok := s.X.(*ast.Ident); ok && of.Name == a && home[topic+"."+s.Sel.Name] == file {
						handlers++
					}
					return true
				})
				if handlers == 0 {
					t.Errorf("%s: the handler of route %d of %s is not in this file", file, found, topic)
				}
				return true
			})
		}
	}
	if found < 70 {
		t.Errorf("only %d routes were found", found)
	}
}

// isRoute reports whether an expression is a route's declaration, or is made by a function that returns one.
func isRoute(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CompositeLit:
		s, ok := e.Type.(*ast.SelectorExpr)
		return ok && s.Sel.Name == "Route"
	case *ast.CallExpr:
		f, ok := e.Fun.(*ast.Ident)
		return ok && f.Name == "act"
	}
	return false
}
