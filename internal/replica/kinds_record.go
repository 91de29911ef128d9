package replica

import (
	"reflect"

	"lifeline/internal/store"
	"lifeline/internal/wire"
)

const KindStatus = "status" // the last status of a station: STATION

// statusKinds are the kinds of what stations report.
var statusKinds = Kinds{
	{Name: KindStatus, Changes: "status", OfStation: true, Often: true, Form: reflect.TypeFor[storedStatus](),
		Copy: Copied(parseStatus), Inspect: Looking(inspectStatus), Upgrades: []Upgrade{withAlarmsSince}},
}

func StatusesIn(m *Replica) *Cache[wire.Status] { return CacheOf[*Cache[wire.Status]](m, KindStatus) }

func inspectStatus(i *Inspector, d store.Document, s storedStatus) {
	if s.Station != d.ID {
		i.Tell(d, "has the body of %s", s.Station)
	}
}
