package scheduling

import (
	"time"

	"lifeline/internal/record"
	"lifeline/internal/replica"
)

// newScheduler returns a scheduler that keeps its records in s.
func newScheduler(r *replica.Replica, s replica.Store, signer replica.Signer, now func() time.Time, publicURL string,
	lease time.Duration) *Scheduler {
	records, ok := s.(*record.Records)
	if !ok {
		records = record.NewRecords(r, s, nil, now, 0)
	}
	return New(r, records, signer, now, publicURL, lease)
}
