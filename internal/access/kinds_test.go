package access

import (
	"slices"

	"lifeline/internal/replica"
)

// testKinds are the kinds of the replicas of these tests.
var testKinds = slices.Concat(replica.SharedKinds, Kinds)
