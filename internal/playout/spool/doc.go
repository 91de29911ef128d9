// Package spool keeps what aired until the service has it. All of it survives a crash and a loss of power.
//
//   - Logbook takes what the deck says, in order, and writes it without making the deck wait (logbook.go).
//   - Spool is the durable queue of as-run entries: one checked record a line in asrun.log (spool.go).
//   - pulse.go keeps durable, each second, until when what is on the air was heard: the file onair.
//
// The sequence of an entry is given here and never used again. The Sender of package playout reads Pending and calls
// Ack.
package spool
