package replica

import (
	"reflect"

	"lifeline/internal/store"
	"lifeline/schedules"
)

const (
	KindStation  = "station"
	KindClock    = "clock"
	KindScript   = "script"
	KindCampaign = "campaign"
)

var networkKinds = Kinds{
	{Name: KindStation, Changes: "station", OfStation: true, Form: reflect.TypeFor[schedules.Station](),
		Copy: Copied(Tidied(tidyStation)), Inspect: Looking(inspectStation)},
	{Name: KindClock, Changes: "clock", Form: reflect.TypeFor[schedules.Clock](),
		Copy: Copied(Tidied(tidyClock)), Inspect: Looking(inspectClock)},
	{Name: KindScript, Changes: "script", Form: reflect.TypeFor[schedules.Script](),
		Copy: Copied(Tidied(tidyScript)), Inspect: Looking(inspectScript)},
	{Name: KindCampaign, Changes: "campaign", Form: reflect.TypeFor[schedules.Campaign](),
		Copy: Copied(Tidied(tidyCampaign)), Inspect: Looking(inspectCampaign)},
}

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
