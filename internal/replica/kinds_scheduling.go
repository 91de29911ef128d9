package replica

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const KindRundown = "rundown" // the latest rundown of a station's day: STATION/DATE

const KindRevision = "rundown-revision" // every rundown: STATION/DATE/REVISION

const KindQueue = "queue" // the published queue, signed: STATION/DATE

const KindCounter = "counter" // the counter of a station's rundown revisions: STATION

const KindFallback = "fallback" // a station's signed fallback list: STATION

const KindFloor = "floor" // the floor of all signed revisions, one document

var schedulingKinds = Kinds{
	{Name: KindRundown, Changes: "rundown", OfStation: true, Form: reflect.TypeFor[schedules.Rundown](),
		Inspect: Looking(inspectRundown), Upgrades: []Upgrade{withClocksOrders, withRepeated}},
	{Name: KindRevision, Derived: true, Form: reflect.TypeFor[schedules.Rundown](), Inspect: Looking(inspectRundown),
		Upgrades: []Upgrade{withClocksOrders, withRepeated}},
	{Name: KindQueue, Changes: "queue", OfStation: true, Form: reflect.TypeFor[wire.Queue](), Signed: true,
		Copy: Copied(SharedQueue), Inspect: inspectQueue},
	{Name: KindCounter, Derived: true, Form: reflect.TypeFor[int64](), Inspect: Looking(inspectCounter)},
	{Name: KindFallback, Changes: "fallback", OfStation: true, Form: reflect.TypeFor[wire.Fallback](), Signed: true,
		Copy: Copied(decodeFallback), Inspect: inspectFallback},
	{Name: KindFloor, Form: reflect.TypeFor[Floor](), Copy: Copied(Parse[Floor]), Inspect: Readable[Floor]},
}

// withClocksOrders adds what withOrders adds to the clocks of a rundown.
var withClocksOrders = Needs(func(r schedules.Rundown) error {
	for id, c := range r.Clocks {
		if c.Orders() {
			return fault.New(fault.Conflict, "the day %s of %s follows clock %s, which asks for an age or an order of segments, "+
				"and can be stored only after every replica is in this version: bring the others up to it, then run lifeline "+
				"upgrade-store", r.Date, r.Station, id)
		}
	}
	return nil
})

// withRepeated adds what the windows of a rundown repeat.
var withRepeated = Needs(func(r schedules.Rundown) error {
	for _, w := range r.Windows {
		if w.Repeats != nil {
			return fault.New(fault.Conflict, "the day %s of %s has window %s, which repeats another, and can be stored only after "+
				"every replica is in this version: bring the others up to it, then run lifeline upgrade-store", r.Date, r.Station,
				w.Window)
		}
	}
	return nil
})

// QueuesIn returns the cache of queues. It holds pointers because queues are large and every waiting station reads
// them.
func QueuesIn(m *Replica) *Cache[*Signed[wire.Queue]] {
	return CacheOf[*Cache[*Signed[wire.Queue]]](m, KindQueue)
}

func FallbacksIn(m *Replica) *Cache[Signed[wire.Fallback]] {
	return CacheOf[*Cache[Signed[wire.Fallback]]](m, KindFallback)
}

func FloorsIn(m *Replica) *Cache[Floor] { return CacheOf[*Cache[Floor]](m, KindFloor) }

func inspectRundown(i *Inspector, d store.Document, r schedules.Rundown) {
	id := DayID(r.Station, r.Date)
	if d.Kind == KindRevision {
		id = RevisionID(r.Station, r.Date, r.Revision)
	}
	if d.ID != id {
		i.Tell(d, "has the body of %s", id)
	}
	i.days[r.Station] = max(i.days[r.Station], r.Revision)
}

func inspectCounter(i *Inspector, d store.Document, n int64) { i.counted[d.ID] = n }

func inspectQueue(i *Inspector, d store.Document) error {
	q, err := decodeQueue(d.Body)
	if err != nil {
		return err
	}
	if id := DayID(q.Value.Station, q.Value.Date); d.ID != id {
		i.Tell(d, "has the body of %s", id)
	}
	airs(i, d, slices.Concat(q.Value.Items, q.Value.Fallback))
	return i.Signed(d)
}

func inspectFallback(i *Inspector, d store.Document) error {
	f, err := decodeFallback(d.Body)
	if err != nil {
		return err
	}
	if d.ID != f.Value.Station {
		i.Tell(d, "has the body of %s", f.Value.Station)
	}
	airs(i, d, f.Value.Items)
	return i.Signed(d)
}

// airs records the audio that a queue or fallback list airs.
func airs(i *Inspector, d store.Document, items []wire.QueueItem) {
	for _, item := range items {
		i.airs[item.Audio.SHA256] = cmp.Or(i.airs[item.Audio.SHA256], d.Kind+" "+d.ID)
	}
}

var (
	decodeQueue    = payloadDecoder(wire.QueueSchema, func(q wire.Queue) string { return q.Schema })
	decodeFallback = payloadDecoder(wire.FallbackSchema, func(f wire.Fallback) string { return f.Schema })
)

func SharedQueue(envelope []byte) (*Signed[wire.Queue], error) {
	q, err := decodeQueue(envelope)
	return &q, err
}

// ForgetQueues removes the queues of days before the given one from memory. The store keeps them.
func ForgetQueues(m *Replica, before schedules.Date) {
	QueuesIn(m).Forget(func(id string) bool {
		_, day, _ := strings.Cut(id, "/")
		return day < before.String()
	})
}
