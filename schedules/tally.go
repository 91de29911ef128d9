package schedules

import (
	"cmp"
	"slices"
	"strings"
)

// Dimensions lists the fields by which a tally can be grouped.
var Dimensions = []string{"segment", "campaign", "script", "passage", "language", "station", "day"}

// TallyKey identifies a row of a tally. It omits fields by which the tally is not grouped, and fields that the airings
// do not have, such as a campaign.
type TallyKey struct {
	Segment  string `json:"segment,omitempty"`
	Campaign string `json:"campaign,omitempty"`
	Script   string `json:"script,omitempty"`
	Passage  int    `json:"passage,omitempty"`
	Language string `json:"language,omitempty"`
	Station  string `json:"station,omitempty"`
	Day      Date   `json:"day,omitzero"`
}

// TallyCounts counts items by outcome. Planned is the sum of Upcoming, Unreported, Aired, Short and Missed.
type TallyCounts struct {
	Planned    int    `json:"planned"`
	Upcoming   int    `json:"to_come"`
	Unreported int    `json:"unreported"`
	Aired      int    `json:"aired"`     // complete, in time or late
	Short      int    `json:"short"`     // ended early
	Missed     int    `json:"missed"`    // nothing, or something else, aired
	MadeGood   int    `json:"made_good"` // of the short and missed items
	Extra      int    `json:"extra"`     // airings that were not planned
	PlannedMs  Millis `json:"planned_ms"`
	AiredMs    Millis `json:"aired_ms"`
}

// TallyRow is one row of a tally.
type TallyRow struct {
	TallyKey
	Title string `json:"title,omitempty"` // of the segment
	TallyCounts
}

// TallyFilter selects the airings to count; a zero field selects everything.
type TallyFilter struct {
	Segment, Campaign, Script, Language string
	Passage                             int
}

// Tally counts airings in groups. An airing of several passages, or within several campaigns, counts in the row of
// each, and once in Totals.
type Tally struct {
	Totals TallyCounts

	library   *Library
	campaigns []Campaign
	by        map[string]bool
	filter    TallyFilter
	rows      map[TallyKey]*TallyCounts
}

// NewTally returns a tally grouped by some of the Dimensions. l tells which script and passages a segment reads.
func NewTally(l *Library, campaigns []Campaign, by []string, filter TallyFilter) *Tally {
	t := &Tally{library: l, campaigns: campaigns, by: map[string]bool{}, filter: filter, rows: map[TallyKey]*TallyCounts{}}
	for _, dimension := range by {
		t.by[dimension] = true
	}
	return t
}

// Add counts one airing. madeGood means that another airing has made it good.
func (t *Tally) Add(r AiringRecord, madeGood bool) {
	keys := t.keys(r)
	if len(keys) > 0 {
		t.Totals.add(r, madeGood)
	}
	for _, k := range keys {
		if t.rows[k] == nil {
			t.rows[k] = &TallyCounts{}
		}
		t.rows[k].add(r, madeGood)
	}
}

// Len returns the number of rows.
func (t *Tally) Len() int { return len(t.rows) }

// Rows returns the rows, ordered by key.
func (t *Tally) Rows() []TallyRow {
	out := make([]TallyRow, 0, len(t.rows))
	for k, c := range t.rows {
		s, _ := t.library.Segment(k.Segment)
		out = append(out, TallyRow{k, s.Title, *c})
	}
	slices.SortFunc(out, func(a, b TallyRow) int {
		return cmp.Or(strings.Compare(a.Segment, b.Segment), strings.Compare(a.Campaign, b.Campaign),
			strings.Compare(a.Script, b.Script),
			cmp.Compare(a.Passage, b.Passage), strings.Compare(a.Language, b.Language), strings.Compare(a.Station, b.Station),
			a.Day.utc().Compare(b.Day.utc()))
	})
	return out
}

// keys returns the keys of the rows in which an airing counts, without repetition; none if the filter excludes it.
func (t *Tally) keys(r AiringRecord) []TallyKey {
	s, _ := t.library.Segment(r.SegmentID)
	key := TallyKey{Segment: r.SegmentID, Language: cmp.Or(r.Language, s.Language), Station: r.Station, Day: r.Date}
	f := t.filter
	if f.Segment != "" && f.Segment != key.Segment || f.Language != "" && !matchesLanguage(key.Language, f.Language) {
		return nil
	}
	var passages []int
	if s.Script != nil {
		key.Script, passages = s.Script.ID, s.Script.Passages
	}
	campaigns := t.campaignsOf(&s, r)
	if f.Script != "" && f.Script != key.Script || f.Passage != 0 && !slices.Contains(passages, f.Passage) ||
		f.Campaign != "" && !slices.Contains(campaigns, f.Campaign) {
		return nil
	}
	if f.Passage != 0 {
		passages = []int{f.Passage}
	}
	if f.Campaign != "" {
		campaigns = []string{f.Campaign}
	}
	if !t.by["passage"] || len(passages) == 0 {
		passages = []int{0}
	}
	if !t.by["campaign"] || len(campaigns) == 0 {
		campaigns = []string{""}
	}
	if !t.by["segment"] {
		key.Segment = ""
	}
	if !t.by["script"] && !t.by["passage"] { // a passage number means nothing without its script
		key.Script = ""
	}
	if !t.by["language"] {
		key.Language = ""
	}
	if !t.by["station"] {
		key.Station = ""
	}
	if !t.by["day"] {
		key.Day = Date{}
	}
	var out []TallyKey
	for _, key.Campaign = range campaigns {
		for _, key.Passage = range slices.Compact(slices.Sorted(slices.Values(passages))) {
			out = append(out, key)
		}
	}
	return out
}

// campaignsOf returns the ids of the campaigns that the airing belongs to.
func (t *Tally) campaignsOf(s *Segment, r AiringRecord) (ids []string) {
	if s.ID == "" {
		return nil
	}
	for i := range t.campaigns {
		if c := &t.campaigns[i]; c.covers(s, r.Station, r.start()) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (c *TallyCounts) add(r AiringRecord, madeGood bool) {
	if r.Outcome == Extra {
		c.Extra++
	} else {
		c.Planned++
	}
	c.PlannedMs.Duration += r.Planned.Duration
	c.AiredMs.Duration += r.AiredMs.Duration
	switch r.Outcome {
	case Upcoming:
		c.Upcoming++
	case Unreported:
		c.Unreported++
	case AsPlanned, Late:
		c.Aired++
	case Short:
		c.Short++
	case Missed, Substituted:
		c.Missed++
	}
	if madeGood {
		c.MadeGood++
	}
}
