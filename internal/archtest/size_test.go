package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// The bounds of what is read at one glance.
const (
	widest  = 120 // characters of a line, a tab being one
	longest = 90  // lines of a function that is no test
	literal = 80  // characters from which one literal may make its line wider
)

// longer are the functions that are a list of things that belong together, with what they list.
var longer = map[string]string{
	"service.Open":         "the parts of the service, in the order in which one needs the other",
	"main.crowd":           "one measurement, from its beginning to its end",
	"httpapi.routes":       "the routes of a topic, with their words",
	"storetest.RunArchive": "the cases of the suite",
}

func TestLinesAndFunctionsFitAScreen(t *testing.T) {
	root, read := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		read++
		may := withLiterals(source)
		for n, line := range bytes.Split(source, []byte("\n")) {
			if width := utf8.RuneCount(line); width > widest && !may[n+1] {
				t.Errorf("%s:%d is %d characters wide, over %d", file, n+1, width, widest)
			}
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range parsed.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || strings.HasSuffix(file, "_test.go") || longer[parsed.Name.Name+"."+f.Name.Name] != "" {
				continue
			}
			if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > longest {
				t.Errorf("%s: %s has %d lines, over %d", file, f.Name.Name, n, longest)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 100 {
		t.Errorf("only %d files were read", read)
	}
}

// withLiterals are the lines that a literal may make wider: those of a raw string, which has its own form, and those
// with a long literal, which is data or a text that is searched for.
func withLiterals(source []byte) map[int]bool {
	lines, set := map[int]bool{}, token.NewFileSet()
	file := set.AddFile("", -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, scanner.ScanComments)
	for {
		pos, kind, text := s.Scan()
		switch {
		case kind == token.EOF:
			return lines
		case kind == token.STRING && (text[0] == '`' || utf8.RuneCountInString(text) > literal):
			first := file.Line(pos)
			for n := range strings.Count(text, "\n") + 1 {
				lines[first+n] = true
			}
		}
	}
}

// mostMethods is how many methods a type of these packages may have: one with more has several responsibilities.
const mostMethods = 25

// divided are the packages whose types have one responsibility each.
var divided = []string{"access", "background", "client", "httpapi", "httpapi/apidoc", "idempotency", "library",
	"network", "../schedules/planner", "record", "replica", "scheduling", "webhooks"}

func TestNoTypeOfADividedPackageHasMoreThan25Methods(t *testing.T) {
	for _, pkg := range divided {
		files, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("package %s has %d files, %v", pkg, len(files), err)
		}
		methods := map[string]int{}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range parsed.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil {
					methods[receiver(f.Recv.List[0].Type)]++
				}
			}
		}
		for name, n := range methods {
			if n > mostMethods {
				t.Errorf("%s.%s has %d methods, over %d: divide it by responsibility", pkg, name, n, mostMethods)
			}
		}
	}
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
