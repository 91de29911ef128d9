// Package playout is the station: it fetches the service's signed documents, caches the audio that they name, plays
// each item at its planned instant and reports what aired. The only use case that it shares with the service is the
// rule of the fallback.
//
// The parts, in the order in which the data passes them:
//
//   - Follower asks the service; DocumentStore verifies, saves and publishes its documents as Holdings.
//   - Fetcher fetches the audio that the Holdings name; Cache opens it only after verifying its hash.
//   - Mirrors asks the mirrors and offers their documents to the DocumentStore; Inbox takes bundles.
//   - Deck determines which TimedItem is due at each frame of the station's timeline and renders it through an
//     itemReader.
//   - Lister takes the Deck's place where another player airs: it writes lists and files for it.
//   - The outputs take the rendered blocks: files, pipes, child processes (package output).
//   - Identity signs what the station reports, with the keys that it made at its enrolment.
//   - The logbook writes what aired to the spool, which is durable before the Sender reports it (package spool).
//
// Parts that do not depend on the station have their own packages: dsp processes sound, output delivers it, spool
// stores as-run entries, statedir is the directory below, and retry has the pauses between attempts.
//
// # The timeline
//
// The timeline counts frames: frame n is heard at n/rate seconds after 1970 UTC. An item that is planned at an
// instant starts at that instant's frame, whatever happened before; errors do not accumulate. The Timekeeper provides
// the current instant, because the machine's clock may step; the service's time corrects it.
//
// # The state directory
//
//	key                     the pinned public key, base64, after trust on first use; key-2 is the same
//	roots.json              the roots from the pinned one on, in their order; roots-2.json is the same
//	queues/2023-10-27.dsse  the envelope of each day's queue
//	fallback.dsse           the envelope of the fallback
//	recalls.dsse            the envelope of the recall list; recalls-2.dsse is the same
//	lease.dsse              the envelope of the latest lease
//	lease-clock.json        the service's time when the file was written, and the offset of the own clock
//	contact.json            when the station last asked for an answer that the service signed
//	mirrors.json            the mirrors that the latest pointer named
//	identity.json           the keys of the station, and its token; identity-2.json is the same
//	enrolling.json          the keys of an enrolment whose answer is awaited
//	seen.json               the highest revision seen of each, and the recalls of the list; seen-2.json is the same
//	audio/<sha256>.mp3      verified recordings; <sha256>.part and (encrypted) <sha256>.sealed are incomplete ones
//	time.json               the station's time at uptime zero, as the service confirmed it;
//	                        time-2.json is the same
//	station                 the name of the station; station-2 is the same
//	format.json             the version of these files, and of the player that wrote them; format-2.json is the same
//	inbox/*.tar             bundles to import, see WriteBundle; *.tar.json is the result of an import
//	lock                    locked by the running player
//	asrun.log               the spool: one checked line per as-run entry or acknowledgement
//	asrun.next              the sequence number of the next entry, with its checksum
//	listed.json             what the lists for another player named in the last two days: reports may name it
//	lists                   the lists for another player, unless they lie elsewhere: see Lister
//	onair                   the item on the air and until when it was heard, written each second
//
// The .json files end in their own checksum (statedir.Record). The player reports and ignores a damaged one. A file has
// two copies if its loss would let an item air or change the time, and one if its loss only holds items back.
//
// Every file except the spool, the incomplete recordings and onair is replaced atomically: temporary file, fsync,
// rename, fsync of the directory.
package playout
