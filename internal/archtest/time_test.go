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

// realTime are the tests that sleep, wait or measure by the real clock, with the reason of each. All others pass
// instants in or use testing/synctest, and wait for a real process by polling it with a deadline (endtoend.eventually).
var realTime = map[string]string{
	"audio/fuzz_test.go":                      "bounds what a damaged recording may cost, by the best of six tries",
	"cmd/endtoend/airscript_test.go":          "hears a real player",
	"cmd/endtoend/crash_test.go":              "kills a real process at a random moment",
	"cmd/endtoend/icecast_test.go":            "hears a real server",
	"cmd/endtoend/links_test.go":              "cuts a real connection during an upload",
	"cmd/endtoend/ready_test.go":              "prints figures",
	"cmd/endtoend/recall_test.go":             "hears real players",
	"cmd/endtoend/replicaskill_test.go":       "clients that try again while real processes are killed",
	"cmd/endtoend/sharedrate_test.go":         "the limit is a rate: it grows with the time that the requests took",
	"cmd/endtoend/uploads_test.go":            "prints figures",
	"cmd/playout/diskfull_linux_test.go":      "fills the disk of a real player at times of its window",
	"cmd/playout/frugal_linux_test.go":        "measures a real player",
	"cmd/playout/playout_test.go":             "hears a real player",
	"internal/bench/storage/reads_test.go":    "prints figures",
	"internal/bench/storage/storage_test.go":  "prints figures",
	"internal/bench/storage/waiting_test.go":  "prints figures",
	"internal/playout/fake_test.go":           "serves tests in simulated time",
	"internal/store/redis/redis_test.go":      "lets the time of miniredis pass, which does not by itself",
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
		deadlines := deadlinesOf(source)
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
			case "time.Sleep", "time.Since", "time.After", "time.AfterFunc", "time.NewTimer", "time.NewTicker", "time.Tick":
				if simulated || deadlines[call] {
					return true
				}
				asleep[name] = true
				if realTime[name] == "" {
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

// deadlinesOf returns the calls of time.After that bound another wait: the case of a select that fails the test or
// returns, when nothing else has happened.
func deadlinesOf(source *ast.File) map[*ast.CallExpr]bool {
	out := map[*ast.CallExpr]bool{}
	ast.Inspect(source, func(n ast.Node) bool {
		c, ok := n.(*ast.CommClause)
		if !ok || c.Comm == nil || len(c.Body) == 0 {
			return true
		}
		switch last := c.Body[len(c.Body)-1].(type) {
		case *ast.ReturnStmt:
		case *ast.ExprStmt:
			call, ok := last.X.(*ast.CallExpr)
			if !ok {
				return true
			}
			if s, ok := call.Fun.(*ast.SelectorExpr); !ok || !strings.HasPrefix(s.Sel.Name, "Fatal") &&
				!strings.HasPrefix(s.Sel.Name, "Error") {
				return true
			}
		default:
			return true
		}
		ast.Inspect(c.Comm, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				out[call] = true
			}
			return true
		})
		return true
	})
	return out
}
