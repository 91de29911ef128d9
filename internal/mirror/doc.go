// Package mirror defines what a mirror serves: a static tree that any web host can hold, and that says nothing to a
// reader without a station's key.
//
//	<64 hex digits>                 the pointer of one station, named by a hash of the station's age recipient
//	<2 hex digits>/<64 hex digits>  any other file, named by the SHA-256 of its bytes
//
// Every file is encrypted with age to the stations that need it. Its content is padded first, so that its size is one
// of few (PaddedLength). The number of recipients of a file is rounded up to a power of two by recipients that nobody
// has.
//
// The pointer is a signed document (wire.MirrorPointer). It names the station's manifest (wire.MirrorManifest), which
// names the station's documents and recordings. A push writes the files first and the pointers last.
//
// Whoever holds the whole tree learns the number of files and of stations, the padded sizes, when files come and go,
// and which address fetches which file.
package mirror
