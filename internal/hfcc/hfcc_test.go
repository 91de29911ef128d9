package hfcc

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifeline/schedules"
)

func day(t testing.TB, s string) schedules.Date {
	t.Helper()
	d, err := schedules.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// season reads the test's file: lines in the form of a real season's, for stations that do not exist.
func season(t testing.TB) ([]byte, File) {
	t.Helper()
	b, err := os.ReadFile("testdata/a26.txt")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return b, f
}

var terms = Terms{Clock: "hour", Tolerance: time.Second}

func relay(windows ...schedules.Window) schedules.Station {
	return schedules.Station{ID: "relay", Name: "Relay", Timezone: "Asia/Tashkent", Languages: []string{"ko-KP"},
		Windows: windows}
}

func apply(t testing.TB, st schedules.Station, s Season, rows []Row) schedules.Station {
	t.Helper()
	out, err := Apply(st, s, rows, terms)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// starts returns the starts of a station's window, in UTC.
func starts(t testing.TB, st schedules.Station, window string) (out []string) {
	t.Helper()
	occurrences, err := st.Occurrences(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 30, 0, 0, 0, 0,
		time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range occurrences {
		if o.Window == window {
			out = append(out, o.StartAt.UTC().Format("2006-01-02 15:04"))
		}
	}
	return out
}

func TestSeasonsBeginOnTheLastSundaysOfMarchAndOctober(t *testing.T) {
	for name, want := range map[string]string{"A23": "2023-03-26", "B23": "2023-10-29", "A24": "2024-03-31",
		"B24": "2024-10-27", "A26": "2026-03-29", "B26": "2026-10-25", "A30": "2030-03-31"} {
		s, err := ParseSeason(name)
		if err != nil || s.First().String() != want || s.String() != name {
			t.Errorf("%s begins on %s: %v", name, s.First(), err)
		}
		if got := SeasonOf(s.First()); got != s {
			t.Errorf("the first day of %s is of %s", s, got)
		}
		if got := SeasonOf(s.Next().First().AddDays(-1)); got != s {
			t.Errorf("the last day of %s is of %s", s, got)
		}
	}
	for _, bad := range []string{"", "A", "C26", "A2026", "a26", "A-1"} {
		if _, err := ParseSeason(bad); err == nil {
			t.Errorf("%q is a season", bad)
		}
	}
}

// The table has one row of a season for each trap.
func TestRowsMeanWhatTheirWritersMeant(t *testing.T) {
	_, f := season(t)
	if f.Season.String() != "A26" || len(f.Rows) != 9 {
		t.Fatalf("%s, %d rows", f.Season, len(f.Rows))
	}
	st := apply(t, relay(), f.Season, f.Rows)
	window := func(id string) schedules.Window {
		t.Helper()
		w, ok := st.Window(id)
		if !ok {
			t.Fatalf("there is no window %s of %+v", id, st.Windows)
		}
		return w
	}

	both := window("a26-llr-1300-9467")
	if both.FrequencyKHz != 9467 || !slices.Equal(both.AlsoKHz, []int{5987}) || both.Clock != "hour" ||
		both.Languages != nil || both.Length.Duration != time.Hour {
		t.Errorf("one broadcast on two frequencies is %+v", both)
	}
	got := starts(t, st, both.ID)
	if got[0] != "2026-03-29 13:00" || got[len(got)-1] != "2026-10-24 13:00" || len(got) != 210 {
		t.Errorf("TDATE on the next season's first day: %s to %s, %d", got[0], got[len(got)-1], len(got))
	}

	weekend, week := starts(t, st, "a26-llr-1400-7315"), starts(t, st, "a26-llr-1400-7315-2")
	if !slices.Equal(weekend[:3], []string{"2026-03-29 14:00", "2026-04-04 14:00", "2026-04-05 14:00"}) || len(weekend)+
		len(week) != 210 {
		t.Errorf("DAYS 17 are %v", weekend[:3])
	}
	if !slices.Equal(week[:2], []string{"2026-03-30 14:00", "2026-03-31 14:00"}) ||
		!slices.Equal(window("a26-llr-1400-7315-2").Languages, []string{"cmn"}) {
		t.Errorf("DAYS 23456 are %v", week[:2])
	}

	if got := starts(t, st, "a26-llr-2330-6155"); got[0] != "2026-03-29 23:30" || got[len(got)-1] != "2026-08-30 23:30" ||
		window("a26-llr-2330-6155").Length.Duration != time.Hour {
		t.Errorf("across midnight, on Sundays until August: %s to %s", got[0], got[len(got)-1])
	}
	if got := starts(t, st, "a26-stp-0000-6155"); got[0] != "2026-03-30 00:00" || got[len(got)-1] != "2026-10-25 00:00" {
		t.Errorf("over by 0100 on the day of change: %s to %s", got[0], got[len(got)-1])
	}
	if got := starts(t, st, "a26-hdw-0000-1233"); got[0] != "2026-03-29 00:00" || got[len(got)-1] != "2026-10-24 00:00" ||
		window("a26-hdw-0000-1233").Length.Duration != 24*time.Hour {
		t.Errorf("whole days: %s to %s", got[0], got[len(got)-1])
	}
	if got := starts(t, st, "a26-hdw-1000-3480"); !slices.Equal(got, []string{"2026-05-02 10:00", "2026-05-09 10:00",
		"2026-05-16 10:00", "2026-05-23 10:00", "2026-05-30 10:00"}) ||
		window("a26-hdw-1000-3480").Length.Duration != 24*time.Hour || !slices.Equal(window("a26-hdw-1000-3480").Languages,
		[]string{"ko-KP", "en"}) {
		t.Errorf("Saturdays with TDATE within the season, from a time to the same: %v %+v", got, window("a26-hdw-1000-3480"))
	}
	if got := starts(t, st, "a26-rti-2100-9820"); !slices.Equal(got, []string{"2026-04-01 21:00"}) ||
		window("a26-rti-2100-9820").Length.Duration != 3*time.Hour {
		t.Errorf("one Wednesday until 2400: %v", got)
	}
	if n := len(st.Windows); n != 8 {
		t.Errorf("%d windows", n)
	}
}

// Writing a parsed file gives the same file, and the windows made from it give it again.
func TestThereAndBackIsTheSame(t *testing.T) {
	b, f := season(t)
	written, err := Write(f, "ALL 02-mar-2026")
	if err != nil {
		t.Fatal(err)
	}
	rows := func(b []byte) (out []string) {
		for line := range strings.SplitSeq(string(b), "\r\n") {
			if line != "" && line[0] != ';' {
				out = append(out, line)
			}
		}
		return out
	}
	if !slices.Equal(rows(b), rows(written)) {
		t.Errorf("read\n%s\nwritten\n%s", b, written)
	}

	st := apply(t, relay(), f.Season, f.Rows)
	own, err := Rows(st, f.Season, Row{Broadcaster: "LLR"})
	if err != nil {
		t.Fatal(err)
	}
	for n, r := range f.Rows {
		if withoutFrequency(own[n]) != withoutFrequency(r) || own[n].FrequencyKHz != r.FrequencyKHz {
			t.Errorf("%+v came back as %+v", r, own[n])
		}
	}
	exported, err := Write(File{f.Season, own}, "relay")
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(exported)
	if err != nil {
		t.Fatal(err)
	}
	if into := apply(t, relay(), again.Season, again.Rows); !reflect.DeepEqual(into, st) {
		t.Errorf("into an empty station\n%+v\nof\n%+v", into, st)
	}
	if unchanged := apply(t, st, again.Season, again.Rows); !reflect.DeepEqual(unchanged, st) {
		t.Errorf("into the same station\n%+v\nof\n%+v", unchanged, st)
	}
}

// A later schedule of the season replaces an earlier one, and nothing else.
func TestLaterScheduleTakesThePlaceOfAnEarlierOne(t *testing.T) {
	_, f := season(t)
	own := schedules.Window{ID: "evening", Clock: "own", Starts: schedules.Recurrence{Timezone: "UTC",
		RRule: "DTSTART:20230901T030000\nRRULE:FREQ=DAILY"}, Length: schedules.Ms(60_000)}
	llr := slices.DeleteFunc(slices.Clone(f.Rows), func(r Row) bool { return r.Broadcaster != "LLR" })
	before := apply(t, relay(own), f.Season, f.Rows)
	for n := range before.Windows {
		before.Windows[n].Tolerance = schedules.Ms(int64(n))
	}
	llr[0].Stop += time.Minute // no longer the same as on the other frequency
	after := apply(t, before, f.Season, llr[:3])
	var ids []string
	for _, w := range after.Windows {
		ids = append(ids, w.ID)
	}
	want := []string{"evening", "a26-llr-1300-9467", "a26-llr-1400-7315", "a26-stp-0000-6155", "a26-hdw-0000-1233",
		"a26-hdw-1000-3480", "a26-rti-2100-9820", "a26-llr-1300-5987"}
	if !slices.Equal(ids, want) {
		t.Errorf("%v", ids)
	}
	if w := after.Windows[1]; w.Length.Duration != time.Hour+time.Minute || w.Tolerance != schedules.Ms(1) ||
		w.AlsoKHz != nil {
		t.Errorf("%+v", w)
	}
	if _, err := Apply(relay(), f.Season, f.Rows, Terms{}); err == nil || !strings.Contains(err.Error(), "line 6") ||
		!strings.Contains(err.Error(), "clock") {
		t.Errorf("without a clock: %v", err)
	}
	clash := slices.Clone(f.Rows[2:5]) // two windows of one name, and one with the name that the second of them would get
	clash[0].Notes, clash[1].Notes, clash[2].Notes = "@x", "@x", "@x-2"
	if _, err := Apply(relay(), f.Season, clash, terms); err == nil || !strings.Contains(err.Error(),
		"line 12: the window x-2") {
		t.Errorf("two windows of one id: %v", err)
	}
	strange := []Row{f.Rows[0]}
	strange[0].Language = "Q!x"
	if _, err := Apply(relay(), f.Season, strange, terms); err == nil || !strings.Contains(err.Error(), "line 6") {
		t.Errorf("a language that is none: %v", err)
	}
}

func TestWhatDoesNotParseIsToldByLineAndColumn(t *testing.T) {
	b, _ := season(t)
	for _, c := range []struct{ from, to, says string }{
		{" 9467 1300", " 94x7 1300", "line 6, column 1 (FREQ)"},
		{" 9467 1300", "94671 1300", "line 6, column 1 (FREQ)"},
		{" 9467 1300", " 9467 1360", "line 6, column 7 (STRT)"},
		{" 9467 1300 1400", " 9467 1300 2401", "line 6, column 12 (STOP)"},
		{"1234567 290326 251026 D  9500", "1234568 290326 251026 D  9500", "line 6, column 73 (DAYS)"},
		{"1234567 290326 251026 D  9500", "1134567 290326 251026 D  9500", "line 6, column 73 (DAYS)"},
		{"1234567 290326 251026 D  9500", "        290326 251026 D  9500", "line 6, column 73 (DAYS)"},
		{"1234567 290326 251026 D  9500", "1234567 300226 251026 D  9500", "line 6, column 81 (FDATE)"},
		{"1234567 290326 251026 D  9500", "1234567 290326 280326 D  9500", "line 6, column 88 (TDATE): lies before FDATE"},
		{"4       010426 010426", "5       010426 010426", "line 16, column 73 (DAYS): none of the days"},
		{" 9467 1300 1400", " 9467 13000140", "line 6, column 11: '0' stands between two fields"},
		{"43,44                          TAC  100", "43,44\t                         TAC  100",
			"line 6, column 22: a control character"},
		{"+---+---+---+-----+-+-----+-----+-----+-------", "+---+---+---+-----+-+-----+-----+-----", "23 columns"},
		{"FDATE  TDATE", "FDATE  UNTIL", "no column TDATE"},
	} {
		spoiled := bytes.ReplaceAll(b, []byte(c.from), []byte(c.to))
		if bytes.Equal(spoiled, b) {
			t.Errorf("%q is not there to be spoiled", c.from)
		}
		if f, err := Parse(spoiled); err == nil || !strings.Contains(err.Error(), c.says) || len(f.Rows) > 0 {
			t.Errorf("%q for %q: %v", c.to, c.from, err)
		}
	}
}

// The file's own ruler defines the columns.
func TestColumnsAreWhereTheRulerSays(t *testing.T) {
	text := ";B26\n;-----+----+----+-------+------+------+---\n;FREQ  STRT STOP DAYS    FDATE  TDATE  BRC\n  9467 1300 " +
		"1400 1234567 251026 280327 L\xe9R\n"
	f, err := Parse([]byte(text))
	if err != nil || len(f.Rows) != 1 || f.Season.String() != "B26" || f.Rows[0].FrequencyKHz != 9467 ||
		f.Rows[0].Broadcaster != "LéR" {
		t.Fatalf("%v %+v", err, f)
	}
	from, until := f.Rows[0].span()
	if from != day(t, "2026-10-25") || until != day(t, "2027-03-28") {
		t.Errorf("%s to %s", from, until)
	}
}

// For any windows in any zone, the rows of a season begin when the windows do, and convert back to the same windows.
func TestRowsOfAnyWindowsAreTheirStarts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s, err := ParseSeason(rapid.SampledFrom([]string{"A26", "B26", "A27"}).Draw(r, "season"))
		if err != nil {
			r.Fatal(err)
		}
		first := s.First()
		at := first.AddDays(rapid.IntRange(-20, 200).Draw(r, "day"))
		zone := rapid.SampledFrom([]string{"UTC", "UTC", "Asia/Seoul", "Europe/Berlin", "America/New_York",
			"Asia/Tashkent"}).Draw(r, "zone")
		rule := rapid.SampledFrom([]string{"FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
			"FREQ=DAILY;INTERVAL=3", "FREQ=MONTHLY;BYMONTHDAY=1,15", "FREQ=DAILY;COUNT=9"}).Draw(r, "rule")
		minute := rapid.IntRange(0, 24*60-1).Draw(r, "minute")
		if rapid.Bool().Draw(r, "near midnight") {
			minute = rapid.IntRange(0, 90).Draw(r, "minute near midnight")
		}
		w := schedules.Window{ID: "w", Clock: "hour", FrequencyKHz: 9467,
			Length: schedules.Ms(60_000 * int64(rapid.SampledFrom([]int{1, 15, 30, 60, 180, 24 * 60}).Draw(r, "length"))),
			Starts: schedules.Recurrence{Timezone: zone, RRule: "DTSTART:" + strings.ReplaceAll(at.String(), "-", "") +
				fmt.Sprintf("T%02d%02d00\nRRULE:%s", minute/60, minute%60, rule)}}
		if rapid.Bool().Draw(r, "bounded") {
			from := at.AddDays(rapid.IntRange(-3, 30).Draw(r, "from"))
			until := from.AddDays(rapid.IntRange(1, 120).Draw(r, "days"))
			w.Starts.From, w.Starts.Until = &from, &until
		}
		st := relay(w)
		rows, err := Rows(st, s, Row{Broadcaster: "LLR"})
		if err != nil {
			r.Fatal(err)
		}
		written, err := Write(File{s, rows}, "test")
		if err != nil {
			r.Fatal(err)
		}
		read, err := Parse(written)
		if err != nil {
			r.Fatalf("%v\n%s", err, written)
		}
		into, err := Apply(relay(), s, read.Rows, terms)
		if err != nil {
			r.Fatal(err)
		}
		if got, want := inSeason(r, into, s), inSeason(r, st, s); !slices.Equal(got, want) {
			n := 0
			for n < min(len(got), len(want)) && got[n] == want[n] {
				n++
			}
			r.Fatalf("%d starts of rows, %d of the window; the first that differs, %d:\n%q\n%q\n%s", len(got), len(want), n,
				got[n:min(n+2, len(got))], want[n:min(n+2, len(want))], written)
		}
		if same, err := Apply(st, s, read.Rows, terms); err != nil || !reflect.DeepEqual(same, st) {
			r.Fatalf("%v: %+v is no longer %+v", err, same, st)
		}
	})
}

// inSeason returns the starts that belong to a season: from 0100 on its first day to 0100 on the next season's, except
// that a window that spans the change belongs to the later season.
func inSeason(r *rapid.T, st schedules.Station, s Season) (out []string) {
	first, last := instant(s.First(), 0), instant(s.Next().First(), 0)
	occurrences, err := st.Occurrences(first.AddDate(0, 0, -2), last.AddDate(0, 0, 2))
	if err != nil {
		r.Fatal(err)
	}
	for _, o := range occurrences {
		for from := o.StartAt.Time; from.Before(o.EndAt.Time); from = from.Add(24 * time.Hour) { // the longest possible row
			until := o.EndAt.Time
			if until.Sub(from) > 24*time.Hour {
				until = from.Add(24 * time.Hour)
			}
			begun, over := !until.Before(first.Add(time.Hour+1)) && !from.Before(first), until.After(last.Add(time.Hour)) &&
				!from.Before(last)
			if begun && !over {
				out = append(out, from.Format(time.RFC3339)+" to "+until.Format(time.RFC3339))
			}
		}
	}
	slices.Sort(out)
	return out
}

// Every parsed file can be written, unless a field is too long, and is then parsed as the same.
func FuzzParse(f *testing.F) {
	b, err := os.ReadFile("testdata/a26.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		read, err := Parse(b)
		if err != nil {
			return
		}
		written, err := Write(read, "fuzz")
		if err != nil {
			return
		}
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("%v in what was written:\n%q", err, written)
		}
		for n := range read.Rows {
			read.Rows[n].Line, again.Rows[n].Line = 0, 0
		}
		if !reflect.DeepEqual(read.Rows, again.Rows) {
			t.Fatalf("%+v\n%+v", read.Rows, again.Rows)
		}
	})
}

func TestAScheduleIsReadWhateverEndsItsLines(t *testing.T) {
	b, want := season(t)
	for _, end := range []string{"\n", "\r", "\r\n"} {
		got, err := Parse(bytes.ReplaceAll(b, []byte("\r\n"), []byte(end)))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %d rows of %d, %v", end, len(got.Rows), len(want.Rows), err)
		}
	}
	if _, err := Parse(append([]byte("; A26\n"), 0)); err == nil || !strings.Contains(err.Error(),
		"line 2 holds a zero byte") {
		t.Error(err)
	}
}

func TestAScheduleMakesNoMoreWindowsThanAStationMayHave(t *testing.T) {
	_, f := season(t)
	row := f.Rows[0]
	var rows []Row
	for n := range schedules.MaxList + 1 {
		row.Notes, row.Line = fmt.Sprintf("@w%d", n), n+1
		rows = append(rows, row)
	}
	if _, err := Apply(relay(), f.Season, rows, terms); err == nil || !strings.Contains(err.Error(), "broadcaster") {
		t.Errorf("%.300v", err)
	}
}

func TestAScheduleOfTooManyRowsIsRefusedWithItsLine(t *testing.T) {
	_, f := season(t)
	one, err := Write(File{f.Season, f.Rows[:1]}, "one")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(one), "\n")
	row := lines[len(lines)-2]
	if _, err := Parse([]byte(string(one) + strings.Repeat(row, mostRows))); err == nil ||
		!strings.Contains(err.Error(), "ten thousand rows") {
		t.Errorf("%.300v", err)
	}
}
