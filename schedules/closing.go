package schedules

import (
	"math/bits"
	"slices"
)

// closer finds sets of up to six candidates whose air times add up to a target: what closes a stretch exactly.
// Candidates come in due order, at most closeWidth of them. It is a pure function of its fields, so that a record of
// them reproduces its choice; the scratch tables only save allocations.
type closer struct {
	ms     []int64   // air time of each candidate
	clash  []bits256 // candidates that may not air together with this one
	target int64     // wanted sum
	wide   int       // how many of the candidates, from the most overdue, are in play
	mean   int64     // of the candidates' class: what the number of items aims at

	filter  [1 << 12]uint64 // of pair sums, by their low 18 bits
	heads   [1 << 11]int32
	pairs   []pair
	banned  [][]uint8 // sets found before that no order of airing allows
	best    [6]uint8
	bestN   int
	bestFor int64
}

// closeWidth is the most candidates that a closing looks at.
const closeWidth = 256

type bits256 [4]uint64

func (b *bits256) set(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b *bits256) has(i int) bool { return b[i>>6]>>(i&63)&1 != 0 }

type pair struct {
	sum  int64
	a, b uint8
	next int32 // place+1 in the same bucket
}

// find is the best set, ascending by place, whose sum is exactly the target plus residual; none when there is none of
// one to five candidates.
func (c *closer) find(residual int64) []uint8 {
	goal := c.target + residual
	n := c.wide
	c.bestN = 0
	clear(c.filter[:])
	clear(c.heads[:])
	c.pairs = c.pairs[:0]
	// Every set is met: as two members tabled before and the rest, all of lower place than those.
	for last := n - 1; last >= 0; last-- {
		// last is the highest place among the rest; pairs of higher places are in the table.
		d := goal - c.ms[last]
		switch {
		case d == 0:
			c.offer(uint8(last))
		case d > 0:
			c.complete(d, uint8(last))
			for b := range last {
				d2 := d - c.ms[b]
				if d2 <= 0 {
					if d2 == 0 {
						c.offer(uint8(b), uint8(last))
					}
					continue
				}
				c.complete(d2, uint8(b), uint8(last))
				for a := range b {
					d3 := d2 - c.ms[a]
					if d3 <= 0 {
						if d3 == 0 {
							c.offer(uint8(a), uint8(b), uint8(last))
						}
						continue
					}
					if h := uint64(d3) & (1<<18 - 1); c.filter[h>>6]>>(h&63)&1 != 0 {
						c.complete(d3, uint8(a), uint8(b), uint8(last))
					}
				}
			}
		}
		for b := last + 1; b < n; b++ {
			sum := c.ms[last] + c.ms[b]
			if sum > goal {
				continue
			}
			h := uint64(sum) & (1<<18 - 1)
			c.filter[h>>6] |= 1 << (h & 63)
			k := bucket(sum)
			c.pairs = append(c.pairs, pair{sum, uint8(last), uint8(b), c.heads[k]})
			c.heads[k] = int32(len(c.pairs))
		}
	}
	return c.best[:c.bestN]
}

func bucket(sum int64) uint64 { return uint64(sum) * 0x9e3779b97f4a7c15 >> 53 }

// complete offers the sets of rest and a pair that adds up to d.
func (c *closer) complete(d int64, rest ...uint8) {
	for i := c.heads[bucket(d)]; i != 0; {
		p := &c.pairs[i-1]
		if p.sum == d {
			var set [6]uint8
			n := copy(set[:], rest)
			set[n], set[n+1] = p.a, p.b
			c.offer(set[:n+2]...)
		}
		i = p.next
	}
}

// offer keeps the set if no two of it clash and it is better than the best so far.
func (c *closer) offer(set ...uint8) {
	for i, a := range set {
		for _, b := range set[i+1:] {
			if c.clash[a].has(int(b)) {
				return
			}
		}
	}
	if len(c.banned) > 0 && c.ban(set) {
		return
	}
	if merit := c.merit(set); c.bestN == 0 || merit > c.bestFor {
		c.bestFor = merit
		c.bestN = copy(c.best[:], set)
		slices.Sort(c.best[:c.bestN])
	}
}

// clashing reports whether two of the set clash.
func (c *closer) clashing(set []int) bool {
	for i, a := range set {
		for _, b := range set[i+1:] {
			if c.clash[a].has(b) {
				return true
			}
		}
	}
	return false
}

func (c *closer) ban(set []uint8) bool {
	sorted := append(make([]uint8, 0, 6), set...)
	slices.Sort(sorted)
	for _, b := range c.banned {
		if slices.Equal(sorted, b) {
			return true
		}
	}
	return false
}

// merit prefers what is most overdue, every millisecond of air time counting alike, so that neither short nor long
// candidates are preferred; and among these a number of items near what the mean air time suggests.
func (c *closer) merit(set []uint8) int64 {
	var overdue, sum int64
	for _, i := range set {
		overdue += int64(c.wide-int(i)) * c.ms[i]
		sum += c.ms[i]
	}
	merit := overdue * 64 / max(sum, 1)
	if c.mean > 0 {
		aim := (sum + c.mean/2) / c.mean
		off := int64(len(set)) - aim
		merit -= off * off * int64(c.wide) * 2
	}
	return merit
}

// stride is the greatest common divisor of the candidates' air times: sums move in steps of it.
func (c *closer) stride() int64 {
	var g int64
	for _, d := range c.ms {
		g = gcd(g, d)
	}
	return max(g, 1)
}

func gcd(a, b int64) int64 {
	if a == 0 {
		return b
	}
	if b == 0 {
		return a
	}
	shift := bits.TrailingZeros64(uint64(a | b))
	a >>= bits.TrailingZeros64(uint64(a))
	for b != 0 {
		b >>= bits.TrailingZeros64(uint64(b))
		if a > b {
			a, b = b, a
		}
		b -= a
	}
	return a << shift
}
