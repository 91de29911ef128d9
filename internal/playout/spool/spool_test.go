package spool

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeline/internal/playout/statedir"
	"lifeline/schedules"
)

func openSpool(t *testing.T, dir string) *Spool {
	t.Helper()
	s, _ := openFrom(t, dir, 100)
	return s
}

// openLate opens a spool whose sequence numbers are far below 1000, and returns the problems that it reports.
func openLate(t *testing.T, dir string) (s *Spool, said *[]string) {
	t.Helper()
	return openFrom(t, dir, 1000)
}

func openFrom(t *testing.T, dir string, first int64) (s *Spool, said *[]string) {
	t.Helper()
	state, err := statedir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	said = new([]string)
	if s, err = Open(state, first, func(format string, args ...any) {
		*said = append(*said,
			fmt.Sprintf(format, args...))
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(); _ = state.Close() })
	return s, said
}

func appendEntry(t *testing.T, s *Spool, item string, ends bool) int64 {
	t.Helper()
	e, err := s.Append(schedules.AsRun{ItemID: item, Outcome: schedules.Aired}, ends)
	if err != nil {
		t.Fatal(err)
	}
	return e.Sequence
}

func TestSequencesAreNeverReusedAndEntriesStayUntilAcknowledged(t *testing.T) {
	dir := t.TempDir()
	used := map[int64]bool{}
	want := map[int64]bool{}
	r := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		s := openSpool(t, dir)
		for range r.IntN(20) {
			n := appendEntry(t, s, "x", false)
			if used[n] {
				t.Fatalf("sequence %d is used twice", n)
			}
			used[n], want[n] = true, true
		}
		pending, _ := s.Pending(5)
		for _, e := range pending {
			if err := s.Ack(e.Sequence); err != nil {
				t.Fatal(err)
			}
			delete(want, e.Sequence)
		}
		all, _ := s.Pending(1000)
		if len(all) != len(want) {
			t.Fatalf("%d are pending, not %d", len(all), len(want))
		}
		for i, e := range all {
			if !want[e.Sequence] || i > 0 && all[i-1].Sequence >= e.Sequence {
				t.Fatalf("pending: %v", all)
			}
		}
	}
}

// TestSpoolSurvivesEveryCrash truncates the file around each record's end and at every fourth byte, as a crash during a
// write does: all that was durable before is there, nothing else is, and the spool can be written to.
func TestSpoolSurvivesEveryCrash(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, dir)
	type state struct {
		size    int64
		pending int
		on      bool
	}
	states := []state{{s.size, 0, false}}
	note := func() {
		p, _ := s.Pending(100)
		states = append(states, state{s.size, len(p), s.OnAir() != nil})
	}
	for i := range 2 {
		if err := s.Begin(OnAir{ItemID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		note()
		appendEntry(t, s, "aside", false)
		note()
		n := appendEntry(t, s, fmt.Sprint(i), true)
		note()
		if err := s.Ack(n); err != nil {
			t.Fatal(err)
		}
		note()
	}
	whole, err := os.ReadFile(filepath.Join(dir, spoolName))
	if err != nil {
		t.Fatal(err)
	}
	for cut := states[0].size; cut <= int64(len(whole)); cut++ {
		if cut%4 > 0 && !slices.ContainsFunc(states, func(s state) bool { return cut-s.size <= 2 && s.size-cut <= 2 }) {
			continue
		}
		for _, garbage := range [][]byte{nil, bytes.Repeat([]byte{0}, 40)} {
			if garbage != nil && cut%11 > 0 {
				continue
			}
			at := t.TempDir()
			if err := os.WriteFile(filepath.Join(at, spoolName), append(bytes.Clone(whole[:cut]), garbage...),
				0o600); err != nil {
				t.Fatal(err)
			}
			want := states[0]
			for _, st := range states {
				if st.size <= cut {
					want = st
				}
			}
			s := openSpool(t, at)
			p, _ := s.Pending(100)
			if len(p) != want.pending || (s.OnAir() != nil) != want.on {
				t.Fatalf("cut at %d: %d pending, on the air %v, not %+v", cut, len(p), s.OnAir(), want)
			}
			if cut%5 > 0 {
				continue
			}
			appendEntry(t, s, "after", false)
			if p, _ := openSpool(t, at).Pending(100); len(p) != want.pending+1 {
				t.Fatalf("cut at %d: what was written after is lost", cut)
			}
		}
	}
}

func TestAcknowledgedSpoolIsCompacted(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, dir)
	last := int64(0)
	for s.size < spoolCompact {
		last = appendEntry(t, s, string(bytes.Repeat([]byte("x"), 50_000)), false)
	}
	if err := s.Begin(OnAir{ItemID: "playing"}); err != nil {
		t.Fatal(err)
	}
	for n := int64(100); n <= last; n++ {
		if err := s.Ack(n); err != nil {
			t.Fatal(err)
		}
	}
	if s.size > 1000 {
		t.Errorf("it still has %d bytes", s.size)
	}
	s = openSpool(t, dir)
	if n := appendEntry(t, s, "next", true); n != last+1 {
		t.Errorf("the next sequence is %d after %d", n, last)
	}
	if s.OnAir() != nil {
		t.Error("it is still on the air")
	}
}

func TestOneDamagedLineOfTheSpoolCostsOnlyItself(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, dir)
	for _, item := range []string{"a", "b", "c"} {
		appendEntry(t, s, item, false)
	}
	file := filepath.Join(dir, spoolName)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, []byte(`"b"`))+1] ^= 1
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, said := openLate(t, dir)
	pending, _ := s.Pending(10)
	if len(pending) != 2 || pending[0].ItemID != "a" || pending[1].ItemID != "c" {
		t.Errorf("pending: %v", pending)
	}
	if n := appendEntry(t, s, "d", false); n != 1000 {
		t.Errorf("the next sequence, %d, may be one that was lost", n)
	}
	if len(*said) != 1 || !strings.Contains((*said)[0], "damaged") {
		t.Errorf("reported %q", *said)
	}
}

func TestASpoolThatLostEntriesSaysSoAndReusesNoSequence(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(dir, file string, b []byte) error
		says  string
	}{
		"removed": {func(_, file string, _ []byte) error { return os.Remove(file) }, "is gone"},
		"removed with its mark": {func(dir, file string, _ []byte) error {
			return errors.Join(os.Remove(file), os.Remove(filepath.Join(dir, markName)))
		}, "is gone"},
		"emptied": {func(_, file string, _ []byte) error { return os.Truncate(file, 0) }, "is empty"},
		"cut at a line": {func(_, file string, b []byte) error {
			return os.Truncate(file, int64(bytes.LastIndexByte(b[:len(b)-1], '\n')+1))
		}, "entries 102 to 102 are missing"},
		"cut in a line": {func(_, file string, b []byte) error { return os.Truncate(file, int64(len(b)-9)) },
			"entries 102 to 102 are missing"},
		"an older copy": {func(_, file string, b []byte) error {
			return os.WriteFile(file, b[:bytes.IndexByte(b, '\n')+1], 0o600)
		}, "entries 100 to 102 are missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openSpool(t, dir)
			for _, item := range []string{"a", "b", "c"} {
				appendEntry(t, s, item, false)
			}
			if err := errors.Join(s.state.Belong("lantern"), s.Close()); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, spoolName)
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.spoil(dir, file, b); err != nil {
				t.Fatal(err)
			}
			s, said := openLate(t, dir)
			if !strings.Contains(s.Lost(), c.says) || len(*said) > 0 {
				t.Errorf("lost %q, said %q", s.Lost(), *said)
			}
			if n := appendEntry(t, s, "d", false); n != 1000 {
				t.Errorf("the next sequence, %d, may be one that was lost", n)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if again := openSpool(t, dir); again.Lost() != "" {
				t.Errorf("the next start says it again: %q", again.Lost())
			}
		})
	}
}

func TestANewSpoolHasLostNothing(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		s := openSpool(t, dir)
		if s.Lost() != "" {
			t.Errorf("lost %q", s.Lost())
		}
		appendEntry(t, s, "a", true)
		if err := errors.Join(s.state.Belong("lantern"), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASpoolThatIsRemovedOrCutWhileThePlayerPlaysIsWrittenAnewWithAllOfIt(t *testing.T) {
	for name, spoil := range map[string]func(file string) error{
		"removed": os.Remove,
		"emptied": func(file string) error { return os.Truncate(file, 0) },
		"cut":     func(file string) error { return os.Truncate(file, 40) },
		"replaced": func(file string) error {
			return errors.Join(os.Rename(file, file+".old"), os.WriteFile(file, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			state, err := statedir.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer state.Close()
			said := 0
			s, err := Open(state, 100, func(string, ...any) { said++ })
			if err != nil {
				t.Fatal(err)
			}
			appendEntry(t, s, "a", false)
			if err := errors.Join(s.Begin(OnAir{ItemID: "b"}), spoil(filepath.Join(dir, spoolName))); err != nil {
				t.Fatal(err)
			}
			appendEntry(t, s, "b", true)
			if err := s.Close(); err != nil || said != 1 {
				t.Errorf("told %d times, %v", said, err)
			}
			again := openSpool(t, dir)
			if pending, _ := again.Pending(9); len(pending) != 2 || again.Lost() != "" || again.OnAir() != nil {
				t.Errorf("%d entries, lost %q", len(pending), again.Lost())
			}
		})
	}
}
