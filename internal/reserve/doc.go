// Package reserve keeps space for urgent writes. Some bytes of the disk, or of a Redis, are reserved in advance. When
// space runs out, uploads are refused first, then all other writes that can wait; a recall, a publication, a report, a
// status or a token gets the reserved bytes, a step at a time. Once there is space again, the bytes are reserved again.
//
//   - Reserve decides which writes get space (reserve.go). Disk reserves space in files (disk.go); package store/redis
//     has another Place.
//   - Store and Recordings wrap the store and the audio with the reserve (store.go).
package reserve
