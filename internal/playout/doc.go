// Package playout is the station: it follows the service's signed documents, keeps the audio that they name, plays
// each item at its planned instant and reports what aired. Of the service's use cases it shares nothing but the rule
// of the fallback.
//
// The parts, in the order in which the data passes them:
//
//   - Follower asks the service; DocumentStore verifies, keeps and publishes what it answers, as Holdings.
//   - Cache fetches the audio that the Holdings name and opens it only after checking its hash.
//   - Deck works out which Slot is due at each frame of the station's timeline and renders it through a voice.
//   - The outputs take the rendered blocks: files, pipes, child processes (package output).
//   - The logbook writes what aired to the spool, which is durable before the Sender reports it (package spool).
//
// What needs nothing of the station is in packages of its own: dsp processes sound, output takes it out of the machine,
// spool keeps what aired, statedir is the directory below, and retry waits.
//
// # The timeline
//
// All playing is by frame number: frame n is heard at n/rate seconds after 1970 UTC. An item that is planned at an
// instant starts at that instant's frame, whatever happened before; nothing accumulates. Which instant it is, the
// Timekeeper says: the machine's clock may step, and the service knows better.
//
// # The state directory
//
//	key                     the pinned public key, base64, after trust on first use; key-2 is the same
//	roots.json              the roots from the pinned one on, each the next of the one before; roots-2.json is the same
//	queues/2023-10-27.dsse  the envelope of each day's queue
//	fallback.dsse           the envelope of the fallback
//	recalls.dsse            the envelope of the recall list; recalls-2.dsse is the same
//	lease.dsse              the envelope of the latest lease
//	lease-clock.json        the service's time, as it had come when it was written, and the own clock's offset
//	seen.json               the highest revision seen of each, and what the recall list recalled; seen-2.json is the same
//	audio/<sha256>.mp3      verified recordings; <sha256>.part is one that is still coming
//	time.json               what the machine's uptime was counted from, by the time that the service confirmed;
//	                        time-2.json is the same
//	station                 whose directory it is; station-2 is the same
//	format.json             the version of these files, and the player that wrote them; format-2.json is the same
//	inbox/*.tar             bundles to take, see WriteBundle; *.tar.json is what became of one
//	lock                    held by the player that plays
//	asrun.log               the spool: one checked line per as-run entry or acknowledgement
//	asrun.next              the sequence of the next entry, with its sum
//	onair                   until when what is on the air was heard, written each second
//
// The .json files end in a sum of their own (statedir.Record). One that is damaged is told and left out: where a loss
// would let something air or move the time, the file is kept twice; where it holds something back, once.
//
// Every file but the spool, the parts and onair is replaced whole: temporary file, fsync, rename, fsync of the
// directory.
package playout
