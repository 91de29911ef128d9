package planner

import "testing"

// FuzzClosing compares the closer with every subset: no better residual exists, and the set that it finds adds up.
func FuzzClosing(f *testing.F) {
	f.Add([]byte{10, 20, 30, 40, 50, 60, 70, 80}, uint16(130))
	f.Add([]byte{7, 7, 7, 9, 13}, uint16(22))
	f.Fuzz(func(t *testing.T, lengths []byte, target uint16) {
		if len(lengths) == 0 || len(lengths) > 9 {
			return
		}
		c := &setFinder{target: int64(target), clash: make([]bits256, len(lengths))}
		for i, n := range lengths {
			c.ms = append(c.ms, int64(n)+1)
			if i > 0 && n%5 == 0 { // some clash with the previous one
				c.clash[i].set(i - 1)
				c.clash[i-1].set(i)
			}
		}
		for _, slack := range []int64{0, 1, 20} {
			c.least, c.most, c.nearest = -slack, slack, slack == 20
			set, off := c.find()
			exists, nearest := false, slack
			for bits := 1; bits < 1<<len(lengths); bits++ {
				var some []int
				var sum int64
				for i := range lengths {
					if bits>>i&1 != 0 {
						some = append(some, i)
						sum += c.ms[i]
					}
				}
				if len(some) <= maxSet && !c.clashing(some) && abs(sum-c.target) <= slack {
					exists = true
					nearest = min(nearest, abs(sum-c.target))
				}
			}
			if c.nearest && exists && abs(off) != nearest {
				t.Fatalf("%d off, and a set is %d off", off, nearest)
			}
			if exists != (len(set) > 0) {
				t.Fatalf("slack %d: found %v, and one exists: %v", slack, set, exists)
			}
			var sum int64
			for _, i := range set {
				sum += c.ms[i]
			}
			if len(set) > 0 && (sum != c.target+off || abs(off) > slack) {
				t.Fatalf("%v adds up to %d, said to be %d off %d", set, sum, off, c.target)
			}
		}
		table := subsetSums(c.ms, 200, c.stride())
		for total := range int64(200) {
			exists := total == 0
			for bits := 1; bits < 1<<len(lengths) && !exists; bits++ {
				var sum int64
				for i := range lengths {
					if bits>>i&1 != 0 {
						sum += c.ms[i]
					}
				}
				exists = sum == total
			}
			if table.has(total) != exists {
				t.Fatalf("total %d: table says %v", total, !exists)
			}
			if exists {
				var sum int64
				for _, i := range table.set(total, c.ms) {
					sum += c.ms[i]
				}
				if sum != total {
					t.Fatalf("the set of %d adds up to %d", total, sum)
				}
			}
		}
	})
}
