package playout

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// device is an output with listeners that accepts sound as takes allows.
type device struct {
	takes func(at time.Duration) error // by the time since the start; nil: everything is accepted
	begun time.Time
}

func (d *device) Name() string           { return "device" }
func (d *device) Continuous() bool       { return true }
func (d *device) Latency() time.Duration { return 0 }
func (d *device) Close() error           { return nil }
func (d *device) Write(output.Block) error {
	if d.takes == nil {
		return nil
	}
	return d.takes(time.Since(d.begun))
}

// untilFrame is an output with listeners that notes the end of what it was given.
type untilFrame struct {
	device
	end int64
}

func (u *untilFrame) Write(b output.Block) error {
	u.end = b.Frame + int64(len(b.PCM)/dsp.Channels)
	return nil
}

// A player that is late when its time is over must not catch up beyond it.
func TestNoSoundFollowsTheInstantAtWhichThePlayerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStation(t, newService(t))
		start := time.Now().Add(10 * time.Second)
		st.service.publish(day("lantern", 1, start, 40*time.Second, []wire.QueueItem{st.service.record(rec(1, 20)),
			st.service.record(rec(2, 20))}))
		st.until = start.Add(20*time.Second + 100*time.Millisecond)
		st.busy = func(n Notice) {
			if n.Kind == ItemStart && n.ItemID == "item-2" {
				time.Sleep(300 * time.Millisecond)
			}
		}
		given := &untilFrame{}
		st.outputs = []output.Output{given}
		st.run(t.Context())
		if given.end != st.rate.Frame(st.until) {
			t.Errorf("the sound ends %v after the player's time", st.rate.Time(given.end).Sub(st.until))
		}
	})
}

// recorder is an output that writes files.
type recorder struct{ device }

func (r *recorder) Continuous() bool { return false }

// airs plays two items of 20 s, from 10 s after the start on, through the outputs. It returns the reported entries, and
// the player's health and page with metrics during the second item.
func airs(t *testing.T, outputs, counting []output.Output) (entries []schedules.AsRun, health int, page string) {
	s := newService(t)
	start := time.Now().Add(10 * time.Second)
	s.publish(day("lantern", 1, start, 40*time.Second, []wire.QueueItem{s.record(rec(1, 20)), s.record(rec(2, 20))}))
	state, err := statedir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p, err := OpenPlayer(Options{Station: "lantern", State: state, API: s.api(), Follow: FollowOptions{TrustFirst: true},
		Open: openRecording,
		Rate: testRate, Outputs: outputs, Counting: counting, Until: start.Add(45 * time.Second), Now: time.Now,
		Log: discardLog()})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- p.Run(context.WithoutCancel(t.Context())) }()
	time.Sleep(time.Until(start.Add(30 * time.Second)))
	for _, path := range []string{"/healthz", "/metrics", "/"} {
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if path == "/healthz" {
			health = w.Code
		}
		b, _ := io.ReadAll(w.Body)
		page += string(b)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asRun), health, page
}

// aired returns how long an item sounded according to the report.
func aired(entries []schedules.AsRun, item string) (total time.Duration, outcomes []schedules.Outcome) {
	for _, e := range entries {
		if e.ItemID == item {
			total += e.EndedAt.Sub(e.StartedAt.Time)
			outcomes = append(outcomes, e.Outcome)
		}
	}
	return total, outcomes
}

func TestItemHasAiredOnlyForTheTimeInWhichAnOutputTookIt(t *testing.T) {
	down := errors.New("the device is gone")
	cases := map[string]struct {
		takes         func(time.Duration) error
		first, second time.Duration
		outcomes      [2]schedules.Outcome
		health        int
	}{
		"everything": {nil, 20 * time.Second, 20 * time.Second, [2]schedules.Outcome{schedules.Aired, schedules.Aired}, 200},
		"nothing": {func(time.Duration) error { return down }, 0, 0, [2]schedules.Outcome{schedules.Failed,
			schedules.Failed}, 503},
		"until it is gone": {func(at time.Duration) error {
			if at > 20*time.Second {
				return down
			}
			return nil
		}, 10 * time.Second, 0, [2]schedules.Outcome{schedules.Cut, schedules.Failed}, 503},
		"until it hangs": {func(at time.Duration) error {
			if at > 20*time.Second {
				time.Sleep(5 * time.Second)
				return down
			}
			return nil
		}, 10 * time.Second, 0, [2]schedules.Outcome{schedules.Cut, schedules.Failed}, 503},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				entries, health, page := airs(t, []output.Output{&device{c.takes, time.Now()}}, nil)
				for i, want := range []time.Duration{c.first, c.second} {
					got, outcomes := aired(entries, []string{"item-1", "item-2"}[i])
					if got < want-200*time.Millisecond || got > want+200*time.Millisecond || len(outcomes) != 1 ||
						outcomes[0] != c.outcomes[i] {
						t.Errorf("item %d: reported as %v, for %v; %v sounded: %+v", i+1, outcomes, got, want, entries)
					}
				}
				if health != c.health {
					t.Errorf("/healthz answers %d", health)
				}
				for _, words := range []string{"no sound leaves this machine", "nobody hears it", "lifeline_playout_alarms 1"} {
					if strings.Contains(page, words) != (c.health == 503) {
						t.Errorf("%q on the pages: %v", words, c.health != 503)
					}
				}
			})
		})
	}
}

func TestInterruptedItemIsReportedInTheStretchesThatSounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entries, health, _ := airs(t, []output.Output{&device{func(at time.Duration) error {
			if at > 15*time.Second && at < 20*time.Second {
				return errors.New("unplugged")
			}
			return nil
		}, time.Now()}}, nil)
		total, outcomes := aired(entries, "item-1")
		if len(outcomes) != 2 || outcomes[0] != schedules.Cut || total < 13500*time.Millisecond ||
			total > 15200*time.Millisecond {
			t.Errorf("%v for %v: %+v", outcomes, total, entries)
		}
		if total, _ := aired(entries, "item-2"); total != 20*time.Second || health != 200 {
			t.Errorf("afterwards: %v, health %d", total, health)
		}
	})
}

func TestAnOutputThatDoesNotCountMakesNothingAired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := &device{func(time.Duration) error { return errors.New("refused") }, time.Now()}
		file := &recorder{}
		entries, health, page := airs(t, []output.Output{dead, file}, []output.Output{dead})
		if total, outcomes := aired(entries, "item-1"); total != 0 || outcomes[0] != schedules.Failed {
			t.Errorf("%v for %v", outcomes, total)
		}
		if health != 503 || !strings.Contains(page, "does not count as aired") {
			t.Errorf("health %d: %s", health, page)
		}
		entries, health, page = airs(t, []output.Output{&device{dead.takes, time.Now()}, &device{}}, nil)
		if total, outcomes := aired(entries, "item-1"); total != 20*time.Second || outcomes[0] != schedules.Aired {
			t.Errorf("with one of two that works: %v for %v", outcomes, total)
		}
		if health != 503 || !strings.Contains(page, "output device takes no sound: refused") {
			t.Errorf("the dead one is not an alarm: health %d", health)
		}
	})
}

// A process that starts accepts a block into its pipe before it ends: that does not mean that it works.
func TestOutputThatFailsAgainAndAgainIsTriedEachSecondAndNeverHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		entries, health, page := airs(t, []output.Output{&device{func(time.Duration) error {
			if tries++; tries%2 == 0 {
				return errors.New("it ended at once")
			}
			return nil
		}, time.Now()}}, nil)
		if seconds := 56; tries > 2*seconds {
			t.Errorf("it was written to %d times in %d s", tries, seconds)
		}
		if health != 503 || !strings.Contains(page, "nobody hears it") {
			t.Errorf("between two failures health is %d", health)
		}
		if total, outcomes := aired(entries, "item-2"); total > 2*time.Second || slices.Contains(outcomes, schedules.Aired) {
			t.Errorf("%v for %v", outcomes, total)
		}
	})
}

func TestOutputThatIsTooSlowHasFewGapsAndAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entries, health, page := airs(t, []output.Output{&device{func(time.Duration) error {
			time.Sleep(2 * output.BlockLength)
			return nil
		}, time.Now()}}, nil)
		if health != 503 || !strings.Contains(page, "more slowly than it comes") || strings.Contains(page, "takes nothing") {
			t.Errorf("health %d: %s", health, page)
		}
		total, outcomes := aired(entries, "item-2")
		if total < 8*time.Second || total > 12*time.Second || len(outcomes) > 8 || slices.Contains(outcomes,
			schedules.Aired) {
			t.Errorf("half of 20 s came out: %v for %v", outcomes, total)
		}
	})
}

// hasty is a device that accepts sound faster than real time.
type hasty struct{ device }

func (h *hasty) Held() time.Duration { return 0 }
func (h *hasty) Fast() bool          { return true }

func TestOutputThatIsTooFastIsAnAlarmAndOnTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entries, health, page := airs(t, []output.Output{&hasty{}}, nil)
		if health != 503 || !strings.Contains(page, "faster than it lasts") || strings.Contains(page, "nobody hears it") {
			t.Errorf("health %d: %s", health, page)
		}
		for _, e := range entries {
			if !strings.Contains(e.Detail, "faster than it lasts") {
				t.Errorf("nothing is said of it: %+v", e)
			}
		}
	})
}
