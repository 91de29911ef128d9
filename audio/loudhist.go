package audio

// loudnessHistogram holds any number of loudness values above the absolute gate in constant memory: a count for each
// hundredth of a LU, and the exact sum of their energies. The histogram rounds only the position of the relative gate.
type loudnessHistogram struct {
	bins []loudnessBin
}

type loudnessBin struct {
	n   int64
	sum float64 // of mean squares
}

const (
	binsPerLU    = 100
	loudnessBins = 90 * binsPerLU // from the absolute gate up to +20 LUFS
	rangeGate    = -20            // LU, Tech 3342
	rangeLow     = 0.10
	rangeHigh    = 0.95
)

func (h *loudnessHistogram) add(meanSquare float64) {
	v := lufs(meanSquare)
	if !(v > absoluteGate) {
		return
	}
	if h.bins == nil {
		h.bins = make([]loudnessBin, loudnessBins)
	}
	b := &h.bins[min(int((v-absoluteGate)*binsPerLU), loudnessBins-1)]
	b.n++
	b.sum += meanSquare
}

// gate returns the first bin above the relative gate, which lies that many LU from the mean of all values.
func (h *loudnessHistogram) gate(relative float64) int {
	var all loudnessBin
	for _, b := range h.bins {
		all.n += b.n
		all.sum += b.sum
	}
	if all.n == 0 {
		return len(h.bins)
	}
	threshold := lufs(all.sum/float64(all.n)) + relative
	i := max(0, int((threshold-absoluteGate)*binsPerLU))
	if b := h.bins[i]; b.n > 0 && lufs(b.sum/float64(b.n)) <= threshold {
		i++ // the bin that contains the gate belongs to the side of its own mean
	}
	return i
}

// gatedMean returns the mean of the values above the relative gate (BS.1770-5, annex 1, equations 5 to 7), or 0 if
// there is none.
func (h *loudnessHistogram) gatedMean(relative float64) float64 {
	var kept loudnessBin
	for _, b := range h.bins[h.gate(relative):] {
		kept.n += b.n
		kept.sum += b.sum
	}
	if kept.n == 0 {
		return 0
	}
	return kept.sum / float64(kept.n)
}

// rangeLU returns the loudness range (EBU Tech 3342, 2.1): from the 10th to the 95th percentile of the gated short-term
// loudness. It returns nil if there is no short-term loudness.
func (h *loudnessHistogram) rangeLU() *float64 {
	from := h.gate(rangeGate)
	var n int64
	for _, b := range h.bins[from:] {
		n += b.n
	}
	if n == 0 {
		return nil
	}
	v := (h.percentile(from, n, rangeHigh) - h.percentile(from, n, rangeLow)) / binsPerLU
	return &v
}

// percentile returns the loudness of the bin that holds the value of rank p among the n values from a bin on.
func (h *loudnessHistogram) percentile(from int, n int64, p float64) float64 {
	rank := int64(float64(n-1)*p + 0.5)
	for i, b := range h.bins[from:] {
		if rank -= b.n; rank < 0 {
			return float64(from + i)
		}
	}
	return float64(len(h.bins) - 1)
}
