package spi

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// validate checks documents against testdata/spi.rng, a subset of the standard. LIFELINE_SPI_XSD can name the
// standard's own schema, which we may not include (spi_34.xsd, with a catalogue in XML_CATALOG_FILES for xml.xsd).
func validate(t *testing.T, documents ...[]byte) error {
	t.Helper()
	dir := t.TempDir()
	args := []string{"--nonet", "--noout", "--relaxng", "testdata/spi.rng"}
	if file := os.Getenv("LIFELINE_SPI_XSD"); file != "" {
		args = []string{"--nonet", "--noout", "--schema", file}
	}
	for n, b := range documents {
		file := filepath.Join(dir, fmt.Sprintf("%d.xml", n))
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if out, err := exec.CommandContext(t.Context(), "xmllint", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func harbour(t *testing.T) (Service, schedules.Date, *wire.Queue) {
	t.Helper()
	date, err := schedules.ParseDate("2026-10-25")
	if err != nil {
		t.Fatal(err)
	}
	st := schedules.Station{ID: "harbour-dawn", Revision: 4, Name: "Harbour Dawn & Evening <Medium> Wave",
		Timezone: "Europe/Berlin", Languages: []string{"ko-KP", "cmn-Hans"},
		Windows: []schedules.Window{
			{ID: "dawn", Starts: schedules.Recurrence{Timezone: "Europe/Berlin",
				RRule: "DTSTART:20230901T013000\nRRULE:FREQ=DAILY"}, Length: schedules.Ms(2 * 3600_000), Clock: "hour",
				FrequencyKHz: 1233},
			{ID: "midnight", Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20230901T224500\nRRULE:FREQ=DAILY"},
				Length: schedules.Ms(1_710_000), Clock: "half", Languages: []string{"cmn-Hans"}},
		}}
	occurrences, err := st.OccurrencesOn(date)
	if err != nil {
		t.Fatal(err)
	}
	q := &wire.Queue{Station: st.ID, Date: date, Timezone: st.Timezone, Revision: 9,
		PublishedAt: schedules.At(time.Date(2026, 10, 20, 8, 0, 0, 123e6, time.UTC))}
	titles := []string{"호소문 첫째 대목 (하나), 그리고 아주 길게 이어지는 둘째 대목", "信件，来自祖母", `"quoted" & <b>bold</b> ]]>`, "nul\x00 and \xff",
		"", strings.Repeat("long ", 60)}
	kinds := []schedules.Kind{"reading", "letter", "time-signal", "news", "music", "ident"}
	for k, o := range occurrences {
		q.Windows = append(q.Windows, schedules.Slot{Occurrence: o})
		at := o.StartAt.Time
		for n := 0; at.Before(o.EndAt.Time); n++ {
			start := schedules.At(at)
			q.Items = append(q.Items, wire.QueueItem{ID: fmt.Sprintf("%s-%d-%d", o.Window, k, n), Window: o.Window,
				Kind: kinds[n%len(kinds)], Language: []string{"ko-KP", "cmn-Hans", "zxx"}[n%3],
				Title: titles[n%len(titles)], StartAt: &start, Duration: schedules.Ms(97_303)})
			at = at.Add(97_303 * time.Millisecond)
		}
	}
	return Service{Station: st, Host: "lifeline.example", Bearer: "amss:e1c238"}, date, q
}

// Documents are valid by TS 102 818, according to a validator that also rejects invalid ones.
func TestDocumentsAreValid(t *testing.T) {
	s, date, q := harbour(t)
	bare := Service{Station: schedules.Station{ID: "x", Name: "X", Timezone: "UTC"}, Host: "127.0.0.1"}
	var documents [][]byte
	for _, build := range []func() ([]byte, error){
		func() ([]byte, error) { return Programmes(s, date, q) }, func() ([]byte, error) { return Programmes(s, date, nil) },
		func() ([]byte, error) { return Information(s) }, func() ([]byte, error) { return Programmes(bare, date, nil) },
		func() ([]byte, error) { return Information(bare) },
	} {
		b, err := build()
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := build(); !bytes.Equal(b, again) {
			t.Error("the same day gives other bytes")
		}
		documents = append(documents, b)
	}
	if err := validate(t, documents...); err != nil {
		t.Error(err)
	}
	for from, to := range map[string]string{`shortId="`: `shortId="1`, "PT7200S": "PT7200.5S",
		"<mediumName": "<mediumNaam", `id="crid://`: `id="cride//`,
		"2026-10-25T01:30:00+02:00": "25.10.2026 01:30", `xml:lang="ko-KP"`: `xml:lang="Korean language"`,
		"longName>": "shortDescription>"} {
		spoiled := bytes.ReplaceAll(documents[0], []byte(from), []byte(to))
		if bytes.Equal(spoiled, documents[0]) {
			t.Fatalf("%q is not in:\n%.3000s", from, documents[0])
		}
		if validate(t, spoiled) == nil {
			t.Errorf("with %q for %q it is valid, too", to, from)
		}
	}
}

// A reader finds the windows at their instants, on a day on which clocks go back, and the audible items in them.
func TestProgrammesAreTheDaysWindows(t *testing.T) {
	s, date, q := harbour(t)
	b, err := Programmes(s, date, q)
	if err != nil {
		t.Fatal(err)
	}
	type read struct {
		ID      string `xml:"id,attr"`
		ShortID int    `xml:"shortId,attr"`
		Medium  string `xml:"mediumName"`
		Long    struct {
			Language string `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
			Value    string `xml:",chardata"`
		} `xml:"longName"`
		Time struct {
			Time     string `xml:"time,attr"`
			Duration string `xml:"duration,attr"`
		} `xml:"location>time"`
		Relative struct {
			Time     string `xml:"time,attr"`
			Duration string `xml:"duration,attr"`
		} `xml:"location>relativeTime"`
		Events []read `xml:"programmeEvent"`
	}
	var doc struct {
		Schedule struct {
			Version    int    `xml:"version,attr"`
			Created    string `xml:"creationTime,attr"`
			Programmes []read `xml:"programme"`
		} `xml:"schedule"`
	}
	if err := xml.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	// 25 hours: one window comes twice
	if doc.Schedule.Version != 9 || doc.Schedule.Created != "2026-10-20T10:00:00+02:00" ||
		len(doc.Schedule.Programmes) != 3 {

		t.Fatalf("%+v", doc.Schedule)
	}
	seen, told := map[int]bool{}, 0
	for n, p := range doc.Schedule.Programmes {
		want := q.Windows[n]
		start, err := time.Parse(time.RFC3339, p.Time.Time)
		if err != nil || !start.Equal(want.StartAt.Time) {
			t.Errorf("%s starts at %s, not %s", p.Medium, p.Time.Time, want.StartAt)
		}
		if length, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(p.Time.Duration, "PT"))); err != nil ||
			!start.Add(length).Equal(want.EndAt.Time) {
			t.Errorf("%s lasts %s", p.Medium, p.Time.Duration)
		}
		for _, e := range append(p.Events, p) {
			if seen[e.ShortID] || !strings.HasPrefix(e.ID, "crid://lifeline.example/harbour-dawn/") {
				t.Errorf("the id %s (%d)", e.ID, e.ShortID)
			}
			seen[e.ShortID] = true
		}
		for _, e := range p.Events {
			var item wire.QueueItem
			for _, i := range q.Items {
				if strings.HasSuffix(e.ID, "/"+i.ID) {
					item = i
				}
			}
			after := item.StartAt.Truncate(time.Second).Sub(start)
			if told++; e.Relative.Time != fmt.Sprintf("PT%dS", int(after.Seconds())) || e.Long.Language != item.Language ||
				item.Kind == "ident" || item.Kind == "time-signal" {
				t.Errorf("%+v of %+v", e, item)
			}
		}
	}
	if doc.Schedule.Programmes[1].Time.Time != "2026-10-25T01:30:00+02:00" || told < 40 {
		t.Errorf("the second starts at %s; %d events", doc.Schedule.Programmes[1].Time.Time, told)
	}
}

func TestNamesAreCutWhereTheyCanBeRead(t *testing.T) {
	for _, c := range []struct {
		name string
		most int
		want string
	}{{"Harbour Dawn", 8, "Harbour"}, {"Harbour Dawn", 16, "Harbour Dawn"}, {"생명줄 방송입니다 오늘", 8, "생명줄 방송입니"},
		{"a  b\nc", 8, "a b c"}, {"abcdefghijk", 8, "abcdefgh"}} {
		if got := cut(c.name, c.most); got != c.want {
			t.Errorf("%q in %d is %q, not %q", c.name, c.most, got, c.want)
		}
	}
}
