package control

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const (
	kindRundown  = "rundown"          // the latest of a station's day: STATION/DATE
	kindRevision = "rundown-revision" // every one: STATION/DATE/REVISION
	kindQueue    = "queue"            // the published one, sealed: STATION/DATE
	kindCounter  = "counter"          // of a station's rundown revisions: STATION
	kindFallback = "fallback"         // a station's sealed list: STATION
	kindFloor    = "floor"            // above which all that is signed is numbered: one
	kindExplain  = "explanations"     // why each item of a plan is where it is: STATION/DATE
)

var schedulingKinds = Kinds{
	{Name: kindRundown, Changes: "rundown", OfStation: true, Inspect: looking(inspectRundown)},
	{Name: kindRevision, Inspect: looking(inspectRundown)},
	{Name: kindQueue, Changes: "queue", OfStation: true, Copy: copied(sharedQueue), Inspect: inspectQueue},
	{Name: kindCounter, Inspect: looking(inspectCounter)},
	{Name: kindFallback, Changes: "fallback", OfStation: true, Copy: copied(unsealFallback), Inspect: inspectFallback},
	{Name: kindFloor, Copy: copied(plain[floor]), Inspect: readable[floor]},
	{Name: kindExplain, Inspect: readable[[]schedules.Explanation], Upgrades: []Upgrade{withoutAims}},
}

// queuesIn holds pointers: queues are large, and read by every waiting station.
func queuesIn(m *Mirror) *table[*Sealed[wire.Queue]] {
	return rowsOf[*table[*Sealed[wire.Queue]]](m, kindQueue)
}

func fallbacksIn(m *Mirror) *table[Sealed[wire.Fallback]] {
	return rowsOf[*table[Sealed[wire.Fallback]]](m, kindFallback)
}

func floorsIn(m *Mirror) *table[floor] { return rowsOf[*table[floor]](m, kindFloor) }

func inspectRundown(i *Inspector, d store.Document, r schedules.Rundown) {
	id := dayID(r.Station, r.Date)
	if d.Kind == kindRevision {
		id = revisionID(r.Station, r.Date, r.Revision)
	}
	if d.ID != id {
		i.tell(d, "says of itself that it is %s", id)
	}
	i.days[r.Station] = max(i.days[r.Station], r.Revision)
}

func inspectCounter(i *Inspector, d store.Document, n int64) { i.counted[d.ID] = n }

func inspectQueue(i *Inspector, d store.Document) error {
	q, err := unsealQueue(d.Body)
	if err != nil {
		return err
	}
	if id := dayID(q.Value.Station, q.Value.Date); d.ID != id {
		i.tell(d, "says of itself that it is %s", id)
	}
	airs(i, d, slices.Concat(q.Value.Items, q.Value.Fallback))
	return i.signed(d)
}

func inspectFallback(i *Inspector, d store.Document) error {
	f, err := unsealFallback(d.Body)
	if err != nil {
		return err
	}
	if d.ID != f.Value.Station {
		i.tell(d, "says of itself that it is %s", f.Value.Station)
	}
	airs(i, d, f.Value.Items)
	return i.signed(d)
}

// airs notes what a document airs.
func airs(i *Inspector, d store.Document, items []wire.QueueItem) {
	for _, item := range items {
		i.airs[item.Audio.SHA256] = cmp.Or(i.airs[item.Audio.SHA256], d.Kind+" "+d.ID)
	}
}

var (
	unsealQueue    = unsealing(wire.QueueSchema, func(q wire.Queue) string { return q.Schema })
	unsealFallback = unsealing(wire.FallbackSchema, func(f wire.Fallback) string { return f.Schema })
)

func sharedQueue(envelope []byte) (*Sealed[wire.Queue], error) {
	q, err := unsealQueue(envelope)
	return &q, err
}

// forgetQueues drops the queues of days before the given one from memory; the store keeps them.
func forgetQueues(m *Mirror, before schedules.Date) {
	queuesIn(m).forget(func(id string) bool {
		_, day, _ := strings.Cut(id, "/")
		return day < before.String()
	})
}

// withoutAims drops from choices the aims that fills were once made with.
var withoutAims = Upgrade{
	Up: func(body []byte) ([]byte, error) {
		var all []map[string]json.RawMessage
		if err := json.Unmarshal(body, &all); err != nil {
			return nil, err
		}
		for _, explanation := range all {
			if explanation["choice"] == nil {
				continue
			}
			var choice map[string]json.RawMessage
			if err := json.Unmarshal(explanation["choice"], &choice); err != nil {
				return nil, err
			}
			delete(choice, "asked_ms")
			delete(choice, "mean_ms")
			delete(choice, "slack_ms")
			var err error
			if explanation["choice"], err = encode(choice); err != nil {
				return nil, err
			}
		}
		return encode(all)
	},
	Down: func(body []byte) ([]byte, error) { return body, nil },
}
