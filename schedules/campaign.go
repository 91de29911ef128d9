package schedules

// Campaign guarantees exposure: on each of its stations, on each day from From until Until, at least AtLeast airings of
// the segments that Of selects, spread over the dayparts. Until is also its kill time: no airing of the campaign
// continues past that instant.
type Campaign struct {
	ID       string         `json:"id"`
	Revision int64          `json:"revision"`
	Title    string         `json:"title,omitempty"`
	Of       Selector       `json:"of"`
	Stations []string       `json:"stations,omitempty"` // none means every station
	From     Instant        `json:"from"`               // none means no beginning
	Until    Instant        `json:"until"`              // none means no end
	AtLeast  int            `json:"at_least"`           // per station and day
	Dayparts []CampaignPart `json:"dayparts,omitempty"`
	Hard     bool           `json:"hard,omitempty"`
}

// CampaignPart is the number of airings that a campaign guarantees within one daypart of each day.
type CampaignPart struct {
	Daypart
	AtLeast int `json:"at_least"`
}

// Concerns reports whether the campaign concerns the station.
func (c Campaign) Concerns(station string) bool {
	if len(c.Stations) == 0 {
		return true
	}
	for _, s := range c.Stations {
		if s == station {
			return true
		}
	}
	return false
}

// covers reports whether an airing of the segment that starts on the station at that instant belongs to the campaign.
func (c *Campaign) covers(s *Segment, station string, at Instant) bool {
	return c.Concerns(station) && (c.From.IsZero() || !at.Before(c.From.Time)) &&
		(c.Until.IsZero() || at.Before(c.Until.Time)) && c.Of.Matches(s)
}
