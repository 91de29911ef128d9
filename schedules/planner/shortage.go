package planner

import (
	"fmt"

	"lifeline/schedules"
)

// shortages collects the items of the station's fallback in each position, for one warning each.
type shortages struct{ list []shortage }

// shortage is a position of one occurrence of a window for which the material is short.
type shortage struct {
	win      int32
	position string
	items    []schedules.Item
}

func (s *shortages) add(win int32, position string, item schedules.Item) {
	for i := range s.list {
		if one := &s.list[i]; one.win == win && one.position == position {
			one.items = append(one.items, item)
			return
		}
	}
	s.list = append(s.list, shortage{win, position, []schedules.Item{item}})
}

// warnings returns one warning for each position of an occurrence of a window, in the order of their first items.
func (s *shortages) warnings() (out []schedules.Warning) {
	for _, one := range s.list {
		w := schedules.Warning{Code: schedules.WarnFallbackUsed, Window: one.items[0].Window, Item: one.items[0].ID,
			Message: one.String()}
		for _, i := range one.items {
			if len(one.items) > 1 {
				w.Items = append(w.Items, i.ID)
			}
		}
		out = append(out, w)
	}
	return out
}

// String says how much of the position the fallback fills, and what would take its place.
func (s shortage) String() string {
	if len(s.items) == 1 {
		return fmt.Sprintf("Nothing else fits position %s, so the fallback segment %s fills it.", s.position,
			s.items[0].SegmentID)
	}
	least, most, all := s.items[0].Duration.Milliseconds(), int64(0), int64(0)
	for _, i := range s.items {
		ms := i.Duration.Milliseconds()
		least, most, all = min(least, ms), max(most, ms), all+ms
	}
	return fmt.Sprintf("Material for position %s is short: the fallback fills %s of it with %s. Approve more segments of "+
		"about %s to %s that match the position.", s.position, length(all), counted(len(s.items), "item"),
		length(seconds(least)), length(seconds(most)))
}

// seconds rounds milliseconds to whole seconds.
func seconds(ms int64) int64 { return (ms + 500) / 1000 * 1000 }
