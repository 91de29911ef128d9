package storetest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Crashing describes how to crash a store under load.
type Crashing struct {
	// Start starts Work on the store and returns the acknowledgements. kill ends it without warning; after kill returns,
	// nothing of it can happen any more.
	Start func() (acknowledged io.ReadCloser, kill func())

	// Open opens the store after a crash, without any repair.
	Open func() Store
}

// Crash crashes a store repeatedly, each time after a random number of acknowledgements, and checks that every
// acknowledged write exists and that every other write exists completely or not at all.
func Crash(t *testing.T, rounds int, c Crashing) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d crashes, seed %d", rounds, seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	w := &witness{T: t}
	for round := range rounds {
		acknowledged, kill := c.Start()
		lines := bufio.NewScanner(acknowledged)
		for range rnd.IntN(80) { // 0 means that it may not even have opened the store
			if !lines.Scan() {
				t.Fatalf("round %d: the load ended by itself: %v", round, lines.Err())
			}
			w.hear(lines.Text())
		}
		kill()
		for lines.Scan() {
			w.hear(lines.Text())
		}
		if err := acknowledged.Close(); err != nil {
			t.Fatal(err)
		}
		s := c.Open()
		w.examine(&bench{T: t, Store: s, open: c.Open})
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
		if t.Failed() {
			t.Fatalf("after round %d", round)
		}
	}
	t.Logf("%d acknowledgements heard, %d changes and %d reports examined", w.heard, w.since, w.reports)
}

// witness records what was acknowledged.
type witness struct {
	*testing.T
	committed, appended [workers]int // the last acknowledged step of each worker
	examined            [workers]int // the step up to which the as-run log was read
	heard, reports      int
	since               int64          // the change up to which the feed was read
	steps               [workers][]int // the number of changes of each commit, counted in the feed
}

func (w *witness) hear(line string) {
	var verb string
	var who, n int
	if _, err := fmt.Sscanf(line, "%s %d %d", &verb, &who, &n); err != nil {
		w.Fatalf("the load says %q", line)
	}
	w.heard++
	switch last := map[string]*[workers]int{"commit": &w.committed, "append": &w.appended}[verb]; {
	case last[who] > n:
		w.Errorf("%s after %d was acknowledged: something was lost", line, last[who])
	default:
		last[who] = n
	}
}

// examine compares the store with the acknowledgements and checks its consistency.
func (w *witness) examine(b *bench) {
	w.follow(b)
	for who := range workers {
		n := w.standing(b, who)
		if n < w.committed[who] || n > w.committed[who]+1 {
			w.Errorf("worker %d stands at step %d; %d was acknowledged last", who, n, w.committed[who])
		}
		if len(w.steps[who]) != n {
			w.Errorf("worker %d stands at step %d; the feed has %d commits", who, n, len(w.steps[who]))
		}
		w.committed[who] = n // a commit that was made but not acknowledged stays
		w.logged(b, who, n)
	}
}

// follow reads the new part of the feed and counts the changes of each commit.
func (w *witness) follow(b *bench) {
	for _, c := range b.feed(w.since, 1000) {
		var who, n int
		if _, err := fmt.Sscanf(c.By+" "+c.RequestID, "worker %d %d", &who, &n); err != nil {
			w.Fatalf("change %+v", c)
		}
		if n > len(w.steps[who]) {
			w.steps[who] = append(w.steps[who], 0)
		}
		if n != len(w.steps[who]) {
			w.Fatalf("change of step %d of worker %d follows step %d", n, who, len(w.steps[who]))
		}
		w.steps[who][n-1]++
		w.since = c.Sequence
	}
	for who := range workers {
		for i, changes := range w.steps[who] {
			if want := len(step(who, i+1).Writes); changes != want {
				w.Errorf("step %d of worker %d made %d changes; want %d", i+1, who, changes, want)
			}
		}
	}
}

// standing returns the step of the worker's documents, which must all agree.
func (w *witness) standing(b *bench, who int) int {
	var list []string
	for _, d := range b.list("work", 100) {
		if strings.HasPrefix(d.ID, fmt.Sprintf("%d/", who)) {
			list = append(list, fmt.Sprintf("%s at %d is %s", d.ID, d.Revision, d.Body))
		}
	}
	if len(list) == 0 {
		return 0
	}
	var n int
	if _, err := fmt.Sscanf(list[0], fmt.Sprintf("%d/left at %%d", who), &n); err != nil {
		w.Fatalf("documents: %v", list)
	}
	want := []string{fmt.Sprintf("%s at %d is %d", left(who), n, n), fmt.Sprintf("%s at %d is %d", right(who), n, n)}
	for i := max(1, n-trail+1); i <= n; i++ {
		want = append(want, fmt.Sprintf("%s at 1 is %d", trace(who, i), i))
	}
	b.same(fmt.Sprintf("documents of worker %d", who), list, want)
	return n
}

// logged checks the worker's as-run log: whole reports, without gaps, up to step n or the one before.
func (w *witness) logged(b *bench, who, n int) {
	entries := b.read(worker(who), instant(w.examined[who]+1), instant(n+2))
	w.reports += len(entries)
	last := w.examined[who] + len(entries)/2
	for i, e := range entries {
		if want := int64(2*w.examined[who] + i + 1); e.Sequence != want || string(e.Body) != fmt.Sprint((want+1)/2) {
			w.Errorf("report %d of worker %d says %s; want %d", e.Sequence, who, e.Body, want)
		}
	}
	if len(entries)%2 != 0 || last < w.appended[who] || last > n || last < n-1 {
		w.Errorf("worker %d reported %d steps and a half %d; %d were acknowledged, it stands at %d", who, last,
			len(entries)%2, w.appended[who], n)
	}
	w.examined[who] = last
}
