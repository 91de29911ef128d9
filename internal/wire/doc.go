// Package wire holds the paths and the JSON bodies of the HTTP API. Nothing runs here. Bodies that the contract and
// the domain share are the domain's types (package schedules).
//
//   - paths.go makes paths; status.go maps kinds of failure to statuses; bodies.go has what most of the API shares.
//   - queue.go has the signed documents of a station, chain.go those of the record; emptied.go is the rule by which
//     publishers and players tell that a revision empties a day.
//   - station.go has what a station reports; webhook.go, alarm.go, person.go, makegood.go, report.go and upload.go have
//     the bodies of their part.
package wire
