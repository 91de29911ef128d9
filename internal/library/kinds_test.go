package library

import (
	"slices"

	"lifeline/internal/access"
	"lifeline/internal/replica"
)

// testKinds are the kinds of the replicas of these tests.
var testKinds = slices.Concat(replica.SharedKinds, access.Kinds, Kinds)
