// Package source reads the comments of types from Go source. go generate writes them to internal/httpapi/comments.json
// with it, and the service reads that file.
package source

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"

	"lifeline/internal/openapi"
)

// Read reads every Go file of each directory but its tests; the key is the path of its package.
func Read(sources map[string]fs.FS) (openapi.Comments, error) {
	out := openapi.Comments{}
	for pkg, files := range sources {
		names, err := fs.Glob(files, "*.go")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			b, err := fs.ReadFile(files, name)
			if err != nil {
				return nil, err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), name, b, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, fmt.Errorf("source: %s: %w", name, err)
			}
			for _, d := range parsed.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
					types(out, pkg, g)
				}
			}
		}
	}
	return out, nil
}

func types(c openapi.Comments, pkg string, g *ast.GenDecl) {
	for _, spec := range g.Specs {
		t := spec.(*ast.TypeSpec)
		doc := t.Doc
		if doc == nil {
			doc = g.Doc
		}
		key := pkg + "." + t.Name.Name
		c[key] = text(doc)
		s, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range s.Fields.List {
			comment := text(f.Doc)
			if comment == "" {
				comment = text(f.Comment)
			}
			for _, n := range f.Names {
				c[key+"."+n.Name] = comment
			}
		}
	}
}

// text is a comment on one line.
func text(g *ast.CommentGroup) string { return strings.Join(strings.Fields(g.Text()), " ") }
