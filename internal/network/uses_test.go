package network_test

import (
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestUsesOfASegmentCountItsComingItems(t *testing.T) {
	g := airing(t)
	past, soon := schedules.At(g.at.Add(-time.Minute)), schedules.At(g.at.Add(time.Minute))
	day := g.day(0)
	servicetest.PutSigned(t, g.replica, replica.KindQueue, "s/"+day.String(), wire.Queue{Schema: wire.QueueSchema,
		Station: "s", Date: day, Items: []wire.QueueItem{{SegmentID: "m1", StartAt: &past}, {SegmentID: "m1", StartAt: &soon},
			{SegmentID: "m2", StartAt: &soon}, {SegmentID: "m1", StartAt: &soon}}})
	u, err := g.Network.References.OfSegment("m1")
	if err != nil || len(u.Coming) != 1 || u.Coming[0] != (wire.ComingItems{Station: "s", Date: day, Items: 2}) ||
		len(u.Definitions) != 1 || u.Definitions[0].Place != "fallback[0]" {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestUsesOfAScriptNameItsReadings(t *testing.T) {
	g := airing(t)
	if _, err := g.Network.Apply(t.Context(), ruth, wire.Apply{Scripts: []schedules.Script{{ID: "appeal",
		Title: "Appeal", Languages: []string{"ko-KP"}, Versions: []schedules.ScriptVersion{{Version: 1,
			Passages: []schedules.Passage{{Number: 1, Text: map[string]string{"ko-KP": "살려 주세요"}}}}}}}}, nil,
		false); err != nil {
		t.Fatal(err)
	}
	if u, err := g.Network.References.OfScript("appeal"); err != nil || u.Definitions == nil || len(u.Definitions) > 0 {
		t.Errorf("%+v, %v", u, err)
	}
	servicetest.Put(t, g.replica, replica.KindSegment, "reading", schedules.Segment{ID: "reading", Kind: "reading",
		Title: "Reading", Language: "ko-KP", State: schedules.Rejected,
		Script: &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{1}}})
	if u, err := g.Network.References.OfScript("appeal"); err != nil || len(u.Definitions) != 1 ||
		u.Definitions[0].String() != "script of segment reading" {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestUsesOfWhatIsNotThereAreNotFound(t *testing.T) {
	g := airing(t)
	for name, of := range map[string]func(string) (wire.Uses, error){"clock": g.Network.References.OfClock,
		"script": g.Network.References.OfScript, "segment": g.Network.References.OfSegment} {
		if _, err := of("nothing"); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if u, err := g.Network.References.OfClock("c"); err != nil || len(u.Definitions) != 8 {
		t.Errorf("%+v, %v", u, err)
	}
}
