package planner

// Fixtures for the tests outside the package, which may use the auditor.
var (
	Hourly         = hourly
	HourlySegments = hourlySegments
)
