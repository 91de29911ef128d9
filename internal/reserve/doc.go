// Package reserve keeps room for what is urgent. Some bytes of the disk, or of a Redis, are taken beforehand. When
// there is no room left, uploads are refused first, then everything else that can wait; a recall, a publication, a
// report, a status or a token gets the bytes that were taken, a step at a time. Once there is room again they are
// taken anew.
//
//   - Reserve decides who gets room (reserve.go). Disk is a place in files (disk.go); another is in package
//     store/redis.
//   - Store and Recordings are the store and the audio with the reserve around them (store.go).
package reserve
