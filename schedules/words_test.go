package schedules

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// wordedRecurrence draws words in the form in which InWords writes them.
func wordedRecurrence(r *rand.Rand) Recurrence {
	out := Recurrence{Zone: []string{"UTC", "Asia/Seoul", "America/New_York", "Europe/Berlin", "Pacific/Apia"}[r.IntN(5)],
		At: fmt.Sprintf("%02d:%02d", r.IntN(24), r.IntN(60))}
	if r.IntN(3) == 0 {
		out.At += fmt.Sprintf(":%02d", 1+r.IntN(59))
	}
	n := 1
	if r.IntN(3) == 0 {
		n = 2 + r.IntN(4)
	}
	unit := []string{"day", "week", "month"}[r.IntN(3)]
	for _, ordinal := range []string{"last", "", "first", "second", "third", "fourth", "fifth"} {
		for _, day := range weekdays {
			if unit == "week" && ordinal == "" && r.IntN(3) == 0 && len(out.Days) < 6 ||
				unit == "month" && ordinal != "" && r.IntN(12) == 0 {
				out.Days = append(out.Days, strings.TrimSpace(ordinal+" "+day))
			}
		}
	}
	if unit != "day" && len(out.Days) == 0 {
		out.Days = []string{map[string]string{"week": "wed", "month": "first wed"}[unit]}
	}
	out.Every = unit
	if n > 1 {
		out.Every = fmt.Sprintf("%d %ss", n, unit)
	}
	from := Date{2025, time.January, 1}.AddDays(r.IntN(700))
	if n > 1 || r.IntN(2) == 0 {
		out.From = &from
	}
	if r.IntN(3) == 0 {
		until := from.AddDays(1 + r.IntN(500))
		out.Until = &until
	}
	return out
}

// slowStarts implements the words literally, day by day.
func slowStarts(r Recurrence, from, to time.Time) (out []time.Time) {
	loc, _ := Zone(r.Zone)
	wall, _ := wallTime(r.At)
	n := 1
	_, _ = fmt.Sscanf(r.Every, "%d", &n)
	first := sinceEver
	if r.From != nil {
		first = *r.From
	}
	monday := first
	for monday.Weekday() != time.Monday {
		monday = monday.AddDays(-1)
	}
	for d := DateOf(from.AddDate(0, 0, -3)); d.Before(DateOf(to.AddDate(0, 0, 3))); d = d.AddDays(1) {
		if d.Before(first) || r.Until != nil && !d.Before(*r.Until) {
			continue
		}
		day := strings.ToLower(d.Weekday().String()[:3])
		days := int(d.utc().Sub(first.utc()).Hours() / 24)
		turn := false
		switch {
		case strings.Contains(r.Every, "day"):
			turn = days%n == 0
		case strings.Contains(r.Every, "week"):
			turn = int(d.utc().Sub(monday.utc()).Hours()/24)/7%n == 0 && slices.Contains(r.Days, day)
		default:
			months := (d.Year-first.Year)*12 + int(d.Month) - int(first.Month)
			place := []string{"first", "second", "third", "fourth", "fifth"}[(d.Day-1)/7]
			last := d.AddDays(7).Month != d.Month
			turn = months%n == 0 && (slices.Contains(r.Days, place+" "+day) || last && slices.Contains(r.Days, "last "+day))
		}
		if t := Resolve(d.utc().Add(wall), loc); turn && !t.Before(from) && t.Before(to) {
			out = append(out, t)
		}
	}
	return out
}

func TestWordsAndLinesSayTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(16, 5))
	for range 1000 {
		words := wordedRecurrence(r)
		lines, wrong := words.InLines()
		if len(wrong) > 0 || lines.worded() {
			t.Fatalf("%+v: %v", words, wrong)
		}
		if again := lines.InWordsAlone(); !reflect.DeepEqual(again, words) {
			t.Fatalf("%+v\nis shown as %+v\nof %q", words, again, lines.RRule)
		}
		both := lines.InWords()
		if settled, wrong := both.InLines(); len(wrong) > 0 || !reflect.DeepEqual(settled, lines) {
			t.Fatalf("%+v is not taken back: %v", both, wrong)
		}
		p, err := lines.parse()
		if err != nil {
			t.Fatal(err)
		}
		from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(500))
		to := from.AddDate(0, 0, 1+r.IntN(300))
		got, err := p.between(from, to)
		if err != nil {
			t.Fatal(err)
		}
		if want := slowStarts(words, from, to); !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("%+v from %s to %s:\n%v\nwant\n%v", words, from, to, got, want)
		}
	}
}

// Lines that words can say come at the same times when the words alone are stored.
func TestWordsOfLinesKeepTheirTimes(t *testing.T) {
	season := Date{2026, time.March, 29}
	said := 0
	for _, c := range []struct{ lines, want string }{
		{"DTSTART:20230901T130000\nRRULE:FREQ=DAILY", "13:00 [] day"},
		{"DTSTART:20230901T130000Z\nRRULE:FREQ=DAILY;BYDAY=SU,SA", "22:00 [sat sun] week"},
		{"DTSTART:20230902T143030\nRRULE:FREQ=WEEKLY", "14:30:30 [sat] week"},
		{"DTSTART:20230902T143000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "14:30 [mon fri] 2 weeks"},
		{"DTSTART:20230902T143000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", "14:30 [] day"},
		{"DTSTART:20230902T143000\nRRULE:FREQ=MONTHLY;INTERVAL=3;BYDAY=-1SU,1SA", "14:30 [last sun first sat] 3 months"},
		{"DTSTART:20230902T143000\nRRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=MO,SU", " [] "},
		{"DTSTART:20230902T143000\nRRULE:FREQ=MONTHLY;BYDAY=MO", " [] "},
		{"DTSTART:20230902T143000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1", " [] "},
		{"DTSTART:20230902T143000\nRRULE:FREQ=DAILY;COUNT=3", " [] "},
		{"DTSTART:20230902T143000\nRRULE:FREQ=DAILY;UNTIL=20270101", " [] "},
		{"DTSTART:20230902T143000\nRRULE:FREQ=DAILY;BYHOUR=4,5", " [] "},
		{"DTSTART:20230902T143000\nRRULE:FREQ=DAILY\nEXDATE:20261225T143000", " [] "},
		{"DTSTART:20230902T143000", " [] "},
	} {
		for _, from := range []*Date{nil, &season} {
			lines := Recurrence{Timezone: "Asia/Seoul", RRule: c.lines, From: from}
			both := lines.InWords()
			if got := fmt.Sprint(both.At, " ", both.Days, " ", both.Every); got != c.want {
				t.Errorf("%q: %q, want %q", c.lines, got, c.want)
			}
			if again, wrong := both.InLines(); len(wrong) > 0 || !reflect.DeepEqual(again, lines) {
				t.Errorf("%q: %v", c.lines, wrong)
			}
			alone := lines.InWordsAlone()
			again, wrong := alone.InLines()
			if len(wrong) > 0 || again.RRule != lines.RRule || !reflect.DeepEqual(again.From, from) {
				t.Errorf("%q: %+v, %v", c.lines, again, wrong)
			}
			if alone.RRule == "" {
				said++
			}
		}
	}
	if said != 2 {
		t.Errorf("%d are said in words alone", said)
	}
}

func TestWordsThatSayNoTimesAreRefused(t *testing.T) {
	day := Date{2026, time.November, 7}
	for _, c := range []struct {
		r           Recurrence
		field, want string
	}{
		{Recurrence{Zone: "UTC", Days: []string{"sat"}}, "at", "is missing"},
		{Recurrence{Zone: "UTC", At: "25:00"}, "at", "is not a time of day"},
		{Recurrence{Zone: "UTC", At: "9:00"}, "at", "is not a time of day"},
		{Recurrence{Zone: "UTC", At: "09:00", Days: []string{"sat", "funday"}}, "days[1]", "is not a day"},
		{Recurrence{Zone: "UTC", At: "09:00", Days: []string{"sat", "first sun"}}, "days[1]", "as the others are"},
		{Recurrence{Zone: "UTC", At: "09:00", Every: "fortnight"}, "every", "is not understood"},
		{Recurrence{Zone: "UTC", At: "09:00", Every: "0 weeks"}, "every", "is not understood"},
		{Recurrence{Zone: "UTC", At: "09:00", Every: "week"}, "days", "must name the days of the week"},
		{Recurrence{Zone: "UTC", At: "09:00", Every: "month"}, "days", "must name days of the month"},
		{Recurrence{Zone: "UTC", At: "09:00", Every: "3 days", Days: []string{"sat"}, From: &day}, "every",
			"must be in weeks"},
		{Recurrence{Zone: "UTC", At: "09:00", Every: "week", Days: []string{"last sat"}}, "every", "must be in months"},
		{Recurrence{Zone: "UTC", At: "09:00", Every: "2 weeks", Days: []string{"sat"}}, "from", "is missing"},
		{Recurrence{Zone: "UTC", Timezone: "Asia/Seoul", At: "09:00"}, "zone", "leave one of them out"},
		{Recurrence{Timezone: "UTC", RRule: "DTSTART:20261101T130000\nRRULE:FREQ=DAILY", At: "noon"}, "at",
			"is not a time of day"},
		{Recurrence{Timezone: "UTC", RRule: "DTSTART:20261101T130000\nRRULE:FREQ=DAILY", At: "14:00"}, "rrule",
			"tells other times"},
		{Recurrence{Timezone: "UTC", RRule: "DTSTART:20261101T130000\nRRULE:FREQ=DAILY;COUNT=2", At: "13:00"}, "rrule",
			"tells other times"},
	} {
		if _, wrong := c.r.InLines(); len(wrong) != 1 || wrong[0].Field != c.field ||
			!strings.Contains(wrong[0].Message, c.want) {
			t.Errorf("%+v: %+v", c.r, wrong)
		}
	}
	for _, r := range []Recurrence{
		{Zone: "UTC", At: "09:00", Days: []string{"Saturday", "SUN"}, Every: "week"},
		{Zone: "UTC", At: "09:00", Days: weekdays, Every: "week"},
		{Zone: "UTC", At: "09:00", Days: []string{"last sat"}},
		{Zone: "UTC", Timezone: "UTC", RRule: "DTSTART:20261101T130000\nRRULE:FREQ=DAILY"},
		{Timezone: "UTC", RRule: "DTSTART:20261101T130000\nRRULE:FREQ=DAILY", At: "13:00", Every: "1 day"},
	} {
		if _, wrong := r.InLines(); len(wrong) > 0 {
			t.Errorf("%+v: %+v", r, wrong)
		}
	}
}
