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

// RecordMark is the name in the gzip header of a file of records, which distinguishes it from audio.
const RecordMark = "lifeline-records.ndjson"

// markedRecords reports whether content is a file of records, which is never served as audio.
func markedRecords(content io.ReaderAt) (bool, error) {
	const header = 10 // bytes before the name
	b := make([]byte, header+len(RecordMark))
	n, err := content.ReadAt(b, 0)
	if err == io.EOF {
		err = nil
	}
	return n == len(b) && b[0] == 0x1f && b[1] == 0x8b && string(b[header:]) == RecordMark, err
}

// Analyser measures a recording and reports the number of bytes processed. It fails with *audio.Rejection if the bytes
// cannot air.
type Analyser func(ctx context.Context, r io.Reader, progress func(bytes int64)) (audio.Facts, error)

// Recordings receives, stores and measures recordings.
type Recordings struct {
	*core
	segments *Segments
	analyse  Analyser
	progress sync.Map      // id of a segment -> Progress of its analysis
	workers  chan struct{} // bounds the number of concurrent analyses
}

// MaxBytes returns the maximum size of a recording.
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

// Received is a durably stored recording with the result of its analysis.
type Received struct {
	recording schedules.Recording
	rejection *schedules.Rejection
	waveform  audio.Waveform
}

// SHA256 returns the hash of r, in hexadecimal.
func (r Received) SHA256() string { return r.recording.SHA256 }

// assign makes r the segment's recording, uploaded by a.
func (r Received) assign(s *schedules.Segment, a access.Actor) {
	s.Recording, s.Rejection = &r.recording, r.rejection
	s.UploadedBy, s.UploadedByID, s.ReinstatedBy, s.ReinstatedByID = a.Name, a.Person, "", ""
	switch {
	case r.rejection != nil:
		s.State = schedules.Rejected
	case r.recording.AnalysisVersion == 0:
		s.State = schedules.Analysing
	default:
		s.State = schedules.Pending
	}
}

// Receive stores r. If a worker is free, it analyses r in the same pass, so that the facts are complete with the last
// byte. Otherwise, or if the analysis fails for a reason other than the recording, the recording is analysed later.
func (l *Recordings) Receive(ctx context.Context, r io.Reader) (Received, error) {
	var facts audio.Facts
	err := errAnalysedLater
	source, finish := r, func(error) {}
	select {
	case l.workers <- struct{}{}:
		source, finish = l.analyseWhileStoring(ctx, r, &facts, &err)
	default:
	}
	out, putErr := l.storeUnanalysed(ctx, source)
	finish(putErr)
	if putErr != nil {
		return Received{}, putErr
	}
	out.storeFacts(facts, err)
	return out, ctx.Err()
}

// storeUnanalysed stores r for a later analysis.
func (l *Recordings) storeUnanalysed(ctx context.Context, r io.Reader) (Received, error) {
	stored, err := l.audio.Put(ctx, r, l.limits.MaxBytes)
	return Received{recording: schedules.Recording{SHA256: stored.SHA256, Bytes: stored.Bytes, ContentType: "audio/mpeg"}},
		err
}

var errAnalysedLater = errors.New("library: every analyser is busy")

// analyseWhileStoring returns a reader that also passes the bytes of r to an analysis, and the function that ends the
// analysis. After that function, facts and err are set and the worker is free.
func (l *Recordings) analyseWhileStoring(ctx context.Context, r io.Reader, facts *audio.Facts, err *error) (io.Reader,
	func(error)) {
	ctx, cancel := context.WithCancel(ctx)
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		*facts, *err = l.measured(ctx, pr, func(int64) {})
		<-l.workers
		io.Copy(io.Discard, pr) // consume the rest so that storing continues; ends when pw is closed
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

// storeFacts stores the measured facts, or the reason why the recording cannot air. After any other error, the
// recording is analysed later.
func (r *Received) storeFacts(f audio.Facts, err error) {
	var rejection *audio.Rejection
	switch {
	case errors.As(err, &rejection):
		r.rejection = &schedules.Rejection{Code: rejection.Code, Message: rejection.Message}
		r.recording.AnalysisVersion = audio.Version
	case err == nil:
		r.recording, r.waveform = RecordingOf(f), f.Waveform
	}
}

// RecordingOf returns the measured facts that the segment index keeps. It rounds cue points inwards to whole
// milliseconds, so that no item is planned longer than it sounds.
func RecordingOf(f audio.Facts) schedules.Recording {
	r := schedules.Recording{
		SHA256: f.SHA256, Bytes: f.Bytes, ContentType: f.ContentType, AnalysisVersion: audio.Version,
		Duration: schedules.Millis{Duration: f.Duration}, SampleRate: f.SampleRate, Channels: f.Channels,
		BitrateKbps: f.BitrateKbps, BitrateMode: f.BitrateMode,
		IntegratedLUFS: roundLevel(f.IntegratedLUFS), RangeLU: roundLevel(f.RangeLU),
		MaxShortTermLUFS: roundLevel(f.MaxShortTermLUFS), MaxMomentaryLUFS: roundLevel(f.MaxMomentaryLUFS),
		TruePeakDBTP: roundLevel(f.TruePeakDBTP),
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

// roundLevel rounds a level to the resolution of a meter.
func roundLevel(v *float64) *float64 {
	if v == nil {
		return nil
	}
	rounded := math.Round(*v*100) / 100
	return &rounded
}
