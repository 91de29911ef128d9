package schedules

// Consent is the agreement of the persons whom a segment names.
type Consent struct {
	GivenAt   Instant `json:"given_at"`            // none if nobody recorded it
	ExpiresAt Instant `json:"expires_at"`          // none if it does not expire
	Reference string  `json:"reference,omitempty"` // where it is filed
}

// ExpiresAt returns the instant by which the segment must have ended on the air: the earlier of the end of its validity
// and the expiry of its consent; none means never. because explains the expiry of the consent in words, and is empty
// otherwise.
func (s *Segment) ExpiresAt() (at Instant, because string) {
	if c := s.Consent; c != nil && !c.ExpiresAt.IsZero() && (s.ValidUntil.IsZero() ||
		c.ExpiresAt.Before(s.ValidUntil.Time)) {
		return c.ExpiresAt, "the consent of the persons in it expires"
	}
	return s.ValidUntil, ""
}

func (p *problems) consent(s *Segment) {
	c := s.Consent
	if c == nil {
		return
	}
	if len(s.Persons) == 0 {
		p.add("consent", "names nobody: name the persons who agreed under persons")
	}
	if !c.GivenAt.IsZero() && !c.ExpiresAt.IsZero() && !c.GivenAt.Before(c.ExpiresAt.Time) {
		p.add("consent.expires_at", "must be later than given_at")
	}
	p.line("consent.reference", c.Reference)
}

// OnlySensitive reports whether the station has fallback segments and all of them need a lease.
func (s *Station) OnlySensitive(segment func(id string) (Segment, bool)) bool {
	for _, id := range s.Fallback {
		if seg, ok := segment(id); !ok || !seg.Sensitive {
			return false
		}
	}
	return len(s.Fallback) > 0
}
