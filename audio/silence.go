package audio

import "time"

// silences finds the intervals in which no channel reaches -60 dBFS, to the sample.
type silences struct {
	from  int64 // the first sample of the current silence
	at    int64 // samples so far
	spans []span
	total int
	rate  int64
}

const (
	silenceLevel = 0.001 // -60 dBFS
	maxSilences  = 1000
	minSilence   = 500 * time.Millisecond // inside
	minEdge      = 100 * time.Millisecond // at the head and at the tail
	longSilence  = 2 * time.Second        // worth a warning inside
	longEdge     = time.Second            // worth a warning at the head or at the tail
	quietLUFS    = -40.0                  // worth a warning below this; speech is at least 15 dB louder
	leastHeard   = 400 * time.Millisecond // the shortest audio with a measurable loudness
)

func newSilences(rate int) *silences { return &silences{rate: int64(rate)} }

func (s *silences) add(b *block) {
	if b.loudest() >= silenceLevel {
		first, last := loudEnds(b.pcm)
		s.close(s.at+int64(first), false)
		s.from = s.at + int64(last) + 1
	}
	s.at += int64(b.len())
}

// loudEnds returns the first and the last sample at which a channel is not silent.
func loudEnds(pcm [][]float32) (first, last int) {
	first, last = len(pcm[0]), -1
	for _, x := range pcm {
		for i, v := range x {
			if v >= silenceLevel || v <= -silenceLevel {
				first = min(first, i)
				break
			}
		}
		for i := len(x) - 1; i >= 0; i-- {
			if v := x[i]; v >= silenceLevel || v <= -silenceLevel {
				last = max(last, i)
				break
			}
		}
	}
	return first, last
}

// close ends the current silence at a sample, and keeps it if it is long enough.
func (s *silences) close(end int64, tail bool) {
	least := minSilence
	if s.from == 0 || tail {
		least = minEdge
	}
	if (end-s.from)*int64(time.Second) < int64(least)*s.rate {
		return
	}
	s.total++
	if len(s.spans) < maxSilences || tail {
		s.spans = append(s.spans, span{s.from, end})
	}
}

func (s *silences) facts(f *Facts) {
	s.close(s.at, true)
	var silent time.Duration
	defer func() { s.warnQuiet(f, silent) }()
	for _, p := range s.spans {
		start, end := samplesTime(p.from, f.SampleRate), samplesTime(p.to, f.SampleRate)
		f.Silences = append(f.Silences, Span{start, end})
		silent += end - start
		switch length := end - start; {
		case p.from == 0 && p.to == s.at:
			f.warn(WarnSilent, 0, "The whole recording is silent: check what was exported.")
		case p.from == 0 && length >= longEdge:
			f.warn(WarnHeadSilence, 0, "The recording starts with %s of silence.", seconds(length))
		case p.to == s.at && length >= longEdge:
			f.warn(WarnTailSilence, start, "The recording ends with %s of silence.", seconds(length))
		case p.from > 0 && p.to < s.at && length >= longSilence:
			f.warn(WarnSilence, start, "There is %s of silence at %s.", seconds(length), timeText(start))
		}
	}
}

// warnQuiet adds a warning if little or nothing of a recording is audible.
func (s *silences) warnQuiet(f *Facts, silent time.Duration) {
	switch {
	case silent >= f.Duration: // the whole recording, which has its own warning
	case f.IntegratedLUFS != nil && *f.IntegratedLUFS < quietLUFS:
		f.warn(WarnVeryQuiet, 0, "The recording is very quiet (%.1f LUFS): on air it is raised by a bounded gain only, and "+
			"will hardly be heard. Raise its level and export it again.", *f.IntegratedLUFS)
	case f.IntegratedLUFS == nil && f.Duration >= leastHeard:
		f.warn(WarnVeryQuiet, 0, "The recording is so quiet that its loudness cannot be measured (below -70 LUFS). Raise "+
			"its level and export it again.")
	case 5*silent > 4*f.Duration:
		f.warn(WarnMostlySilent, 0, "%s of %s are silent: check what was exported.", seconds(silent), seconds(f.Duration))
	}
}
