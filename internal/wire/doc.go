// Package wire defines the paths and the JSON bodies of the HTTP API, and the few functions that service and player
// must compute alike. Bodies that the contract and the domain share are the domain's types (package schedules).
//
//   - paths.go builds paths; status.go maps kinds of failure to statuses; bodies.go has the bodies that most of the API
//     shares.
//   - queue.go has the signed documents of a station, chain.go those of the record; emptied.go has the rule by which
//     publishers and players recognise a revision that empties a day.
//   - enrolment.go, seizure.go, mirror.go, drop.go and receipts.go have the documents of those acts; bounds.go has the
//     bounds of what a station reads.
//   - station.go has the reports of a station; webhook.go, alarm.go, person.go, makegood.go, report.go and upload.go
//     have the bodies of their part.
package wire
