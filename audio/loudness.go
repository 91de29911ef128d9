package audio

import "math"

// loudness measures programme loudness by ITU-R BS.1770-5, annex 1, and EBU R 128 with Tech 3341 (momentary,
// short-term and integrated loudness) and Tech 3342 (loudness range). Energies are summed over blocks of 10 ms: the
// momentary maximum is taken every 10 ms, gating blocks and short-term loudness every 100 ms.
type loudness struct {
	weights []float64 // of the channels: 1, or 1.41 for surrounds
	filters []*kFilter
	ring    [momentaryBlocks]energy // the last 400 ms
	tenths  [shortTermTenths]energy // the last 3 s
	blocks  int64                   // of 10 ms so far

	gating    loudnessHistogram // of 400 ms blocks
	shortTerm loudnessHistogram
	maxM      float64 // mean squares
	maxS      float64
}

const (
	momentaryBlocks = 40
	shortTermTenths = 30
	absoluteGate    = -70.0 // LUFS
)

// energy is a weighted sum of squares over a number of samples.
type energy struct {
	sum     float64
	samples int
}

func newLoudness(rate int, weights ...float64) *loudness {
	l := &loudness{weights: weights}
	for range weights {
		l.filters = append(l.filters, newKFilter(rate))
	}
	return l
}

// add measures one block of 10 ms.
func (l *loudness) add(b *block) {
	e := energy{samples: b.len()}
	if len(l.filters) == 2 {
		left, right := pairEnergy(l.filters[0], l.filters[1], b.pcm[0], b.pcm[1])
		e.sum = l.weights[0]*left + l.weights[1]*right
	} else {
		for i, f := range l.filters {
			e.sum += l.weights[i] * f.energy(b.pcm[i])
		}
	}
	l.ring[l.blocks%momentaryBlocks] = e
	l.blocks++
	full := l.blocks >= momentaryBlocks
	if full {
		l.maxM = max(l.maxM, meanSquare(l.ring[:]))
	}
	if l.blocks%10 != 0 {
		return
	}
	if full {
		l.gating.add(meanSquare(l.ring[:]))
	}
	var tenth energy
	for i := range int64(10) {
		e := l.ring[(l.blocks-10+i)%momentaryBlocks]
		tenth.sum += e.sum
		tenth.samples += e.samples
	}
	l.tenths[(l.blocks/10-1)%shortTermTenths] = tenth
	if l.blocks/10 >= shortTermTenths {
		s := meanSquare(l.tenths[:])
		l.maxS = max(l.maxS, s)
		l.shortTerm.add(s)
	}
}

func meanSquare(es []energy) float64 {
	var sum float64
	n := 0
	for _, e := range es {
		sum += e.sum
		n += e.samples
	}
	return sum / float64(n)
}

// facts writes the results. Each is nil if the audio is too short for it or silent.
func (l *loudness) facts(f *Facts) {
	f.MaxMomentaryLUFS, f.MaxShortTermLUFS = measured(lufs(l.maxM)), measured(lufs(l.maxS))
	f.IntegratedLUFS = measured(lufs(l.gating.gatedMean(-10)))
	f.RangeLU = l.shortTerm.rangeLU()
}

// lufs returns the loudness of a weighted mean square (BS.1770-5, annex 1, equation 2); minus infinity for 0.
func lufs(meanSquare float64) float64 { return -0.691 + 10*math.Log10(meanSquare) }

// measured returns a pointer to v, or nil if v is below the absolute gate or not a number, so that there is nothing to
// measure.
func measured(v float64) *float64 {
	if math.IsNaN(v) || v <= absoluteGate {
		return nil
	}
	return &v
}
