package planner

import (
	"fmt"
	"strconv"
	"strings"

	"lifeline/schedules"
)

// bending collects the soft rules that bend in each window, for one warning each.
type bending struct{ list []bend }

// bend is one rule in one occurrence of a window.
type bend struct {
	win    int
	window string
	worst  schedules.Slack // the farthest from what the rule asks for
	form   form
	items  []string
}

// add adds the rules bent by items of an occurrence of a window, which has these rules.
func (b *bending) add(win int, rules *ruleset, items []schedules.Explanation) {
	for _, x := range items {
		for _, s := range x.Bent {
			one := b.at(win, x.Window, s)
			one.items, one.form = append(one.items, x.Item), rules.formOf(s)
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
	s, items := b.worst, counted(len(b.items), "item")
	const here = "Approve more segments that may air here, or allow "
	switch {
	case s.Unit == "airings":
		return fmt.Sprintf("Rule %q allows %s; the plan has %d. Approve more segments that this rule does not count, or "+
			"allow %d.", s.Rule, figure(s, s.Need), s.Has, s.Has)
	case b.form == formMost:
		return fmt.Sprintf("Rule %q allows %s; the plan has %s. Approve more segments that this rule does not count, or "+
			"allow %s.", s.Rule, length(s.Need), length(s.Has), length(s.Has))
	case b.form == formOrder:
		return fmt.Sprintf("Rule %q asks for an order; the plan has %s out of it. %sthat.", s.Rule, items, here)
	case b.form == formFresh && s.Has < 0:
		return fmt.Sprintf("Rule %q asks for a valid_from, from which the age counts; the plan has %s without one. Give it "+
			"one, or allow that.", s.Rule, items)
	case b.form == formFresh:
		return fmt.Sprintf("Rule %q allows an age of %s; the plan has %s older, the oldest of %s. %s%s.", s.Rule,
			length(s.Need), items, length(s.Has), here, length(s.Has))
	case b.form == formKeepTo:
		return fmt.Sprintf("Rule %q allows other times of the day; the plan has %s outside them. %sother times.", s.Rule,
			items, here)
	case b.form == formAfter && s.Has < 0:
		return fmt.Sprintf("Rule %q asks for another airing before; the plan has %s without it. %sthat.", s.Rule, items, here)
	case b.form == formAfter:
		return fmt.Sprintf("Rule %q allows %s; the plan has %s later, the latest after %s. %s%s.", s.Rule, length(s.Need),
			items, length(s.Has), here, length(s.Has))
	}
	return fmt.Sprintf("Rule %q asks for %s between airings; the plan has %s sooner, the earliest after %s. %s%s.", s.Rule,
		figure(s, s.Need), items, figure(s, s.Has), here, figure(s, s.Has))
}

// counted returns a number of things with their noun.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

func figure(s schedules.Slack, n int64) string {
	if s.Unit == "ms" {
		return length(n)
	}
	return counted(int(n), strings.TrimSuffix(s.Unit, "s"))
}
