package playout

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// truth is what the service signed, and when each of it arrived whole at the station in answer to its own request. It
// judges what the station airs by that alone, with nothing of the player's.
type truth struct {
	service *service

	mu       sync.Mutex
	archive  map[string][][]byte      // bodies signed for the station, by route
	foreign  map[string][][]byte      // those signed for others, or for other days
	is       map[string]signed        // all of them, by payload
	items    map[string]planned       // planned items by id
	queues   map[schedules.Date]int64 // newest revision that arrived
	fallback *wire.Fallback           // newest that arrived
	recalls  *wire.Recalls            // newest that arrived
	since    map[string]time.Time     // when each of these arrived: "queue DATE", "fallback", "recalls"
	leases   []wire.Lease
	recalled map[string]time.Time // when a segment was recalled for good
	asked    map[string]time.Time // nonces of requests that the service has answered, and when they reached it
	heard    time.Time            // when the latest request reached the service whose signed answer arrived whole
	perhaps  time.Time            // likewise, of answers that may have been changed in what nobody signed
	terms    *wire.Fallback       // likewise, of fallback lists
	newest   wire.Freshness       // revisions of now
	names    []string             // sensitive segments that may air
	begun    time.Time
}

// signed is a document that the service signed: a *wire.Queue, *wire.Fallback or *wire.Recalls, or the nonce of a lease
// or a time.
type signed struct {
	is   any
	body []byte
}

// payload returns what is signed in a body, in whichever form of base64.
func payload(body []byte) string {
	var b struct {
		wire.Envelope
		Inner *wire.Envelope `json:"envelope"` // of a recall list
	}
	if json.Unmarshal(body, &b) == nil && b.Inner != nil {
		b.Envelope = *b.Inner
	}
	for _, form := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		if text, err := form.DecodeString(b.Payload); err == nil {
			return string(text)
		}
	}
	return ""
}

// planned is an item of a queue, and what of the queue matters for it.
type planned struct {
	wire.QueueItem
	date     schedules.Date
	revision int64
	expires  time.Time
}

func newTruth(s *service) *truth {
	return &truth{service: s, archive: map[string][][]byte{}, foreign: map[string][][]byte{}, is: map[string]signed{},
		items: map[string]planned{}, queues: map[schedules.Date]int64{}, since: map[string]time.Time{},
		recalled: map[string]time.Time{}, asked: map[string]time.Time{}, begun: time.Now(), heard: time.Now(),
		perhaps: time.Now(),
		newest:  wire.Freshness{Schema: wire.FreshnessSchema, Station: "lantern", Queues: map[string]int64{}}}
}

// answers lets the service sign leases and times.
func (v *truth) answers(w http.ResponseWriter, r *http.Request) bool {
	route, nonce := routeOf(r), r.URL.Query().Get("nonce")
	if route != "lease" && route != "freshness" {
		return false
	}
	b := v.sign(route, "lantern", nonce)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked[nonce] = time.Now()
	v.is[payload(b)] = signed{nonce, b}
	if list := v.archive[route]; len(list) >= 40 { // the first and the latest ones
		delete(v.is, payload(list[20]))
		v.archive[route] = slices.Delete(list, 20, 21)
	}
	v.archive[route] = append(v.archive[route], b)
	w.Write(b)
	return true
}

// sign signs a lease or a time for a station. All stations may air the same segments.
func (v *truth) sign(route, station, nonce string) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := schedules.At(time.Now())
	if route == "freshness" {
		f := v.newest
		f.Station, f.Nonce, f.At = station, nonce, now
		return v.service.sign(wire.FreshnessType, f)
	}
	l := wire.Lease{Schema: wire.LeaseSchema, Station: station, Nonce: nonce, IssuedAt: now,
		ExpiresAt: schedules.At(now.Add(mitmLease)), Segments: slices.Clone(v.names)}
	if station == "lantern" {
		v.leases = append(v.leases, l)
	}
	return v.service.sign(wire.LeaseType, l)
}

// any returns something that was signed: for the same route, or for another one, day or station.
func (v *truth) any(pick uint64, route string, same bool) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	list := v.foreign[route]
	if same || len(list) == 0 {
		list = v.archive[route]
	}
	if !same && pick%4 == 0 {
		list = v.archive[routes[pick/4%5]]
	}
	if len(list) == 0 {
		return []byte("{}")
	}
	return list[pick>>8%uint64(len(list))]
}

// arrived notes that the whole body of an answer arrived.
func (v *truth) arrived(r *http.Request, route string, b []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	doc := v.is[payload(b)]
	whole := bytes.Equal(doc.body, b)
	switch d := doc.is.(type) {
	case string: // the nonce of a lease or a time
		at, ok := v.asked[d]
		if !ok || route != "freshness" || r.URL.Query().Get("nonce") != d {
			return
		}
		if at.After(v.perhaps) {
			v.perhaps = at
		}
		if whole && at.After(v.heard) {
			v.heard = at
		}
	case *wire.Queue:
		if whole && route == "queue" && d.Station == "lantern" && r.URL.Query().Get("date") == d.Date.String() &&
			d.Revision > v.queues[d.Date] && d.ExpiresAt.After(now) {
			v.queues[d.Date], v.since["queue "+d.Date.String()] = d.Revision, now
		}
	case *wire.Fallback:
		if route != "fallback" || d.Station != "lantern" {
			return
		}
		if v.terms == nil || d.Revision > v.terms.Revision {
			v.terms = d
		}
		if whole && (v.fallback == nil || d.Revision > v.fallback.Revision) {
			v.fallback, v.since["fallback"] = d, now
		}
	case *wire.Recalls:
		if whole && route == "recalls" && (v.recalls == nil || d.Revision > v.recalls.Revision) {
			v.recalls, v.since["recalls"] = d, now
		}
	}
}

const (
	mitmLease = 10 * time.Minute
	leaseMost = mitmLease + 10*time.Second // after a recall, as the service promises it
	clockMost = 20 * time.Second           // by which a delayed answer may put the station's clock wrong
	atOnce    = 2 * time.Second            // until a document that arrived whole is in force
)

// wrong returns what is wrong about the start of an item now; "" if nothing is. id is that of the item, or of the one
// whose place it fills.
func (v *truth) wrong(id string, it *wire.QueueItem) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	inForce := func(what string) bool { at, ok := v.since[what]; return ok && now.After(at.Add(atOnce)) }
	if at, ok := v.recalled[it.SegmentID]; ok && it.Sensitive && now.After(at.Add(leaseMost)) {
		return fmt.Sprintf("it is sensitive and was recalled at %v", at)
	}
	if inForce("recalls") && slices.ContainsFunc(v.recalls.Segments, func(r wire.Recalled) bool {
		return r.SegmentID == it.SegmentID
	}) {
		return fmt.Sprintf("recall list %d, which arrived at %v, recalls it", v.recalls.Revision, v.since["recalls"])
	}
	if it.Sensitive {
		if !slices.ContainsFunc(v.leases, func(l wire.Lease) bool {
			return slices.Contains(l.Segments, it.SegmentID) && now.Before(l.ExpiresAt.Time)
		}) {
			return "it is sensitive, and no lease that was ever issued lets it start"
		}
		if quiet := now.Sub(v.perhaps); inForce("fallback") && v.fallback == v.terms && v.terms.Starved.Drops() &&
			quiet > v.fallback.Starved.Time()+atOnce {
			return fmt.Sprintf("it is sensitive, and the station has been starved for %v", quiet)
		}
	}
	p, isPlanned := v.items[id]
	if isPlanned {
		day := "queue " + p.date.String()
		switch {
		case inForce(day) && p.revision < v.queues[p.date]:
			return fmt.Sprintf("revision %d of the day arrived at %v", v.queues[p.date], v.since[day])
		case now.After(p.expires.Add(clockMost)):
			return fmt.Sprintf("its queue expired at %v", p.expires)
		case now.Before(p.StartAt.Add(-clockMost)) || now.After(p.StartAt.Add(p.Duration.Duration+clockMost)):
			return fmt.Sprintf("it is planned for %v", p.StartAt)
		}
	}
	if isPlanned && p.SegmentID == it.SegmentID {
		if !p.NotAfter.IsZero() && p.StartAt.Add(p.Duration.Duration).After(p.NotAfter.Time) {
			return fmt.Sprintf("it would end after its expiry at %v", p.NotAfter)
		}
		return ""
	}
	return v.wrongFill(it, inForce("fallback"), now)
}

// wrongFill returns what is wrong about an item that airs from the fallback list.
func (v *truth) wrongFill(it *wire.QueueItem, inForce bool, now time.Time) string {
	listed := func(f *wire.Fallback) bool {
		return now.Before(f.ExpiresAt.Add(clockMost)) && slices.ContainsFunc(f.Items, func(x wire.QueueItem) bool {
			return x.SegmentID == it.SegmentID && x.Audio.SHA256 == it.Audio.SHA256
		})
	}
	for _, d := range v.is {
		if f, ok := d.is.(*wire.Fallback); ok && f.Station == "lantern" && listed(f) &&
			(!inForce || f.Revision >= v.fallback.Revision) {
			return ""
		}
	}
	if inForce {
		return fmt.Sprintf("fallback list %d, which arrived at %v, does not have it", v.fallback.Revision,
			v.since["fallback"])
	}
	return "no queue or fallback list of this station has it"
}

// starved returns for how long the station has certainly been starved, and for how long it may have been, by what
// arrived. Below zero it is not.
func (v *truth) starved() (certain, perhaps time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if v.fallback != v.terms { // nobody knows what the station's terms are
		return -time.Hour, time.Hour
	}
	terms := schedules.Starved{}
	if v.terms != nil {
		terms = v.terms.Starved
	}
	certain, perhaps = now.Sub(v.perhaps)-terms.Time(), now.Sub(v.heard)-terms.Time()
	if v.terms != nil { // new terms are heeded from when they came
		certain = min(certain, now.Sub(v.since["fallback"]))
	}
	return certain, perhaps
}
