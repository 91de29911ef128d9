// Command playout is the player of one station: it follows the service, plays the station's day to the second and
// reports what aired.
//
//   - main.go runs a command. run.go assembles the player from its flags, outputs.go its outputs; watch.go serves its
//     status page and metrics, report.go writes what airs to standard output.
//   - carry.go imports and exports bundles and reports as files.
package main
