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
	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

var ruth = access.Actor{Name: "Ruth"}

func TestARejectedSegmentIsKeptOffTheAirWithAReason(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	d.upload(t, "a")
	if _, err := d.library.Reject(t.Context(), ruth, "a", nil, " "); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
	if s, err := d.library.Reject(t.Context(), ruth, "a", nil, "too long"); err != nil || s.State != schedules.Rejected ||
		s.Rejection.Message != "too long" {
		t.Errorf("%+v, %v", s, err)
	}
	for what, act := range map[string]func() (schedules.Segment, error){
		"rejected again": func() (schedules.Segment, error) { return d.library.Reject(t.Context(), ruth, "a", nil, "again") },
		"approved":       func() (schedules.Segment, error) { return d.library.Approve(t.Context(), ruth, "a", nil, "") },
		"reinstated":     func() (schedules.Segment, error) { return d.library.Reinstate(t.Context(), ruth, "a", nil, "x") },
	} {
		if _, err := act(); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := d.library.Reject(t.Context(), ruth, "b", nil, "x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("one that there is not: %v", err)
	}
}

func TestAPersonIsRecalledInEverySegmentAtOnce(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	for _, id := range []string{"a", "b", "c"} {
		d.upload(t, id)
	}
	for _, id := range []string{"a", "b"} {
		if _, err := d.library.Edit(t.Context(), hana, id, nil,
			func(s *schedules.Segment) { s.Persons = []string{"minjun"} }); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.library.RecallPerson(t.Context(), ruth, "minjun", ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
	if err := d.library.RecallPerson(t.Context(), ruth, "nobody", "x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("whom nothing names: %v", err)
	}
	if _, err := d.library.Recall(t.Context(), ruth, "a", nil, "before"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.library.Recall(t.Context(), ruth, "a", nil, "again"); !fault.Is(err, fault.Conflict) {
		t.Errorf("recalled already: %v", err)
	}
	if err := d.library.RecallPerson(t.Context(), ruth, "minjun", "unsafe"); err != nil {
		t.Fatal(err)
	}
	if got := d.library.Recalls().Value.Segments; len(got) != 2 {
		t.Errorf("recalled are %+v", got)
	}
	if err := d.library.RecallPerson(t.Context(), ruth, "minjun", "again"); !fault.Is(err, fault.Conflict) {
		t.Errorf("recalled already: %v", err)
	}
}

func TestANewRecordingNeedsApprovalAndTheOldOneStaysKnown(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	first := d.upload(t, "a")
	if _, err := d.library.Approve(t.Context(), ruth, "a", nil, ""); err != nil {
		t.Fatal(err)
	}
	r, err := d.library.Receive(t.Context(), strings.NewReader("another sound"))
	if err != nil {
		t.Fatal(err)
	}
	r.recording.SHA256 = "other"
	s, err := d.library.Replace(t.Context(), hana, "a", nil, r)
	if err != nil || s.State != schedules.Pending || len(s.Previous) != 1 || s.Previous[0] != first.Recording.SHA256 {
		t.Errorf("%+v, %v", s, err)
	}
	named := d.library.Recordings()
	if !named("other") || !named(first.Recording.SHA256) || named("nobody's") {
		t.Error("the collector would take what a segment names, or leave what none does")
	}
	if _, err := d.library.Recall(t.Context(), ruth, "a", nil, "unsafe"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.library.Replace(t.Context(), hana, "a", nil, r); !fault.Is(err, fault.Conflict) {
		t.Errorf("of a recalled segment: %v", err)
	}
	if _, err := d.library.Create(t.Context(), hana, schedules.Segment{ID: "a", Kind: "music", Title: "t",
		Language: "zxx"}, r); !fault.Is(err, fault.Conflict) {
		t.Errorf("under an id that is taken: %v", err)
	}
}

func TestARecordingsAudioIsOpenedByItsHash(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	r, err := d.library.receiveUnheard(t.Context(), strings.NewReader("sound"))
	if err != nil {
		t.Fatal(err)
	}
	content, size, err := d.library.Audio(t.Context(), r.recording.SHA256)
	if err != nil || size != 5 {
		t.Fatal(size, err)
	}
	defer content.Close()
	if b, err := io.ReadAll(content); err != nil || string(b) != "sound" {
		t.Errorf("%q, %v", b, err)
	}
	if _, _, err := d.library.Audio(t.Context(), strings.Repeat("0", 64)); !fault.Is(err, fault.NotFound) {
		t.Errorf("one that there is not: %v", err)
	}
}

// An analysis says how far it has come, and leaves the recording's outline, or the reason why it cannot air.
func TestAnAnalysisLeavesAnOutlineOrAReason(t *testing.T) {
	var d *desk
	d = newDesk(t, func(ctx context.Context, r io.Reader, progress func(int64)) (audio.Facts, error) {
		progress(3)
		if p, ok := d.library.Progress("a"); ok && p.Done != 3 {
			t.Errorf("it has come %+v", p)
		}
		f, err := servicetest.Heard(ctx, r, progress)
		f.Waveform = audio.Waveform{SampleRate: 48000, SamplesPerPixel: 480, Data: []int8{-1, 1}}
		return f, err
	})
	d.library.workers <- struct{}{}
	s := d.upload(t, "a")
	<-d.library.workers
	if _, err := d.library.Waveform(t.Context(), s.Recording.SHA256); !fault.Is(err, fault.NotFound) {
		t.Errorf("before its analysis: %v", err)
	}
	if err := d.library.AnalyseBehind(t.Context(), d.claims); err != nil {
		t.Fatal(err)
	}
	s, err := d.library.AwaitAnalysis(t.Context(), "a")
	if err != nil || s.State != schedules.Pending {
		t.Fatal(s, err)
	}
	if b, err := d.library.Waveform(t.Context(), s.Recording.SHA256); err != nil || !strings.Contains(string(b),
		`"version":2`) {
		t.Errorf("its outline is %s, %v", b, err)
	}
	if _, running := d.library.Progress("a"); running {
		t.Error("it runs still")
	}
	d.library.analyse = func(context.Context, io.Reader, func(int64)) (audio.Facts, error) {
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
		l := New(m, nil, servicetest.Seal{}, nil, time.Now, Limits{Concurrency: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if s, err := l.AwaitAnalysis(ctx, "a"); err != nil || s.State != schedules.Analysing {
			t.Errorf("%s, %v", s.State, err)
		}
		if _, err := l.AwaitAnalysis(ctx, "b"); !fault.Is(err, fault.NotFound) {
			t.Errorf("of none: %v", err)
		}
	})
}

func TestANewerRequestTakesAnUploadFromAnOlderOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, nil, nil, nil, time.Now, Limits{Concurrency: 1})
		first, end, err := l.Turn(t.Context(), "u", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-first.Done()
			time.Sleep(time.Second)
			end()
		}()
		second, endSecond, err := l.Turn(t.Context(), "u", 2*time.Second)
		if err != nil || !errors.Is(first.Err(), context.Canceled) || second.Err() != nil {
			t.Fatal(err, first.Err())
		}
		if _, _, err := l.Turn(t.Context(), "u", time.Second); !fault.Is(err, fault.Busy) {
			t.Errorf("while the one before does not stop: %v", err)
		}
		endSecond()
	})
}

func TestTheLastFallbackSegmentThatIsNotSensitiveStaysSo(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	for _, id := range []string{"a", "b"} {
		d.upload(t, id)
	}
	servicetest.Put(t, d.mirror, replica.KindStation, "s", schedules.Station{ID: "s", Fallback: []string{"a", "b"}})
	sensitive := func(s *schedules.Segment) { s.Sensitive = true }
	if s, err := d.library.Edit(t.Context(), hana, "a", nil, sensitive); err != nil || s.GuardedSince.IsZero() {
		t.Errorf("while another is not: %v", err)
	}
	if _, err := d.library.Edit(t.Context(), hana, "b", nil, sensitive); !fault.Is(err, fault.Invalid) ||
		!strings.Contains(err.Error(), `"s"`) {
		t.Errorf("the last one: %v", err)
	}
	if s, err := d.library.Edit(t.Context(), hana, "a", nil,
		func(s *schedules.Segment) { s.Sensitive = false }); err != nil || !s.GuardedSince.IsZero() {
		t.Errorf("not sensitive any more: %+v, %v", s, err)
	}
}

func TestAnUploadIsSeenByItsProducerAlone(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	u := d.begin(t, "a", 100)
	if got := d.library.Uploads(hana); len(got) != 1 || got[0].ID != u.ID || d.library.MaxBytes() != 1000 {
		t.Errorf("%+v", got)
	}
	if got := d.library.Uploads(ruth); len(got) != 0 {
		t.Errorf("another sees %+v", got)
	}
	if _, err := d.library.Append(t.Context(), hana, u.ID, 7, bytes.NewReader(nil), nil); !fault.Is(err, fault.Conflict) {
		t.Errorf("at another byte: %v", err)
	}
	d.now = d.now.Add(uploadLife)
	if _, err := d.library.Upload(hana, u.ID); !fault.Is(err, fault.Gone) {
		t.Errorf("after its end: %v", err)
	}
	if _, err := d.library.StartUpload(t.Context(), hana, Upload{Length: 1001}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a larger one: %v", err)
	}
}
