package scheduling

import (
	"fmt"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A station that plays on without a link reports later what it aired. Until it has reported, or counts as silent,
// planning treats its published items as aired. Afterwards each airing counts once.
func TestUnreportedDaysCountAsPublished(t *testing.T) {
	docs := memory.New(100)
	m, err := replica.Open(t.Context(), docs, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2025, 6, 10, 12, 0, 0, 0, time.UTC)
	s := newScheduler(m, docs, servicetest.Signer{}, func() time.Time { return now }, "http://x", time.Minute)
	log := s.Record.Logbook
	st := schedules.Station{ID: "relay", Timezone: "Asia/Kathmandu"}
	put := func(kind, id string, body []byte, err error) {
		t.Helper()
		if err == nil {
			err = m.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: kind, ID: id, Body: body}},
				Origin: access.System.Origin(now, "test", "")})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	body, err := replica.Encode(st)
	put(replica.KindStation, st.ID, body, err)
	today := schedules.DateOf(now)
	at := func(day schedules.Date) schedules.Instant {
		return schedules.At(time.Date(day.Year, day.Month, day.Day, 6, 0, 0, 0, time.UTC))
	}
	for n := -12; n <= 3; n++ { // one item a day, each with its own segment
		day := today.AddDays(n)
		start := at(day)
		envelope, err := replica.SignJSON(servicetest.Signer{}, wire.QueueType, wire.Queue{Schema: wire.QueueSchema,
			Station: st.ID, Date: day, Revision: 1,
			Items: []wire.QueueItem{{ID: "item-" + day.String(), SegmentID: "segment-" + day.String(), StartAt: &start,
				Duration: schedules.Millis{Duration: time.Minute}}}})
		put(replica.KindQueue, replica.DayID(st.ID, day), envelope, err)
	}
	history := func() map[string]int {
		t.Helper()
		airings, err := s.Drafts.inputs.airings(t.Context(), st, schedules.Date{}, now.AddDate(0, 0, 4), nil)
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, a := range airings {
			count[a.SegmentID]++
		}
		return count
	}
	expect := func(when string, first int, instead map[int]string) {
		t.Helper()
		want := map[string]int{}
		for n := first; n <= 3; n++ {
			id := "segment-" + today.AddDays(n).String()
			if other, ok := instead[n]; ok {
				id = other
			}
			want[id]++
		}
		if got := history(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\n got %v\nwant %v", when, got, want)
		}
	}
	expect("it has never said a word", -6, nil)
	entries := make([]schedules.AsRun, 0, 3)
	for n := -10; n <= -8; n++ {
		day := today.AddDays(n)
		entries = append(entries, schedules.AsRun{Sequence: int64(n + 11), ItemID: "item-" + day.String(),
			SegmentID: "segment-" + day.String(),
			StartedAt: at(day), EndedAt: schedules.At(at(day).Add(time.Minute)), Outcome: schedules.Aired})
	}
	report := func(entries ...schedules.AsRun) {
		t.Helper()
		if _, err := log.Report(t.Context(), st.ID, entries); err != nil {
			t.Fatal(err)
		}
	}
	report(entries...)
	if got := history(); len(got) != 3+10 { // the item of day -7 is so old that it counts as missed
		t.Errorf("it told of three days, then fell silent: %v", got)
	}
	var back []schedules.AsRun
	for n := -7; n <= 0; n++ {
		day := today.AddDays(n)
		e := schedules.AsRun{Sequence: int64(n + 11), ItemID: "item-" + day.String(), SegmentID: "segment-" + day.String(),
			StartedAt: at(day), EndedAt: schedules.At(at(day).Add(time.Minute)), Outcome: schedules.Aired}
		if n == -2 {
			e.SegmentID, e.Outcome = "evergreen", schedules.FellBack
		}
		back = append(back, e)
	}
	report(back...)
	expect("the link is back", -10, map[int]string{-2: "evergreen"})
}
