package scheduling

import (
	"testing"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// For a sensitive item of a minute, a fallback item of 59 s would leave a second of silence. The player airs one of 58
// s and then one of 2 s.
func TestNextNamesTheFallbackItemThatThePlayerAirs(t *testing.T) {
	n := newFixture(t, time.Date(2026, 11, 29, 11, 0, 0, 0, time.UTC))
	start := schedules.At(n.now.Add(time.Hour))
	item := func(id string, length int64) wire.QueueItem {
		return wire.QueueItem{ID: id, SegmentID: id, Duration: schedules.Ms(length), CueOut: schedules.Ms(length)}
	}
	sensitive := item("voice", 60_000)
	sensitive.Window, sensitive.StartAt, sensitive.Start, sensitive.Sensitive = "w", &start, schedules.Follow, true
	date := schedules.DateOf(n.now)
	n.put(replica.KindStation, "s", schedules.Station{ID: "s", Timezone: "UTC"})
	n.signed(replica.KindQueue, "s/"+date.String(), wire.Queue{Station: "s", Date: date, Revision: 1,
		ExpiresAt: schedules.At(start.Add(24 * time.Hour)), Items: []wire.QueueItem{sensitive},
		Windows: []schedules.Slot{{Occurrence: schedules.Occurrence{Window: "w", Date: date, StartAt: start,
			EndAt: schedules.At(start.Add(time.Minute))}}}})
	n.signed(replica.KindFallback, "s", wire.Fallback{Station: "s", Revision: 1,
		Items: []wire.QueueItem{item("59", 59_000), item("58", 58_000), item("2", 2000)}})
	after := ""
	for _, want := range []string{"58", "2", ""} {
		i, ok, err := n.Lists.Next("s", after)
		if err != nil || i.SegmentID != want || ok != (want != "") {
			t.Fatalf("after %q comes %q (%v), want %q", after, i.SegmentID, err, want)
		}
		after = i.ID
	}
}

// signed stores a document in the form in which the service signs it.
func (n *fixture) signed(kind, id string, v any) {
	n.t.Helper()
	body, err := replica.Encode(v)
	if err != nil {
		n.t.Fatal(err)
	}
	n.put(kind, id, map[string]any{"payload": body})
}

func TestListsNameTheGainWithWhichThePlayerAirsAnItem(t *testing.T) {
	n := newFixture(t, time.Date(2026, 11, 29, 11, 0, 0, 0, time.UTC))
	start, date := schedules.At(n.now.Add(time.Hour)), schedules.DateOf(n.now)
	loud := func(id string, length int64) wire.QueueItem {
		return wire.QueueItem{ID: id, SegmentID: id, Window: "w", StartAt: &start, Duration: schedules.Ms(length),
			CueOut: schedules.Ms(length), GainDB: 44.9}
	}
	n.put(replica.KindStation, "s", schedules.Station{ID: "s", Timezone: "UTC"})
	fallback := wire.Fallback{Station: "s", Revision: 1, Items: []wire.QueueItem{loud("fb", 30_000)}}
	n.signed(replica.KindFallback, "s", fallback)
	q := wire.Queue{Station: "s", Date: date, Revision: 1, ExpiresAt: schedules.At(start.Add(24 * time.Hour)),
		Items: []wire.QueueItem{loud("a", 30_000)},
		Windows: []schedules.Slot{{Occurrence: schedules.Occurrence{Window: "w", Date: date, StartAt: start,
			EndAt: schedules.At(start.Add(time.Minute))}}}}
	n.signed(replica.KindQueue, "s/"+date.String(), q)
	next, _, err := n.Lists.Next("s", "")
	if err != nil {
		t.Fatal(err)
	}
	items := append(append(n.Lists.Listed(q), n.Lists.FallbackListed(fallback)...), next)
	if len(items) != 4 {
		t.Errorf("%d items are listed", len(items))
	}
	for _, i := range items {
		if i.GainDB != schedules.MostGain {
			t.Errorf("item %s is listed with %v dB", i.ID, i.GainDB)
		}
	}
	if q.Items[0].GainDB != 44.9 {
		t.Error("the published queue was changed")
	}
}
