package network_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/kinds"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// The brake on edits counts what a person did before the service was started again.
func TestManyEditsNeedASecondPersonAfterARestartToo(t *testing.T) {
	g := newGuarded(t)
	var items []wire.QueueItem
	for i := range 10 {
		items = append(items, wire.QueueItem{ID: fmt.Sprint("i", i), SegmentID: fmt.Sprint("m", 10+i),
			StartAt: new(schedules.At(g.at.Add(time.Hour))), Duration: schedules.Ms(60_000)})
	}
	servicetest.PutSigned(t, g.replica, replica.KindQueue, "s/2026-11-03", wire.Queue{Schema: wire.QueueSchema,
		Station: "s", Date: schedules.DateOf(g.at).AddDays(1), Items: items})
	for i := range library.Handful {
		if err := g.edit(hana, items[i].SegmentID, func(s *schedules.Segment) { s.Title = "changed" }); err != nil {
			t.Fatal(err)
		}
	}
	m, err := replica.Open(t.Context(), g.replica.Store, kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return g.at }
	again := scheduling.New(m, record.NewRecords(m, m.Store, nil, now, 0), servicetest.Signer{}, now, "", time.Hour)
	s := servicetest.Music(items[9].SegmentID)
	s.Title, s.Revision = "changed", 2
	body, err := replica.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(a access.Actor) string {
		why, _ := again.Network.SecondPersons().Why(store.Commit{Origin: a.Origin(g.at, "segment.edit", ""),
			Writes: []store.Write{{Kind: replica.KindSegment, ID: s.ID, Expect: 1, Body: body}}})
		return why
	}
	if why := edit(hana); !strings.Contains(why, "needs two persons") {
		t.Errorf("after a restart the sixth edit is held up by %q", why)
	}
	if why := edit(ruth); why != "" {
		t.Errorf("another person is held up: %s", why)
	}
}

func TestManyWithdrawalsNeedASecondPerson(t *testing.T) {
	g := newGuarded(t)
	servicetest.Put(t, g.replica, replica.KindStation, "s", schedules.Station{ID: "s", Name: "S", Timezone: "UTC"})
	withdraw := func(a access.Actor, day int) error {
		id := fmt.Sprintf("s/2026-11-%02d", day)
		row, _ := replica.QueuesIn(g.replica).Get(id)
		payload, err := replica.Encode(wire.Queue{Schema: wire.QueueSchema, Station: "s", Revision: 2, Withdrawn: true,
			Date: schedules.Date{Year: 2026, Month: 11, Day: day}})
		if err != nil {
			t.Fatal(err)
		}
		w, err := replica.Encode(map[string]any{"payload": payload})
		if err != nil {
			t.Fatal(err)
		}
		return g.replica.Commit(t.Context(), store.Commit{Origin: a.Origin(g.at, replica.ActWithdraw, "x"),
			Writes: []store.Write{{Kind: replica.KindQueue, ID: id, Expect: row.Revision, Body: w}}})
	}
	for day := 10; day < 20; day++ {
		servicetest.PutSigned(t, g.replica, replica.KindQueue, fmt.Sprintf("s/2026-11-%02d", day), wire.Queue{
			Schema: wire.QueueSchema, Station: "s", Revision: 1, Date: schedules.Date{Year: 2026, Month: 11, Day: day}})
	}
	for day := 10; day < 10+library.Handful; day++ {
		if err := withdraw(hana, day); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := withdraw(hana, 18); !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "withdrew 5 days") {
			t.Errorf("the sixth: %v", err)
		}
		g.at = g.at.Add(7 * time.Hour)
	}
	if err := withdraw(ruth, 19); err != nil {
		t.Errorf("another person's: %v", err)
	}
}
