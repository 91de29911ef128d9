package kinds

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/idempotency"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/webhooks"
)

// kindsOfDocument returns the values of the use cases' constants named Kind… or kind….
func kindsOfDocument(t *testing.T) (kinds []string) {
	t.Helper()
	var files []string
	for _, room := range []string{"replica", "access", "access/signin", "library", "network", "record", "hashchain",
		"scheduling", "webhooks", "idempotency", "background"} {
		found, err := filepath.Glob(filepath.Join("..", room, "*.go"))
		if err != nil || len(found) == 0 {
			t.Fatal(room, err)
		}
		files = append(files, found...)
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
			if !ok || !strings.HasPrefix(strings.ToLower(spec.Names[0].Name), "kind") || len(spec.Values) != 1 {
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

// The test reads the kinds from the source, so that no new one is forgotten.
func TestEveryKindOfDocumentIsDeclared(t *testing.T) {
	kinds := kindsOfDocument(t)
	if len(kinds) < 20 {
		t.Fatalf("only %q were found", kinds)
	}
	var declared []string
	for _, kind := range All {
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
	untold := []string{access.KindToken, access.KindUse, library.KindWaveform, replica.KindRevision, replica.KindCounter,
		scheduling.KindExplanations, record.KindRecords, library.KindUpload,
		library.KindAttempts, idempotency.KindAnswer, record.KindHead,
		record.KindLate,
		webhooks.KindWebhook, webhooks.KindProgress, access.KindKeys, replica.KindFloor, replica.KindFormat,
		replica.KindStationKeys, replica.KindEnrolment, replica.KindDoubts, record.KindReceipts,
		replica.KindStandingOrder,
		replica.KindPerson, replica.KindPeople, replica.KindTurn, replica.KindBaseline, replica.KindRemoved,
		access.KindMirrorList, access.KindEnds,
		signin.KindHolder, signin.KindCode, signin.KindSession, signin.KindChallenge}
	for _, kind := range All {
		if told := kind.Changes != ""; told == slices.Contains(untold, kind.Name) {
			t.Errorf("%s: told %v, and in the list of what is not told %v", kind.Name, told, !told)
		}
	}
}
