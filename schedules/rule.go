package schedules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Rule limits what the windows that follow a clock may air. Counts and shares count in those windows alone; separation
// is against everything that the station airs. Only narrows a rule to the segments that it holds for: a separation
// with Only keeps those apart from each other. Exactly one of Separate, AtMost, AtLeast, Share, After and KeepTo is
// set. A hard rule never bends; a soft one may, and the rundown says where and why.
type Rule struct {
	ID       string    `json:"id,omitempty"`       // by which plans name it; none: a name made of what it says
	Only     *Selector `json:"only,omitempty"`     // the segments that it holds for; none: all
	Separate string    `json:"separate,omitempty"` // an attribute: segment, series, voice, script, tag
	For      Millis    `json:"for_ms,omitzero"`    // least time between the end of one airing and the start of the next
	Items    int       `json:"items,omitempty"`    // least number of other items between one airing and the next
	Across   bool      `json:"across_stations,omitempty"`
	AtMost   *int      `json:"at_most,omitempty"`
	AtLeast  *int      `json:"at_least,omitempty"`
	Share    *Share    `json:"share,omitempty"`
	Per      string    `json:"per,omitempty"`     // window, day, week, daypart
	Daypart  *Daypart  `json:"daypart,omitempty"` // counted when per is daypart
	Of       Of        `json:"of,omitzero"`       // what is counted
	After    Of        `json:"after,omitzero"`    // what Only must follow: never before one of these has ended
	Within   Millis    `json:"within_ms,omitzero"`
	KeepTo   *Daypart  `json:"keep_to,omitempty"` // Only airs wholly within it
	Hard     bool      `json:"hard,omitempty"`
	Weight   float64   `json:"weight,omitempty"` // of a soft rule against others; 0 means 1
}

// Share bounds the part of the hired air time of a window or day that Of takes.
type Share struct {
	Least float64 `json:"least,omitempty"` // of 1
	Most  float64 `json:"most,omitempty"`  // of 1; 0: no limit
}

// Name is the rule's id, or what it says in a few words.
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
	}
	return "empty rule"
}

func (r Rule) period() string {
	if r.Per == "daypart" && r.Daypart != nil {
		return "daypart " + r.Daypart.String()
	}
	return r.Per
}

// Of says what a count rule counts: each value of an attribute by itself ("segment"), or all that match a selector
// of one attribute ({"tag":"appeal"}).
type Of struct {
	Each  string            // attribute
	Match map[string]string // attribute -> value: kind, tag, series, segment, voice, script, language
}

// IsZero reports whether nothing is counted.
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

// UnmarshalJSON reads either form.
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
