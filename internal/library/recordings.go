package library

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"time"

	"lifeline/audio"
	"lifeline/internal/access"
	"lifeline/internal/blob"
	"lifeline/internal/fault"
	"lifeline/schedules"
)

// RecordMark is the name that a file of records has in its gzip header: it is told from audio by it.
const RecordMark = "lifeline-records.ndjson"

// markedRecords reports whether content is a file of records, which nobody gets as audio.
func markedRecords(content io.ReaderAt) (bool, error) {
	const header = 10 // bytes before the name
	b := make([]byte, header+len(RecordMark))
	n, err := content.ReadAt(b, 0)
	if err == io.EOF {
		err = nil
	}
	return n == len(b) && b[0] == 0x1f && b[1] == 0x8b && string(b[header:]) == RecordMark, err
}

// Analyser measures a recording, telling how many bytes it has come. It fails with *audio.Rejection when the bytes
// cannot air.
type Analyser func(ctx context.Context, r io.Reader, progress func(bytes int64)) (audio.Facts, error)

// Recordings receives recordings, keeps their bytes and measures them.
type Recordings struct {
	*core
	segments *Segments
	analyse  Analyser
	progress sync.Map      // id of a segment -> Progress of its analysis
	workers  chan struct{} // bounds how many recordings are analysed at once
}

// MaxBytes is how large a recording may be.
func (l *Recordings) MaxBytes() int64 { return l.limits.MaxBytes }

// Open opens a segment's recording. It fails with NotFound.
func (l *Recordings) Open(ctx context.Context, sha256 string) (blob.Content, int64, error) {
	content, size, err := l.audio.Open(ctx, sha256)
	if err != nil {
		return nil, 0, err
	}
	records, err := markedRecords(content)
	if records {
		err = fault.New(fault.NotFound, "no audio %s", sha256)
	}
	if err != nil {
		return nil, 0, errors.Join(err, content.Close())
	}
	return content, size, nil
}

// Received is a recording that is safely stored, and what its analysis said.
type Received struct {
	recording schedules.Recording
	rejection *schedules.Rejection
	waveform  audio.Waveform
}

// settle makes it the segment's recording, brought by a.
func (r Received) settle(s *schedules.Segment, a access.Actor) {
	s.Recording, s.Rejection = &r.recording, r.rejection
	s.UploadedBy, s.ReinstatedBy = a.Name, ""
	switch {
	case r.rejection != nil:
		s.State = schedules.Rejected
	case r.recording.AnalysisVersion == 0:
		s.State = schedules.Analysing
	default:
		s.State = schedules.Pending
	}
}

// Receive stores r and, where a worker is free, analyses it in the same pass, so that the facts are there with the
// last byte. Otherwise, or should the analysis break for a reason that is not the recording's, it is analysed later.
func (l *Recordings) Receive(ctx context.Context, r io.Reader) (Received, error) {
	var facts audio.Facts
	err := errAnalysedLater
	source, finish := r, func(error) {}
	select {
	case l.workers <- struct{}{}:
		source, finish = l.analyseBeside(ctx, r, &facts, &err)
	default:
	}
	out, putErr := l.receiveUnheard(ctx, source)
	finish(putErr)
	if putErr != nil {
		return Received{}, putErr
	}
	out.judge(facts, err)
	return out, ctx.Err()
}

// receiveUnheard stores r, to be analysed later.
func (l *Recordings) receiveUnheard(ctx context.Context, r io.Reader) (Received, error) {
	stored, err := l.audio.Put(ctx, r, l.limits.MaxBytes)
	return Received{recording: schedules.Recording{SHA256: stored.SHA256, Bytes: stored.Bytes, ContentType: "audio/mpeg"}},
		err
}

var errAnalysedLater = errors.New("library: every analyser is busy")

// analyseBeside answers a reader that hands what is read from r to an analysis, and the function that ends it, after
// which facts and err are set. It gives the worker back.
func (l *Recordings) analyseBeside(ctx context.Context, r io.Reader, facts *audio.Facts, err *error) (io.Reader,
	func(error)) {
	ctx, cancel := context.WithCancel(ctx)
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		*facts, *err = l.analyse(ctx, pr, func(int64) {})
		<-l.workers
		io.Copy(io.Discard, pr) // the rest, so that storing goes on; ends when pw is closed
	}()
	return io.TeeReader(r, pw), func(failed error) {
		if failed != nil {
			cancel()
		}
		pw.CloseWithError(failed)
		<-done
		cancel()
	}
}

// judge takes over what was measured, or the reason why the recording cannot air. Any other error leaves it to be
// analysed later.
func (r *Received) judge(f audio.Facts, err error) {
	var rejection *audio.Rejection
	switch {
	case errors.As(err, &rejection):
		r.rejection = &schedules.Rejection{Code: rejection.Code, Message: rejection.Message}
		r.recording.AnalysisVersion = audio.Version
	case err == nil:
		r.recording, r.waveform = RecordingOf(f), f.Waveform
	}
}

// RecordingOf is what the index of segments keeps of the measured facts. Cue points are cut to whole milliseconds
// inwards, so that no item is planned longer than it sounds.
func RecordingOf(f audio.Facts) schedules.Recording {
	r := schedules.Recording{
		SHA256: f.SHA256, Bytes: f.Bytes, ContentType: f.ContentType, AnalysisVersion: audio.Version,
		Duration: schedules.Millis{Duration: f.Duration}, SampleRate: f.SampleRate, Channels: f.Channels,
		BitrateKbps: f.BitrateKbps, BitrateMode: f.BitrateMode,
		IntegratedLUFS: hundredth(f.IntegratedLUFS), RangeLU: hundredth(f.RangeLU),
		MaxShortTermLUFS: hundredth(f.MaxShortTermLUFS), MaxMomentaryLUFS: hundredth(f.MaxMomentaryLUFS),
		TruePeakDBTP: hundredth(f.TruePeakDBTP),
		CueIn:        schedules.Millis{Duration: f.CueIn.Truncate(time.Millisecond)},
		CueOut:       schedules.Millis{Duration: f.CueOut.Truncate(time.Millisecond)},
	}
	r.Duration.Duration = r.Duration.Round(time.Millisecond)
	for _, s := range f.Silences {
		r.Silences = append(r.Silences, schedules.Silence{
			Start: schedules.Millis{Duration: s.Start.Round(time.Millisecond)},
			End:   schedules.Millis{Duration: s.End.Round(time.Millisecond)}})
	}
	for _, w := range f.Warnings {
		r.RecordingWarnings = append(r.RecordingWarnings, schedules.RecordingWarning{Code: w.Code, Message: w.Message})
	}
	return r
}

// hundredth rounds a level to what a meter shows.
func hundredth(v *float64) *float64 {
	if v == nil {
		return nil
	}
	rounded := math.Round(*v*100) / 100
	return &rounded
}
