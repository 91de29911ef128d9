package planner

import (
	"math/bits"
	"slices"
)

// sums is a subset-sum bitset: the totals up to a limit that the candidates reach, each candidate at most once, in
// steps of a stride. It ignores clashes between candidates, so a total that it calls unreachable is unreachable under
// any rules.
type sums struct {
	stride int64
	reach  []uint64
	first  []uint8 // per total, the candidate that first reached it
	limit  int64   // in strides
}

// subsetSums tables all totals from 0 to limit. It takes at most 255 candidates.
func subsetSums(ms []int64, limit, stride int64) *sums {
	s := &sums{}
	s.table(ms, limit, stride)
	return s
}

// table computes the totals again, in the memory of the previous table.
func (s *sums) table(ms []int64, limit, stride int64) {
	s.stride, s.limit = stride, limit/stride
	words := s.limit/64 + 1
	s.reach = slices.Grow(s.reach[:0], int(words))[:words]
	clear(s.reach)
	s.first = slices.Grow(s.first[:0], int(words)*64)[:words*64] // read only where reach is set
	s.reach[0] = 1
	for i, d := range ms {
		step := d / stride
		if step > s.limit || step == 0 {
			continue
		}
		jump, shift := step/64, uint(step%64)
		for w := words - 1; w >= jump; w-- {
			moved := s.reach[w-jump] << shift
			if shift > 0 && w > jump {
				moved |= s.reach[w-jump-1] >> (64 - shift)
			}
			fresh := moved &^ s.reach[w]
			s.reach[w] |= fresh
			for ; fresh != 0; fresh &= fresh - 1 {
				s.first[w*64+int64(bits.TrailingZeros64(fresh))] = uint8(i)
			}
		}
	}
}

// has reports whether the candidates can add up to total.
func (s *sums) has(total int64) bool {
	if total < 0 || total%s.stride != 0 || total/s.stride > s.limit {
		return false
	}
	k := total / s.stride
	return s.reach[k/64]>>(k%64)&1 != 0
}

// set returns one set of candidates, in descending order, that adds up to total. has must be true of total.
func (s *sums) set(total int64, ms []int64) []int {
	var out []int
	for k := total / s.stride; k > 0; {
		i := int(s.first[k])
		out = append(out, i)
		k -= ms[i] / s.stride
	}
	return out
}
