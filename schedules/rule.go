package schedules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Rule limits which segments may air in the windows that follow a clock. Counts and shares apply to those windows
// alone; separation applies to everything that the station airs. Only restricts a rule to some segments: a separation
// with Only separates those segments from each other. Exactly one of Separate, AtMost, AtLeast, Share, After, KeepTo,
// FreshFor and InOrder is set. A hard rule never bends; a soft rule may, and the rundown says where and why.
type Rule struct {
	ID       string    `json:"id,omitempty"`       // plans name the rule by it; none means a name derived from its content
	Only     *Selector `json:"only,omitempty"`     // the segments that it applies to; none means all
	Separate string    `json:"separate,omitempty"` // an attribute: segment, series, voice, script, tag
	For      Millis    `json:"for_ms,omitzero"`    // least time between the end of one airing and the start of the next
	Items    int       `json:"items,omitempty"`    // least number of other items between one airing and the next
	Across   bool      `json:"across_stations,omitempty"`
	AtMost   *int      `json:"at_most,omitempty"`
	AtLeast  *int      `json:"at_least,omitempty"`
	Share    *Share    `json:"share,omitempty"`
	Per      string    `json:"per,omitempty"`     // window, day, week, daypart
	Daypart  *Daypart  `json:"daypart,omitempty"` // for counts per daypart
	Of       Of        `json:"of,omitzero"`       // the subject of the count
	After    Of        `json:"after,omitzero"`    // Only must follow one of these, and never starts before it has ended
	Within   Millis    `json:"within_ms,omitzero"`
	KeepTo   *Daypart  `json:"keep_to,omitempty"` // Only airs entirely within it
	// Only starts at most so long after its valid_from, from which its age counts; what has no valid_from never does
	FreshFor Millis `json:"fresh_for_ms,omitzero"`
	// InOrder lets Only never go back. "newest": none airs after one in the same language with a later valid_from was on,
	// at this station or, across stations, at any. What has no valid_from is the oldest. "episode": the episodes of a
	// series in one language air by number, without gaps. Next is the lowest number above the lowest one aired in the last
	// 28 days that has not aired in them. While there is a next episode, nothing else airs but what did in those days.
	InOrder string  `json:"in_order,omitempty"`
	Hard    bool    `json:"hard,omitempty"`
	Weight  float64 `json:"weight,omitempty"` // weight of a soft rule against others; 0 means 1
}

// Share bounds the fraction of a window's or day's hired air time that Of takes.
type Share struct {
	Least float64 `json:"least,omitempty"` // fraction of 1
	Most  float64 `json:"most,omitempty"`  // fraction of 1; 0 means no limit
}

// Name returns the rule's id, or a short description of the rule.
func (r Rule) Name() string {
	if r.ID != "" {
		return r.ID
	}
	switch {
	case r.Separate != "" && r.Items > 0 && r.For.Duration > 0:
		return fmt.Sprintf("separate %s by %s and %d items", r.Separate, r.For.Duration, r.Items)
	case r.Separate != "" && r.Items > 0:
		return fmt.Sprintf("separate %s by %d items", r.Separate, r.Items)
	case r.Separate != "":
		return fmt.Sprintf("separate %s by %s", r.Separate, r.For.Duration)
	case r.AtMost != nil:
		return fmt.Sprintf("at most %d of %s per %s", *r.AtMost, r.Of, r.period())
	case r.AtLeast != nil:
		return fmt.Sprintf("at least %d of %s per %s", *r.AtLeast, r.Of, r.period())
	case r.Share != nil:
		return fmt.Sprintf("share of %s per %s", r.Of, r.period())
	case !r.After.IsZero() && r.Within.Duration == 0:
		return fmt.Sprintf("after %s", r.After)
	case !r.After.IsZero():
		return fmt.Sprintf("after %s within %s", r.After, r.Within.Duration)
	case r.KeepTo != nil:
		return fmt.Sprintf("keep to %s", r.KeepTo)
	case r.FreshFor.Duration > 0:
		return fmt.Sprintf("fresh for %s", r.FreshFor.Duration)
	case r.InOrder != "":
		return fmt.Sprintf("in order: %s", r.InOrder)
	}
	return "empty rule"
}

func (r Rule) period() string {
	if r.Per == "daypart" && r.Daypart != nil {
		return "daypart " + r.Daypart.String()
	}
	return r.Per
}

// DefaultRule is the name of the rule that a clock without rules has.
const DefaultRule = "default: no segment twice in succession"

// Of is the subject of a count: each value of an attribute separately ("segment"), or all segments that match values of
// attributes ({"tag":"appeal"}).
type Of struct {
	Each  string            // attribute
	Match map[string]string // attribute -> value: kind, tag, series, segment, voice, script, language
}

// IsZero reports whether Of is empty.
func (o Of) IsZero() bool { return o.Each == "" && len(o.Match) == 0 }

func (o Of) String() string {
	if o.Each != "" {
		return "each " + o.Each
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(o.Match)) {
		parts = append(parts, k+" "+o.Match[k])
	}
	return strings.Join(parts, " and ")
}

// MarshalJSON writes "segment" or {"tag":"appeal"}.
func (o Of) MarshalJSON() ([]byte, error) {
	if o.Each != "" {
		return json.Marshal(o.Each)
	}
	return json.Marshal(o.Match)
}

// UnmarshalJSON accepts either form.
func (o *Of) UnmarshalJSON(b []byte) error {
	*o = Of{}
	if bytes.HasPrefix(b, []byte(`"`)) {
		return json.Unmarshal(b, &o.Each)
	}
	if err := json.Unmarshal(b, &o.Match); err != nil {
		return fmt.Errorf(`must be an attribute such as "segment" or a match such as {"tag":"appeal"}`)
	}
	return nil
}
