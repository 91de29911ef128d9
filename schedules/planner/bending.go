package planner

import (
	"fmt"
	"strconv"

	"lifeline/schedules"
)

// bending collects the soft rules that bend in each window, for one warning each.
type bending struct{ list []bend }

// bend is one rule in one occurrence of a window.
type bend struct {
	win    int
	window string
	worst  schedules.Slack // the farthest from the wish
	items  []string
}

// add adds the rules bent by items of an occurrence of a window.
func (b *bending) add(win int, items []schedules.Explanation) {
	for _, x := range items {
		for _, s := range x.Bent {
			b.at(win, x.Window, s).items = append(b.at(win, x.Window, s).items, x.Item)
		}
	}
}

// at returns the bend of a rule in an occurrence of a window, after updating its worst slack with s.
func (b *bending) at(win int, window string, s schedules.Slack) *bend {
	for i := len(b.list) - 1; i >= 0 && b.list[i].win == win; i-- {
		if one := &b.list[i]; one.worst.Rule == s.Rule {
			if deviation(s) > deviation(one.worst) {
				one.worst = s
			}
			return one
		}
	}
	b.list = append(b.list, bend{win: win, window: window, worst: s})
	return &b.list[len(b.list)-1]
}

// deviation returns how far the rule is from its need.
func deviation(s schedules.Slack) int64 { return max(s.Need-s.Has, s.Has-s.Need) }

// warnings returns one warning for each rule and occurrence of a window, in the order of their first items.
func (b *bending) warnings() (out []schedules.Warning) {
	for _, one := range b.list {
		out = append(out, schedules.Warning{Code: schedules.WarnRuleBent, Window: one.window,
			Item: one.items[0], Items: one.items, Message: one.String()})
	}
	return out
}

// String says how far the rule bends, at how many items, and what would keep it.
func (b bend) String() string {
	s := b.worst
	switch {
	case s.Unit == "airings" && s.Has > s.Need:
		return fmt.Sprintf("%s: %d airings where %d are wished. Approve more that this rule does not count, or allow %d",
			s.Rule, s.Has, s.Need, s.Has)
	case s.Unit == "airings":
		return fmt.Sprintf("%s: %d airings where %d are wished. Approve more that this rule counts, or ask for %d", s.Rule,
			s.Has, s.Need, s.Has)
	}
	when, worst := "sooner", "soonest"
	if s.Has > s.Need {
		when, worst = "later", "latest"
	}
	return fmt.Sprintf(
		"%s: %s %s than wished, the %s after %s; wished are %s. Approve more that may air here, or allow %s",
		s.Rule, itemsCome(len(b.items)), when, worst, figure(s, s.Has), figure(s, s.Need), figure(s, s.Has))
}

func itemsCome(items int) string {
	if items == 1 {
		return "1 item comes"
	}
	return strconv.Itoa(items) + " items come"
}

func figure(s schedules.Slack, n int64) string {
	switch {
	case s.Unit == "ms":
		return schedules.FormatLength(schedules.Ms(n).Duration)
	case n == 1:
		return "1 item"
	}
	return strconv.Itoa(int(n)) + " " + s.Unit
}
