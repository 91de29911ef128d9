package webhooks

import (
	"reflect"
	"slices"

	"lifeline/internal/access"
	"lifeline/internal/replica"
)

// testKinds lists the kinds of the replicas in these tests.
var testKinds = slices.Concat(replica.SharedKinds, access.Kinds, Kinds, replica.Kinds{
	{Name: kindUrgent, Changes: kindUrgent, Urgent: true, Form: reflect.TypeFor[struct{}](),
		Inspect: replica.Readable[struct{}]}})

// kindUrgent is a kind of which webhooks are told out of turn, as package library has one.
const kindUrgent = "alarm"
