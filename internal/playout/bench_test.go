package playout

import (
	"io"
	"os"
	"testing"
	"time"

	"lifeline/audio"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// BenchmarkPlay decodes, resamples, limits and writes six seconds of a real recording; "%core" is the share of one core
// that playing it takes.
func BenchmarkPlay(b *testing.B) {
	for name, file := range map[string]string{"24kHz mono": "reading-ko-full-hana", "44.1kHz stereo": "ident-tone"} {
		b.Run(name, func(b *testing.B) {
			f, err := os.Open("../../audio/samples/" + file + ".mp3")
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				b.Fatal(err)
			}
			open := func(r io.ReaderAt, n int64) (Decoder, error) { return audio.Open(r, n) }
			length := 6 * time.Second
			it := wire.QueueItem{CueOut: schedules.Millis{Duration: length}, Duration: schedules.Millis{Duration: length},
				GainDB: -3}
			block := make([]float32, 960*dsp.Channels)
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				v, err := newItemReader(f, closer{}, info.Size(), open, &it, 48_000, 0)
				if err != nil {
					b.Fatal(err)
				}
				for v.pos < v.length {
					if err := v.Read(block); err != nil {
						b.Fatal(err)
					}
					out = output.AppendPCM16(out[:0], block)
				}
			}
			b.ReportMetric(100*b.Elapsed().Seconds()/float64(b.N)/length.Seconds(), "%core")
		})
	}
}
