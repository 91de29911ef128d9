package control

import (
	"lifeline/internal/store"
	"lifeline/schedules"
)

const (
	kindStation  = "station"
	kindClock    = "clock"
	kindScript   = "script"
	kindCampaign = "campaign"
)

var networkKinds = Kinds{
	{Name: kindStation, Changes: "station", OfStation: true, Copy: copied(tidied(tidyStation)), Inspect: looking(inspectStation)},
	{Name: kindClock, Changes: "clock", Copy: copied(tidied(tidyClock)), Inspect: looking(inspectClock)},
	{Name: kindScript, Changes: "script", Copy: copied(tidied(tidyScript)), Inspect: looking(inspectScript)},
	{Name: kindCampaign, Changes: "campaign", Copy: copied(tidied(tidyCampaign)), Inspect: looking(inspectCampaign)},
}

func stationsIn(m *Mirror) *table[schedules.Station] {
	return rowsOf[*table[schedules.Station]](m, kindStation)
}

func clocksIn(m *Mirror) *table[schedules.Clock] {
	return rowsOf[*table[schedules.Clock]](m, kindClock)
}

func scriptsIn(m *Mirror) *table[schedules.Script] {
	return rowsOf[*table[schedules.Script]](m, kindScript)
}

func campaignsIn(m *Mirror) *table[schedules.Campaign] {
	return rowsOf[*table[schedules.Campaign]](m, kindCampaign)
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
