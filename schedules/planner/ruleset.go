package planner

import (
	"cmp"
	"time"

	"lifeline/schedules"
)

// ruleset holds a clock's rules, compiled for a library and a day.
type ruleset struct {
	lib   *Catalogue
	day   *day
	clock string
	rules []rule
	soft  bool // some rule may bend
}

type form int

const (
	formNone form = iota
	formSeparate
	formItems // separation counted in items
	formAtMost
	formAtLeast
	formMost  // share
	formLeast // share
	formAfter
	formKeepTo
	formFresh
	formOrder
)

// rule is one compiled limit. A Rule with two limits (time and items, most and least) compiles to two.
type rule struct {
	form    form
	name    string
	def     int // index in the clock's rules; -1: the default rule or another clock's
	hard    bool
	weight  float64
	foreign []bool              // for another clock's rule: the windows of that clock
	only    bitset              // segments to which it applies; nil: all
	attr    schedules.Attribute // attribute to separate by, or whose values are counted
	each    bool
	match   []int32 // values that the counted or followed segment must all have
	across  bool
	minGap  int64
	limit   int64 // items, count, or millionths of a share
	within  int64 // of after; of fresh: the greatest age
	order   *ordering
	periods [][2]int64 // of daypart and keep to, in Unix ms; day and week
	per     string
}

// defaultRule returns the rule of a clock without rules: do not air a segment twice in succession.
func defaultRule() schedules.Rule {
	return schedules.Rule{ID: schedules.DefaultRule, Separate: "segment", Items: 1, Weight: 100}
}

func compileRules(lib *Catalogue, d *day, clock schedules.Clock) *ruleset {
	rs, defs := &ruleset{lib: lib, day: d, clock: clock.ID}, clock.Rules
	if len(defs) == 0 {
		rs.add(-1, defaultRule())
	}
	for i, def := range defs {
		rs.add(i, def)
	}
	return rs
}

func (rs *ruleset) add(i int, def schedules.Rule) {
	rs.soft = rs.soft || !def.Hard
	base := rule{def: i, name: def.Name(), hard: def.Hard, weight: cmp.Or(def.Weight, 1), across: def.Across, per: def.Per}
	if def.Only != nil {
		base.only = rs.lib.members(def.Only)
	}
	count := base
	if def.Of.Each != "" {
		count.attr, _ = schedules.AttributeNamed(def.Of.Each)
		count.each = true
	}
	count.match = rs.lib.matchValues(def.Of)
	switch def.Per {
	case "day":
		count.periods = [][2]int64{{rs.day.start, rs.day.end}}
	case "week":
		count.periods = [][2]int64{rs.day.week()}
	case "daypart":
		if def.Daypart != nil {
			count.periods = rs.day.dayparts(*def.Daypart)
		}
	}
	switch {
	case def.Separate != "":
		base.attr, _ = schedules.AttributeNamed(def.Separate)
		if def.For.Duration > 0 {
			r := base
			r.form, r.minGap = formSeparate, def.For.Milliseconds()
			rs.rules = append(rs.rules, r)
		}
		if def.Items > 0 {
			r := base
			r.form, r.limit = formItems, int64(def.Items)
			rs.rules = append(rs.rules, r)
		}
	case def.AtMost != nil:
		count.form, count.limit = formAtMost, int64(*def.AtMost)
		rs.rules = append(rs.rules, count)
	case def.AtLeast != nil:
		count.form, count.limit = formAtLeast, int64(*def.AtLeast)
		rs.rules = append(rs.rules, count)
	case def.Share != nil:
		if def.Share.Most > 0 {
			r := count
			r.form, r.limit = formMost, int64(def.Share.Most*1e6)
			rs.rules = append(rs.rules, r)
		}
		if def.Share.Least > 0 {
			r := count
			r.form, r.limit = formLeast, int64(def.Share.Least*1e6)
			rs.rules = append(rs.rules, r)
		}
	case !def.After.IsZero():
		base.form, base.match, base.within = formAfter, rs.lib.matchValues(def.After), def.Within.Milliseconds()
		rs.rules = append(rs.rules, base)
	case def.KeepTo != nil:
		base.form, base.periods = formKeepTo, rs.day.dayparts(*def.KeepTo)
		rs.rules = append(rs.rules, base)
	case def.FreshFor.Duration > 0:
		base.form, base.within = formFresh, def.FreshFor.Milliseconds()
		rs.rules = append(rs.rules, base)
	case def.InOrder != "":
		base.form, base.order = formOrder, rs.lib.ordering(def.InOrder, func(seg int32) bool {
			return base.only == nil || base.only.has(seg)
		})
		rs.rules = append(rs.rules, base)
	}
}

// borrow adds the rules about separation and order of another clock of the day, because they also keep the items of its
// windows apart from, or in order with, those of this one.
func (rs *ruleset) borrow(other *ruleset) {
	windows := make([]bool, len(rs.day.windows))
	for i := range rs.day.windows {
		windows[i] = rs.day.windows[i].rules == other
	}
	for _, r := range other.rules {
		if (r.form == formSeparate || r.form == formItems || r.form == formOrder) && r.foreign == nil {
			r.foreign, r.def = windows, -1
			rs.soft = rs.soft || !r.hard
			rs.rules = append(rs.rules, r)
		}
	}
}

// formOf returns the form of the soft rule that a slack is about.
func (rs *ruleset) formOf(s schedules.Slack) form {
	for i := range rs.rules {
		r := &rs.rules[i]
		if !r.hard && r.name == s.Rule && r.unit() == s.Unit && r.form != formAtLeast && r.form != formLeast {
			return r.form
		}
	}
	return formNone
}

// indexes marks the attributes by which the rules look up airings.
func (rs *ruleset) indexes(mark *[schedules.AttributeTag + 1]bool) {
	for i := range rs.rules {
		r := &rs.rules[i]
		switch r.form {
		case formSeparate, formItems:
			mark[r.attr] = true
		case formAtMost, formAtLeast:
			if r.each {
				mark[r.attr] = true
			}
		case formOrder:
			mark[schedules.AttributeSegment] = true
		}
	}
}

// horizon returns how far before and after the day the rules look.
func (rs *ruleset) horizon() time.Duration {
	h := 24 * time.Hour
	for i := range rs.rules {
		r := &rs.rules[i]
		h = max(h, time.Duration(r.minGap)*time.Millisecond, time.Duration(r.within)*time.Millisecond)
		if r.per == "week" {
			h = max(h, 8*24*time.Hour)
		}
		if r.form == formOrder {
			h = max(h, always*time.Millisecond)
		}
	}
	return h
}

// items returns how many items before and after the day the rules look at, regardless of time.
func (rs *ruleset) items() (n int) {
	for i := range rs.rules {
		if r := &rs.rules[i]; r.form == formItems {
			n = max(n, int(r.limit)+1)
		}
	}
	return n
}
