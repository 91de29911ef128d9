package webhooks

import (
	"slices"

	"lifeline/internal/access"
	"lifeline/internal/replica"
)

// testKinds lists the kinds of the replicas in these tests.
var testKinds = slices.Concat(replica.SharedKinds, access.Kinds, Kinds)
