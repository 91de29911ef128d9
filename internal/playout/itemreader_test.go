package playout

import (
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"lifeline/internal/playout/dsp"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// synth is a Decoder of a function of time.
type synth struct {
	rate, channels int
	samples, at    int64
	tone           func(frame int64, channel int) float64
}

func (s *synth) SampleRate() int { return s.rate }
func (s *synth) Channels() int   { return s.channels }
func (s *synth) Samples() int64  { return s.samples }

func (s *synth) SeekTo(n int64) error { s.at = n; return nil }

func (s *synth) Read(dst []float32) (int, error) {
	n := min(int64(len(dst)/s.channels), s.samples-s.at, 1152)
	if n == 0 && len(dst) > 0 {
		return 0, io.EOF
	}
	for i := range n {
		for c := range s.channels {
			dst[int(i)*s.channels+c] = float32(s.tone(s.at+i, c))
		}
	}
	s.at += n
	return int(n), nil
}

type closer struct{}

func (closer) Close() error { return nil }

func voiceOf(t *testing.T, d *synth, it wire.QueueItem, offset int64) *itemReader {
	t.Helper()
	v, err := newItemReader(nil, closer{}, 0, func(io.ReaderAt, int64) (Decoder, error) { return d, nil }, &it, 48000,
		offset)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVoiceRejoinsAtTheVerySampleAndEndsAtItsCue(t *testing.T) {
	d := func() *synth {
		return &synth{rate: 24000, channels: 1, samples: 24000 * 20, tone: func(n int64, _ int) float64 {
			return 0.9 * math.Sin(float64(n)*float64(n)/1e6)
		}}
	}
	it := wire.QueueItem{CueIn: schedules.Ms(120), CueOut: schedules.Ms(9_453), Duration: schedules.Ms(9_333),
		FadeOut: schedules.Ms(500), GainDB: 6}
	whole := make([]float32, 2*(9_333*48+1000))
	v := voiceOf(t, d(), it, 0)
	if err := v.Read(whole); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{1, 4_801, 100_000, 9_333*48 - 5} {
		part := make([]float32, 2*500)
		if err := voiceOf(t, d(), it, offset).Read(part); err != nil {
			t.Fatal(err)
		}
		for i, x := range part {
			if diff := math.Abs(float64(x - whole[2*offset+int64(i)])); diff > 1.0/32768 {
				t.Fatalf("rejoined at %d, sample %d is %v off", offset, i, diff)
			}
		}
	}
	for i, x := range whole[2*9_333*48:] {
		if x != 0 {
			t.Fatalf("sample %d after cue out is %v", i, x)
		}
	}
	loudest := 0.0
	for _, x := range whole[2*(9_333*48-200) : 2*9_333*48] {
		loudest = max(loudest, math.Abs(float64(x)))
	}
	if loudest > 0.01 {
		t.Errorf("the fade ends at %v", loudest)
	}
	if v.left() != 0 {
		t.Errorf("%d frames are left", v.left())
	}
}

func TestRecordingShorterThanItsCuesIsRefusedOnlyBeyondItsEnd(t *testing.T) {
	it := wire.QueueItem{CueOut: schedules.Ms(5_000), Duration: schedules.Ms(5_000)}
	d := &synth{rate: 48000, channels: 2, samples: 48000, tone: hum(0.5)}
	if v := voiceOf(t, d, it, 0); v.left() != int64(dsp.Rate(48000).Frames(time.Second)) {
		t.Errorf("%d frames are left", v.left())
	}
	open := func(io.ReaderAt, int64) (Decoder, error) { return d, nil }
	if _, err := newItemReader(nil, closer{}, 0, open, &it, 48000, 48000); err == nil {
		t.Error("joined beyond the recording's end")
	}
}

func TestGainOutOfBoundsIsHeldWithinThem(t *testing.T) {
	for _, gain := range [][2]float64{{44.9, schedules.MostGain}, {400, schedules.MostGain}, {-300, schedules.LeastGain}} {
		var heard [2][]float32
		for i, db := range gain {
			it := wire.QueueItem{CueOut: schedules.Ms(1000), Duration: schedules.Ms(1000), GainDB: db}
			heard[i] = make([]float32, 2*4800)
			if err := voiceOf(t, &synth{rate: 48000, channels: 1, samples: 48000, tone: hum(0.01)}, it,
				0).Read(heard[i]); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(heard[0], heard[1]) {
			t.Errorf("%v dB does not sound as %v dB", gain[0], gain[1])
		}
	}
}

// hum is a tone of 440 Hz at 48 kHz.
func hum(amplitude float64) func(int64, int) float64 {
	return func(n int64, _ int) float64 { return amplitude * math.Sin(2*math.Pi*440*float64(n)/48_000) }
}
