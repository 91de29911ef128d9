package made

import (
	"bufio"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"hash"
	"os"

	"github.com/mewkiz/flac"
	"github.com/mewkiz/flac/frame"
	"github.com/mewkiz/flac/meta"

	"lifeline/internal/delivery/form"
)

// flacBlock is the number of frames in a FLAC block.
const flacBlock = 4096

// md5Offset is where the MD5 of the samples stands in a FLAC file: after the marker, the header of the block, and 18
// bytes of the block. It is that of the interleaved samples as little-endian integers.
const md5Offset = 4 + 4 + 18

// flacFile writes a FLAC file whose header has the hash of the samples, unlike that of a file that is sent while it is
// rendered.
type flacFile struct {
	form.Coding
	file    *os.File
	out     *bufio.Writer
	encoder *flac.Encoder
	sum     hash.Hash
	held    []byte // samples that fill no block yet
}

func newFLACFile(file *os.File, c form.Coding, frames int64) (*flacFile, error) {
	w := &flacFile{Coding: c, file: file, out: bufio.NewWriter(file), sum: md5.New()}
	var err error
	w.encoder, err = flac.NewEncoder(w.out, &meta.StreamInfo{BlockSizeMin: flacBlock, BlockSizeMax: flacBlock,
		SampleRate: uint32(c.Rate), NChannels: uint8(c.Channels), BitsPerSample: 8 * form.SampleBytes,
		NSamples: uint64(frames)})
	if err != nil {
		return nil, fmt.Errorf("made: flac: %w", err)
	}
	return w, nil
}

// add writes samples of 16 bits.
func (w *flacFile) add(b []byte) error {
	w.sum.Write(b)
	w.held = append(w.held, b...)
	size := flacBlock * w.Channels * form.SampleBytes
	for len(w.held) >= size {
		if err := w.block(w.held[:size]); err != nil {
			return err
		}
		w.held = w.held[:copy(w.held, w.held[size:])]
	}
	return nil
}

func (w *flacFile) block(b []byte) error {
	n := len(b) / w.Channels / form.SampleBytes
	f := &frame.Frame{Header: frame.Header{HasFixedBlockSize: true, BlockSize: uint16(n), SampleRate: uint32(w.Rate),
		Channels: frame.ChannelsMono, BitsPerSample: 8 * form.SampleBytes}}
	if w.Channels == 2 {
		f.Channels = frame.ChannelsMidSide
	}
	for ch := range w.Channels {
		x := make([]int32, n)
		for i := range x {
			x[i] = int32(int16(binary.LittleEndian.Uint16(b[(i*w.Channels+ch)*form.SampleBytes:])))
		}
		f.Subframes = append(f.Subframes, &frame.Subframe{SubHeader: frame.SubHeader{Pred: frame.PredVerbatim}, NSamples: n,
			Samples: x}) // the encoder selects the best prediction
	}
	if err := w.encoder.WriteFrame(f); err != nil {
		return fmt.Errorf("made: flac: %w", err)
	}
	return nil
}

// end writes what is left, and the hash.
func (w *flacFile) end() error {
	if len(w.held) > 0 {
		if err := w.block(w.held); err != nil {
			return err
		}
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	_, err := w.file.WriteAt(w.sum.Sum(nil), md5Offset)
	return err
}
