package playout

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/harness"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestARecallOnAFullDiskOutlivesARestart(t *testing.T) {
	harness.OnSmallDisk(t, "4m", func(t *testing.T, dir string) {
		s := &shelf{t: t, service: newService(t), dir: filepath.Join(dir, "state")}
		s.reopen()
		q := s.queue(1)
		for _, err := range []error{s.OfferRecalls(s.recallsDoc(1)), s.offer(q), s.state.Spare()} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for revision := int64(2); revision < 10; revision++ { // each takes room of the spare
			harness.FillDisk(t, dir)
			recalled := q.Items[revision%6].SegmentID
			if err := s.OfferRecalls(s.recallsDoc(revision, recalled)); err != nil {
				t.Fatal(err)
			}
			s.reopen()
			if h := s.Holdings(); !h.Recalled(&q.Items[revision%6]) || h.Recalls.Revision != revision {
				t.Fatalf("after a restart the recalls are %+v", h.Recalls)
			}
		}
	})
}

func TestWhatAFullDiskDidNotTakeIsSavedOnceThereIsRoom(t *testing.T) {
	harness.OnSmallDisk(t, "1m", func(t *testing.T, dir string) {
		s := &shelf{t: t, service: newService(t), dir: filepath.Join(dir, "state")}
		s.reopen()
		free := harness.FillDisk(t, dir)
		if err := s.offer(s.queue(1)); err != nil {
			t.Fatal(err)
		}
		if err := s.OfferRecalls(s.recallsDoc(1, "x")); err != nil {
			t.Fatal(err)
		}
		if s.state.Settle() == nil {
			t.Fatal("the disk is not full")
		}
		free()
		if err := s.state.Settle(); err != nil {
			t.Fatal(err)
		}
		s.reopen()
		h := s.Holdings()
		if h.Queues[schedules.DateOf(documentsNow)] == nil || h.Recalls == nil || h.Recalls.Revision != 1 {
			t.Errorf("after a restart it holds %+v", h)
		}
	})
}

// The disk has room for the file of a short item and not for that of the long one before it.
func TestAFullDiskCostsOnlyTheItemsWhoseFilesItDoesNotTake(t *testing.T) {
	harness.OnSmallDisk(t, "1m", func(t *testing.T, dir string) {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t)
			start := time.Now().Add(30 * time.Second).Truncate(time.Second)
			long, short := s.record(rec(1, 60)), s.record(rec(2, 4))
			s.publish(day("lantern", 1, start, 64*time.Second, []wire.QueueItem{long, short}))
			s.recall(1)
			st := newGuest(t, s)
			st.lists = filepath.Join(dir, "lists")
			p, stop := st.keep()
			defer stop()
			time.Sleep(20 * time.Second)
			alarms := strings.Join(p.problems.Alarms(), "\n")
			if _, there := st.of(short); !there || !strings.Contains(alarms, "the disk is full") {
				t.Errorf("next is %v, and the alarms are %q", st.next(), alarms)
			}
			if _, there := st.of(long); there {
				t.Fatal("the disk took the long item")
			}
		})
	})
}
