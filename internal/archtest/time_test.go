package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// realTime are the tests that sleep or measure by the real clock, with the reason of each. All others pass instants in
// or use testing/synctest, and wait for a real process by polling it with a deadline.
var realTime = map[string]string{
	"audio/fuzz_test.go":                      "bounds what a damaged recording may cost, by the best of six tries",
	"cmd/endtoend/airscript_test.go":          "hears a real player",
	"cmd/endtoend/ready_test.go":              "prints figures",
	"cmd/endtoend/recall_test.go":             "hears real players",
	"cmd/endtoend/sharedrate_test.go":         "the limit is a rate: it grows with the time that the requests took",
	"cmd/endtoend/uploads_test.go":            "prints figures",
	"cmd/playout/playout_test.go":             "hears a real player",
	"internal/bench/storage/reads_test.go":    "prints figures",
	"internal/bench/storage/storage_test.go":  "prints figures",
	"internal/bench/storage/waiting_test.go":  "prints figures",
	"internal/render/speed_test.go":           "prints figures",
	"schedules/planner/catalogue_test.go":     "prints figures",
	"schedules/planner/replan_test.go":        "prints figures",
	"schedules/planner/unsatisfiable_test.go": "prints figures",
}

// skips are the tests that pass something over, with the reason of each. What a test needs and does not find fails it.
var skips = map[string]string{
	"internal/search/index_test.go": "an action that rapid drew in vain is no step of the run",
}

func TestTestsNeitherSleepNorMeasureByTheRealClockNorSkip(t *testing.T) {
	root, asleep, skipped := filepath.Join("..", ".."), map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		simulated := false
		for _, i := range source.Imports {
			simulated = simulated || i.Path.Value == `"testing/synctest"`
		}
		ast.Inspect(source, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			s, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			on, ok := s.X.(*ast.Ident)
			if !ok {
				return true
			}
			switch called := on.Name + "." + s.Sel.Name; called {
			case "time.Sleep", "time.Since":
				asleep[name] = asleep[name] || !simulated
				if !simulated && realTime[name] == "" {
					t.Errorf("%s calls %s by the real clock: pass instants in or use testing/synctest", name, called)
				}
			case "t.Skip", "t.Skipf", "t.SkipNow", "b.Skip", "b.Skipf", "b.SkipNow":
				skipped[name] = true
				if skips[name] == "" {
					t.Errorf("%s calls %s: what a test needs and does not find fails it", name, called)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range realTime {
		if !asleep[name] {
			t.Errorf("realTime has a reason for %s, which needs none", name)
		}
	}
	for name := range skips {
		if !skipped[name] {
			t.Errorf("skips has a reason for %s, which needs none", name)
		}
	}
}
