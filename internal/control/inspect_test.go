package control

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

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

// The list of kinds is read from the source, so that no new one is forgotten: fsck knows each, and the changes of each
// are told under a name or belong to the service alone.
func TestEveryKindOfDocumentIsKnownToFsckAndToTheNamesOfChanges(t *testing.T) {
	kinds := kindsOfDocument(t)
	if len(kinds) < 20 {
		t.Fatalf("only %q were found", kinds)
	}
	untold := []string{kindToken, kindWaveform, kindRevision, kindCounter, kindExplain, kindRecords, kindUpload, kindAnswer, kindHead, kindLate,
		kindWebhook, kindProgress, kindKeys}
	looks := NewInspector(func(string) {}).looks()
	for _, kind := range kinds {
		if looks[kind] == nil {
			t.Errorf("fsck does not know %s", kind)
		}
		if _, told := toldKinds[kind]; told == slices.Contains(untold, kind) {
			t.Errorf("%s: told %v, and in the list of what is not told %v", kind, told, !told)
		}
	}
	for kind := range maps.Keys(looks) {
		if !slices.Contains(kinds, kind) {
			t.Errorf("fsck knows %s, which nothing writes", kind)
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
			look := func(d store.Document) { NewInspector(func(p string) { problems = append(problems, p) }).Document(d) }
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
