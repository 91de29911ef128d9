package playout

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// evening is a window that starts soon, on its own station.
type evening struct {
	*station
	start time.Time
	file  string
}

func newEvening(t *testing.T, length time.Duration) *evening {
	start := time.Now().Add(30 * time.Second).Truncate(time.Second)
	st := newStation(t, newService(t))
	st.until = start.Add(length)
	return &evening{st, start, start.UTC().Format(time.DateOnly) + "-evening.wav"}
}

func (e *evening) record(recs ...recording) (items []wire.QueueItem) {
	for _, r := range recs {
		items = append(items, e.service.record(r))
	}
	return items
}

func (e *evening) length() time.Duration { return e.until.Sub(e.start) }

func expectOutcomes(t *testing.T, entries []schedules.AsRun, want ...string) {
	t.Helper()
	if got := outcomes(entries); !slices.Equal(got, want) {
		t.Fatalf("reported\n  %s\nnot\n  %s\n%+v", strings.Join(got, "\n  "), strings.Join(want, "\n  "), entries)
	}
}

func TestFailingItemIsReplacedFromTheFallbackByBestFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 40*time.Second)
		one, bad, three := rec(1, 10), rec(2, 20), rec(3, 10)
		bad.BadAt = seconds(5)
		items := e.record(one, bad, three)
		fallback := e.record(rec(11, 3), rec(12, 14), rec(13, 60))
		delete(e.service.audio, items[0].Audio.SHA256) // never arrives
		e.service.publish(day("lantern", 1, e.start, e.length(), items, fallback...))
		e.run(t.Context())
		heard := e.heardWAV(e.file)
		if len(heard) != int(seconds(40)) {
			t.Fatalf("%d frames", len(heard))
		}
		expectSound(t, heard, 0, seconds(9), rec(12, 14), 0) // 14 s is nearer to 10 s than 3 s is; it is cut with a fade
		failed := testRate.Frames(e.service.entries()[2].EndedAt.Sub(e.start))
		if late := seconds(15) - failed; late < 0 || late > seconds(0.05) {
			t.Errorf("the failing item was left %d frames before it failed", late)
		}
		expectSound(t, heard, seconds(10), failed, bad, 0)
		expectSound(t, heard, failed, failed+seconds(3), rec(11, 3), 0) // 14 s would fit better, but it has just aired
		expectSound(t, heard, failed+seconds(3), seconds(29), rec(12, 14), 0)
		expectSound(t, heard, seconds(30), seconds(40), three, 0)
		expectOutcomes(t, e.service.entries(), "item-1 segment-1 failed", "item-1 segment-12 fallback",
			"item-2 segment-2 cut",
			"item-2 segment-11 fallback", "item-2 segment-12 fallback", "item-3 segment-3 aired")
	})
}

func TestFallbackThatWouldLeaveALittleSilenceGivesWayToALongerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 20*time.Second)
		items := e.record(rec(1, 10), rec(2, 10))
		delete(e.service.audio, items[0].Audio.SHA256) // never arrives
		e.service.publish(day("lantern", 1, e.start, e.length(), items, e.record(rec(11, 9), rec(12, 60))...))
		e.run(t.Context())
		heard := e.heardWAV(e.file)
		expectSound(t, heard, 0, seconds(9), rec(12, 60), 0)
		expectSound(t, heard, seconds(10), seconds(20), rec(2, 10), 0)
		expectOutcomes(t, e.service.entries(), "item-1 segment-1 failed", "item-1 segment-12 fallback",
			"item-2 segment-2 aired")
	})
}

func TestRestartDoesNotReportAgainWhatDidNotAir(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 30*time.Second)
		items := e.record(rec(1, 30))
		delete(e.service.audio, items[0].Audio.SHA256) // never arrives
		e.service.publish(day("lantern", 1, e.start, e.length(), items, e.record(rec(11, 30))...))
		ctx, cancel := context.WithDeadline(t.Context(), e.start.Add(10*time.Second))
		defer cancel()
		e.run(ctx)
		e.run(t.Context())
		expectOutcomes(t, e.service.entries(), "item-1 segment-1 failed", "item-1 segment-11 fallback",
			"item-1 segment-11 fallback")
	})
}

func TestRecallTakesAnItemOffTheAirAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 30*time.Second)
		items := e.record(rec(1, 10), rec(2, 10), rec(3, 10))
		e.service.publish(day("lantern", 1, e.start, e.length(), items, e.record(rec(11, 10), rec(12, 5))...))
		e.service.recall(1)
		go func() {
			time.Sleep(time.Until(e.start.Add(5 * time.Second)))
			e.service.recall(2, "segment-1", "segment-3", "segment-11")
		}()
		e.run(t.Context())
		heard := e.heardWAV(e.file)
		expectSound(t, heard, 0, seconds(5), rec(1, 10), 0)
		expectSound(t, heard, seconds(5.3), seconds(9), rec(12, 5), seconds(0.3)-frameAfterRecall(t, heard))
		expectSound(t, heard, seconds(10), seconds(20), rec(2, 10), 0)
		expectSound(t, heard, seconds(20), seconds(25), rec(12, 5), 0)
		expectOutcomes(t, e.service.entries(), "item-1 segment-1 cut", "item-1 segment-12 fallback", "item-2 segment-2 aired",
			"item-3 segment-3 skipped", "item-3 segment-12 fallback", "item-3 segment-12 fallback")
	})
}

// frameAfterRecall returns the number of frames after 5 s at which the recalled item stopped, at most a fifth of a
// second.
func frameAfterRecall(t *testing.T, heard [][2]int16) int64 {
	for i := seconds(5); i < seconds(5.2); i++ {
		if heard[i][0] != rec(1, 0).left() {
			return i - seconds(5)
		}
	}
	t.Fatal("the recalled item goes on")
	return 0
}

func TestItemThatWouldEndAfterItsExpiryDoesNotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 20*time.Second)
		items := e.record(rec(1, 10), rec(2, 10))
		items[0].NotAfter = schedules.At(e.start.Add(10 * time.Second)) // exactly in time
		items[1].NotAfter = schedules.At(e.start.Add(20*time.Second - time.Millisecond))
		e.service.publish(day("lantern", 1, e.start, e.length(), items, e.record(rec(11, 10))...))
		e.run(t.Context())
		expectSound(t, e.heardWAV(e.file), seconds(10), seconds(20), rec(11, 10), 0)
		expectOutcomes(t, e.service.entries(), "item-1 segment-1 aired", "item-2 segment-2 skipped",
			"item-2 segment-11 fallback")
	})
}

func TestChainAirsWholeOrNotAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 40*time.Second)
		items := e.record(rec(1, 5), rec(2, 10), rec(3, 5), rec(4, 20))
		for i := range 3 {
			items[i].Chain = "item-2"
		}
		items[2].NotAfter = schedules.At(e.start)
		e.service.publish(day("lantern", 1, e.start, e.length(), items, e.record(rec(11, 5), rec(12, 10))...))
		e.run(t.Context())
		expectOutcomes(t, e.service.entries(), "item-1 segment-1 skipped", "item-1 segment-11 fallback",
			"item-2 segment-2 skipped",
			"item-2 segment-12 fallback", "item-3 segment-3 skipped", "item-3 segment-11 fallback", "item-4 segment-4 aired")
	})
}

func TestHardStartCutsAndSoftStartWaitsUpToItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 60*time.Second)
		q := day("lantern", 1, e.start, e.length(), e.record(rec(1, 13), rec(2, 14), rec(3, 25), rec(4, 15)))
		starts := func(i int, mode schedules.StartMode, at, grace time.Duration) {
			instant := schedules.At(e.start.Add(at))
			q.Items[i].StartAt, q.Items[i].StartMs, q.Items[i].Start = &instant, instant.UnixMilli(), mode
			q.Items[i].Grace = schedules.Millis{Duration: grace}
		}
		starts(1, schedules.Hard, 10*time.Second, 0)             // cuts item 1 after 10 of 13 s
		starts(2, schedules.Soft, 20*time.Second, 5*time.Second) // waits for item 2 until 24 s
		starts(3, schedules.Soft, 45*time.Second, 2*time.Second) // item 3 would last until 49 s: cut at 47 s
		e.service.publish(q)
		e.run(t.Context())
		heard := e.heardWAV(e.file)
		expectSound(t, heard, 0, seconds(9.9), rec(1, 13), 0)
		expectSound(t, heard, seconds(10), seconds(24), rec(2, 14), 0)
		expectSound(t, heard, seconds(24), seconds(46.9), rec(3, 25), 0)
		expectSound(t, heard, seconds(47), seconds(59.9), rec(4, 15), 0)
		expectOutcomes(t, e.service.entries(), "item-1 segment-1 cut", "item-2 segment-2 aired", "item-3 segment-3 cut",
			"item-4 segment-4 cut")
	})
}

func TestWithoutAValidQueueTheFallbackAirsInItsWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 40*time.Second)
		items := e.record(rec(1, 15), rec(2, 10))
		occ := schedules.Occurrence{Window: "evening", Date: schedules.DateOf(e.start.UTC()), StartAt: schedules.At(e.start),
			EndAt: schedules.At(e.until)}
		e.service.setFallback(wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern", Revision: 1,
			IssuedAt: schedules.At(time.Now()), ExpiresAt: schedules.At(e.until.Add(time.Hour)),
			Windows: []schedules.Occurrence{occ}, Items: items})
		q := day("lantern", 1, e.start.AddDate(0, 0, -1), e.length(), e.record(rec(21, 20), rec(22, 20)))
		q.ExpiresAt = schedules.At(e.start.Add(time.Hour)) // yesterday's queue is still valid
		e.service.publish(q)
		e.run(t.Context())
		heard := e.heardWAV(e.file)
		if len(heard) != int(seconds(40)) {
			t.Fatalf("%d frames", len(heard))
		}
		entries := e.service.entries()
		at, total := int64(0), 0
		for _, x := range entries {
			if x.Outcome != schedules.FellBack {
				t.Errorf("%+v", x)
			}
			r := rec(1, 15)
			if x.SegmentID == "segment-2" {
				r = rec(2, 10)
			}
			end := testRate.Frames(x.EndedAt.Sub(e.start))
			expectSound(t, heard, at, max(at, end-seconds(1)), r, 0)
			at = end
			total++
		}
		if at != seconds(40) || total < 3 {
			t.Errorf("%d airings until frame %d", total, at)
		}
	})
}

// The player already holds the day when it is withdrawn, and after a restart it may fetch the older revision.
func TestAWithdrawnDayAirsTheFallbackAndNeverComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 40*time.Second)
		planned := day("lantern", 1, e.start, e.length(), e.record(rec(21, 20), rec(22, 20)))
		occ := planned.Windows[0].Occurrence
		e.service.setFallback(wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern", Revision: 1,
			IssuedAt:  schedules.At(time.Now()),
			ExpiresAt: schedules.At(e.until.Add(time.Hour)), Windows: []schedules.Occurrence{occ}, Items: e.record(rec(1, 15))})
		e.service.publish(planned)
		withdrawn := planned
		withdrawn.Revision, withdrawn.Withdrawn, withdrawn.Windows, withdrawn.Items = 2, true, nil, nil
		time.AfterFunc(10*time.Second, func() { e.service.publish(withdrawn) })
		time.AfterFunc(20*time.Second, func() { e.service.publish(planned) })
		e.run(t.Context())
		entries := e.service.entries()
		if len(entries) == 0 {
			t.Fatal("nothing aired")
		}
		for _, x := range entries {
			if x.Outcome != schedules.FellBack || x.SegmentID != "segment-1" {
				t.Errorf("%+v", x)
			}
		}
		if heard := e.heardWAV(e.file); len(heard) != int(seconds(40)) {
			t.Errorf("%d frames", len(heard))
		} else {
			expectSound(t, heard, 0, seconds(14), rec(1, 15), 0)
		}
	})
}

func TestAQueueThatWithdrawsItsDayPlansNothing(t *testing.T) {
	start := time.Date(2026, 11, 2, 13, 0, 0, 0, time.UTC)
	q := day("lantern", 2, start, 40*time.Second, []wire.QueueItem{})
	q.Withdrawn = true
	if _, _, err := admitQueue(q, nil, "lantern", q.Date, start); err == nil {
		t.Error("a day that is withdrawn and has windows is taken")
	}
}

func TestColdStartWithoutTheServiceAirsFromTheSavedState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 20*time.Second)
		e.service.publish(day("lantern", 3, e.start, e.length(), e.record(rec(1, 10), rec(2, 10))))
		e.service.recall(1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		e.run(ctx)
		e.service.down = true
		e.run(t.Context())
		heard := e.heardWAV(e.file)
		expectSound(t, heard, 0, seconds(10), rec(1, 10), 0)
		expectSound(t, heard, seconds(10), seconds(20), rec(2, 10), 0)
		if n := len(e.service.entries()); n != 0 {
			t.Fatalf("%d entries reached a service that is down", n)
		}
		e.service.down = false
		e.until = time.Now().Add(5 * time.Second)
		e.run(t.Context())
		expectOutcomes(t, e.service.entries(), "item-1 segment-1 aired", "item-2 segment-2 aired")
	})
}

func TestStoppedPlayerReportsTheCutItemAndRejoinsAtTheVerySample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 30*time.Second)
		e.service.publish(day("lantern", 1, e.start, e.length(), e.record(rec(1, 30))))
		ctx, cancel := context.WithDeadline(t.Context(), e.start.Add(10*time.Second))
		defer cancel()
		e.run(ctx)
		time.Sleep(5 * time.Second)
		e.run(t.Context())
		heard := e.heardWAV(e.file)
		if len(heard) != int(seconds(30)) {
			t.Fatalf("%d frames", len(heard))
		}
		expectSound(t, heard, 0, seconds(10), rec(1, 30), 0)
		expectSilence(t, heard, seconds(10.2), seconds(15))
		expectSound(t, heard, seconds(15.4), seconds(30), rec(1, 30), seconds(15.4)) // stopping and starting take time
		entries := e.service.entries()
		expectOutcomes(t, entries, "item-1 segment-1 cut", "item-1 segment-1 cut")
		if d := entries[0].EndedAt.Sub(e.start.Add(10 * time.Second)).Abs(); d > 150*time.Millisecond {
			t.Errorf("the first part is said to end at %v", entries[0].EndedAt)
		}
		if !entries[1].EndedAt.Equal(e.until) || !strings.Contains(entries[1].Detail, "joined") {
			t.Errorf("the second part is %+v", entries[1])
		}
	})
}

// After the service has confirmed the time, a step of the machine's clock has no effect, even through a restart and
// without the link.
func TestClockStepMovesNothingOnceTheServiceHasConfirmedTheTime(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	for _, step := range []time.Duration{90 * time.Second, -90 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			e := newEvening(t, 300*time.Second)
			e.boot = "first"
			e.service.publish(day("lantern", 1, e.start, e.length(), e.record(rec(1, 150), rec(2, 150))))
			ctx, cancel := context.WithDeadline(t.Context(), e.start.Add(200*time.Second))
			defer cancel()
			time.AfterFunc(time.Until(e.start.Add(100*time.Second)), func() { e.stepClock(step) })
			time.AfterFunc(time.Until(e.start.Add(150*time.Second)), func() { e.service.setDown(true) })
			e.run(ctx)
			e.run(t.Context())
			e.service.setDown(false)
			e.until = e.start.Add(310 * time.Second) // for reporting
			e.run(t.Context())
			heard := e.heardWAV(e.file)
			expectSound(t, heard, 0, seconds(150), rec(1, 150), 0)
			expectSound(t, heard, seconds(150), seconds(200), rec(2, 150), 0)
			expectSound(t, heard, seconds(222), seconds(300), rec(2, 150), seconds(72)) // the player tried to report for a while
			expectOutcomes(t, e.service.entries(), "item-1 segment-1 aired", "item-2 segment-2 cut", "item-2 segment-2 cut")
		})
	}
}

// A service that provides no time confirms none: the player follows the machine's clock and explains the cut.
func TestClockStepIsToldWhereItMustBeFollowed(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	for _, step := range []time.Duration{90 * time.Second, -90 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			e := newEvening(t, 300*time.Second)
			e.service.fault = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/freshness.dsse") {
					return false
				}
				problemOf(w, http.StatusNotFound)
				return true
			}
			e.service.publish(day("lantern", 1, e.start, e.length(), e.record(rec(1, 150), rec(2, 150))))
			time.AfterFunc(time.Until(e.start.Add(100*time.Second)), func() { e.stepClock(step) })
			e.run(t.Context())
			entries := e.service.entries()
			if step > 0 {
				expectOutcomes(t, entries, "item-1 segment-1 cut", "item-2 segment-2 cut")
			} else {
				expectOutcomes(t, entries, "item-1 segment-1 cut", "item-1 segment-1 cut", "item-2 segment-2 aired")
			}
			if !strings.Contains(entries[0].Detail, "time jumped by "+step.String()) {
				t.Errorf("the cut is explained by %q", entries[0].Detail)
			}
			after := seconds(100) + testRate.Frames(step) + seconds(0.2)
			which, at := rec(1, 150), after
			if after > seconds(150) {
				which, at = rec(2, 150), after-seconds(150)
			}
			expectSound(t, e.heardWAV(e.file), after, after+seconds(10), which, at)
		})
	}
}

// The service corrects a clock that is wrong from the start, unless the service itself is hours off.
func TestServiceSetsAWrongClockRightWithinReason(t *testing.T) {
	for _, wrong := range []time.Duration{90 * time.Second, -3 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			e := newEvening(t, 60*time.Second)
			e.stepClock(wrong)
			e.service.publish(day("lantern", 1, e.start, e.length(), e.record(rec(1, 60))))
			e.until = e.until.Add(2 * time.Hour) // otherwise the run would end before the service is asked
			p, state := e.open()
			ctx, cancel := context.WithDeadline(t.Context(), e.start.Add(20*time.Second))
			defer cancel()
			if err := p.Run(ctx); err != nil {
				t.Error(err)
			}
			if err := state.Close(); err != nil {
				t.Error(err)
			}
			off := wrong
			if wrong < trustMost {
				off = 0
			}
			if got := time.Until(p.time.Now()); got != off {
				t.Errorf("the station's time is off by %v", got)
			}
			if off == 0 {
				expectSound(t, e.heardWAV(e.file), 0, seconds(20), rec(1, 60), 0)
			}
		})
	}
}

func TestDamagedRecordingIsFetchedAgainBeforeItAirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 20*time.Second)
		items := e.record(rec(1, 10), rec(2, 10))
		e.service.publish(day("lantern", 1, e.start, e.length(), items, e.record(rec(11, 10))...))
		go func() {
			time.Sleep(time.Until(e.start.Add(-2 * time.Second))) // after it was fetched, before it is opened
			name := filepath.Join(e.dir, recordingName(items[1].Audio.SHA256))
			b, err := os.ReadFile(name)
			if err != nil {
				t.Error(err)
				return
			}
			b[0] ^= 1
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Error(err)
			}
		}()
		e.run(t.Context())
		expectSound(t, e.heardWAV(e.file), seconds(10), seconds(20), rec(2, 10), 0)
		expectOutcomes(t, e.service.entries(), "item-1 segment-1 aired", "item-2 segment-2 aired")
	})
}

func TestSilentItemIsReplacedBeforeTheTransmittersSensorActs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 60*time.Second)
		mute, silence := rec(1, 40), rec(11, 30)
		mute.MuteAt, silence.MuteAt = seconds(5), 1
		e.service.publish(day("lantern", 1, e.start, e.length(), e.record(mute, rec(2, 20)),
			e.record(silence, rec(12, 19))...))
		e.run(t.Context())
		heard := e.heardWAV(e.file)
		expectSound(t, heard, 0, seconds(5), mute, 0)
		expectSilence(t, heard, seconds(5), seconds(13))
		expectSilence(t, heard, seconds(13)+1, seconds(21)) // the first fill is silent, too
		expectSound(t, heard, seconds(21.02), seconds(39), rec(12, 19), 0)
		expectSound(t, heard, seconds(40), seconds(60), rec(2, 20), 0)
		expectOutcomes(t, e.service.entries(), "item-1 segment-1 cut", "item-1 segment-11 fallback",
			"item-1 segment-12 fallback",
			"item-2 segment-2 aired")
	})
}

func TestItemOfAnOldQueueAirsWithABoundedGainAndTheRecordSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 30*time.Second)
		items, spare := e.record(rec(1, 10), rec(2, 20)), e.record(rec(11, 20))
		items[0].GainDB, spare[0].GainDB = 44.9, 38
		delete(e.service.audio, items[1].Audio.SHA256) // never comes
		e.service.publish(day("lantern", 1, e.start, e.length(), items, spare...))
		e.run(t.Context())
		entries := e.service.entries()
		expectOutcomes(t, entries, "item-1 segment-1 aired", "item-2 segment-2 failed", "item-2 segment-11 fallback")
		for n, said := range map[int]string{0: "+44.9 dB", 2: "+38.0 dB"} {
			if !strings.Contains(entries[n].Detail, said) || !strings.Contains(entries[n].Detail, "+12.0 dB") {
				t.Errorf("the record says %q", entries[n].Detail)
			}
		}
	})
}
