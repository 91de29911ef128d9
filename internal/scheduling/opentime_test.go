package scheduling

import (
	"slices"
	"strings"
	"testing"

	"lifeline/schedules"
)

// openTime returns the messages of the station's open_time problems.
func (n *fixture) openTime() []string {
	n.t.Helper()
	var out []string
	for _, p := range n.Network.StationProblems.Of(n.station.ID) {
		if p.Code == "open_time" {
			out = append(out, p.Message)
		}
	}
	return out
}

// takeAll calls go_ for all testimonies that are not in the fallback list.
func (n *fixture) takeAll(go_ func(id string)) {
	for _, s := range n.segments {
		if s.Kind == "testimony" && !slices.Contains(n.station.Fallback, s.ID) {
			go_(s.ID)
		}
	}
}

func TestAPublishedWindowOfWhichTooMuchIsOpenIsAnAlarmUntilItIsMended(t *testing.T) {
	for name, act := range map[string]func(*fixture, string){
		"recalled": (*fixture).recall,
		"expired": func(n *fixture, id string) {
			n.change(id, func(s *schedules.Segment) { s.ValidUntil = schedules.At(onDay(13, 0, 1)) })
		},
		"rejected": func(n *fixture, id string) {
			n.change(id, func(s *schedules.Segment) { s.State = schedules.Rejected })
		},
		"in another language": func(n *fixture, id string) {
			n.change(id, func(s *schedules.Segment) { s.Language = "en" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, _ := halfHour(t)
			whole := map[string]schedules.Segment{}
			n.takeAll(func(id string) { whole[id] = n.segments[id] })
			if list := n.openTime(); len(list) > 0 {
				t.Fatalf("it is full: %v", list)
			}
			n.takeAll(func(id string) { act(n, id) })
			n.change("t00", func(s *schedules.Segment) { s.Kind = "evergreen" }) // airs as fallback, but matches no fill
			n.change("t01", func(s *schedules.Segment) { s.Kind = "evergreen" })
			n.repair(repairDate)
			list := n.openTime()
			if len(list) != 1 || !strings.Contains(list[0], "window w") || !strings.Contains(list[0], "lasts 30:00, only ") ||
				!strings.Contains(list[0], "The fallback airs there, and repeats after 5:41") {
				t.Fatalf("%d messages: %v", len(list), list)
			}
			for _, s := range whole { // reinstate them
				n.segment(s)
			}
			n.repair(repairDate)
			if list := n.openTime(); len(list) > 0 {
				t.Errorf("what came back fills it, and it says still %v", list)
			}
		})
	}
}

func TestAShortOpenTimeIsNoAlarmAndOneThatIsOverIsNone(t *testing.T) {
	n, _ := halfHour(t)
	n.recall("on")
	n.now = onDay(12, 59, 30) // frozen, so that no other item is dropped
	n.repair(repairDate)
	if list := n.openTime(); len(list) > 0 {
		t.Errorf("six seconds are open: %v", list)
	}
	n.takeAll(n.recall)
	n.repair(repairDate)
	if list := n.openTime(); len(list) != 1 || !strings.Contains(list[0], "frozen") {
		t.Errorf("%v", list)
	}
	n.now = onDay(13, 28, 0)
	if list := n.openTime(); len(list) > 0 {
		t.Errorf("all but two minutes are over: %v", list)
	}
}

func TestOpenWindowsOfADayBeyondThreeAreCounted(t *testing.T) {
	n, _ := halfHour(t)
	n.station.Windows[0].Starts.RRule = "DTSTART:20261101T120000\nRRULE:FREQ=DAILY;BYHOUR=12,13,14,15,16"
	n.define()
	n.publish(repairDate)
	n.takeAll(n.recall)
	n.recall("read")
	n.repair(repairDate)
	if list := n.openTime(); len(list) != 3 || !strings.HasSuffix(list[2], ". So are 2 more windows of 2026-11-29") {
		t.Errorf("%d: %v", len(list), list)
	}
}
