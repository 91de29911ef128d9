// Package output delivers the programme to sound cards, pipes, streams and files. It knows frames and the bounds of
// windows, and nothing of queues, items or the service.
//
//   - Output is the interface; Block is what an output is given (line.go).
//   - Lines feeds each output by the wall clock, in a goroutine of its own (lines.go, line.go).
//   - Sound is the account of which frames the outputs took: an item has aired only for these (sound.go).
//   - Child runs a program and writes to it: ALSA through aplay (child.go), Icecast through ffmpeg (icecast.go).
//     steady.go keeps a sound card in step whose clock is a little off; waits_linux.go measures what it has not taken.
//   - Pipe writes raw samples (pipe.go); WAV and FLAC write a file for each window (wav.go, flac.go).
package output
