// Package made makes a rendered window into the file of a contract: length, level, codec, chunks and tags. What it made
// it decodes and measures again.
package made

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"lifeline/audio"
	"lifeline/internal/delivery/form"
	"lifeline/internal/fault"
	"lifeline/internal/playout/dsp"
)

// Options configures a Coder. Tools and AtOnce are required.
type Options struct {
	Tools   Tools
	AtOnce  int    // files that are made at the same time
	Version string // of the program, for the metadata of files
	Now     func() time.Time
}

// Coder makes files. It is safe for concurrent use.
type Coder struct {
	opt     Options
	running chan struct{}
}

// NewCoder returns a Coder.
func NewCoder(opt Options) *Coder {
	return &Coder{opt: opt, running: make(chan struct{}, opt.AtOnce)}
}

// Finished is a file that was made and checked, and what goes beside it.
type Finished struct {
	Name     string // of the file
	Path     string // where it lies
	Sums     form.Sums
	Measured form.Measured
	Beside   map[string][]byte // sidecars by name
}

// Order asks for the file of one airing.
type Order struct {
	Contract form.Contract
	Occasion form.Occasion
	Window   *RenderedWindow
	Rundown  []form.CueLine // for a contract with a rundown
}

// Make makes a file in a folder, whose other files it leaves alone. It fails with Invalid if the window is longer or
// shorter than the contract takes or is silent, with Unavailable if a program is missing, and with Unsatisfiable if no
// level keeps both the loudness and the peak of the contract.
func (m *Coder) Make(ctx context.Context, dir string, o Order) (f *Finished, err error) {
	c := o.Contract
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := m.opt.Tools.Lacks(c.Audio); err != nil {
		return nil, err
	}
	slot := o.Occasion.EndAt.Sub(o.Occasion.StartAt)
	if got := o.Window.Length(); !c.Length.Takes(got, slot) {
		return nil, fault.New(fault.Invalid, "the window lasts %v, and for a slot of %v the contract %s takes %s: plan that",
			got, slot, c.ID, takes(c.Length, slot))
	}
	name, err := c.FileName(o.Occasion)
	if err != nil {
		return nil, err
	}
	select {
	case m.running <- struct{}{}:
		defer func() { <-m.running }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	path, err := filepath.Abs(filepath.Join(dir, name)) // no program takes it for a flag
	if err != nil {
		return nil, err
	}
	p := &pressing{Coder: m, Order: o, path: path}
	if err := p.levelled(ctx); err != nil {
		return nil, errors.Join(err, discard(p.path))
	}
	f = &Finished{Name: name, Path: p.path, Measured: p.measured}
	if f.Sums, err = sum(p.path); err == nil {
		f.Beside, err = c.Beside(name, o.Occasion, f.Sums, f.Measured, o.Rundown)
	}
	if err != nil {
		return nil, errors.Join(err, discard(p.path))
	}
	return f, nil
}

func takes(l form.Length, slot time.Duration) string {
	if l.AtLeast {
		return fmt.Sprintf("at most %v", l.Programme(slot))
	}
	return l.Programme(slot).String()
}

func discard(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func sum(path string) (form.Sums, error) {
	file, err := os.Open(path)
	if err != nil {
		return form.Sums{}, err
	}
	defer file.Close()
	return form.Sum(file)
}

// pressing is one file in the making.
type pressing struct {
	*Coder
	Order
	path     string
	measured form.Measured // of the file, as decoded
	frames   int64         // of the file, as decoded
}

// The level of a file is found in rounds: an encoder changes peaks, and a limiter the loudness.
const (
	rounds     = 6
	nearLU     = 0.05 // from the loudness of the contract, at which a round is good
	withinLU   = 0.1  // from it, which the last round must reach
	usualPeak  = -1.0 // dBTP, where a contract names none
	firstSpare = 0.1  // dB below the peak of the contract, for other meters
	lossySpare = 0.5  // the same, before a codec that adds to peaks
	mostGain   = 40.0 // dB
	leastSlope = 0.1
)

// levelled makes the file at the level of its contract.
func (p *pressing) levelled(ctx context.Context) error {
	c := p.Contract
	rate := dsp.Rate(c.Audio.Rate)
	h := shape{Coding: c.Audio, leadIn: rate.Frames(c.Length.LeadIn.Duration), tail: rate.Frames(c.Length.Tail.Duration),
		gain: 1}
	meter := audio.NewPCMMeter(h.Rate, h.Channels)
	err := p.Window.convert(ctx, h, func(pcm []float32) error {
		meter.Add(planes(pcm, h.Channels))
		return nil
	})
	if err != nil {
		return err
	}
	loudness, _ := meter.Result()
	if loudness == nil {
		return fault.New(fault.Invalid, "the window is silent: nothing of it was made")
	}
	gain, peak, spare := 0.0, usualPeak, firstSpare // dB
	if c.Level.Target != nil {
		gain = *c.Level.Target - *loudness
	}
	if c.Level.Peak != nil {
		peak = *c.Level.Peak
	}
	if c.Audio.Codec.Lossy() {
		spare = lossySpare
	}
	slope, before := 1.0, math.NaN() // LU of the file for each dB of gain: less than 1 where the limiter works
	for range rounds {
		if math.Abs(gain) > mostGain {
			break
		}
		h.gain, h.ceiling = math.Pow(10, gain/20), math.Pow(10, (peak-spare)/20)
		if err := p.once(ctx, h); err != nil {
			return err
		}
		off, over := p.miss(peak)
		if math.Abs(off) <= nearLU && over <= 0 {
			return nil
		}
		if moved := before - off; moved != 0 && !math.IsNaN(moved) {
			slope = max(leastSlope, min(1, slope*moved/before))
		}
		gain -= off / slope
		before = off
		if over > 0 {
			spare += over + firstSpare
		}
	}
	if off, over := p.miss(peak); p.measured.IntegratedLUFS == nil || math.Abs(off) > withinLU || over > 0 {
		return fault.New(fault.Unsatisfiable, "no level of this window has both the loudness and the true peak of the "+
			"contract %s (%.1f dBTP): it is %.1f LU and %.1f dB from them", c.ID, peak, off, over)
	}
	return nil
}

// miss returns how far the file is from the loudness of the contract, and over its peak.
func (p *pressing) miss(peak float64) (off, over float64) {
	over = math.Inf(-1)
	if got := p.measured.TruePeakDBTP; got != nil {
		over = *got - peak
	}
	if target, got := p.Contract.Level.Target, p.measured.IntegratedLUFS; target != nil && got != nil {
		off = *got - *target
	}
	return off, over
}

// once makes the file at one level, and measures it.
func (p *pressing) once(ctx context.Context, h shape) error {
	frames := h.frames(p.Window)
	meter := audio.NewPCMMeter(h.Rate, h.Channels)
	p.frames = 0
	hear := func(pcm []float32) {
		p.frames += int64(len(pcm) / h.Channels)
		meter.Add(planes(pcm, h.Channels))
	}
	var err error
	switch h.Codec {
	case form.WAV:
		err = p.uncoded(ctx, h, frames, hear)
	case form.FLAC:
		err = p.flac(ctx, h, frames, hear)
	default:
		err = p.encoded(ctx, h, frames, hear)
	}
	if err != nil {
		return err
	}
	if off := p.frames - frames; max(off, -off) > int64(h.FrameSamples()) || !h.Codec.Lossy() && off != 0 {
		return fault.New(fault.Damaged, "the file that was made has %d samples for each channel, and not %d", p.frames,
			frames)
	}
	p.measured = form.Measured{Length: dsp.Rate(h.Rate).Duration(frames)}
	p.measured.IntegratedLUFS, p.measured.TruePeakDBTP = meter.Result()
	if h.Codec == form.WAV {
		return p.write(0, func(file *os.File) error { return p.head(file, frames) })
	}
	return nil
}

// write opens the file and stores what a function writes, from its beginning.
func (p *pressing) write(flag int, fill func(*os.File) error) error {
	file, err := os.OpenFile(p.path, os.O_RDWR|flag, 0o600)
	if err != nil {
		return fmt.Errorf("made: %w", err)
	}
	err = fill(file)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// uncoded makes a WAV file.
func (p *pressing) uncoded(ctx context.Context, h shape, frames int64, hear func([]float32)) error {
	return p.write(os.O_CREATE|os.O_TRUNC, func(file *os.File) error {
		if err := p.head(file, frames); err != nil {
			return err
		}
		var b []byte
		err := p.Window.convert(ctx, h, func(pcm []float32) error {
			b = quantise(b[:0], pcm)
			hear(floats(b))
			_, err := file.Write(b)
			return err
		})
		if err == nil && h.Pads(frames) {
			_, err = file.Write([]byte{0})
		}
		return err
	})
}

// head writes the beginning of a WAV file, with the level that was measured last. Its size is always the same.
func (p *pressing) head(file *os.File, frames int64) error {
	chunks, err := p.Contract.Chunks(p.Occasion, p.measured, p.opt.Now(), p.opt.Version)
	if err != nil {
		return err
	}
	head, err := form.WAVHead(p.Contract.Audio, frames, chunks...)
	if err != nil {
		return err
	}
	_, err = file.Write(head)
	return err
}

// floats returns samples of 16 bits as they are heard.
func floats(b []byte) []float32 {
	out := make([]float32, len(b)/form.SampleBytes)
	for i := range out {
		out[i] = float32(int16(binary.LittleEndian.Uint16(b[i*form.SampleBytes:]))) / (1 << 15)
	}
	return out
}

// encoded makes a file by an encoder, and hears it by a decoder.
func (p *pressing) encoded(ctx context.Context, h shape, frames int64, hear func([]float32)) error {
	length := dsp.Rate(h.Rate).Duration(frames)
	bare := p.path + ".bare"
	defer func() { _ = discard(bare) }()
	err := run(ctx, p.opt.Tools.encode(h.Coding, bare), patience(length), func(to io.Writer) error {
		var b []byte
		return p.Window.convert(ctx, h, func(pcm []float32) error {
			b = quantise(b[:0], pcm)
			_, err := to.Write(b)
			return err
		})
	}, nil)
	if err != nil {
		return err
	}
	err = p.write(os.O_CREATE|os.O_TRUNC, func(file *os.File) error {
		if p.Contract.Has(form.ID3) {
			tag := p.Contract.ID3Tag(p.Occasion, form.Measured{Length: length})
			if _, err := file.Write(tag); err != nil {
				return err
			}
		}
		in, err := os.Open(bare)
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = io.Copy(file, in)
		return err
	})
	if err != nil {
		return err
	}
	return p.decoded(ctx, h, frames, hear)
}

// decoded hears the file. A file that goes on for longer than a second after its end is given up.
func (p *pressing) decoded(ctx context.Context, h shape, frames int64, hear func([]float32)) error {
	frame := 4 * h.Channels // bytes
	most := patience(dsp.Rate(h.Rate).Duration(frames))
	return run(ctx, p.opt.Tools.decode(h.Coding, p.path), most, nil, func(from io.Reader) error {
		b := make([]byte, blockFrames*frame)
		for p.frames <= frames+int64(h.Rate) {
			n, err := io.ReadFull(from, b)
			pcm := make([]float32, n/frame*h.Channels)
			for i := range pcm {
				pcm[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			}
			if len(pcm) > 0 {
				hear(pcm)
			}
			switch {
			case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
				return nil
			case err != nil:
				return err
			}
		}
		return fault.New(fault.Damaged, "the file goes on after its %d samples", frames)
	})
}

// flac makes a FLAC file.
func (p *pressing) flac(ctx context.Context, h shape, frames int64, hear func([]float32)) error {
	return p.write(os.O_CREATE|os.O_TRUNC, func(file *os.File) error {
		out, err := newFLACFile(file, h.Coding, frames)
		if err != nil {
			return err
		}
		var b []byte
		err = p.Window.convert(ctx, h, func(pcm []float32) error {
			b = quantise(b[:0], pcm)
			hear(floats(b))
			return out.add(b)
		})
		if err != nil {
			return err
		}
		return out.end()
	})
}
