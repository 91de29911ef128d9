// Package background runs the background jobs of the service.
//
// Runner has a loop for each job. A job runs when a document of one of its kinds changes, and at regular intervals.
// Jobs compare the present state with the desired one, so that they find work that a crash interrupted.
package background
