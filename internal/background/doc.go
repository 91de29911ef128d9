// Package background runs the background jobs of the service.
//
// Runner has a loop for each job. A job runs when a document changes of a kind that it names, and at least once in a
// while. Jobs compare what is with what should be, so that work lost in a crash is found again.
package background
