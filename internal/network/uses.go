package network

import (
	"maps"
	"slices"
	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// References tells what uses definitions and segments.
type References struct{ network *Definitions }

// definitions returns the network as it stands, without what its checks need.
func (s References) definitions() schedules.Network {
	return s.network.network(wire.Apply{}, nil)
}

// OfClock returns what uses a clock. It fails with NotFound.
func (s References) OfClock(id string) (wire.Uses, error) {
	_, err := s.network.Clock(id)
	return wire.Uses{Definitions: s.definitions().ClockUses(id)}.Listed(), err
}

// OfScript returns what uses a script: its readings, and what selects them. It fails with NotFound.
func (s References) OfScript(id string) (wire.Uses, error) {
	_, err := s.network.Script(id)
	out := wire.Uses{Definitions: s.definitions().ScriptUses(id)}
	s.usedBySegments(&out, func(v *schedules.Segment) string {
		if v.Script != nil && v.Script.ID == id {
			return "script"
		}
		return ""
	})
	return out.Listed(), err
}

// OfSegment returns what uses a segment: clocks, fallback lists, the readings that it introduces or closes, and the
// days on which published queues will still air it. It fails with NotFound.
func (s References) OfSegment(id string) (out wire.Uses, err error) {
	if _, ok := s.network.Segment(id); !ok {
		return out, fault.New(fault.NotFound, "there is no segment %q", id)
	}
	out.Definitions = s.definitions().SegmentUses(id)
	s.usedBySegments(&out, func(v *schedules.Segment) string {
		switch id {
		case v.Intro:
			return "intro"
		case v.BackAnnounce:
			return "back_announce"
		}
		return ""
	})
	now, days := s.network.now(), map[string]int{}
	for day, row := range replica.QueuesIn(s.network.replica).After("", "") {
		for _, i := range row.Value.Value.Items {
			if i.SegmentID == id && i.StartAt != nil && i.StartAt.After(now) {
				days[day]++
			}
		}
	}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		station, date, _ := strings.Cut(day, "/")
		d, err := schedules.ParseDate(date)
		if err != nil {
			return out, err
		}
		out.Coming = append(out.Coming, wire.ComingItems{Station: station, Date: d, Items: days[day]})
	}
	return out.Listed(), nil
}

// maxUses is how many places are listed before segments are only counted.
const maxUses = 1000

// usedBySegments adds the segments in which place names the place of a use.
func (s References) usedBySegments(out *wire.Uses, place func(*schedules.Segment) string) {
	for _, v := range s.network.StationProblems.planning.Library().Entries() {
		switch at := place(&v.Segment); {
		case at == "":
		case len(out.Definitions) >= maxUses:
			out.More++
		default:
			out.Definitions = append(out.Definitions, schedules.Reference{Kind: replica.KindSegment, ID: v.ID, Place: at})
		}
	}
}
