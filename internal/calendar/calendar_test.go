package calendar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// instance is one start of an event as ical.js expands it.
type instance struct {
	UID      string `json:"uid"`
	Start    int64  `json:"start"` // milliseconds
	End      int64  `json:"end"`
	Summary  string `json:"summary"`
	Language string `json:"language"`
	Sequence int64  `json:"sequence"`
	Stamp    int64  `json:"stamp"`
	Repeats  bool   `json:"repeats"`
}

// readBack parses calendars with ical.js, which shares no code with the package.
func readBack(t *testing.T, calendars [][]byte) [][]instance {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/icaljs")); err != nil {
		t.Fatal(err)
	}
	texts := make([]string, len(calendars))
	for n, b := range calendars {
		texts[n] = string(b)
	}
	in, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, args := range [][]string{{"npm", "install", "--no-audit", "--no-fund", "--silent"}, {"node", "read.js"}} {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		var said bytes.Buffer
		out.Reset()
		cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, bytes.NewReader(in), &out, &said
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, said.String())
		}
	}
	var read [][]instance
	if err := json.Unmarshal(out.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// zones have summer time of an hour, of half an hour and of two hours, negative summer time in the month of fasting, a
// change at midnight, a change of the day itself, and no change.
var zones = []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll",
	"Africa/Casablanca", "America/Santiago",
	"Africa/Cairo", "Asia/Beirut", "America/Nuuk", "Europe/Dublin", "Pacific/Apia", "Asia/Seoul", "Asia/Tashkent", "UTC",
	"Etc/UTC"}

// rules returns recurrences as schedulers write them, most of them at hours at which clocks change somewhere.
func rules(r *rand.Rand) schedules.Recurrence {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	start := time.Date(2015+r.IntN(13), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC).
		Add(time.Duration(r.IntN(5*60)) * time.Minute)
	if r.IntN(3) == 0 {
		start = start.Add(time.Duration(r.IntN(19)) * time.Hour)
	}
	lines := "DTSTART:" + start.Format(local)
	if r.IntN(12) > 0 {
		lines += "\nRRULE:" + pick("FREQ=DAILY", "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=SU",
			"FREQ=WEEKLY;BYDAY=SA,SU,MO", "FREQ=WEEKLY;INTERVAL=2",
			"FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,WE", "FREQ=MONTHLY;BYDAY=-1SU", "FREQ=MONTHLY;BYMONTHDAY=-1,1",
			"FREQ=YEARLY;BYMONTH=3,10;BYDAY=SU",
			"FREQ=DAILY;BYHOUR=0,1,2,3;BYMINUTE=15", "FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=-1",
			"FREQ=YEARLY;BYMONTH=3,4;BYDAY=-1SU") +
			pick("", "", "", fmt.Sprintf(";COUNT=%d", 1+r.IntN(900)), ";UNTIL=20270402T000000")
	}
	day := func() time.Time { return start.AddDate(0, 0, r.IntN(4000)) }
	if r.IntN(3) == 0 {
		lines += "\nEXDATE:" + day().Format(local) + "," + start.Format(local)
	}
	if r.IntN(3) == 0 {
		lines += "\nRDATE:" + day().Format(local) + "," + day().Add(90*time.Minute).Format(local)
	}
	out := schedules.Recurrence{Timezone: zones[r.IntN(len(zones))], RRule: lines}
	if r.IntN(4) == 0 {
		from := schedules.DateOf(time.Date(2025, 10, 26, 0, 0, 0, 0, time.UTC)).AddDays(r.IntN(400))
		until := from.AddDays(1 + r.IntN(400))
		out.From, out.Until = &from, &until
	}
	return out
}

// An independent program reads the same starts and ends as stations air, wherever clocks change.
func TestCalendarsAreReadAsStationsAir(t *testing.T) {
	longform.Only(t)
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	from, to := Stretch(now)
	r := rand.New(rand.NewPCG(7, 6))
	var stations []schedules.Station
	var calendars [][]byte
	for n := range zones {
		st := schedules.Station{ID: fmt.Sprintf("station-%d", n), Revision: int64(1 + n), Name: "등대; coast, \\ north",
			Timezone: zones[n], Languages: []string{"ko-KP"}}
		for k := range 8 {
			st.Windows = append(st.Windows, schedules.Window{ID: fmt.Sprintf("w.%d", k), Starts: rules(r), Clock: "hour",
				FrequencyKHz: 9467,
				Length:       schedules.Ms(int64(1+r.IntN(4*3600)) * 1000)})
		}
		for k := range 3 { // they adjoin, so a change of clocks makes them shorter or longer
			start := time.Date(2025, 1, 1, k, 0, 0, 0, time.UTC)
			st.Windows = append(st.Windows, schedules.Window{ID: fmt.Sprintf("adjoining.%d", k), Clock: "hour",
				Length: schedules.Ms(3_570_000),
				Starts: schedules.Recurrence{Timezone: zones[n], RRule: "DTSTART:" + start.Format(local) + "\nRRULE:FREQ=DAILY"}})
		}
		b, err := Windows(st, from, to)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := Windows(st, from, to); !bytes.Equal(b, again) {
			t.Fatal("the same station is another calendar")
		}
		wellFormed(t, b)
		stations, calendars = append(stations, st), append(calendars, b)
	}
	starts, series := 0, 0
	day := queue()
	all := readBack(t, append(calendars, Days("lantern-coast", []wire.Queue{day})))
	sameDay(t, all[len(stations)], day)
	for n, st := range stations {
		read := all[n]
		want := map[string][][2]int64{}
		occurrences, err := st.Occurrences(from, to)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range occurrences {
			want[o.Window] = append(want[o.Window], [2]int64{o.StartAt.UnixMilli(), o.EndAt.UnixMilli()})
		}
		got, repeating := map[string][][2]int64{}, map[string]bool{}
		for _, i := range read {
			id, _ := strings.CutPrefix(strings.TrimSuffix(i.UID, "@lifeline"), st.ID+"/")
			window, _, _ := strings.Cut(id, "/")
			got[window] = append(got[window], [2]int64{i.Start, i.End})
			if starts++; i.Repeats && !repeating[window] {
				repeating[window] = true
				series++
			}
			if i.Sequence != st.Revision || i.Stamp != from.UnixMilli() || i.Summary != st.Name+": "+window {
				t.Errorf("%+v", i)
			}
		}
		for _, w := range st.Windows {
			slices.SortFunc(got[w.ID], func(a, b [2]int64) int { return int(a[0] - b[0]) })
			if !slices.Equal(got[w.ID], want[w.ID]) {
				t.Errorf("%s %+v: %s", w.ID, w.Starts, difference(got[w.ID], want[w.ID]))
			}
		}
	}
	t.Logf("%d starts of %d windows, %d of them as rules", starts, 11*len(stations), series)
	if starts < 30_000 || series < 80 {
		t.Errorf("%d starts and %d rules are too few to prove anything", starts, series)
	}
}

// difference describes the first few entries that only one side has.
func difference(got, want [][2]int64) string {
	var out []string
	for _, side := range []struct {
		says      string
		has, lack [][2]int64
	}{{"wrong", got, want}, {"missing", want, got}} {
		for _, s := range side.has {
			if !slices.Contains(side.lack, s) && len(out) < 6 {
				out = append(out, side.says+" "+time.UnixMilli(s[0]).UTC().Format(time.RFC3339)+" to "+
					time.UnixMilli(s[1]).UTC().Format(time.RFC3339))
			}
		}
	}
	return fmt.Sprintf("%d read, %d aired: %s", len(got), len(want), strings.Join(out, "; "))
}

// wellFormed checks the requirements of RFC 5545 on all lines: at most 75 bytes, CR LF, no other control characters.
func wellFormed(t *testing.T, b []byte) {
	t.Helper()
	lines := strings.Split(string(b), "\r\n")
	if lines[0] != "BEGIN:VCALENDAR" || lines[len(lines)-2] != "END:VCALENDAR" || lines[len(lines)-1] != "" {
		t.Errorf("it begins with %q and ends with %q", lines[0], lines[len(lines)-2:])
	}
	for _, line := range lines {
		if len(line) > 75 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
			t.Errorf("the line %q", line)
		}
	}
}

// queue returns a queue with titles that try to break out of a calendar, and some ordinary ones.
func queue() wire.Queue {
	titles := []string{"호소문 첫째 대목 (하나) " + strings.Repeat("긴 제목 ", 30), `a, b; c: "d" \n \\ 'e'`,
		"END:VEVENT\r\nBEGIN:VEVENT",
		"nul\x00 tab\t del\x7f", "\xff bad", "", strings.Repeat("x", 200)}
	q := wire.Queue{Station: "lantern-coast", Revision: 7, PublishedAt: schedules.At(time.Date(2026, 10, 1, 0, 0, 0, 0,
		time.UTC))}
	at := time.Date(2026, 10, 24, 23, 59, 0, 0, time.UTC)
	for n, title := range titles {
		start := schedules.At(at)
		i := wire.QueueItem{ID: fmt.Sprintf("item-%d", n), Window: "evening", Kind: "reading", Language: "ko-KP",
			Title: title, Voice: "Hana",
			StartAt: &start, Duration: schedules.Ms(1500)}
		if n == 2 {
			i.Duration = schedules.Ms(300)
		}
		q.Items = append(q.Items, i)
		at = at.Add(i.Duration.Duration)
	}
	return q
}

// sameDay compares a day's items with the parsed calendar: times, titles and languages, for all titles.
func sameDay(t *testing.T, read []instance, q wire.Queue) {
	t.Helper()
	if len(read) != len(q.Items) {
		t.Fatalf("%d events of %d items", len(read), len(q.Items))
	}
	for n, i := range read {
		item := q.Items[n]
		start, end := item.StartAt.Truncate(time.Second), item.StartAt.Add(item.Duration.Duration).Truncate(time.Second)
		if i.UID != "lantern-coast/"+item.ID+"@lifeline" || i.Start != start.UnixMilli() || i.End != end.UnixMilli() ||
			i.Summary != text.ShownLine(item.Title) ||
			i.Language != "ko-KP" || i.Sequence != 7 || i.Stamp != q.PublishedAt.UnixMilli() {
			t.Errorf("%+v of %+v", i, item)
		}
	}
}

func TestCalendarOfADayIsWellFormed(t *testing.T) {
	wellFormed(t, Days("lantern-coast", []wire.Queue{queue()}))
}
