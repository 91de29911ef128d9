package planner

import (
	"cmp"
	"slices"

	"lifeline/schedules"
)

// Report describes how well the plan keeps its rules.
type Report struct {
	Rules       []RuleReport   `json:"rules"`
	Demands     []DemandReport `json:"demands"`
	NeverPlayed []string       `json:"never_played"` // segments that some position may air but that never aired, by id
}

// RuleReport counts, for one rule of one clock, the items that it was checked for and those that bend it.
type RuleReport struct {
	Clock  string `json:"clock"`
	Rule   string `json:"rule"`
	Hard   bool   `json:"hard"`
	Judged int    `json:"judged"`
	Bent   int    `json:"bent"`
}

// DemandReport is a demand on the day and how far it is met. Amounts are in Unit: airings or ms.
type DemandReport struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	Need int64  `json:"need"`
	Has  int64  `json:"has"`
	Hard bool   `json:"hard"`
}

func (p resultPass) report(items []schedules.Item, explanations []schedules.Explanation) Report {
	r := Report{Rules: []RuleReport{}, Demands: []DemandReport{}, NeverPlayed: []string{}}
	type key struct{ clock, rule string }
	at := map[key]int{}
	clockOf := map[string]string{}
	for i := range p.day.windows {
		w := &p.day.windows[i]
		clockOf[w.Window] = w.clock.ID
		for k := range w.rules.rules {
			rule := &w.rules.rules[k]
			if _, ok := at[key{clock: w.clock.ID, rule: rule.name}]; !ok && rule.form != formAtLeast && rule.form != formLeast {
				at[key{clock: w.clock.ID, rule: rule.name}] = len(r.Rules)
				r.Rules = append(r.Rules, RuleReport{Clock: w.clock.ID, Rule: rule.name, Hard: rule.hard})
			}
		}
	}
	for i := range explanations {
		x := &explanations[i]
		for _, list := range [...][]schedules.Slack{x.Slacks, x.Bent} {
			for k := range list {
				if n, ok := at[key{clock: clockOf[x.Window], rule: list[k].Rule}]; ok {
					r.Rules[n].Judged++
				}
			}
		}
		for k := range x.Bent {
			if n, ok := at[key{clock: clockOf[x.Window], rule: x.Bent[k].Rule}]; ok {
				r.Rules[n].Bent++
			}
		}
	}
	for _, d := range p.demands {
		unit := "airings"
		if d.time {
			unit = "ms"
		}
		r.Demands = append(r.Demands, DemandReport{d.name, unit, d.need, p.airings.met(d), d.hard})
	}
	slices.SortStableFunc(r.Demands, func(a, b DemandReport) int { return cmp.Compare(a.Name, b.Name) })
	r.NeverPlayed = p.neverPlayed()
	return r
}

// neverPlayedLimit bounds the list of segments that have never aired.
const neverPlayedLimit = 100

func (p resultPass) neverPlayed() []string {
	out := []string{}
	for i := range p.lib.entries {
		if p.last[i] != minTime || !p.lib.entries[i].Fit {
			continue
		}
		for _, q := range p.queueList {
			if q.members.has(int32(i)) {
				out = append(out, p.name(int32(i)))
				break
			}
		}
		if len(out) == neverPlayedLimit {
			break
		}
	}
	return out
}
