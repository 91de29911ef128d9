package replica

import (
	"reflect"
	"sync"

	"lifeline/internal/store"
	"lifeline/internal/wire"
)

const KindStatus = "status" // the last status of a station: STATION

// statusKinds are the kinds of what stations report.
var statusKinds = Kinds{
	{Name: KindStatus, Changes: "status", OfStation: true, Often: true, Form: reflect.TypeFor[storedStatus](),
		Copy: copiedStatuses, Inspect: Looking(inspectStatus), Upgrades: []Upgrade{withAlarmsSince}},
}

// Statuses holds the last status of each station: the stored one, or a later one that came to this process and that the
// store was spared, because a station says every minute what it said before. With several replicas another one may have
// heard from the station since.
type Statuses struct {
	*Cache[wire.Status]

	mu    sync.Mutex
	heard map[string]wire.Status // by station: the last one that was not stored
}

func copiedStatuses() kindCache {
	s := &Statuses{Cache: newCache[wire.Status](), heard: map[string]wire.Status{}}
	return decodingCache[wire.Status]{s, parseStatus}
}

func StatusesIn(m *Replica) *Statuses { return CacheOf[*Statuses](m, KindStatus) }

// Hear keeps a status in memory alone.
func (s *Statuses) Hear(status wire.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status.ReceivedAt.After(s.heard[status.Station].ReceivedAt.Time) {
		s.heard[status.Station] = status
	}
}

// Get returns the last status of a station, at the revision of the stored one.
func (s *Statuses) Get(station string) (Row[wire.Status], bool) {
	row, ok := s.Cache.Get(station)
	s.mu.Lock()
	defer s.mu.Unlock()
	if heard := s.heard[station]; !ok {
		delete(s.heard, station)
	} else if heard.ReceivedAt.After(row.Value.ReceivedAt.Time) {
		row.Value = heard
	}
	return row, ok
}

// Stored returns the status of a station that the store has.
func (s *Statuses) Stored(station string) (Row[wire.Status], bool) { return s.Cache.Get(station) }

func inspectStatus(i *Inspector, d store.Document, s storedStatus) {
	if s.Station != d.ID {
		i.Tell(d, "has the body of %s", s.Station)
	}
}
