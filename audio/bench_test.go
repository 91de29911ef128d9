package audio

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hajimehoshi/go-mp3"
)

// The two files of the speed figures: the programme repeated for ten minutes.
var (
	stereo128 = sync.OnceValue(func() []byte { return tenMinutes("stereo", "-m", "s", "-b", "128", "--resample", "44.1") })
	mono48    = sync.OnceValue(func() []byte { return tenMinutes("mono", "-m", "m", "-b", "48", "--resample", "24") })
)

func tenMinutes(name string, args ...string) []byte {
	wav, out := filepath.Join(workDir, "long.wav"), filepath.Join(workDir, name+".mp3")
	if _, e, err := try("sox", programme(), wav, "repeat", "85", "trim", "0", "600"); err != nil {
		panic(string(e))
	}
	if _, e, err := try("lame", append(append([]string{"--quiet"}, args...), wav, out)...); err != nil {
		panic(string(e))
	}
	return contents(panics{}, out)
}

// panics is a testing.TB for values that are built once, outside any test.
type panics struct{ testing.TB }

func (panics) Helper()           {}
func (panics) Fatal(args ...any) { panic(args) }

func BenchmarkAnalyseStereo128(b *testing.B) { benchmarkAnalyse(b, stereo128(), 0) }
func BenchmarkAnalyseMono48(b *testing.B)    { benchmarkAnalyse(b, mono48(), 0) }

func benchmarkAnalyse(b *testing.B, file []byte, workers int) {
	b.ResetTimer()
	for range b.N {
		if _, err := Analyse(context.Background(), bytes.NewReader(file), Options{Workers: workers}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(600*float64(b.N)/b.Elapsed().Seconds(), "times-real-time")
}

func BenchmarkBareDecodeStereo128(b *testing.B) { benchmarkBare(b, stereo128()) }
func BenchmarkBareDecodeMono48(b *testing.B)    { benchmarkBare(b, mono48()) }

func benchmarkBare(b *testing.B, file []byte) {
	b.ResetTimer()
	for range b.N {
		d, err := mp3.NewDecoder(struct{ io.Reader }{bytes.NewReader(file)})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, d); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(600*float64(b.N)/b.Elapsed().Seconds(), "times-real-time")
}

// BenchmarkMeasureStereo measures the analysers alone, on decoded stereo.
func BenchmarkMeasureStereo(b *testing.B) { benchmarkMeasure(b, stereo128()) }
func BenchmarkMeasureMono(b *testing.B)   { benchmarkMeasure(b, mono48()) }

func benchmarkMeasure(b *testing.B, file []byte) {
	pcm := sequential(b, file[:len(file)/10], 0)
	h, _ := parseHeader(file)
	b.ResetTimer()
	for range b.N {
		m := newMeasurement(h, timeline{})
		m.add(&chunk{pcm: pcm})
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(len(pcm[0])), "ns/sample")
	b.ReportMetric(60*float64(b.N)/b.Elapsed().Seconds(), "times-real-time")
}
