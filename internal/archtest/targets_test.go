package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"lifeline/internal/harness/longform"
)

// Stations have other machines than the check. The programs, and all that they import, are type-checked for two of them
// from source, without the bodies of other modules' functions: compiling all of it would take minutes.
func TestProgramsHaveTypesOnOtherMachines(t *testing.T) {
	longform.Only(t)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range [][2]string{{"linux", "arm64"}, {"windows", "amd64"}} {
		t.Run(target[0]+"/"+target[1], func(t *testing.T) {
			programs, err := packages.Load(&packages.Config{
				Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps |
					packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo,
				Dir: root,
				Env: append(os.Environ(), "CGO_ENABLED=0", "GOOS="+target[0], "GOARCH="+target[1]),
				ParseFile: func(files *token.FileSet, name string, source []byte) (*ast.File, error) {
					f, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
					if f != nil && !strings.HasPrefix(name, root+string(filepath.Separator)) {
						for _, d := range f.Decls {
							if d, ok := d.(*ast.FuncDecl); ok {
								d.Body = nil
							}
						}
					}
					return f, err
				},
			}, "lifeline/cmd/lifeline", "lifeline/cmd/playout")
			if err != nil {
				t.Fatal(err)
			}
			checked := 0
			packages.Visit(programs, nil, func(p *packages.Package) {
				if !strings.HasPrefix(p.PkgPath, "lifeline/") {
					return // imports that only the bodies use count as errors there
				}
				checked++
				for _, e := range p.Errors {
					t.Error(e)
				}
			})
			if checked < 20 {
				t.Errorf("only %d packages of the programs were checked", checked)
			}
		})
	}
}
