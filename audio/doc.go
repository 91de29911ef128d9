// Package audio is Lifeline's MP3 library: it turns bytes into facts, and bytes into PCM.
//
// [Analyse] reads an MP3 once, from any io.Reader, in bounded memory, and returns all measured facts, or a [*Rejection]
// whose message tells a producer what the file is and what to do. [Open] returns a [Reader] that plays the same
// timeline, sample for sample.
//
// The bytes pass these steps, each of which is one type:
//
//	Scanner    bytes -> validated Layer III frames, separated from tags, junk and damage    (ISO/IEC 11172-3, 13818-3)
//	assembler  frames -> units that hold all their main data, so that each can be decoded independently
//	packer     units -> a stream that go-mp3 decodes correctly (it never sees the file)
//	decoder    a chunk of units, with warm-up -> PCM, independent of the division into chunks
//	timeline   encoder delay and padding removed, to the sample
//	analysers  loudness, peaks, silences, waveform: one pass, constant memory
//
// Sample values are float32 with full scale at 1. Times are offsets from the first audible sample. Intervals are
// half-open. The package does no I/O beyond the readers it is given, keeps no state and reads no clock.
package audio
