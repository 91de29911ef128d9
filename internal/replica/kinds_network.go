package replica

import (
	"reflect"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/schedules"
)

const (
	KindStation  = "station"
	KindClock    = "clock"
	KindScript   = "script"
	KindCampaign = "campaign"
	KindRemoved  = "removed-definition" // KIND/ID: of a definition that was removed
)

var networkKinds = Kinds{
	{Name: KindStation, Changes: "station", OfStation: true, Form: reflect.TypeFor[schedules.Station](), Hides: Hiding(),
		Whole: []string{"windows", "exceptions"}, Copy: Copied(Tidied(tidyStation)), Inspect: Looking(inspectStation),
		Upgrades: []Upgrade{withStarved, withStandingOrder, withWords, withExceptions, withRepeats}},
	{Name: KindClock, Changes: "clock", Form: reflect.TypeFor[schedules.Clock](), Hides: Hiding(),
		Copy: Copied(Tidied(tidyClock)), Inspect: Looking(inspectClock), Upgrades: []Upgrade{withOrders}},
	{Name: KindScript, Changes: "script", Form: reflect.TypeFor[schedules.Script](), Hides: Hiding(),
		Copy: Copied(Tidied(tidyScript)), Inspect: Looking(inspectScript)},
	{Name: KindCampaign, Changes: "campaign", Form: reflect.TypeFor[schedules.Campaign](), Hides: Hiding(),
		Copy: Copied(Tidied(tidyCampaign)), Inspect: Looking(inspectCampaign)},
	{Name: KindRemoved, Derived: true, Form: reflect.TypeFor[RemovedDefinition](), Copy: Copied(Parse[RemovedDefinition]),
		Inspect: Readable[RemovedDefinition]},
}

// RemovedDefinition is what is kept of a definition that was removed: if it is made again, its revisions go on.
type RemovedDefinition struct {
	Revision int64             `json:"revision"`
	At       schedules.Instant `json:"at"`
}

// RemovedID returns the id of what is kept of a removed definition.
func RemovedID(kind, id string) string { return kind + "/" + id }

func RemovedIn(m *Replica) *Cache[RemovedDefinition] {
	return CacheOf[*Cache[RemovedDefinition]](m, KindRemoved)
}

// withStarved adds what a station does while it is starved. A program that does not know it would sign fallback lists
// without it.
var withStarved = Needs(func(st schedules.Station) error {
	if st.Starved != (schedules.Starved{}) {
		return fault.New(fault.Conflict, "what station %s does while it is starved can be stored only after every replica "+
			"is in this version: bring the others up to it, then run lifeline upgrade-store", st.ID)
	}
	return nil
})

// withStandingOrder adds by which order the days of a station are planned. A program that does not know it would leave
// them to people.
var withStandingOrder = Needs(func(st schedules.Station) error {
	if st.StandingOrder != nil {
		return fault.New(fault.Conflict, "a standing order of station %s can be stored only after every replica is in this "+
			"version: bring the others up to it, then run lifeline upgrade-store", st.ID)
	}
	return nil
})

// withWords adds the words of starts, which are in requests and responses and never stored.
var withWords = Needs(func(schedules.Station) error { return nil })

// withExceptions adds what is different on single days. A program that does not know it would air the ordinary windows.
var withExceptions = Needs(func(st schedules.Station) error {
	if len(st.Exceptions) > 0 {
		return fault.New(fault.Conflict, "exceptions of station %s can be stored only after every replica is in this "+
			"version: bring the others up to it, then run lifeline upgrade-store", st.ID)
	}
	return nil
})

// withRepeats adds the windows that repeat others. A program that does not know them would plan other items there.
var withRepeats = Needs(func(st schedules.Station) error {
	for _, w := range st.Windows {
		if w.Repeats != nil {
			return fault.New(fault.Conflict, "window %s of station %s, which repeats another, can be stored only after every "+
				"replica is in this version: bring the others up to it, then run lifeline upgrade-store", w.ID, st.ID)
		}
	}
	return nil
})

// withOrders adds the rules about age and order, and the positions that prefer by them. A program that does not know
// them would air old news, and episodes in any order.
var withOrders = Needs(func(c schedules.Clock) error {
	if !c.Orders() {
		return nil
	}
	return fault.New(fault.Conflict, "clock %s asks for an age or an order of segments, and can be stored only after every "+
		"replica is in this version: bring the others up to it, then run lifeline upgrade-store", c.ID)
})

func StationsIn(m *Replica) *Cache[schedules.Station] {
	return CacheOf[*Cache[schedules.Station]](m, KindStation)
}

func ClocksIn(m *Replica) *Cache[schedules.Clock] {
	return CacheOf[*Cache[schedules.Clock]](m, KindClock)
}

func ScriptsIn(m *Replica) *Cache[schedules.Script] {
	return CacheOf[*Cache[schedules.Script]](m, KindScript)
}

func CampaignsIn(m *Replica) *Cache[schedules.Campaign] {
	return CacheOf[*Cache[schedules.Campaign]](m, KindCampaign)
}

func inspectStation(i *Inspector, d store.Document, s schedules.Station) {
	i.itself(d, s.ID, s.Revision)
	i.network.Stations = append(i.network.Stations, s)
}

func inspectClock(i *Inspector, d store.Document, c schedules.Clock) {
	i.itself(d, c.ID, c.Revision)
	i.network.Clocks = append(i.network.Clocks, c)
}

func inspectScript(i *Inspector, d store.Document, s schedules.Script) {
	i.itself(d, s.ID, s.Revision)
	i.network.Scripts = append(i.network.Scripts, s)
}

func inspectCampaign(i *Inspector, d store.Document, c schedules.Campaign) {
	i.itself(d, c.ID, c.Revision)
	i.network.Campaigns = append(i.network.Campaigns, c)
}
