package schedules

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Rule limits what a clock may air. Exactly one of Separate, AtMost and AtLeast is set. A hard rule never bends; a
// soft one may, and the rundown says where and why.
type Rule struct {
	Separate string  `json:"separate,omitempty"` // an attribute: segment, series, voice, script
	For      Millis  `json:"for_ms,omitzero"`    // least time between the end of one airing and the start of the next
	AtMost   *int    `json:"at_most,omitempty"`
	AtLeast  *int    `json:"at_least,omitempty"`
	Per      string  `json:"per,omitempty"` // window, day, week
	Of       Of      `json:"of,omitzero"`   // what is counted
	Hard     bool    `json:"hard,omitempty"`
	Weight   float64 `json:"weight,omitempty"` // of a soft rule against others; 0 means 1
}

// Of says what a count rule counts: each value of an attribute by itself ("segment"), or all that match a selector
// of one attribute ({"tag":"appeal"}).
type Of struct {
	Each  string            // attribute
	Match map[string]string // attribute -> value: kind, tag, series, segment, voice, script, language
}

// IsZero reports whether nothing is counted.
func (o Of) IsZero() bool { return o.Each == "" && len(o.Match) == 0 }

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
