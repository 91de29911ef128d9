package schedules

// Consent is what the persons whom a segment names have agreed to.
type Consent struct {
	GivenAt   Instant `json:"given_at"`            // none: nobody wrote it down
	ExpiresAt Instant `json:"expires_at"`          // none: it does not expire
	Reference string  `json:"reference,omitempty"` // where it is filed
}

// ExpiresAt is when the segment must have ended on the air: the earlier of its validity's end and its consent's; none:
// never. The words say which of them it is.
func (s *Segment) ExpiresAt() (at Instant, because string) {
	if c := s.Consent; c != nil && !c.ExpiresAt.IsZero() && (s.ValidUntil.IsZero() ||
		c.ExpiresAt.Before(s.ValidUntil.Time)) {
		return c.ExpiresAt, "the consent of the persons in it expires"
	}
	return s.ValidUntil, ""
}

// WeakerThan reports whether s protects the persons in it less than before did: it is no longer sensitive, or may air
// for longer by their consent.
func (s *Segment) WeakerThan(before *Segment) bool {
	was, is := before.consentEnds(), s.consentEnds()
	return before.Sensitive && !s.Sensitive || !was.IsZero() && (is.IsZero() || is.After(was.Time))
}

func (s *Segment) consentEnds() Instant {
	if s.Consent == nil {
		return Instant{}
	}
	return s.Consent.ExpiresAt
}

func (p *problems) consent(s *Segment) {
	c := s.Consent
	if c == nil {
		return
	}
	if len(s.Persons) == 0 {
		p.add("consent", "is nobody's: name the persons under persons")
	}
	if !c.GivenAt.IsZero() && !c.ExpiresAt.IsZero() && !c.GivenAt.Before(c.ExpiresAt.Time) {
		p.add("consent.expires_at", "must be later than given_at")
	}
	p.line("consent.reference", c.Reference)
}

// OnlySensitive reports whether the station's fallback has segments, and not one that it may air without a lease.
func (s *Station) OnlySensitive(segment func(id string) (Segment, bool)) bool {
	for _, id := range s.Fallback {
		if seg, ok := segment(id); !ok || !seg.Sensitive {
			return false
		}
	}
	return len(s.Fallback) > 0
}
