package signin

import (
	"lifeline/internal/onetime"
	"lifeline/internal/wire"
)

// Recovering returns the recovery of a person that stands: it waits for the approval of a second person, or its code
// was made and not used yet. nil: there is none.
func (s *SignIn) Recovering(person string) *wire.Recovery {
	row, _ := codesIn(s.replica).Get(person)
	c := row.Value
	if !c.Recovery || !s.now().Before(c.ExpiresAt.Time) || c.Failed >= onetime.Tries {
		return nil
	}
	return &wire.Recovery{By: approvers(c), Since: c.CreatedAt, ExpiresAt: c.ExpiresAt, Code: len(c.Proof) > 0}
}
