package network_test

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func (g *guarded) remove(r wire.Removals) (wire.Applied, error) {
	return g.Network.Apply(g.t.Context(), ruth, wire.Apply{Remove: &r}, nil, false)
}

func TestWhatIsUsedIsNotRemoved(t *testing.T) {
	g := airing(t)
	day := g.day(0)
	servicetest.PutSigned(t, g.replica, replica.KindQueue, "s/"+day.String(), wire.Queue{Schema: wire.QueueSchema,
		Station: "s", Date: day, ExpiresAt: schedules.At(g.at.Add(time.Hour))})
	for name, c := range map[string]struct {
		gone  wire.Removals
		field string
		says  string
	}{
		"a clock that windows follow": {wire.Removals{Clocks: []string{"half", "c"}}, "remove.clocks[1]",
			"windows[w10].clock of station s"},
		"a clock that is not there": {wire.Removals{Clocks: []string{"none"}}, "remove.clocks[0]",
			`"none", which is not known`},
		"a clock twice": {wire.Removals{Clocks: []string{"half", "half"}}, "remove.clocks[1]",
			"twice"},
		"a station with coming days": {wire.Removals{Stations: []string{"s"}}, "remove.stations[0]",
			"the published day " + day.String()},
		"a campaign that is not there": {wire.Removals{Campaigns: []string{"none"}}, "remove.campaigns[0]",
			"is not known"},
		"a script that is not there at all": {wire.Removals{Scripts: []string{"none"}}, "remove.scripts[0]",
			"is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(g.Network.AllCampaigns())
			_, err := g.remove(c.gone)
			fields := fault.FieldsOf(err)
			if len(fields) != 1 || fields[0].Field != c.field || !strings.Contains(fields[0].Message, c.says) {
				t.Errorf("%v", err)
			}
			if _, err := g.Network.Clock("half"); err != nil || len(g.Network.AllCampaigns()) != before {
				t.Errorf("something was removed: %v", err)
			}
		})
	}
}

// A definition that was removed can be made anew, also by a replica that did not see the removal, and its revisions go
// on.
func TestWhatWasRemovedCanBeMadeAnew(t *testing.T) {
	g := airing(t)
	made, err := g.Network.Clock("half")
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.remove(wire.Removals{Clocks: []string{"half"}})
	if err != nil || len(out.Changes) != 1 || out.Changes[0].Action != "remove" || len(out.Changes[0].Before) == 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, err := g.Network.Clock("half"); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
	for range 2 {
		if _, err := g.Network.Apply(t.Context(), ruth, wire.Apply{Clocks: []schedules.Clock{made}}, nil, false); err != nil {
			t.Fatal(err)
		}
		again, err := g.Network.Clock("half")
		if err != nil {
			t.Fatal(err)
		}
		d, err := g.store.Get(t.Context(), replica.KindClock, "half")
		if err != nil || d.Revision != again.Revision || again.Revision <= out.Changes[0].Revision {
			t.Errorf("the body says revision %d, the store %d: %v", again.Revision, d.Revision, err)
		}
		if out, err = g.remove(wire.Removals{Clocks: []string{"half"}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStationThatAiredIsRemovedByTwoPersons(t *testing.T) {
	g := airing(t)
	order := schedules.StandingOrder{PlanDays: 2, PublishDays: 1}
	if err := g.station(access.System, func(st *schedules.Station) { st.StandingOrder = &order }); err != nil {
		t.Fatal(err)
	}
	_, err := g.remove(wire.Removals{Stations: []string{"s"}})
	id := g.waits("the removal of a station", err)
	if _, err := g.waiting.Confirm(t.Context(), sora, id); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{replica.KindStation, replica.KindStandingOrder, replica.KindStandingAccount} {
		if _, err := g.store.Get(t.Context(), kind, "s"); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s is still there: %v", kind, err)
		}
	}
}
