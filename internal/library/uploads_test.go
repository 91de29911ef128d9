package library

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/servicetest"
	"lifeline/schedules"
)

func (d *fixture) begin(t *testing.T, id string, length int64) Upload {
	t.Helper()
	d.now = time.Now() // the audio store has its own clock
	u, err := d.library.Uploads.Start(t.Context(), access.Actor{Name: "Hana"}, Upload{Length: length,
		Segment: schedules.Segment{ID: id, Kind: "music", Title: "t", Language: "zxx"}})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// kept returns how many parts of an upload the audio store still has.
func (d *fixture) kept(t *testing.T, u Upload) (n int) {
	t.Helper()
	for _, p := range u.Parts {
		content, _, err := d.library.Recordings.audio.Open(t.Context(), p.SHA256)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		content.Close()
		n++
	}
	return n
}

var hana = access.Actor{Name: "Hana"}

func TestBrokenPieceIsKeptAsFarAsItCame(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	u := d.begin(t, "a", 10)
	broken := io.MultiReader(strings.NewReader("01234"), iotest.ErrReader(errors.New("cable cut")))
	if _, err := d.library.Uploads.Append(t.Context(), hana, u.ID, 0, broken, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("a broken piece: %v", err)
	}
	if at, err := d.library.Uploads.Get(hana, u.ID); err != nil || at.Offset() != 5 {
		t.Errorf("it stands at %d, %v", at.Offset(), err)
	}
	u, err := d.library.Uploads.Append(t.Context(), hana, u.ID, 5, strings.NewReader("56789"), nil)
	if err != nil || !u.Done() {
		t.Fatalf("the rest: %+v, %v", u, err)
	}
	if s := mustSegment(t, d, "a"); s.State != schedules.Analysing || s.Recording.Bytes != 10 {
		t.Errorf("the segment is %+v", s)
	}
}

func mustSegment(t *testing.T, d *fixture, id string) schedules.Segment {
	t.Helper()
	s, err := d.library.Segments.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// An ended upload leaves nothing behind, and removes nothing that is in use elsewhere.
func TestEndedUploadLeavesNoParts(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	given := d.begin(t, "a", 8)
	given, err := d.library.Uploads.Append(t.Context(), hana, given.ID, 0, strings.NewReader("half"), nil)
	if err != nil {
		t.Fatal(err)
	}
	shared := d.begin(t, "b", 20)
	shared, err = d.library.Uploads.Append(t.Context(), hana, shared.ID, 0, strings.NewReader("sound of c"), nil)
	if err != nil {
		t.Fatal(err)
	}
	// The same bytes are also a segment's recording.
	r, err := d.library.Recordings.Receive(t.Context(), strings.NewReader("sound of c"))
	if err != nil {
		t.Fatal(err)
	}
	r.recording.SHA256 = shared.Parts[0].SHA256 // which the analysis of this test invents
	if _, err := d.library.Segments.Create(t.Context(), hana, schedules.Segment{ID: "c", Kind: "music", Title: "t",
		Language: "zxx"}, r); err != nil {
		t.Fatal(err)
	}
	if got := d.library.Recordings.Named(); !got(given.Parts[0].SHA256) {
		t.Error("the part of an upload that goes on counts as nobody's")
	}
	d.now = d.now.Add(uploadLife + time.Second)
	if _, err := d.library.Uploads.Get(hana, given.ID); !fault.Is(err, fault.Gone) {
		t.Errorf("a day later: %v", err)
	}
	if err := d.library.Uploads.Sweep(t.Context(), d.lock); err != nil || d.kept(t, given) != 1 {
		t.Errorf("the parts go before others have referred to them: %v", err)
	}
	d.now = d.now.Add(partsLinger)
	if err := d.library.Uploads.Sweep(t.Context(), d.lock); err != nil {
		t.Fatal(err)
	}
	if d.kept(t, given) != 0 || d.kept(t, shared) != 1 {
		t.Errorf("%d parts are left of what only an upload had, %d of what is a recording", d.kept(t, given),
			d.kept(t, shared))
	}
	if _, err := d.library.Uploads.Get(hana, given.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("after the sweep: %v", err)
	}
}

// If the service dies before it acknowledges the last piece of an upload, the next one finishes the upload.
func TestWholeUploadIsFinishedWithoutItsProducer(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	u := d.begin(t, "a", 4)
	stored, err := d.library.Recordings.audio.Put(t.Context(), strings.NewReader("full"), 10)
	if err != nil {
		t.Fatal(err)
	}
	u.Parts = []Part{{stored.SHA256, stored.Bytes}}
	if err := d.library.Uploads.keep(t.Context(), hana, &u, "upload.append"); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(2 * uploadRest)
	for range 2 { // the second time there is nothing to do
		if err := d.library.Uploads.Sweep(t.Context(), d.lock); err != nil {
			t.Fatal(err)
		}
	}
	if s := mustSegment(t, d, "a"); s.UploadedBy != "Hana" || s.State != schedules.Analysing {
		t.Errorf("the segment is %+v", s)
	}
	if err := d.library.Recordings.AnalyseBehind(t.Context(), d.lock); err != nil {
		t.Fatal(err)
	}
	if s := mustSegment(t, d, "a"); s.State != schedules.Pending {
		t.Errorf("analysed, the segment is %+v", s)
	}
}

func TestUnfinishedUploadsTakeBoundedSpace(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.begin(t, "a", 1000)
	d.begin(t, "b", 1000)
	_, err := d.library.Uploads.Start(t.Context(), hana, Upload{Length: 1000, Segment: schedules.Segment{ID: "c",
		Kind: "music", Title: "t", Language: "zxx"}})
	if !fault.Is(err, fault.Full) {
		t.Errorf("a third: %v", err)
	}
}

func TestOnePersonsUnfinishedUploadsTakeAShareOfTheSpace(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.library.Uploads.limits.MaxOwn = 1500
	first := d.begin(t, "a", 1000)
	another := Upload{Length: 501, Segment: schedules.Segment{ID: "c", Kind: "music", Title: "t", Language: "zxx"}}
	_, err := d.library.Uploads.Start(t.Context(), hana, another)
	if !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "would be 2 with 1501 bytes") ||
		!strings.Contains(err.Error(), "1500 bytes") {
		t.Errorf("a second: %v", err)
	}
	if _, err := d.library.Uploads.Start(t.Context(), access.Actor{Name: "Minjun"}, another); err != nil {
		t.Errorf("another person's: %v", err)
	}
	if err := d.library.Uploads.Cancel(t.Context(), hana, first.ID); err != nil {
		t.Fatal(err)
	}
	another.Segment.ID = "d"
	if _, err := d.library.Uploads.Start(t.Context(), hana, another); err != nil {
		t.Errorf("after the first was cancelled: %v", err)
	}
}

func TestCancelledUploadGivesItsSpaceBackAtOnce(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	for range 4 {
		u := d.begin(t, "long", 1000)
		if err := d.library.Uploads.Cancel(t.Context(), hana, u.ID); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUploadOfOtherBytesThanAnnouncedIsGivenUp(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	u := d.begin(t, "a", 4)
	u.SHA256 = strings.Repeat("b", 64)
	if err := d.library.Uploads.keep(t.Context(), hana, &u, "upload.start"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.library.Uploads.Append(t.Context(), hana, u.ID, 0, strings.NewReader("full"), nil); !fault.Is(err,
		fault.Damaged) {
		t.Errorf("the last piece: %v", err)
	}
	if _, err := d.library.Segments.Get("a"); !fault.Is(err, fault.NotFound) {
		t.Errorf("the segment: %v", err)
	}
	if _, err := d.library.Uploads.Get(hana, u.ID); !fault.Is(err, fault.Gone) {
		t.Errorf("the upload: %v", err)
	}
}

// Concurrent uploads of the same content all get the same answer: the segment exists.
func TestEqualUploadsAllBecomeTheOneSegment(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	var uploads []Upload
	for range 8 {
		uploads = append(uploads, d.begin(t, "a", 8))
	}
	var all sync.WaitGroup
	for _, u := range uploads {
		all.Go(func() {
			done, err := d.library.Uploads.Append(t.Context(), hana, u.ID, 0, strings.NewReader("the same"), nil)
			if err != nil || !done.Done() {
				t.Errorf("%+v, %v", done, err)
			}
			if again, err := d.library.Uploads.Get(hana, u.ID); err != nil || !again.Done() {
				t.Errorf("asked again: %+v, %v", again, err)
			}
		})
	}
	all.Wait()
	mustSegment(t, d, "a")
}

func TestANewerRequestTakesAnUploadFromAnOlderOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, nil, nil, nil, time.Now, Limits{Concurrency: 1})
		first, end, err := l.Uploads.Lock(t.Context(), "u", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-first.Done()
			time.Sleep(time.Second)
			end()
		}()
		second, endSecond, err := l.Uploads.Lock(t.Context(), "u", 2*time.Second)
		if err != nil || !errors.Is(first.Err(), context.Canceled) || second.Err() != nil {
			t.Fatal(err, first.Err())
		}
		if _, _, err := l.Uploads.Lock(t.Context(), "u", time.Second); !fault.Is(err, fault.Busy) {
			t.Errorf("while the one before does not stop: %v", err)
		}
		endSecond()
	})
}

func TestAnUploadIsSeenByItsProducerAlone(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	u := d.begin(t, "a", 100)
	if got := d.library.Uploads.List(hana); len(got) != 1 || got[0].ID != u.ID || d.library.Recordings.MaxBytes() != 1000 {
		t.Errorf("%+v", got)
	}
	if got := d.library.Uploads.List(ruth); len(got) != 0 {
		t.Errorf("another sees %+v", got)
	}
	if _, err := d.library.Uploads.Append(t.Context(), hana, u.ID, 7, bytes.NewReader(nil), nil); !fault.Is(err,
		fault.Conflict) {
		t.Errorf("at another byte: %v", err)
	}
	d.now = d.now.Add(uploadLife)
	if _, err := d.library.Uploads.Get(hana, u.ID); !fault.Is(err, fault.Gone) {
		t.Errorf("after its end: %v", err)
	}
	if _, err := d.library.Uploads.Start(t.Context(), hana, Upload{Length: 1001}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a larger one: %v", err)
	}
}

func TestOnePersonUploadsNoMoreThanADayMayBring(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.library.Recordings.limits.MaxDaily = 1500
	hana, ruth := access.Actor{Name: "Hana", Person: "p1"}, access.Actor{Name: "Ruth"}
	reserve := func(a access.Actor, bytes int64) func() {
		t.Helper()
		release, err := d.library.Recordings.Reserve(a, bytes)
		if err != nil {
			t.Fatal(err)
		}
		return release
	}
	refused := func(a access.Actor, bytes int64) {
		t.Helper()
		if _, err := d.library.Recordings.Reserve(a, bytes); !fault.Is(err, fault.TooLarge) ||
			!strings.Contains(err.Error(), "--max-daily") {
			t.Errorf("%d more: %v", bytes, err)
		}
	}
	reserve(hana, 900)
	release := reserve(hana, 600)
	refused(hana, 1)
	refused(access.Actor{Name: "Hana's phone", Person: "p1"}, 1)
	release()
	refused(hana, -1) // of an unknown length: as long as a recording may be
	reserve(hana, 600)
	_, err := d.library.Uploads.Start(t.Context(), hana, Upload{Length: 1, Segment: schedules.Segment{ID: "a",
		Kind: "music", Title: "t", Language: "zxx"}})
	if !fault.Is(err, fault.TooLarge) {
		t.Errorf("an upload in pieces: %v", err)
	}
	reserve(ruth, 1500)
	d.now = d.now.AddDate(0, 0, 1)
	reserve(hana, 1500)
}

func TestUploadsInPiecesCountForTheDay(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.library.Recordings.limits.MaxDaily = 1000
	u := d.begin(t, "a", 600)
	if _, err := d.library.Uploads.Start(t.Context(), hana, Upload{Length: 600, Segment: schedules.Segment{ID: "b",
		Kind: "music", Title: "t", Language: "zxx"}}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("beside an unfinished one: %v", err)
	}
	all := strings.NewReader(strings.Repeat("a", 600))
	if _, err := d.library.Uploads.Append(t.Context(), hana, u.ID, 0, all, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := d.library.Recordings.Reserve(hana, 600); !fault.Is(err, fault.TooLarge) {
		t.Errorf("after a complete one: %v", err)
	}
}
