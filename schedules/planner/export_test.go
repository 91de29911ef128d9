package planner

// Fixtures for the tests outside the package, which may use the auditor.
var (
	Hourly         = hourly
	HourlySegments = hourlySegments
)

// WithoutImproving calls f while days are not searched for as a whole.
func WithoutImproving(f func()) {
	before := improveSteps
	improveSteps = 0
	defer func() { improveSteps = before }()
	f()
}
