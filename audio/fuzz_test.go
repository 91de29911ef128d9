package audio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
)

// seeds returns small files to mutate: all versions, modes and kinds of tag, with a few frames each.
var seeds = sync.OnceValue(func() [][]byte {
	var out [][]byte
	short := filepath.Join(workDir, "short.wav")
	if _, e, err := try("sox", programme(), short, "trim", "2", "0.15"); err != nil {
		panic(string(e))
	}
	for i, args := range [][]string{
		{"-b", "128"}, {"-b", "320", "-m", "s"}, {"-V", "5", "-p"}, {"-b", "32", "-m", "m", "--resample", "22.05"},
		{"-b", "8", "-m", "s", "--resample", "24"}, {"-b", "48", "-m", "j", "--resample", "16"}, {"-b", "16", "-m", "m",
			"--resample", "11.025"},
		{"-b", "64", "-m", "s", "--resample", "12"}, {"-b", "40", "-m", "m", "--resample", "32", "-t"},
		{"--resample", "8", "-b", "8"},
	} {
		path := filepath.Join(workDir, fmt.Sprintf("seed%d.mp3", i))
		if _, e, err := try("lame", append(append([]string{"--quiet"}, args...), short, path)...); err != nil {
			panic(string(e))
		}
		b, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		out = append(out, b)
	}
	for _, wrap := range wrappings() {
		if b := wrap(out[3]); len(b) < 10000 {
			out = append(out, b)
		}
	}
	if first, ok := parseHeader(out[3]); ok {
		out = append(out, commented(out[3][first.Size():], "iTunSMPB", smpb(576, 1152, 576*5)))
	}
	// Inputs that are known to make go-mp3 panic.
	return append(out,
		[]byte("\xff\xf3\x17\xf1\xae\xf4\x21\x3a\x3f\xd5\xa8\x04\xf0\xa5\xda\x40\x4e\x73\xa7\xdf\xff\xd9\x1f\x2f\xff\xff\xff\x97\x5f"))
})

// mutate derives an input from the seeds.
func mutate(r *rand.Rand, seeds [][]byte) []byte {
	b := bytes.Clone(seeds[r.IntN(len(seeds))])
	for range 1 + r.IntN(6) {
		if len(b) < 8 {
			return b
		}
		at := r.IntN(len(b))
		n := min(1+r.IntN(64), len(b)-at)
		switch r.IntN(11) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = byte(r.Uint32())
		case 2:
			for i := range b[at : at+n] {
				b[at+i] = byte(r.Uint32())
			}
		case 3:
			b = b[:at]
		case 4:
			b = append(b[:at], b[at+n:]...)
		case 5:
			b = append(b[:at:at], append(bytes.Clone(b[at:at+n]), b[at:]...)...)
		case 6:
			other := seeds[r.IntN(len(seeds))]
			b = append(b[:at:at], other[r.IntN(len(other)):]...)
		case 7:
			clear(b[at : at+n])
		case 8: // header fields
			if i := bytes.IndexByte(b[at:], 0xFF); i >= 0 && at+i+4 <= len(b) {
				b[at+i+1+r.IntN(3)] = byte(r.Uint32())
			}
		case 9: // side information
			if i := bytes.IndexByte(b[at:], 0xFF); i >= 0 && at+i+40 <= len(b) {
				for range 1 + r.IntN(8) {
					b[at+i+4+r.IntN(36)] = byte(r.Uint32())
				}
			}
		default:
			for i := range b[at : at+n] {
				b[at+i] = 0xFF
			}
		}
	}
	if len(b) > 8<<10 {
		b = b[:8<<10]
	}
	return b
}

// An entry is an entry point of the package.
type entry int

const (
	intoUnits entry = iota // frames, tags and units: everything except go-mp3
	intoFacts
	intoPCM
	entries
)

// feedAll feeds b to an entry and fails if an invariant is broken.
func feedAll(b []byte, e entry) error {
	switch e {
	case intoUnits:
		fr := &framer{scan: NewScanner(bytes.NewReader(b))}
		if err := fr.open(); err != nil {
			return acceptable(err)
		}
		var c chunk
		for {
			more, err := fr.fill(&c, 64)
			if err != nil {
				return acceptable(err)
			}
			if !more {
				break
			}
		}
		readTags(&fr.scan.tags)
	case intoFacts:
		f, err := Analyse(context.Background(), bytes.NewReader(b), Options{Workers: 1})
		if err != nil {
			return acceptable(err)
		}
		if f.Samples <= 0 || f.Duration <= 0 || f.CueOut < f.CueIn || f.CueOut > f.Duration {
			return fmt.Errorf("facts make no sense: %+v", f)
		}
		if err := Report(io.Discard, f); err != nil {
			return err
		}
	case intoPCM:
		r, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return acceptable(err)
		}
		buf := make([]float32, 4096)
		for range 2 {
			if _, err := r.Read(buf); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if err := r.SeekTo(r.Samples() * int64(b[len(b)/2]) / 256); err != nil {
				return err
			}
		}
	}
	return nil
}

// acceptable returns nil for a rejection, which is a valid answer to foreign bytes, and otherwise err.
func acceptable(err error) error {
	var r *Rejection
	if errors.As(err, &r) && r.Code != "" && r.Message != "" {
		return nil
	}
	return err
}

func FuzzEverything(f *testing.F) {
	for _, s := range seeds() {
		for e := range entries {
			f.Add(s, byte(e))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, e byte) {
		if err := feedAll(b, entry(e)%entries); err != nil {
			t.Error(err)
		}
	})
}

// TestMutatedInputsNeitherPanicNorHangNorHoard feeds ten thousand mutated inputs to the package, or ten million with
// LIFELINE_PROVE=fuzz. LIFELINE_INPUTS sets another number, LIFELINE_SEED another seed.
func TestMutatedInputsNeitherPanicNorHangNorHoard(t *testing.T) {
	longform.Only(t)
	inputs := 10_000
	if prove("fuzz") {
		inputs = 10_000_000
	}
	total := int64(longform.Inputs(t, inputs))
	seed, _ := strconv.ParseUint(os.Getenv("LIFELINE_SEED"), 10, 64)
	seeds := seeds()
	var next, bytesIn, slowest atomic.Int64
	var alone sync.RWMutex // locked exclusively by the input whose allocations are counted
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := next.Add(1); n <= total && !t.Failed(); n = next.Add(1) {
				r := rand.New(rand.NewPCG(seed, uint64(n)))
				b := mutate(r, seeds)
				bytesIn.Add(int64(len(b)))
				// Decoding is a hundred times slower than the rest and is go-mp3's work, so it gets fewer and shorter inputs.
				e := max(intoUnits, entry(r.IntN(40)-37))
				if e != intoUnits && r.IntN(4) > 0 {
					b = b[:min(len(b), 1024)]
				}
				count := n%64 == 0
				took, allocated, err := feedTimed(b, e, count, &alone)
				// A frame of 24 bytes is 2,304 bytes of PCM, and go-mp3 allocates 40 kB for it.
				hoards := func() bool { return count && allocated > 4<<20+4096*uint64(len(b)) }
				for try := 0; try < 5 && (took > time.Second || hoards()); try++ {
					// Further attempts distinguish a slow input from a busy machine, and its allocations from those that the runtime
					// counts late.
					took2, allocated2, _ := feedTimed(b, e, true, &alone)
					took, allocated = min(took, took2), min(allocated, allocated2)
				}
				slowest.Store(max(slowest.Load(), int64(took)))
				if err != nil || took > time.Second || hoards() {
					name := filepath.Join(os.TempDir(), fmt.Sprintf("lifeline-input-%d", n))
					t.Errorf("input %d of %d bytes (kept as %s): %v, %v, %d bytes allocated", n, len(b), name, err, took, allocated)
					if err := os.WriteFile(name, b, 0o600); err != nil {
						t.Error(err)
					}
				}
			}
		}()
	}
	wg.Wait()
	t.Logf("%d inputs, %d bytes; slowest %v", min(total, next.Load()), bytesIn.Load(), time.Duration(slowest.Load()))
}

// feedTimed calls feedAll and returns its panics as errors, its duration, and, if count is set, its allocations.
func feedTimed(b []byte, e entry, count bool, alone *sync.RWMutex) (took time.Duration, allocated uint64, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var before uint64
	if count {
		alone.Lock()
		defer alone.Unlock()
		metrics.Read(sample)
		before = sample[0].Value.Uint64()
	} else {
		alone.RLock()
		defer alone.RUnlock()
	}
	start := time.Now()
	err = feedAll(b, e)
	took = time.Since(start)
	if count {
		metrics.Read(sample)
		allocated = sample[0].Value.Uint64() - before
	}
	return took, allocated, err
}
