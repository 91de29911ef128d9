package playout

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestStatusPageAndMetricsTellHowTheStationStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour) // so that the day is the same by the service's clock
		e := newEvening(t, 20*time.Second)
		q := day("lantern", 4, e.start, e.length(), e.record(rec(1, 10), rec(2, 10)))
		q.Items[0].Title = "<b>one</b>"
		e.service.publish(q)
		e.service.recall(9)
		e.service.skew = -1500 * time.Millisecond
		p, state := e.open()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(time.Until(e.start.Add(5 * time.Second)))
		get := func(path string) string {
			r := httptest.NewRecorder()
			p.Handler().ServeHTTP(r, httptest.NewRequest("GET", path, nil))
			b, err := io.ReadAll(r.Result().Body)
			if err != nil || r.Code != 200 {
				t.Fatalf("%s: %d, %v", path, r.Code, err)
			}
			return string(b)
		}
		var w Watch
		if err := json.Unmarshal([]byte(get("/status.json")), &w); err != nil {
			t.Fatal(err)
		}
		if w.Playing != "item-1" || w.QueueRevision != 4 || w.RecallsSeen != 9 || w.AudioVerified != 2 ||
			w.AudioMissing != 0 ||
			w.ClockOffset.Duration != 1500*time.Millisecond || len(w.Next) != 1 || !w.Next[0].Here || w.Peak() > -4 ||
			w.Peak() < -20 {
			t.Errorf("%+v", w)
		}
		page := get("/")
		if !strings.Contains(page, "&lt;b&gt;one") || strings.Contains(page, "<b>one") || !strings.Contains(page,
			"revision 4") {
			t.Errorf("the page says\n%s", page)
		}
		metrics := get("/metrics")
		for _, line := range []string{"lifeline_playout_on_air 1", "lifeline_playout_queue_revision 4",
			"lifeline_playout_clock_offset_seconds 1.5", `lifeline_playout_output_restarts_total{output="wav:`, "go_build_info{"} {
			if !strings.Contains(metrics, "\n"+line) {
				t.Errorf("no %s in\n%s", line, metrics)
			}
		}
		if get("/healthz") != "ok\n" {
			t.Error("not well")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := state.Close(); err != nil {
			t.Error(err)
		}
		s := e.service.status[len(e.service.status)-1]
		for _, other := range e.service.status {
			if other.Playing == "" && other.PeakDBFS != nil {
				t.Errorf("a level off the air: %+v", other)
			}
		}
		if s.QueueRevision != 4 || s.PlayerVersion != "test" || !strings.Contains(metrics,
			fmt.Sprintf("lifeline_playout_output_peak_dbfs %v", w.Peak())) {
			t.Errorf("reported %+v", s)
		}
	})
}

func TestThePageNamesWhatAirsInPlaceOfAnItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 20*time.Second)
		q := day("lantern", 4, e.start, e.length(), e.record(rec(1, 10), rec(2, 10)))
		q.Items[0].Title = "recalled"
		e.service.publish(q)
		p, state := e.open()
		p.notice(Notice{Kind: ItemStart, ItemID: q.Items[0].ID, SegmentID: "evergreen", Title: "Evergreen"})
		if w := p.Watch(); w.Playing != q.Items[0].ID || w.Title != "Evergreen" {
			t.Errorf("%q of item %q is on the air", w.Title, w.Playing)
		}
		p.notice(Notice{Kind: ItemEnd, ItemID: q.Items[0].ID, SegmentID: "evergreen", Title: "Evergreen"})
		if w := p.Watch(); w.Playing != "" || w.Title != "" {
			t.Errorf("%q of item %q is on the air", w.Title, w.Playing)
		}
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestStatusPageSpeaksOfThisPlayersKeysAndOfWholeMilliseconds(t *testing.T) {
	for offset, want := range map[time.Duration]string{263158 * time.Nanosecond: "<td>0 ms against",
		1700 * time.Microsecond: "<td>2 ms against", -90 * time.Second: "<td>-90000 ms against"} {
		var page strings.Builder
		w := Watch{Status: wire.Status{ClockOffset: schedules.Millis{Duration: offset}}}
		if err := statusPage.Execute(&page, w); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{want, "not signed: this player has no keys of the station: run playout enrol"} {
			if !strings.Contains(page.String(), want) {
				t.Errorf("%v: the page does not say %q:\n%s", offset, want, page.String())
			}
		}
	}
}
