package replica

// testKinds are the kinds of the replicas of these tests.
var testKinds = SharedKinds
