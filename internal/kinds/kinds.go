package kinds

import (
	"slices"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/idempotency"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/webhooks"
)

// All lists the kinds that the service stores.
var All = slices.Concat(replica.SharedKinds, library.Kinds, scheduling.Kinds, record.Kinds, webhooks.Kinds,
	access.Kinds, signin.Kinds, idempotency.Kinds)
