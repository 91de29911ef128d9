package control

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/store"
	"lifeline/internal/wire"
)

// kindsOfDocument are the values of the constants of this package that are named kind….
func kindsOfDocument(t *testing.T) (kinds []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, "kind") || len(spec.Values) != 1 {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == gotoken.STRING {
				kind, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				kinds = append(kinds, kind)
			}
			return true
		})
	}
	slices.Sort(kinds)
	return kinds
}

// The kinds are read from the source, so that no new one is forgotten.
func TestEveryKindOfDocumentIsDeclared(t *testing.T) {
	kinds := kindsOfDocument(t)
	if len(kinds) < 20 {
		t.Fatalf("only %q were found", kinds)
	}
	var declared []string
	for _, kind := range AllKinds {
		declared = append(declared, kind.Name)
		if kind.Inspect == nil {
			t.Errorf("fsck cannot look at a %s", kind.Name)
		}
	}
	slices.Sort(declared)
	if !slices.Equal(kinds, declared) {
		t.Errorf("the source names %q, declared are %q", kinds, declared)
	}
}

func TestTheChangesOfEveryKindAreToldOrBelongToTheServiceAlone(t *testing.T) {
	untold := []string{kindToken, kindWaveform, kindRevision, kindCounter, kindExplain, kindRecords, kindUpload, kindAnswer, kindHead, kindLate,
		kindWebhook, kindProgress, kindKeys, kindFloor, kindFormat}
	for _, kind := range AllKinds {
		if told := kind.Changes != ""; told == slices.Contains(untold, kind.Name) {
			t.Errorf("%s: told %v, and in the list of what is not told %v", kind.Name, told, !told)
		}
	}
}

func TestTheJobsWaitForDeclaredKinds(t *testing.T) {
	for _, j := range NewKeeper(&Library{}, &Scheduler{mirror: &Mirror{}}, nil, nil, nil, time.Hour).jobs {
		for _, kind := range j.kinds {
			if _, declared := AllKinds.Find(kind); !declared && kind != asRunReports {
				t.Errorf("the job %s waits for changes of %s, which is no kind", j.name, kind)
			}
		}
	}
}

func TestFsckIsContentWithAWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExchange(t, 100, wire.Webhook{ID: "newsroom", URL: "https://news.example/hook", Changes: []string{"segment"}, Enabled: true})
		for _, kind := range []string{kindWebhook, kindProgress} {
			d, err := x.store.Get(t.Context(), kind, "newsroom")
			if err != nil {
				t.Fatal(err)
			}
			var problems []string
			look := func(d store.Document) {
				NewInspector(AllKinds, func(p string) { problems = append(problems, p) }).Document(d)
			}
			if look(d); len(problems) > 0 {
				t.Errorf("of what the service wrote it says %q", problems)
			}
			d.Body = []byte(`{"salt":`)
			if look(d); len(problems) != 1 || !strings.Contains(problems[0], "cannot be read") {
				t.Errorf("of a damaged %s it says %q", kind, problems)
			}
		}
	})
}
