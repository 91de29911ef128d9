package openapi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"strings"
)

// Comments are the comments of types and their fields, read from the source: the one place where they are written.
type Comments map[string]string // "package.Type" and "package.Type.Field"

// ReadComments reads every Go file of each tree; the key is the path of its package.
func ReadComments(sources map[string]fs.FS) (Comments, error) {
	out := Comments{}
	for pkg, files := range sources {
		names, err := fs.Glob(files, "*.go")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			b, err := fs.ReadFile(files, name)
			if err != nil {
				return nil, err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), name, b, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, fmt.Errorf("openapi: %s: %w", name, err)
			}
			for _, d := range parsed.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
					out.types(pkg, g)
				}
			}
		}
	}
	return out, nil
}

func (c Comments) types(pkg string, g *ast.GenDecl) {
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

// Of is the comment of a type, or of one of its fields.
func (c Comments) Of(t reflect.Type, field string) string {
	name, _, _ := strings.Cut(t.Name(), "[") // of a generic type
	key := t.PkgPath() + "." + name
	if field != "" {
		key += "." + field
	}
	return c[key]
}
