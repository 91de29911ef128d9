// Package audio is the MP3 library of Lifeline: bytes to facts, and bytes to PCM.
//
// [Analyse] reads an MP3 once, from any io.Reader, in bounded memory, and returns every measured fact about it, or a
// [*Rejection] whose message tells a producer what the file is and what to do. [Open] gives a [Reader] that plays the
// same timeline, sample for sample.
//
// The path of the bytes, each step one type:
//
//	Scanner    bytes -> validated Layer III frames; tags, junk and damage set apart        (ISO/IEC 11172-3, 13818-3)
//	assembler  frames -> units that hold all their main data, so that each can be decoded anywhere
//	packer     units -> a stream that go-mp3 decodes right (it never sees the file)
//	decoder    a chunk of units, with pre-roll -> PCM, the same whatever the chunks
//	timeline   encoder delay and padding trimmed, to the sample
//	analysers  loudness, peaks, silences, waveform: one pass, constant memory
//
// Sample values are float32 with full scale at 1. Times are offsets from the first audible sample. Intervals are
// half-open. The package does no I/O beyond the readers it is given, keeps no state and reads no clock.
package audio
