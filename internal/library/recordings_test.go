package library

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/audio"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

func TestANewRecordingNeedsApprovalAndTheOldOneStaysKnown(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	first := d.upload(t, "a")
	if _, err := d.library.Approvals.Approve(t.Context(), ruth, "a", nil, ""); err != nil {
		t.Fatal(err)
	}
	r, err := d.library.Recordings.Receive(t.Context(), strings.NewReader("another sound"))
	if err != nil {
		t.Fatal(err)
	}
	r.recording.SHA256 = "other"
	s, err := d.library.Segments.Replace(t.Context(), hana, "a", nil, r)
	if err != nil || s.State != schedules.Pending || len(s.Previous) != 1 || s.Previous[0] != first.Recording.SHA256 {
		t.Errorf("%+v, %v", s, err)
	}
	named := d.library.Recordings.Named()
	if !named("other") || !named(first.Recording.SHA256) || named("nobody's") {
		t.Error("the collector would take what a segment names, or leave what none does")
	}
	if _, err := d.library.Recalls.Recall(t.Context(), ruth, "a", nil, "unsafe"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.library.Segments.Replace(t.Context(), hana, "a", nil, r); !fault.Is(err, fault.Conflict) {
		t.Errorf("of a recalled segment: %v", err)
	}
	if _, err := d.library.Segments.Create(t.Context(), hana, schedules.Segment{ID: "a", Kind: "music", Title: "t",
		Language: "zxx"}, r); !fault.Is(err, fault.Conflict) {
		t.Errorf("under an id that is taken: %v", err)
	}
}

func TestARecordingsAudioIsOpenedByItsHash(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	r, err := d.library.Recordings.storeUnanalysed(t.Context(), strings.NewReader("sound"))
	if err != nil {
		t.Fatal(err)
	}
	content, size, err := d.library.Recordings.Open(t.Context(), r.recording.SHA256)
	if err != nil || size != 5 {
		t.Fatal(size, err)
	}
	defer content.Close()
	if b, err := io.ReadAll(content); err != nil || string(b) != "sound" {
		t.Errorf("%q, %v", b, err)
	}
	if _, _, err := d.library.Recordings.Open(t.Context(), strings.Repeat("0", 64)); !fault.Is(err, fault.NotFound) {
		t.Errorf("one that there is not: %v", err)
	}
}

// An analysis reports its progress, and stores the recording's outline or the reason why it cannot air.
func TestAnAnalysisLeavesAnOutlineOrAReason(t *testing.T) {
	var d *fixture
	d = newFixture(t, func(ctx context.Context, r io.Reader, progress func(int64)) (audio.Facts, error) {
		progress(3)
		if p, ok := d.library.Recordings.Progress("a"); ok && p.Done != 3 {
			t.Errorf("it has come %+v", p)
		}
		f, err := servicetest.Heard(ctx, r, progress)
		f.Waveform = audio.Waveform{SampleRate: 48000, SamplesPerPixel: 480, Data: []int8{-1, 1}}
		return f, err
	})
	d.library.Recordings.workers <- struct{}{}
	s := d.upload(t, "a")
	<-d.library.Recordings.workers
	if _, err := d.library.Recordings.Waveform(t.Context(), s.Recording.SHA256); !fault.Is(err, fault.NotFound) {
		t.Errorf("before its analysis: %v", err)
	}
	if err := d.library.Recordings.AnalyseBehind(t.Context(), d.lock); err != nil {
		t.Fatal(err)
	}
	s, err := d.library.Segments.AwaitAnalysis(t.Context(), "a")
	if err != nil || s.State != schedules.Pending {
		t.Fatal(s, err)
	}
	if b, err := d.library.Recordings.Waveform(t.Context(), s.Recording.SHA256); err != nil || !strings.Contains(string(b),
		`"version":2`) {
		t.Errorf("its outline is %s, %v", b, err)
	}
	if _, running := d.library.Recordings.Progress("a"); running {
		t.Error("it runs still")
	}
	d.library.Recordings.analyse = func(context.Context, io.Reader, func(int64)) (audio.Facts, error) {
		return audio.Facts{}, &audio.Rejection{Code: "no_audio", Message: "It is no MP3."}
	}
	if s := d.upload(t, "b"); s.State != schedules.Rejected || s.Rejection.Code != "no_audio" {
		t.Errorf("of what cannot be decoded: %+v", s)
	}
}

func TestWhoWaitsForAnAnalysisIsAnsweredWhenTheWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := replica.Open(t.Context(), memory.New(100), testKinds)
		if err != nil {
			t.Fatal(err)
		}
		servicetest.Put(t, m, replica.KindSegment, "a", schedules.Segment{ID: "a", State: schedules.Analysing})
		l := New(m, nil, servicetest.Signer{}, nil, time.Now, Limits{Concurrency: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if s, err := l.Segments.AwaitAnalysis(ctx, "a"); err != nil || s.State != schedules.Analysing {
			t.Errorf("%s, %v", s.State, err)
		}
		if _, err := l.Segments.AwaitAnalysis(ctx, "b"); !fault.Is(err, fault.NotFound) {
			t.Errorf("of none: %v", err)
		}
	})
}

// While all analysers are busy, an upload is stored without delay and analysed afterwards.
func TestBusyAnalyserDelaysNoUpload(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.library.Recordings.workers <- struct{}{}
	if s := d.upload(t, "a"); s.State != schedules.Analysing {
		t.Fatalf("state is %s", s.State)
	}
	<-d.library.Recordings.workers
	if err := d.library.Recordings.AnalyseBehind(t.Context(), d.lock); err != nil {
		t.Fatal(err)
	}
	if s, err := d.library.Segments.Get("a"); err != nil || s.State != schedules.Pending ||
		s.Recording.Duration.Duration != time.Minute {
		t.Errorf("after: %+v, %v", s, err)
	}
}

// An analysis that fails for a reason of its own rejects nothing and is retried.
func TestBrokenAnalysisIsTriedAgain(t *testing.T) {
	broken := true
	d := newFixture(t, func(ctx context.Context, r io.Reader, p func(int64)) (audio.Facts, error) {
		if broken {
			return audio.Facts{}, errors.New("the disk hiccuped")
		}
		return servicetest.Heard(ctx, r, p)
	})
	if s := d.upload(t, "a"); s.State != schedules.Analysing {
		t.Fatalf("state is %s", s.State)
	}
	broken = false
	if err := d.library.Recordings.AnalyseBehind(t.Context(), d.lock); err != nil {
		t.Fatal(err)
	}
	if s, _ := d.library.Segments.Get("a"); s.State != schedules.Pending {
		t.Errorf("state is %s", s.State)
	}
}

func TestUploadOverTheLimitLeavesNothing(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	if _, err := d.library.Recordings.Receive(t.Context(), bytes.NewReader(make([]byte, 1001))); !fault.Is(err,
		fault.TooLarge) {
		t.Errorf("over the limit: %v", err)
	}
	select {
	case d.library.Recordings.workers <- struct{}{}:
	default:
		t.Error("the analyser is not given back")
	}
}

// The panic of an analysis ends nothing but that analysis, and does not come back for ever, whatever service goes on.
func TestARecordingOnWhichTheAnalysisPanicsIsRejectedAfterSomeAttempts(t *testing.T) {
	panics := func(_ context.Context, r io.Reader, _ func(int64)) (audio.Facts, error) {
		b, err := io.ReadAll(r)
		if err == nil && string(b) == "sound of poison" {
			panic("index out of range")
		}
		return servicetest.Heard(t.Context(), strings.NewReader(string(b)), nil)
	}
	d := newFixture(t, panics)
	if s := d.upload(t, "poison"); s.State != schedules.Analysing {
		t.Fatalf("state is %s", s.State)
	}
	for n := range mostAttempts + 1 {
		d.library.Recordings = &Recordings{core: d.library.Recordings.core, segments: d.library.Segments, analyse: panics,
			workers: make(chan struct{}, 1)} // of a service that was started anew
		err := d.library.Recordings.AnalyseBehind(t.Context(), d.lock)
		if last := n == mostAttempts; last != (err == nil) || !last && !errors.Is(err, audio.ErrPanicked) {
			t.Errorf("attempt %d: %v", n+1, err)
		}
	}
	s, err := d.library.Segments.Get("poison")
	if err != nil || s.State != schedules.Rejected || s.Rejection.Code != audio.RejectUnmeasured {
		t.Errorf("%+v, %v", s, err)
	}
	if s := d.upload(t, "good"); s.State != schedules.Pending {
		t.Errorf("another recording is %s", s.State)
	}
	if _, err := d.replica.Store.Get(t.Context(), KindAttempts, "poison"); !fault.Is(err, fault.NotFound) {
		t.Errorf("its attempts are still counted: %v", err)
	}
}

// What kills the whole program leaves nothing but the count that was stored before.
func TestARecordingWhoseAnalysisKillsTheServiceDoesNotComeBackAtEachStart(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.library.Recordings.workers <- struct{}{}
	s := d.upload(t, "a")
	<-d.library.Recordings.workers
	for range mostAttempts {
		if _, err := d.library.Recordings.begin(t.Context(), "a", s.Recording.SHA256); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.library.Recordings.AnalyseBehind(t.Context(), d.lock); err != nil {
		t.Fatal(err)
	}
	if s, err := d.library.Segments.Get("a"); err != nil || s.State != schedules.Rejected {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestAnAnalysisThatNeverEndsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFixture(t, func(ctx context.Context, _ io.Reader, _ func(int64)) (audio.Facts, error) {
			<-ctx.Done()
			return audio.Facts{}, ctx.Err()
		})
		d.library.Recordings.workers <- struct{}{}
		d.upload(t, "a")
		<-d.library.Recordings.workers
		if err := d.library.Recordings.AnalyseBehind(t.Context(), d.lock); !errors.Is(err, errTooSlow) {
			t.Errorf("%v", err)
		}
		stopping, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		if err := d.library.Recordings.AnalyseBehind(stopping, d.lock); err == nil {
			t.Error("nothing was stopped")
		}
		a, err := d.library.Recordings.begin(t.Context(), "a", must(d.library.Segments.Get("a")).Recording.SHA256)
		if err != nil || a.Begun != 2 {
			t.Errorf("an analysis that the end of the service stopped was counted: %+v, %v", a, err)
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
