package endtoend

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// feed requests a feed as other programs do: with Basic authentication, and then again with the tag.
func (h *house) feed(path, secret, contentType string) answer {
	h.t.Helper()
	login := map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:"+secret))}
	got := h.do(http.MethodGet, path, "", login, nil)
	if got.status != http.StatusOK || got.header.Get("Content-Type") != contentType {
		h.t.Fatalf("%s: %d %s %s", path, got.status, got.header.Get("Content-Type"), got.body)
	}
	login["If-None-Match"] = got.header.Get("ETag")
	if again := h.do(http.MethodGet, path, "", login, nil); again.status != http.StatusNotModified ||
		len(again.body) != 0 {
		h.t.Errorf("%s with the tag %s: %d", path, got.header.Get("ETag"), again.status)
	}
	return got
}

// A station's windows and published days are calendars that stay the same until something changes.
func TestCalendarsOverHTTP(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	h.publish([]string{"harbour-dawn"}, "2099-11-25", "2099-11-27")
	secret := h.stationSecret("harbour-dawn")
	const calendar = "text/calendar; charset=utf-8"
	events := func(a answer) []*ics.VEvent {
		t.Helper()
		c, err := ics.ParseCalendar(bytes.NewReader(a.body))
		if err != nil {
			t.Fatal(err)
		}
		return c.Events()
	}

	windows := h.feed("/v1/stations/harbour-dawn/windows.ics", secret, calendar)
	if got := events(windows); len(got) != 2 || !strings.Contains(string(windows.body), "DTSTART;TZID=Asia/Seoul:") ||
		!strings.Contains(string(windows.body), "RRULE:FREQ=DAILY") {
		t.Errorf("%d events: %s", len(got), windows.body)
	}
	h.changeStation("harbour-dawn", func(s *schedules.Station) { s.Name = "Harbour Evening" })
	if changed := h.feed("/v1/stations/harbour-dawn/windows.ics", secret, calendar); changed.header.Get(
		"ETag") == windows.header.Get("ETag") ||
		!strings.Contains(string(changed.body), "SEQUENCE:2\r\n") {
		t.Errorf("the changed station has the tag %s: %s", changed.header.Get("ETag"), changed.body)
	}

	q := h.queue("harbour-dawn", "2099-11-25")
	day := h.feed("/v1/stations/harbour-dawn/queue.ics?date=2099-11-25", secret, calendar)
	got := events(day)
	if len(got) != len(q.Items) {
		t.Fatalf("%d events of %d items", len(got), len(q.Items))
	}
	for n, e := range got {
		if start, err := e.GetStartAt(); err != nil || start.Unix() != q.Items[n].StartAt.Unix() ||
			e.GetProperty(ics.ComponentPropertySummary).Value != q.Items[n].Title {
			t.Errorf("%v %v: %s", start, err, e.GetProperty(ics.ComponentPropertySummary).Value)
		}
	}
	week := "/v1/stations/harbour-dawn/queue.ics?date=2099-11-25&days=7"
	two := h.feed(week, secret, calendar)
	if n := len(events(two)); n <= len(q.Items) {
		t.Errorf("two published days of seven have %d events", n)
	}
	h.publish([]string{"harbour-dawn"}, "2099-11-28")
	if three := h.feed(week, secret, calendar); three.header.Get("ETag") == two.header.Get("ETag") ||
		len(events(three)) <= len(events(two)) {
		t.Errorf("a day more has the tag %s and %d events", three.header.Get("ETag"), len(events(three)))
	}
	if none := h.do(http.MethodGet, "/v1/stations/harbour-dawn/queue.ics?date=2099-12-25&days=3", secret, nil,
		nil); none.status != http.StatusNotFound {
		t.Errorf("days without a queue: %d %s", none.status, none.body)
	}
}

// An exception that a scheduler applies is on the air: in the calendar, in the plan and in the queue; a day that is
// published already is an alarm until it is planned and published anew.
func TestExceptionOfADayReachesTheAir(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	const id = "harbour-dawn"
	coming := time.Now().UTC().AddDate(0, 0, 5)
	feast, after := coming.Format(time.DateOnly), coming.AddDate(0, 0, 14).Format(time.DateOnly)
	h.publish([]string{id}, feast)
	ordinary := h.queue(id, feast)
	if len(ordinary.Windows) != 2 {
		t.Fatalf("%+v", ordinary.Windows)
	}
	moved, kept := ordinary.Windows[0], ordinary.Windows[1]
	loc, err := schedules.Zone(ordinary.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	at := moved.StartAt.Add(3 * time.Hour)
	h.changeStation(id, func(s *schedules.Station) {
		day, next := ordinary.Date, ordinary.Date.AddDays(14)
		s.Exceptions = []schedules.Exception{
			{Date: day, Window: moved.Window, Name: "추석", At: at.In(loc).Format("15:04")},
			{Date: next, Window: kept.Window, Cancelled: true}}
	})
	var st schedules.Station
	h.get(wire.Station(id), &st)
	if len(st.Exceptions) != 2 || len(st.CurrentProblems) == 0 || !slices.ContainsFunc(st.CurrentProblems,
		func(p schedules.StationProblem) bool {
			return p.Code == "left_behind" && *p.Date == ordinary.Date && strings.Contains(p.Message, moved.Window)
		}) {
		t.Errorf("%+v, %+v", st.Exceptions, st.CurrentProblems)
	}

	secret := h.stationSecret(id)
	shown := h.feed("/v1/stations/"+id+"/windows.ics", secret, "text/calendar; charset=utf-8")
	text := strings.ReplaceAll(string(shown.body), "\r\n ", "")
	for _, want := range []string{"DTSTART:" + at.UTC().Format("20060102T150405Z"), moved.Window + "\\, 추석", "EXDATE"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}

	h.publish([]string{id}, feast, after)
	queue := h.queue(id, feast)
	if len(queue.Windows) != 2 || !slices.ContainsFunc(queue.Windows, func(w schedules.Slot) bool {
		return w.Window == moved.Window && w.StartAt.Equal(at)
	}) || !slices.ContainsFunc(queue.Windows, func(w schedules.Slot) bool { return w.StartAt.Equal(kept.StartAt.Time) }) {
		t.Errorf("%+v", queue.Windows)
	}
	for _, it := range queue.Items {
		if it.Window == moved.Window && it.StartAt.Before(at) {
			t.Errorf("%s airs at %s", it.ID, it.StartAt)
		}
	}
	if next := h.queue(id, after); len(next.Windows) != 1 || next.Windows[0].Window == kept.Window {
		t.Errorf("%+v", next.Windows)
	}
	st = schedules.Station{}
	h.get(wire.Station(id), &st)
	for _, p := range st.CurrentProblems {
		if p.Code == "left_behind" {
			t.Errorf("%+v", p)
		}
	}
}

// A day's programme information is a valid document before and after publication, and is sent again only after a
// change.
func TestProgrammeInformationOverHTTP(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	secret := h.stationSecret("harbour-dawn")
	const at, xml = "/v1/stations/harbour-dawn/spi/3.1/", "application/xml; charset=utf-8"
	dir := t.TempDir()
	valid := func(name string, a answer) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, a.body, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "xmllint", "--nonet", "--noout", "--relaxng", filepath.Join("..", "..",
			"internal", "spi", "testdata", "spi.rng"), file)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	valid("SI", h.feed(at+"SI.xml?bearer=amss:e1c238", secret, xml))
	before := h.feed(at+"20991125_PI.xml", secret, xml)
	valid("before", before)
	h.publish([]string{"harbour-dawn"}, "2099-11-25")
	after := h.feed(at+"20991125_PI.xml", secret, xml)
	valid("after", after)
	if a, b := strings.Count(string(before.body), "<programme "), strings.Count(string(after.body),
		"<programme "); a != 2 || b != 2 ||
		strings.Contains(string(before.body), "<programmeEvent ") || !strings.Contains(string(after.body), "호소문") ||
		before.header.Get("ETag") == after.header.Get("ETag") {
		t.Errorf("%d programmes before, %d after: %s", a, b, after.body)
	}
	for path, status := range map[string]int{"20991325_PI.xml": 422, "2099-11-25.xml": 404, "SI.xml?bearer=gopher:1": 422,
		"20991125_PI.xml?bearer=%00": 422} {
		if got := h.do(http.MethodGet, at+path, secret, nil, nil); got.status != status {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// changeStation changes a station as a scheduler does.
func (h *house) changeStation(id string, change func(*schedules.Station)) {
	h.t.Helper()
	var st schedules.Station
	h.get(wire.Station(id), &st)
	change(&st)
	body, err := json.Marshal(map[string]any{"stations": []schedules.Station{st}})
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.scheduler.Apply(h.t.Context(), bytes.NewReader(body), false); err != nil {
		h.t.Fatal(err)
	}
}

// A window that repeats another airs the same items, and goes on doing so when one of them is recalled.
func TestRepeatOfAWindowReachesTheAirAndFollowsARecall(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	const id = "harbour-dawn"
	coming := time.Now().UTC().AddDate(0, 0, 5).Format(time.DateOnly)
	var of string
	h.changeStation(id, func(s *schedules.Station) {
		of = s.Windows[0].ID
		again := s.Windows[0]
		again.ID, again.Repeats = "again", &schedules.WindowRepeat{Window: of}
		again.Starts = schedules.Recurrence{Timezone: s.Timezone, At: "21:30"}
		s.Windows = append(s.Windows, again)
	})
	h.publish([]string{id}, coming)
	airs := func() (source, repeat []string) {
		for _, it := range h.queue(id, coming).Items {
			switch it.Window {
			case of:
				source = append(source, it.SegmentID)
			case "again":
				repeat = append(repeat, it.SegmentID)
			}
		}
		return source, repeat
	}
	source, repeat := airs()
	if len(source) == 0 || !slices.Equal(source, repeat) {
		t.Fatalf("%s airs %v, the repeat %v", of, source, repeat)
	}
	for _, w := range h.queue(id, coming).Windows {
		if w.Window == "again" && (w.Repeats == nil || w.Repeats.Window != of) {
			t.Errorf("the queue does not say what the window repeats: %+v", w)
		}
	}
	gone := source[len(source)/2]
	if _, err := h.editor.Act(t.Context(), gone, "recall", "withdrawn"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		source, repeat = airs()
		return !slices.Contains(source, gone) && slices.Equal(source, repeat)
	})
}
