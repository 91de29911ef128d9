package library

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"lifeline/audio"
	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestARecordingOfWhichListenersMissAPartIsApprovedOnlyByWhoAcceptsItsWarnings(t *testing.T) {
	for code, grave := range map[string]bool{
		audio.WarnSilent: true, audio.WarnVeryQuiet: true, audio.WarnPhase: true, audio.WarnDamage: true,
		audio.WarnMostlySilent: false, audio.WarnTruncated: true, audio.WarnFrameCount: true,
		audio.WarnHeadSilence: false, audio.WarnClipping: false, audio.WarnTruePeak: false, audio.WarnJunk: false,
	} {
		d := newFixture(t, func(ctx context.Context, r io.Reader, p func(int64)) (audio.Facts, error) {
			f, err := servicetest.Heard(ctx, r, p)
			f.Warnings = []audio.Warning{{Code: audio.WarnTailSilence, Message: "It ends early."},
				{Code: code, Message: "First fault."}, {Code: code, Message: "Second fault."}}
			return f, err
		})
		d.upload(t, "a")
		s, err := d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "")
		if !grave {
			if err != nil || s.State != schedules.Approved {
				t.Errorf("%s: %s, %v", code, s.State, err)
			}
			continue
		}
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "First fault. Second fault.") ||
			strings.Contains(err.Error(), "ends early") || !strings.Contains(err.Error(), "accept_warnings") {
			t.Errorf("%s, without a word: %v", code, err)
		}
		if s, err := d.library.Approvals.ApproveAsHeard(t.Context(), access.Actor{Name: "Ruth"}, "a", nil,
			Hearing{Reason: "a pause", AcceptWarnings: true}); err != nil || s.State != schedules.Approved {
			t.Errorf("%s, accepted: %s, %v", code, s.State, err)
		}
	}
}

// The pips of a time signal are mostly silent, and an ident is in stereo.
func TestWhatSoundsAsItShouldIsApprovedWithoutAWord(t *testing.T) {
	for _, name := range []string{"time-signal", "ident-tone"} {
		sample, err := os.ReadFile("../../audio/samples/" + name + ".mp3")
		if err != nil {
			t.Fatal(err)
		}
		facts, err := audio.Analyse(t.Context(), bytes.NewReader(sample), audio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := RecordingOf(facts)
		if got := MustAccept(&r); len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// The recordings are a sample whose transfer broke in the middle of a frame, between two, and before its end.
func TestARecordingWithABrokenEndMustBeAccepted(t *testing.T) {
	whole, err := os.ReadFile("../../audio/samples/back-announce-en.mp3")
	if err != nil {
		t.Fatal(err)
	}
	for _, lost := range []int{0, 1, 50, 72, 73, 5000} {
		facts, err := audio.Analyse(t.Context(), bytes.NewReader(whole[:len(whole)-lost]), audio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := RecordingOf(facts)
		if got := MustAccept(&r); (len(got) > 0) != (lost > 0) {
			t.Errorf("without its last %d bytes: %+v", lost, got)
		}
	}
}

func TestARejectedSegmentIsKeptOffTheAirWithAReason(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.upload(t, "a")
	if _, err := d.library.Approvals.Reject(t.Context(), ruth, "a", nil, " "); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
	if s, err := d.library.Approvals.Reject(t.Context(), ruth, "a", nil, "too long"); err != nil ||
		s.State != schedules.Rejected || s.Rejection.Message != "too long" {
		t.Errorf("%+v, %v", s, err)
	}
	for what, act := range map[string]func() (schedules.Segment, error){
		"rejected again": func() (schedules.Segment, error) {
			return d.library.Approvals.Reject(t.Context(), ruth, "a", nil, "again")
		},
		"approved": func() (schedules.Segment, error) { return d.library.Approvals.Approve(t.Context(), ruth, "a", nil, "") },
	} {
		if _, err := act(); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := d.library.Approvals.Reject(t.Context(), ruth, "b", nil, "x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("one that there is not: %v", err)
	}
}

// Two tokens are not two persons: neither by a capital letter, nor by a letter of another script, nor by an id.
func TestNobodyApprovesTheirOwnUnderASecondName(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	people := access.NewMembers(d.replica, func() time.Time { return d.now })
	for _, m := range []wire.Member{{ID: "hana", Name: "하나", Others: []string{"Hana", "Hana at the station"}},
		{ID: "ruth", Name: "Ruth"}} {
		m.Roles = []string{"producer"}
		if _, err := people.Add(t.Context(), access.System, m); err != nil {
			t.Fatal(err)
		}
	}
	same := []access.Actor{{Name: "hana"}, {Name: "HANA"}, {Name: "H\u0430na"}, {Name: "Ｈａｎａ"}, {Name: "Ha\u200dna"},
		{Name: "하나", Person: "hana"}, {Name: "hana AT the station"}}
	approve := func(a access.Actor) error {
		_, err := d.library.Approvals.Approve(t.Context(), a, "a", nil, "")
		return err
	}
	d.upload(t, "a") // by the name Hana, as older programs stored it
	for _, a := range same {
		if err := approve(a); !fault.Is(err, fault.Forbidden) {
			t.Errorf("what Hana uploaded, approved by %+v: %v", a, err)
		}
	}
	for _, r := range []string{"once", "again"} {
		if err := approve(ruth); err != nil {
			t.Fatal(r, err)
		}
		if _, err := d.library.Recalls.Recall(t.Context(), ruth, "a", nil, r); err != nil {
			t.Fatal(err)
		}
		if _, err := d.library.Recalls.Reinstate(t.Context(), same[5], "a", nil, r); err != nil {
			t.Fatal(err)
		}
		for _, a := range same {
			if err := approve(a); !fault.Is(err, fault.Forbidden) {
				t.Errorf("what 하나 reinstated, approved by %+v: %v", a, err)
			}
		}
	}
}

func TestNobodyApprovesTheirOwn(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.upload(t, "a")
	if _, err := d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Hana"}, "a", nil, ""); !fault.Is(err,
		fault.Forbidden) {
		t.Errorf("the uploader approves: %v", err)
	}
	if s, err := d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, ""); err != nil ||
		s.State != schedules.Approved {
		t.Errorf("another approves: %s, %v", s.State, err)
	}
}

func TestARejectionIsUndoneByReinstatingAndAnotherPersonsApproval(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.upload(t, "a")
	amos := access.Actor{Name: "Amos"}
	if _, err := d.library.Approvals.Reject(t.Context(), ruth, "a", nil, "the wrong take"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.library.Approvals.Approve(t.Context(), amos, "a", nil, ""); !fault.Is(err, fault.Conflict) ||
		!strings.Contains(err.Error(), "the wrong take") || !strings.Contains(err.Error(), "lifeline reinstate") {
		t.Errorf("approved while rejected: %v", err)
	}
	s, err := d.library.Recalls.Reinstate(t.Context(), ruth, "a", nil, "it was the right one")
	if err != nil || s.State != schedules.Pending || s.Rejection != nil {
		t.Fatalf("reinstated: %+v, %v", s, err)
	}
	if _, err := d.library.Approvals.Approve(t.Context(), ruth, "a", nil, ""); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the same person approves: %v", err)
	}
	if s, err := d.library.Approvals.Approve(t.Context(), amos, "a", nil, ""); err != nil ||
		s.State != schedules.Approved {
		t.Errorf("another approves: %+v, %v", s, err)
	}
}

func TestWhatTheAnalysisRejectedNeedsAnotherRecording(t *testing.T) {
	d := newFixture(t, func(context.Context, io.Reader, func(int64)) (audio.Facts, error) {
		return audio.Facts{}, &audio.Rejection{Code: audio.RejectNoAudio, Message: "No audio."}
	})
	d.upload(t, "a")
	for what, act := range map[string]func() (schedules.Segment, error){
		"approve": func() (schedules.Segment, error) { return d.library.Approvals.Approve(t.Context(), ruth, "a", nil, "") },
		"reinstate": func() (schedules.Segment, error) {
			return d.library.Recalls.Reinstate(t.Context(), ruth, "a", nil, "x")
		},
	} {
		if _, err := act(); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "another recording") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTheSameRecordingUnderAnotherIDIsNamed(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.upload(t, "a")
	r, err := d.library.Recordings.Receive(t.Context(), strings.NewReader("sound of a"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.library.Segments.Create(t.Context(), hana, schedules.Segment{ID: "b", Kind: "music", Title: "t",
		Language: "zxx"}, r)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.library.Segments.SameRecording(b); len(got) != 1 || got[0].ID != "a" || got[0].State != schedules.Pending {
		t.Errorf("%+v", got)
	}
	if _, err := d.library.Recalls.Recall(t.Context(), ruth, "a", nil, "unsafe"); err != nil {
		t.Fatal(err)
	}
	if got := d.library.Segments.SameRecording(b); len(got) != 1 || got[0].State != schedules.Recalled {
		t.Errorf("it is recalled as the other segment: %+v", got)
	}
	if got := d.library.Segments.SameRecording(schedules.Segment{ID: "c"}); len(got) != 0 {
		t.Errorf("without a recording: %+v", got)
	}
}

func TestAnApprovalNamesTheAudioThatWasHeardAndHowMuchOfIt(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	of := func(percent int) *int { return &percent }
	for i, heard := range []*int{nil, of(0), of(34), of(100)} {
		id := fmt.Sprint("s", i)
		d.upload(t, id)
		s, err := d.library.Approvals.ApproveAsHeard(t.Context(), ruth, id, nil, Hearing{Percent: heard})
		if err != nil {
			t.Fatal(err)
		}
		if s, err = d.library.Segments.Edit(t.Context(), hana, id, nil, func(s *schedules.Segment) {
			s.Title, s.Approval = "another", nil
		}); err != nil {
			t.Fatal(err)
		}
		want := schedules.LastApproval{By: "Ruth", At: schedules.At(d.now), SHA256: s.Recording.SHA256, HeardPercent: heard}
		if s.Approval == nil || !reflect.DeepEqual(*s.Approval, want) {
			t.Errorf("heard %v: stored %+v", heard, s.Approval)
		}
	}
	d.upload(t, "last")
	for _, wrong := range []int{-1, 101} {
		if _, err := d.library.Approvals.ApproveAsHeard(t.Context(), ruth, "last", nil,
			Hearing{Percent: &wrong}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%d percent: %v", wrong, err)
		}
	}
}

// Who approves a recording has heard it, and only persons who are named for it hear what is sensitive.
func TestWhatIsSensitiveIsApprovedOnlyByWhoMayHearIt(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.upload(t, "a")
	servicetest.ChangeSegment(t, d.replica, "a", func(s *schedules.Segment) { s.Sensitive = true })
	approve := func(a access.Actor) (schedules.Segment, error) {
		share := 100
		return d.library.Approvals.ApproveAsHeard(t.Context(), a, "a", nil, Hearing{Percent: &share})
	}
	if _, err := approve(ruth); !fault.Is(err, fault.Forbidden) ||
		!strings.Contains(err.Error(), "people set PERSON --sensitive") {
		t.Errorf("by who may not hear it: %v", err)
	}
	named := ruth
	named.Sensitive = true
	if s, err := approve(named); err != nil || s.State != schedules.Approved {
		t.Errorf("by who is named: %s, %v", s.State, err)
	}
}
