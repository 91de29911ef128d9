package planner

import (
	"math/bits"
	"slices"
)

// setFinder finds the set of one to five candidates that closes a stretch: their air times add up to a target, or as
// near to it as allowed. The candidates are in due order, at most closeWidth of them. The result depends only on the
// first group of fields, so that a record of them reproduces the choice. The scratch tables only save allocations.
type setFinder struct {
	ms          []int64   // air time of each candidate
	clash       []bits256 // candidates that may not air together with this one
	target      int64     // wanted sum
	least, most int64     // by how much the sum may differ from target
	nearest     bool      // nearness to the target counts before all else
	dueFirst    bool      // being overdue counts before nearness to the target, which breaks ties
	banned      [][]uint8 // sets found before that may air in no order

	order   []uint8 // candidates by air time
	sorted  []int64 // their air times
	goal    int64   // the middle of the allowed sums
	slack   int64   // half the width of the allowed range
	shift   int     // sums are tabled in cells of 1<<shift ms
	filter  [1 << 12]uint64
	heads   [1 << 11]int32
	pairs   []pair
	best    [maxSet]uint8
	bestN   int
	bestFor int64
	bestOff int64
}

// The costs that reduce the merit of a set: itemCost for each of its items, times the number of candidates; depthCost
// for each candidate that is more overdue than its least overdue item; and offCost for each millisecond off the target
// if nearness counts before all else.
const (
	itemCost  = 20
	depthCost = 128
	offCost   = 1 << 30
)

// closeWidth is the largest number of candidates of a closing, and maxSet the largest set that find returns.
const (
	closeWidth = 256
	maxSet     = 5
)

// fewCandidates is the number of candidates below which a long wait counts far more, because otherwise every set would
// consist of the same ones.
const fewCandidates = 44

type bits256 [4]uint64

func (b *bits256) set(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b *bits256) has(i int) bool { return b[i>>6]>>(i&63)&1 != 0 }

type pair struct {
	sum  int64
	a, b uint8 // places in sorted
	next int32 // place+1 in the same bucket
}

// find returns the best set of one to five candidates, ascending by place, and the offset of its sum from the target.
// The set is empty if no sum is within the allowed range.
func (c *setFinder) find() (set []uint8, off int64) {
	n := len(c.ms)
	c.order, c.sorted = c.order[:0], c.sorted[:0]
	for i, d := range c.ms {
		c.sorted = append(c.sorted, d<<8|int64(i))
	}
	slices.Sort(c.sorted)
	for k, d := range c.sorted {
		c.order = append(c.order, uint8(d))
		c.sorted[k] = d >> 8
	}
	c.slack = (c.most - c.least + 1) / 2
	c.goal = c.target + c.most - c.slack
	ms, goal := c.sorted, c.goal
	c.shift = bits.Len64(uint64(c.slack))
	c.bestN = 0
	clear(c.filter[:])
	clear(c.heads[:])
	c.pairs = c.pairs[:0]
	// Each set of three to five is found as its longest pair, which was tabled before, plus the others.
	longest := int64(0) // upper bound for the sum of a tabled pair
	for last := n - 1; last >= 0; last-- {
		d := goal - ms[last]
		c.offer(d, uint8(last))
		shortest := int64(minTime)
		if last+2 < n {
			shortest = ms[last+1] + ms[last+2] - c.slack
		}
		if d > 0 && last+2 < n {
			c.complete(d, uint8(last))
		}
		for b := 0; b < last && d > 0; b++ {
			d2 := d - ms[b]
			if d2 < -c.slack {
				break
			}
			c.offer(d2, uint8(b), uint8(last))
			if last+2 >= n || d2 < shortest {
				continue
			}
			if c.mayHaveSum(d2) {
				c.complete(d2, uint8(b), uint8(last))
			}
			for a := range b {
				d3 := d2 - ms[a]
				if d3 < shortest {
					break
				}
				if d3 > longest {
					continue
				}
				if c.mayHaveSum(d3) {
					c.complete(d3, uint8(a), uint8(b), uint8(last))
				}
			}
		}
		for b := last + 1; b < n; b++ {
			sum := ms[last] + ms[b]
			if sum > goal+c.slack {
				break
			}
			c.table(sum, uint8(last), uint8(b))
			longest = max(longest, sum+c.slack)
		}
	}
	return c.best[:c.bestN], c.bestOff
}

// table enters a pair, and marks its sum and the sums within the slack of it in the filter.
func (c *setFinder) table(sum int64, a, b uint8) {
	for s := (sum - c.slack) >> c.shift; s <= (sum+c.slack)>>c.shift; s++ {
		h := uint64(s) & (1<<18 - 1)
		c.filter[h>>6] |= 1 << (h & 63)
	}
	k := bucket(sum >> c.shift)
	c.pairs = append(c.pairs, pair{sum, a, b, c.heads[k]})
	c.heads[k] = int32(len(c.pairs))
}

// mayHaveSum reports whether some pair may add up to about d. It may report true for sums that no pair reaches.
func (c *setFinder) mayHaveSum(d int64) bool {
	h := uint64(d>>c.shift) & (1<<18 - 1)
	return c.filter[h>>6]>>(h&63)&1 != 0
}

func bucket(cell int64) uint64 { return uint64(cell) * 0x9e3779b97f4a7c15 >> 53 }

// complete offers each set that consists of rest and a tabled pair with a sum of about d.
func (c *setFinder) complete(d int64, rest ...uint8) {
	for cell := (d - c.slack) >> c.shift; cell <= (d+c.slack)>>c.shift; cell++ {
		for i := c.heads[bucket(cell)]; i != 0; {
			p := &c.pairs[i-1]
			if short := d - p.sum; p.sum>>c.shift == cell && short <= c.slack && short >= -c.slack {
				var set [maxSet]uint8
				n := copy(set[:], rest)
				set[n], set[n+1] = p.a, p.b
				c.offer(short, set[:n+2]...)
			}
			i = p.next
		}
	}
}

// offer makes a set of places in sorted the best set, if its sum, which is the goal minus short, is allowed, no two
// members clash, it is not banned, and it is better than the best so far.
func (c *setFinder) offer(short int64, places ...uint8) {
	off := c.goal - c.target - short
	if off < c.least || off > c.most {
		return
	}
	var set [maxSet]uint8
	for i, k := range places {
		set[i] = c.order[k]
	}
	chosen := set[:len(places)]
	merit := c.merit(chosen, c.target+off)
	switch {
	case c.nearest:
		merit -= abs(off) * (offCost + 1)
	case c.dueFirst:
		merit = merit*offCost - abs(off)
	default:
		merit -= abs(off)
	}
	if c.bestN > 0 && merit < c.bestFor {
		return
	}
	for i, a := range chosen {
		for _, b := range chosen[i+1:] {
			if c.clash[a].has(int(b)) {
				return
			}
		}
	}
	slices.Sort(chosen)
	if len(c.banned) > 0 && c.ban(chosen) {
		return
	}
	if c.bestN == 0 || merit > c.bestFor || merit == c.bestFor && slices.Compare(chosen, c.best[:c.bestN]) < 0 {
		c.bestFor, c.bestOff = merit, off
		c.bestN = copy(c.best[:], chosen)
	}
}

// clashing reports whether two members of the set clash.
func (c *setFinder) clashing(set []int) bool {
	for i, a := range set {
		for _, b := range set[i+1:] {
			if c.clash[a].has(b) {
				return true
			}
		}
	}
	return false
}

func (c *setFinder) ban(sorted []uint8) bool {
	for _, b := range c.banned {
		if slices.Equal(sorted, b) {
			return true
		}
	}
	return false
}

// merit returns the merit of a set. It prefers overdue candidates, weighted by air time; then sets of few items, which
// leave short candidates for later closings that need them to fit long ones; and sets that take no candidate from far
// down the due order.
func (c *setFinder) merit(set []uint8, sum int64) int64 {
	var overdue int64
	var deepest uint8
	wide := int64(len(c.ms))
	few := c.dueFirst && len(c.ms) < fewCandidates
	for _, i := range set {
		due := wide - int64(i)
		if few {
			due *= due * due
		}
		overdue += due * c.ms[i]
		deepest = max(deepest, i)
	}
	if few {
		return overdue * 64 / max(sum, 1)
	}
	return overdue*64/max(sum, 1) - int64(len(set))*wide*itemCost - int64(deepest)*depthCost
}

// reachable reports whether the stride of the air times alone admits a sum within the allowed range.
func (c *setFinder) reachable() bool {
	g := c.stride()
	return (c.target+c.least+g-1)/g*g <= c.target+c.most
}

// stride returns the greatest common divisor of the candidates' air times. All sums are multiples of it.
func (c *setFinder) stride() int64 {
	var g int64
	for _, d := range c.ms {
		if g = gcd(g, d); g == 1 {
			break
		}
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
