// Package chain proves that a station's record is unaltered: a signed link contains the hash of each published queue
// and of each day of as-run reports, and each link contains the hash of the previous one. Anybody with the public key
// can detect a changed or removed link, and any changed byte of the data that a link covers.
package hashchain

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"lifeline/internal/wire"
)

// Hash returns the SHA-256 of b, in hex.
func Hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Records returns the hash of as-run records: of each, by sequence, its sequence, its instant in milliseconds since
// 1970 and the length of its body (64 bits each, big endian), and its body.
func Records(records []wire.ChainRecord) string {
	h := sha256.New()
	var b []byte
	for _, r := range sorted(records) {
		b = binary.BigEndian.AppendUint64(b[:0], uint64(r.Sequence))
		b = binary.BigEndian.AppendUint64(b, uint64(r.AtMs))
		b = binary.BigEndian.AppendUint64(b, uint64(len(r.Body)))
		h.Write(append(b, r.Body...))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Sequences returns the sequences of the records as ascending ranges [first, last].
func Sequences(records []wire.ChainRecord) [][2]int64 {
	var out [][2]int64
	for _, r := range sorted(records) {
		if n := len(out); n > 0 && out[n-1][1]+1 == r.Sequence {
			out[n-1][1] = r.Sequence
		} else {
			out = append(out, [2]int64{r.Sequence, r.Sequence})
		}
	}
	return out
}

// Names reports whether one of the ranges contains the sequence.
func Names(ranges [][2]int64, sequence int64) bool {
	_, found := slices.BinarySearchFunc(ranges, sequence, func(r [2]int64, n int64) int {
		switch {
		case r[1] < n:
			return -1
		case r[0] > n:
			return 1
		}
		return 0
	})
	return found
}

// Join merges two lists of ranges into one ascending list. They must not overlap.
func Join(a, b [][2]int64) [][2]int64 {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y [2]int64) int { return cmp.Compare(x[0], y[0]) })
	var out [][2]int64
	for _, r := range all {
		if n := len(out); n > 0 && out[n-1][1]+1 == r[0] {
			out[n-1][1] = r[1]
		} else {
			out = append(out, r)
		}
	}
	return out
}

func sorted(records []wire.ChainRecord) []wire.ChainRecord {
	out := slices.Clone(records)
	slices.SortFunc(out, func(a, b wire.ChainRecord) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return out
}
