// Command planner runs the planning benchmark: Lifeline's planner beside faithful re-implementations of the peers'
// algorithms, on the same seeded instances, in one run.
//
//	go run ./internal/bench/planner            # N of 300 to 100,000, in milliseconds, frames and seconds
//	go run ./internal/bench/planner -n 1000 -units ms -only lifeline
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	sizes := flag.String("n", "300,1000,10000,100000", "library sizes")
	units := flag.String("units", "ms,frames,seconds", "what durations are whole numbers of")
	days := flag.Int("days", 28, "days in a row")
	seed := flag.Uint64("seed", 1, "of the instances")
	only := flag.String("only", "", "planners to run, by the beginning of the name; empty: all")
	flag.Parse()
	fmt.Printf("%s %s/%s, GOMAXPROCS %d, seed %d, %d days of 48 gaps\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.GOMAXPROCS(0), *seed, *days)
	for unit := range strings.SplitSeq(*units, ",") {
		for size := range strings.SplitSeq(*sizes, ",") {
			n, err := strconv.Atoi(size)
			if err != nil {
				fmt.Fprintln(os.Stderr, "planner:", err)
				os.Exit(2)
			}
			if err := run(newInstance(n, unit, *seed, *days), *only); err != nil {
				fmt.Fprintln(os.Stderr, "planner:", err)
				os.Exit(1)
			}
		}
	}
}

func run(in instance, only string) error {
	fmt.Printf("\n%d segments, durations in %s\n", in.n, in.unit)
	fmt.Printf("%-24s %10s %10s %10s %5s %6s %6s %6s %6s %6s %6s %9s %9s %9s  %s\n", "planner", "gap mean", "gap p99",
		"gap max", "lost",
		"gini", "gini/d", "space", "turn", "turn1%", "length", "ms/day", "worst", "cpu/day",
		"violations (rest, series, a day, daytime, validity)")
	for _, p := range planners {
		if !strings.HasPrefix(p.name, only) {
			continue
		}
		days, err := p.plan(in)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		f := measure(p.name, in, days)
		v := f.violations
		fmt.Printf("%-24s %10.1f %10.0f %10.0f %5d %6.3f %6.3f %6.2f %6.2f %6.2f %6.2f %9.2f %9.2f %9.2f  %d %d %d %d %d "+
			"in %d plays\n", f.name, f.mean, f.p99, f.worst, f.lost,
			f.gini, f.giniAll, f.spacing, f.turn, f.turn1, f.short, ms(f.median), ms(f.worstDay), ms(f.cpu),
			v["item rest 4 h"], v["series rest 1 h"], v["at most 2 a day"], v["daytime 06-22"], v["validity"], f.plays)
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// planners are the planners that the benchmark compares.
var planners = []struct {
	name string
	plan func(instance) ([]day, error)
}{
	{"lifeline", ours(20)}, // the benchmark's tolerance
	{"lifeline, to 1 ms", ours(1)},
	{"lifeline, to 1 s", ours(1000)}, // shows the gain in rotation
	{"libretime smart block", libreTime},
	{"azuracast queue", azuraCast},
	{"rivendell", rivendell(false)},
	{"rivendell with fill", rivendell(true)},
}
