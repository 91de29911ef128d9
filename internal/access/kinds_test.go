package access

import (
	"slices"

	"lifeline/internal/replica"
)

// testKinds lists the kinds of the replicas in these tests.
var testKinds = slices.Concat(replica.SharedKinds, Kinds)
