//go:build linux

package storage_test

import (
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
)

// effort is how much is done for a figure.
type effort struct {
	slice        time.Duration // for which one thing is measured before the next has its turn
	rounds       int           // of turns; figures are medians over them, so that a busy moment falls on nobody alone
	stations     int           // that wait
	publications int           // that one of them each waits for
	recalls      int           // that all of them wait for
}

func TestFigures(t *testing.T) {
	longform.Only(t)
	proving := os.Getenv("LIFELINE_PROVE") == "storage"
	e := effort{slice: 30 * time.Millisecond, rounds: 1}
	if proving {
		e = effort{slice: time.Second, rounds: 7, stations: 1000, publications: 100, recalls: 5}
	}
	t.Logf("%s %s/%s, %d processors", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	t.Run("commits on SQLite", func(t *testing.T) { commitsOnSQLite(t, e) })
	t.Run("commits on Redis", func(t *testing.T) { commitsOnRedis(t, e) })
	if !proving {
		return // that services answer and replicas wake is shown in cmd/endtoend
	}
	program := build(t)
	shared := []string{"--data", t.TempDir(), "--store", "redis://" + harness.StartRedis(t, harness.Durable...).Addr}
	here, there := serve(t, program, shared...), serve(t, program, shared...)
	there.token = here.token
	stations := here.furnish(t, 1+e.stations)
	t.Run("queue reads", func(t *testing.T) { queueReads(t, e, here, stations[0]) })
	t.Run("waiting stations", func(t *testing.T) { waitingStations(t, e, here, there, stations[1:]) })
}

// contest measures several things in turns and answers the median rate of each, a second.
func contest(e effort, contestants []func(time.Duration) float64) []float64 {
	rates := make([][]float64, len(contestants))
	for range e.rounds {
		for i, run := range contestants {
			rates[i] = append(rates[i], run(e.slice))
		}
	}
	medians := make([]float64, len(contestants))
	for i, r := range rates {
		slices.Sort(r)
		medians[i] = r[len(r)/2]
	}
	return medians
}

// crowd does one thing again and again by so many at once, for a time, and answers how often a second.
func crowd(t *testing.T, workers int, slice time.Duration, do func(worker int) error) float64 {
	t.Helper()
	counts := make(chan int, workers)
	began := time.Now()
	for worker := range workers {
		go func() {
			n := 0
			for ; time.Since(began) < slice; n++ {
				if err := do(worker); err != nil {
					t.Error(err)
					break
				}
			}
			counts <- n
		}()
	}
	total := 0
	for range workers {
		total += <-counts
	}
	return float64(total) / time.Since(began).Seconds()
}

// quantile of what is sorted.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
