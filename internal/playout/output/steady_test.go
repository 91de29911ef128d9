package output

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/playout/dsp"
)

// card is a sound card in simulated time: it takes a period at a time from the pipe, as soon as its buffer has room for
// it, and plays by a clock of its own.
type card struct {
	clock  float64 // seconds of its own in a second
	buffer float64 // seconds that it holds
	period float64
	pipe   float64 // seconds that wait in the pipe
	inside float64
	plays  bool
	empty  int // times that it ran dry
}

func (c *card) pass(seconds float64) {
	if c.plays {
		if c.inside -= seconds * c.clock; c.inside < 0 {
			c.empty++
			c.inside = 0
		}
	}
	for c.pipe >= c.period && c.inside+c.period <= c.buffer+1e-9 {
		c.pipe -= c.period
		c.inside += c.period
	}
	c.plays = c.plays || c.inside+c.period > c.buffer+1e-9
}

// A card whose clock is off by up to 100 millionths plays what starts at any time of the day within a millisecond of
// its instant, and the pitch changes by less than 0.02% in a second.
func TestOutputWithAClockOfItsOwnStaysInStep(t *testing.T) {
	const latency, block = 200 * time.Millisecond, 0.02
	length := 24 * time.Hour
	if testing.Short() {
		length = time.Hour
	}
	for _, off := range []float64{-100e-6, -20e-6, 0, 60e-6, 100e-6} {
		r := rand.New(rand.NewPCG(5, 6))
		look := 0.0 // until the next measure
		c := &card{clock: 1 + off, buffer: ownBuffer(latency).Seconds(), period: ownPeriod(latency).Seconds()}
		s, ratio := &steer{}, 1.0
		worst, slew, held, may := 0.0, 0.0, 0.0, c.buffer-c.period
		for i := 0; float64(i)*block < length.Seconds(); i++ {
			at := float64(i) * block
			playing := at >= latency.Seconds()-1e-9
			if playing && held > 0 {
				s.begin()
			}
			next := s.towards(ratio, block)
			slew = max(slew, math.Abs(next-ratio)/block)
			ratio = next
			held += block * ratio
			give := held
			if !playing {
				give = min(held, may)
				may -= give
			}
			held -= give
			c.pipe += give
			c.pass(0) // it is taken at once, where there is room
			// The block is heard when all before it has played; that is planned for when the latency is over.
			if playing {
				waits := (c.pipe + c.inside - block*ratio) / c.clock
				worst = max(worst, math.Abs(waits-latency.Seconds()))
			}
			for passed := 0.0; passed < block; {
				d := min(look, block-passed)
				c.pass(d)
				passed += d
				if look -= d; look <= 0 {
					s.note(time.Duration(c.pipe * float64(time.Second)))
					look = steerSample.Seconds()
					if at > steerSettles.Seconds() {
						look = steerLater.Seconds()
					}
					look += 0.0005 * r.ExpFloat64() // timers are late
				}
			}
		}
		t.Logf(
			"%+.0f millionths over %v: at most %.2f ms off, the pitch changes by at most %.4f%% in a second, "+
				"%d times dry, ratio at the end %+.1f millionths",
			off*1e6, length, worst*1e3, slew*100, c.empty, (ratio-1)*1e6)
		if worst > 1e-3 || slew > 200e-6 || c.empty > 0 {
			t.Error("that is not in step")
		}
	}
}

// What an output may be given before it is to play never fills its buffer; then everything comes, and nothing is lost.
func TestSteadyHoldsBackUntilTheOutputIsToPlay(t *testing.T) {
	const rate = dsp.Rate(48_000)
	s := newSteady(rate, 200*time.Millisecond)
	var wrote []float32
	sound := func(frame int) float32 { return float32(math.Sin(float64(frame) / 50)) }
	for i := range 20 {
		pcm := make([]float32, 960*dsp.Channels)
		for j := range pcm {
			pcm[j] = sound(i*960 + j/dsp.Channels)
		}
		wrote = append(wrote, s.feed(pcm)...)
		got := (i + 1) * 960
		want := got - dsp.StretchHalf
		if got <= 9600 {
			want = min(want, 3600) // three quarters of the output's own tenth of a second
		}
		if len(wrote)/dsp.Channels != want {
			t.Errorf("after %d frames %d were written, not %d", got, len(wrote)/dsp.Channels, want)
		}
	}
	for i := dsp.StretchHalf * dsp.Channels; i < len(wrote); i++ {
		if off := math.Abs(float64(wrote[i] - sound(i/dsp.Channels))); off > 1e-4 {
			t.Fatalf("frame %d is off by %v", i/dsp.Channels, off)
		}
	}
}

// What is played through aplay comes whole and in order to the process, which is told to buffer half of the latency;
// what waits in its pipe is measured.
func TestSoundCardGetsEverythingAndItsPipeIsMeasured(t *testing.T) {
	dir := t.TempDir()
	heard, told := filepath.Join(dir, "heard"), filepath.Join(dir, "told")
	script := fmt.Sprintf("#!/bin/sh\necho \"$@\" > %s\nread gate < %s.gate\nexec cat > %s\n", told, told, heard)
	if err := os.WriteFile(filepath.Join(dir, "aplay"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("mkfifo", told+".gate").Run(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	c := NewALSA("hw:1", 48_000, 205*time.Millisecond)
	sound := func(frame int) float32 { return float32(0.5 * math.Sin(float64(frame)/40)) }
	wrote := 0
	write := func() {
		pcm := make([]float32, 960*dsp.Channels)
		for i := range pcm {
			pcm[i] = sound(wrote + i/dsp.Channels)
		}
		if err := c.Write(Block{PCM: pcm}); err != nil {
			t.Fatal(err)
		}
		wrote += 960
	}
	for range 5 {
		write()
	}
	if waits, err := unread(c.stdin); err != nil || waits != 3600*wavFrame { // it reads nothing yet
		t.Errorf("%d bytes wait, %v", waits, err)
	}
	if err := os.WriteFile(told+".gate", []byte("go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 45 {
		write()
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(heard)
	if err != nil {
		t.Fatal(err)
	}
	if frames := len(b) / wavFrame; frames > wrote || frames < wrote-dsp.StretchHalf {
		t.Errorf("%d frames came of %d", frames, wrote)
	}
	for i := dsp.StretchHalf; i < len(b)/wavFrame; i++ {
		got := float64(int16(binary.LittleEndian.Uint16(b[i*wavFrame:]))) / 32768
		if off := math.Abs(got - float64(sound(i))); off > 1e-2*float64(i)/48_000+1e-4 { // the rate may have been steered
			t.Fatalf("frame %d is off by %v", i, off)
		}
	}
	said, err := os.ReadFile(told)
	if err != nil || !strings.Contains(string(said), "--buffer-time=100000 --period-time=25000") ||
		!strings.Contains(string(said), "-D hw:1") {
		t.Errorf("aplay was told %q, %v", said, err)
	}
}

func TestOutputThatPlaysTooFastForSteeringIsKnownByWhatWaits(t *testing.T) {
	for clock, want := range map[float64]bool{1: false, 1 + 300e-6: false, 1.03: true, 2: true} {
		latency, block := 200*time.Millisecond, 0.02
		c := &card{clock: clock, buffer: ownBuffer(latency).Seconds(), period: ownPeriod(latency).Seconds()}
		s, ratio := newSteady(48_000, latency).steer, 1.0
		c.pipe = latency.Seconds()
		s.begin()
		for range 3000 {
			ratio = s.towards(ratio, block)
			c.pipe += block * ratio
			for range 10 {
				c.pass(block / 10)
				s.note(time.Duration(c.pipe * float64(time.Second)))
			}
		}
		if s.fast() != want {
			t.Errorf("a clock %v times the right one: fast is %v", clock, s.fast())
		}
	}
}
