package playout

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/wire"
)

// damages are kinds of damage to a saved file.
var damages = map[string]func([]byte) []byte{
	"a flipped bit": func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
	"zero bytes":    func([]byte) []byte { return nil },
	"zeros":         func(b []byte) []byte { return make([]byte, len(b)) },
	"half of it":    func(b []byte) []byte { return b[:len(b)/2] },
	"no file":       nil,
}

// damage changes a saved file.
func (s *shelf) damage(name string, how func([]byte) []byte) {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	b, err := os.ReadFile(file)
	if err == nil && how == nil {
		err = os.Remove(file)
	} else if err == nil {
		err = os.WriteFile(file, how(b), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// recalling returns a shelf that accepted a day and then a recall of its second item.
func recalling(t *testing.T) (s *shelf, q wire.Queue) {
	s = newShelf(t)
	q = s.queue(5)
	for _, err := range []error{s.OfferFallback(s.service.sign(wire.FallbackType, s.fallbackDoc(3))), s.offer(q),
		s.OfferRecalls(s.recallsDoc(11, "segment-2"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s, q
}

func TestWhatWasRecalledNeverAirsWhateverFileIsDamaged(t *testing.T) {
	for how, damage := range damages {
		for _, name := range []string{"recalls.dsse", "seen.json"} {
			t.Run(name+" has "+how, func(t *testing.T) {
				s, q := recalling(t)
				s.damage(name, damage)
				for range 2 { // the second start uses the files that the first left
					s.reopen()
					h := s.Holdings()
					if !h.Recalled(&q.Items[1]) {
						t.Error("what was recalled may air")
					}
					if h.Recalled(&q.Items[0]) || h.Queues[q.Date] == nil {
						t.Error("what was not recalled may not air")
					}
				}
				if err := s.OfferRecalls(s.recallsDoc(10)); err == nil {
					t.Error("an older recall list was taken")
				}
			})
		}
	}
}

func TestTwoDamagedFilesLetNothingAirThatWasRecalled(t *testing.T) {
	names := []string{"recalls.dsse", "recalls-2.dsse", "seen.json", "seen-2.json", "queues/2026-11-23.dsse",
		"fallback.dsse"}
	for how, damage := range damages {
		for i, first := range names {
			for _, second := range names[i+1:] {
				t.Run(first+" and "+second+" have "+how, func(t *testing.T) {
					s, q := recalling(t)
					s.damage(first, damage)
					s.damage(second, damage)
					for range 2 {
						s.reopen()
						h := s.Holdings()
						if h.Barred(&q.Items[1]) == "" || h.Barred(&q.Items[0]) != "" {
							t.Errorf("the recalled item: %q, another: %q", h.Barred(&q.Items[1]), h.Barred(&q.Items[0]))
						}
					}
				})
			}
		}
	}
}

// forgetful reduces the record of recalls to what an older player wrote: only the marks.
func (s *shelf) forgetful() {
	s.t.Helper()
	marks, err := json.Marshal(s.seen)
	if err != nil {
		s.t.Fatal(err)
	}
	s.damage("seen.json", func([]byte) []byte { return marks })
	s.damage("seen-2.json", nil)
	s.damage("recalls.dsse", damages["a flipped bit"])
	s.damage("recalls-2.dsse", nil)
}

func TestNothingAirsWhileNothingSaysWhatIsRecalled(t *testing.T) {
	s, q := recalling(t)
	s.forgetful()
	for range 2 {
		s.reopen()
		for i := range q.Items {
			if s.Holdings().Barred(&q.Items[i]) == "" {
				t.Errorf("item %d may air", i)
			}
		}
		if a := s.problems.Alarms(); len(a) != 1 || !strings.Contains(a[0], "nothing airs") || !strings.Contains(a[0], "11") {
			t.Errorf("the alarms are %q", a)
		}
		if left := cover(s.Holdings(), documentsNow, nil); left != 0 {
			t.Errorf("it says that it can air for %v", left)
		}
	}
	if err := s.OfferRecalls(s.recallsDoc(11, "segment-2")); err != nil {
		t.Fatal(err)
	}
	if h := s.Holdings(); h.Barred(&q.Items[0]) != "" || h.Barred(&q.Items[1]) == "" || len(s.problems.Alarms()) > 0 {
		t.Errorf("with the list again: %q, %q, alarms %q", h.Barred(&q.Items[0]), h.Barred(&q.Items[1]), s.problems.Alarms())
	}
	s.damage("recalls.dsse", damages["zero bytes"])
	s.reopen()
	if h := s.Holdings(); h.Recalls == nil || h.Recalls.Revision != 11 {
		t.Error("the list that came again was not kept twice")
	}
}

func TestDocumentIssuedAfterTheLostListSaysWhatIsRecalled(t *testing.T) {
	for name, offer := range map[string]func(*shelf) error{
		"queue": func(s *shelf) error {
			q := s.queue(20)
			q.Recalled = []string{"segment-2"}
			return s.offer(q)
		},
		"fallback": func(s *shelf) error {
			f := s.fallbackDoc(20)
			f.Recalled = []string{"segment-2"}
			return s.OfferFallback(s.service.sign(wire.FallbackType, f))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, q := recalling(t)
			if err := offer(s); err != nil {
				t.Fatal(err)
			}
			s.forgetful()
			s.reopen()
			s.Forget(q.Date.AddDays(1)) // its recalls stay known
			s.reopen()
			if h := s.Holdings(); h.Barred(&q.Items[1]) == "" || h.Barred(&q.Items[0]) != "" || !s.lostList() {
				t.Errorf("the recalled item: %q, another: %q, alarms %q", h.Barred(&q.Items[1]), h.Barred(&q.Items[0]),
					s.problems.Alarms())
			}
		})
	}
}

// lostList reports whether the only alarm is that the recall list is lost although something may air.
func (s *shelf) lostList() bool {
	a := s.problems.Alarms()
	return len(a) == 1 && strings.Contains(a[0], "list is damaged or gone") && !strings.Contains(a[0], "nothing airs")
}

func TestALostRecallListIsAnAlarmUntilOneComes(t *testing.T) {
	s, q := recalling(t)
	s.damage("recalls.dsse", damages["a flipped bit"])
	s.damage("recalls-2.dsse", nil)
	for range 2 {
		s.reopen()
		if !s.lostList() || s.Holdings().Barred(&q.Items[1]) == "" || s.Holdings().Barred(&q.Items[0]) != "" {
			t.Errorf("the alarms are %q", s.problems.Alarms())
		}
	}
	if err := s.offer(s.queue(30)); err != nil || !s.lostList() { // a queue is no recall list
		t.Errorf("with a newer queue: %v, the alarms are %q", err, s.problems.Alarms())
	}
	if err := s.OfferRecalls(s.recallsDoc(11, "segment-2")); err != nil || len(s.problems.Alarms()) > 0 {
		t.Errorf("with the list again: %v, the alarms are %q", err, s.problems.Alarms())
	}
	s.reopen()
	if a := s.problems.Alarms(); len(a) > 0 {
		t.Errorf("after a start with the list: %q", a)
	}
}

func TestLostRecordAndListHoldEverythingBackUntilAListComes(t *testing.T) {
	s, q := recalling(t)
	s.forgetful()
	s.damage("seen.json", damages["zeros"])
	for range 2 {
		s.reopen()
		if err := s.offer(s.queue(30)); err != nil { // it may be older than the lost list
			t.Fatal(err)
		}
		if s.Holdings().Barred(&q.Items[0]) == "" || len(s.problems.Alarms()) != 1 {
			t.Errorf("something may air, and the alarms are %q", s.problems.Alarms())
		}
	}
	if err := s.OfferRecalls(s.recallsDoc(11)); err != nil {
		t.Fatal(err)
	}
	s.reopen()
	if s.Holdings().Barred(&q.Items[0]) != "" {
		t.Error("nothing airs with the list")
	}
}

func TestRecordOfRevisionsOfAnEarlierPlayerIsRead(t *testing.T) {
	for name, text := range map[string]string{
		"without a sum": `{"recalls":{"revision":11,"issued_at":"2026-11-23T12:00:00.000Z"}}`,
		"with a sum": `{"documents":{"recalls":{"revision":11,"issued_at":"2026-11-23T12:00:00.000Z"}},` +
			`"recalled":["segment-2"],"sum":"SUM"}`,
	} {
		t.Run(name, func(t *testing.T) {
			sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(strings.Replace(text, "SUM", "", 1))))
			s := newShelf(t)
			if err := s.state.Replace(seenName, []byte(strings.Replace(text, "SUM", sum, 1))); err != nil {
				t.Fatal(err)
			}
			for range 2 { // first as it was, then as it was rewritten
				s.reopen()
				said := strings.Join(s.problems.List(), "\n")
				if s.seen["recalls"].Revision != 11 || strings.Contains(said, "damaged") {
					t.Errorf("it reads %v, and says %q", s.seen, said)
				}
			}
		})
	}
}

func TestSavedKeyIsKeptTwice(t *testing.T) {
	for how, damage := range damages {
		t.Run(how, func(t *testing.T) {
			s := newShelf(t)
			v, err := OpenDocumentStore(s.state, "lantern", Pins{}, s.now, s.problems)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Pin(s.service.signer.Public()); err != nil {
				t.Fatal(err)
			}
			s.damage("key", damage)
			if v, err = OpenDocumentStore(s.state, "lantern", Pins{}, s.now, s.problems); err != nil {
				t.Fatal(err)
			}
			if err := v.OfferRecalls(s.recallsDoc(1)); err != nil {
				t.Errorf("what the key signed is refused: %v", err)
			}
			s.damage("key-2", damage)
			if _, err = OpenDocumentStore(s.state, "lantern", Pins{}, s.now, s.problems); damage != nil &&
				how != "a flipped bit" &&
				(err == nil || !strings.Contains(err.Error(), "--key")) {
				t.Errorf("without any copy: %v", err)
			}
		})
	}
}
