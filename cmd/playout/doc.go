// Command playout is the player of one station: it follows the service, plays the station's day to the second and
// reports what aired.
//
//   - main.go runs a command. run.go puts the player together from its flags, outputs.go its outputs; watch.go serves
//     its page and figures, report.go tells on standard output what goes to air.
//   - carry.go imports and exports what is carried by hand.
package main
