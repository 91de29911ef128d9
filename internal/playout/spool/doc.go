// Package spool stores as-run entries until the service has acknowledged them. All of it survives a crash and a power
// cut.
//
//   - Logbook accepts the deck's reports in order and writes them without blocking the deck (logbook.go).
//   - Spool is the durable queue of as-run entries: one checksummed record per line of asrun.log (spool.go).
//   - pulse.go saves each second until when the item on the air was heard, in the file onair.
//
// This package assigns the sequence number of each entry and never reuses one. The Sender of package playout calls
// Pending and Ack.
package spool
