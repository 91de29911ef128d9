// Command playout is the player of one station: it follows the service, plays the station's day to the second and
// reports what aired.
//
//   - main.go runs a command. run.go assembles the player from its flags, outputs.go its outputs; watch.go serves its
//     status page and metrics, report.go writes what airs to standard output.
//   - enrol.go gives the station keys of its own. sync.go keeps lists and files for another program's player.
//   - carry.go imports and exports bundles and reports as files. forms.go checks the form of the values of flags.
package main
