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

// effort is the size of a measurement.
type effort struct {
	slice        time.Duration // time of one contestant's turn
	rounds       int           // results are medians over them, so that a busy moment does not fall on one alone
	stations     int           // waiting stations
	publications int           // publications for which one station waits
	recalls      int           // recalls for which all stations wait
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
		return // cmd/endtoend tests that services answer and replicas wake
	}
	program := build(t)
	shared := []string{"--data", t.TempDir(), "--store", "redis://" + harness.StartRedis(t, harness.Durable...).Addr}
	here, there := serve(t, program, shared...), serve(t, program, shared...)
	there.token = here.token
	stations := here.furnish(t, 1+e.stations)
	t.Run("queue reads", func(t *testing.T) { queueReads(t, e, here, stations[0]) })
	t.Run("waiting stations", func(t *testing.T) { waitingStations(t, e, here, there, stations[1:]) })
}

// contest measures several functions in turn and returns the median rate of each per second.
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

// crowd runs do repeatedly with the given number of workers for a time, and returns the rate per second.
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

// quantile returns a quantile of sorted values.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
