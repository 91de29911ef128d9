package render

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"

	"github.com/mewkiz/flac"
	"github.com/mewkiz/flac/frame"
	"github.com/mewkiz/flac/meta"
	"golang.org/x/sync/errgroup"

	"lifeline/internal/playout"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
)

// wavSink writes samples into a file, after a header for all of them.
type wavSink struct {
	file  *os.File
	head  int64
	ready func(through int64)
}

// begin writes the header of a WAV file.
func (w *wavSink) begin(rate dsp.Rate, frames int64) error {
	header := output.WAVHeader(rate, frames)
	w.head = int64(len(header))
	if _, err := w.file.WriteAt(header, 0); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	w.ready(w.head)
	return nil
}

// Put writes samples at their position.
func (w *wavSink) Put(from int64, pcm []byte) error {
	if _, err := w.file.WriteAt(pcm, w.head+from*frameBytes); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	return nil
}

// Final reports that the bytes before frame are final.
func (w *wavSink) Final(from int64) { w.ready(w.head + from*frameBytes) }

// flacBlock is the number of frames in a FLAC block.
const flacBlock = 4096

// encodeFLAC renders into a temporary file of its own and encodes the final samples of it.
//
// The stream's header omits the MD5 of the samples, which is unknown when the first bytes are sent, because all
// requests must get the same bytes; every block has a CRC. The header does state the number of samples.
func (t *render) encodeFLAC(ctx context.Context, r *playout.Rendering, file *os.File) (problems []string, err error) {
	samples, err := t.renderer.part()
	if err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	final := make(chan int64, 1)
	sink := &wavSink{file: samples, ready: func(through int64) {
		select { // only the latest value matters
		case <-final:
		default:
		}
		final <- through / frameBytes
	}}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		problems, err = r.Run(ctx, sink, runtime.GOMAXPROCS(0))
		return err
	})
	g.Go(func() error { return t.encode(ctx, samples, file, final) })
	err = g.Wait()
	if gone := t.renderer.discard(samples); err == nil {
		err = gone
	}
	return problems, err
}

// encode writes the FLAC file from samples as they become final.
func (t *render) encode(ctx context.Context, samples, file *os.File, final <-chan int64) error {
	var out bytes.Buffer
	rate := uint32(t.renderer.opt.Rate)
	enc, err := flac.NewEncoder(&out, &meta.StreamInfo{BlockSizeMin: flacBlock, BlockSizeMax: flacBlock, SampleRate: rate,
		NChannels: 2, BitsPerSample: 16, NSamples: uint64(t.frames)})
	if err != nil {
		return fmt.Errorf("render: flac: %w", err)
	}
	written, read := int64(0), int64(0)
	flush := func() error {
		n, err := file.Write(out.Bytes())
		out.Reset()
		written += int64(n)
		if err != nil {
			return fmt.Errorf("render: %w", err)
		}
		t.advance(written)
		return nil
	}
	if err := flush(); err != nil {
		return err
	}
	pcm := make([]byte, flacBlock*frameBytes)
	left, right := make([]int32, flacBlock), make([]int32, flacBlock)
	for upTo := int64(0); read < t.frames; {
		n := min(flacBlock, t.frames-read)
		for upTo < read+n {
			select {
			case upTo = <-final:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if _, err := samples.ReadAt(pcm[:n*frameBytes], read*frameBytes); err != nil {
			return fmt.Errorf("render: %w", err)
		}
		for i := range n {
			left[i] = int32(int16(binary.LittleEndian.Uint16(pcm[i*frameBytes:])))
			right[i] = int32(int16(binary.LittleEndian.Uint16(pcm[i*frameBytes+2:])))
		}
		// Mid and side: for mono audio the side channel is zero.
		if err := enc.WriteFrame(&frame.Frame{
			Header: frame.Header{
				HasFixedBlockSize: true,
				BlockSize:         uint16(n),
				SampleRate:        rate,
				Channels:          frame.ChannelsMidSide,
				BitsPerSample:     16,
			},
			Subframes: []*frame.Subframe{subframe(left[:n]), subframe(right[:n])},
		}); err != nil {
			return fmt.Errorf("render: flac: %w", err)
		}
		if err := flush(); err != nil {
			return err
		}
		read += n
	}
	return nil
}

// subframe returns one channel; the encoder selects the best prediction.
func subframe(samples []int32) *frame.Subframe {
	return &frame.Subframe{SubHeader: frame.SubHeader{Pred: frame.PredVerbatim}, NSamples: len(samples), Samples: samples}
}
