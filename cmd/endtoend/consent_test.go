package endtoend

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// patch changes the metadata of a segment's current revision.
func patch(t *testing.T, h *house, id string, change map[string]any) answer {
	t.Helper()
	s, err := h.producer.Segment(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(change)
	if err != nil {
		t.Fatal(err)
	}
	return h.do(http.MethodPatch, wire.Segment(id), h.secrets["producer"],
		map[string]string{"Content-Type": "application/merge-patch+json",
			"If-Match": strconv.Quote(strconv.FormatInt(s.Revision, 10))}, body)
}

// state returns a segment's state after a patch.
func state(t *testing.T, h *house, id string, change map[string]any) schedules.State {
	t.Helper()
	var s schedules.Segment
	got := patch(t, h, id, change)
	switch h.secondConfirms(got); got.status {
	case http.StatusOK:
		got.into(t, &s)
	case http.StatusForbidden:
		h.get(wire.Segment(id), &s)
	default:
		t.Fatalf("%s: %d %s", id, got.status, got.body)
	}
	return s.State
}

// queueUntil waits for a published queue that satisfies a condition.
func (h *house) queueUntil(station, day string, so func(wire.Queue) bool) wire.Queue {
	h.t.Helper()
	for {
		q := h.queue(station, day)
		if so(q) {
			return q
		}
		if _, err := h.station(station).Station(station).Queue(h.t.Context(), q.Date,
			strconv.Quote(strconv.FormatInt(q.Revision, 10)), 30*time.Second); err != nil {
			h.t.Fatal(err)
		}
	}
}

// A consent that is shortened removes the later airings from the published day. One that is lengthened, or given by
// another person, requires a new approval by somebody else.
func TestConsentEndsWhatItWasGivenFor(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	const station, day = "harbour-dawn", "2099-11-25"
	h.publish([]string{station}, day)
	before := h.queue(station, day)
	var id string
	var airings []wire.QueueItem
	for _, i := range before.Items {
		if id == "" && i.Kind == "testimony" {
			id = i.SegmentID
		}
		if id != "" && i.SegmentID == id {
			airings = append(airings, i)
		}
	}
	if len(airings) == 0 {
		t.Fatal("the day has no testimony")
	}
	if got := patch(t, h, id, map[string]any{"persons": nil,
		"consent": map[string]any{"expires_at": "2099-12-31T00:00:00Z"}}); got.status != http.StatusBadRequest &&
		got.status != http.StatusUnprocessableEntity || !strings.Contains(string(got.body), "persons") {
		t.Errorf("nobody's consent: %d %s", got.status, got.body)
	}
	// The consent ends after the first airing: that airing stays, and the player gets the end; later airings are removed.
	ends := airings[0].StartAt.Add(airings[0].Duration.Duration + time.Second)
	if got := state(t, h, id, map[string]any{"consent": map[string]any{"given_at": "2023-10-01T00:00:00Z",
		"expires_at": ends, "reference": "drawer 4"}}); got != schedules.Approved {
		t.Errorf("with a consent that ends it is %s", got)
	}
	q := h.queueUntil(station, day, func(q wire.Queue) bool {
		return !slices.ContainsFunc(q.Items, func(i wire.QueueItem) bool {
			return i.SegmentID == id && (i.NotAfter.IsZero() || i.StartAt.Add(i.Duration.Duration).After(ends))
		})
	})
	for _, i := range q.Items {
		if i.SegmentID == id && !i.NotAfter.Equal(ends.Truncate(time.Millisecond)) {
			t.Errorf("the player is told %s, not %s", i.NotAfter, ends)
		}
	}
	var found wire.Page[schedules.Segment]
	h.get("/v1/segments?expiring_before=2100-01-01T00:00:00Z", &found)
	if len(found.Items) != 1 || found.Items[0].ID != id || found.Items[0].Consent.Reference != "drawer 4" {
		t.Errorf("expiring: %+v", found.Items)
	}
	if got := state(t, h, id,
		map[string]any{"consent": map[string]any{"expires_at": "2099-12-31T00:00:00Z"}}); got != schedules.Pending {
		t.Errorf("with a longer consent it is %s", got)
	}
	if _, err := approve(t.Context(), h.editor, id); err != nil {
		t.Fatal(err)
	}
	if got := state(t, h, id, map[string]any{"persons": []string{"p8"}}); got != schedules.Pending {
		t.Errorf("with another person it is %s", got)
	}
}

// A segment that becomes sensitive is sensitive in the published day too; no list without a lease contains it any more;
// and no station is left without anything to air when it has no lease.
func TestSensitiveSegmentStaysOutOfLists(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	const station, day = "harbour-dawn", "2099-11-25"
	h.publish([]string{station}, day)
	before := h.queue(station, day)
	at := slices.IndexFunc(before.Items, func(i wire.QueueItem) bool { return i.Kind == "testimony" })
	victim := before.Items[at]
	if got := state(t, h, victim.SegmentID, map[string]any{"sensitive": true}); got != schedules.Approved {
		t.Errorf("sensitive, it is %s", got)
	}
	q := h.queueUntil(station, day, func(q wire.Queue) bool {
		return !slices.ContainsFunc(q.Items, func(i wire.QueueItem) bool {
			return i.SegmentID == victim.SegmentID &&
				!i.Sensitive
		})
	})
	if len(q.Items) != len(before.Items) || !q.Items[at].Sensitive || q.Items[at].ID != victim.ID {
		t.Fatalf("the day has changed: %d items of %d, %+v", len(q.Items), len(before.Items), q.Items[at])
	}
	secret := h.secrets["station:"+station]
	for _, form := range []string{"m3u", "pls", "xspf", "liq", "ffconcat"} {
		for _, list := range []string{"queue." + form + "?date=" + day, "fallback." + form} {
			got := h.do(http.MethodGet, wire.Station(station)+"/"+list, secret, nil, nil)
			if got.status != http.StatusOK || strings.Contains(string(got.body), victim.Audio.SHA256) {
				t.Errorf("%s: %d, and the list has it", list, got.status)
			}
		}
	}
	var next wire.QueueItem
	h.do(http.MethodGet, wire.Station(station, "next")+"?after="+before.Items[at-1].ID, secret, nil, nil).into(t, &next)
	if next.ID != victim.ID || next.SegmentID == victim.SegmentID || !next.StartAt.Equal(victim.StartAt.Time) ||
		next.Duration.Duration > victim.Duration.Duration {
		t.Errorf("next is %+v", next)
	}
	var last wire.QueueItem // whatever replaces it ends where it ended, except for a rest that is too short to fill
	for id := next.ID; ; {
		next = wire.QueueItem{}
		h.do(http.MethodGet, wire.Station(station, "next")+"?after="+id, secret, nil, nil).into(t, &next)
		if next.ID == before.Items[at+1].ID {
			break
		}
		last, id = next, next.ID
	}
	if last.StartAt != nil && last.StartAt.Add(last.Duration.Duration).After(before.Items[at+1].StartAt.Time) {
		t.Errorf("what takes its place runs into the next item: %+v", last)
	}
	lease := h.do(http.MethodGet, wire.Station(station, "lease.dsse"), secret, nil, nil)
	if lease.status != http.StatusOK || lease.header.Get("Cache-Control") != "no-store" {
		t.Errorf("lease: %d %v", lease.status, lease.header)
	}
	// A station may still hold an old revision, from before it was sensitive: a lease does not bound that one.
	name(t, h, victim.SegmentID, "p9")
	p, err := h.editor.RecallPerson(t.Context(), "p9", "in danger")
	if err != nil || p.OffBy.Before(victim.StartAt.Time) {
		t.Errorf("off by %s, %v", p.OffBy, err)
	}
	h.lastResort()
}

// lastResort leaves a station only sensitive segments.
func (h *house) lastResort() {
	h.t.Helper()
	const station = "lantern-coast"
	var st schedules.Station
	got := h.do(http.MethodGet, wire.Station(station), h.secrets["scheduler"], nil, nil)
	got.into(h.t, &st)
	put := func() answer {
		body, err := json.Marshal(st)
		if err != nil {
			h.t.Fatal(err)
		}
		return h.do(http.MethodPut, wire.Station(station), h.secrets["scheduler"],
			map[string]string{"Content-Type": "application/json", "If-Match": "*"}, body)
	}
	refused := func(a answer, field string) {
		h.t.Helper()
		if a.status < 400 || a.status >= 500 || !strings.Contains(string(a.body), field) || !strings.Contains(string(a.body),
			"would") || !strings.Contains(string(a.body), "silent") {
			h.t.Errorf("%d %s", a.status, a.body)
		}
	}
	state(h.t.(*testing.T), h, "music-river", map[string]any{"sensitive": true})
	st.Fallback = []string{"music-river"}
	refused(put(), "fallback")
	st.Fallback = []string{"music-river", "music-lamp"}
	waits := put() // the station would lose its last fallback that is not sensitive in a language
	if waits.status != http.StatusForbidden {
		h.t.Errorf("%d %s", waits.status, waits.body)
	}
	h.secondConfirms(waits)
	refused(patch(h.t.(*testing.T), h, "music-lamp", map[string]any{"sensitive": true}), "sensitive")
}
