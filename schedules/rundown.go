package schedules

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// RundownStatus tells whether a rundown may reach a station.
type RundownStatus string

// The statuses of a rundown. A published revision never changes. A withdrawn rundown revokes the one published before
// it.
const (
	Draft     RundownStatus = "draft"
	Published RundownStatus = "published"
	Withdrawn RundownStatus = "withdrawn"
)

// Rundown is the plan of one station for one broadcast day.
type Rundown struct {
	Station  string `json:"station"`
	Date     Date   `json:"date"`
	Timezone string `json:"timezone"`
	Revision int64  `json:"revision"`
	// the revision in which its items last changed; none means this one
	Planned     int64         `json:"planned_revision,omitzero"`
	Status      RundownStatus `json:"status"`
	PublishedAt Instant       `json:"published_at"`
	Seed        uint64        `json:"seed"`
	Windows     []Slot        `json:"windows"`
	// Clocks holds the clocks that the windows follow, by id, as they were when the day was planned. Rundowns of early
	// versions have none.
	Clocks   map[string]Clock `json:"clocks,omitempty"`
	Items    []Item           `json:"items"` // in order of StartAt
	Warnings []Warning        `json:"warnings"`
}

// Slot is one window occurrence of a rundown as it was when it was planned, with the sum of its items' air time.
type Slot struct {
	Occurrence
	Tolerance Millis   `json:"tolerance_ms"`
	Languages []string `json:"languages,omitempty"` // the languages that its items may be in
	Clock     string   `json:"clock,omitempty"`     // the clock that it follows, among the rundown's
	Planned   Millis   `json:"planned_ms"`          // sum of its items' air time
	// what it repeats; none if it repeats nothing, or was edited since
	Repeats *RepeatOf `json:"repeats,omitempty"`
}

// Item is one planned airing. Within a window, each item's StartAt+Duration is the StartAt of the next item.
type Item struct {
	ID        string    `json:"id"`
	Window    string    `json:"window"`
	Position  string    `json:"position"`
	SegmentID string    `json:"segment_id"`
	SHA256    string    `json:"sha256"`
	Kind      Kind      `json:"kind"`
	Language  string    `json:"language"`
	Title     string    `json:"title"`
	Voice     string    `json:"voice,omitempty"`
	StartAt   Instant   `json:"start_at"` // planned
	Start     StartMode `json:"start"`
	Grace     Millis    `json:"grace_ms,omitzero"`
	Duration  Millis    `json:"duration_ms"` // air time: CueOut - CueIn
	CueIn     Millis    `json:"cue_in_ms"`
	CueOut    Millis    `json:"cue_out_ms"`
	FadeOut   Millis    `json:"fade_out_ms"`
	NotAfter  Instant   `json:"not_after"`       // the item must have ended by then; none means no limit
	Chain     string    `json:"chain,omitempty"` // the chain's items share the id of its reading's item
	Locked    bool      `json:"locked,omitempty"`
	MakesGood string    `json:"makes_good,omitempty"` // the id of the make-good that this airing is for
	Repeats   string    `json:"repeats,omitempty"`    // the id of the item of another window that it repeats
}

// EndAt returns the end of the item's air time.
func (i Item) EndAt() Instant { return At(i.StartAt.Add(i.Duration.Duration)) }

// Problem is one fault of a definition. Field is its path in the contract, such as "windows[0].length_ms".
type Problem struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Item returns the item with that id.
func (r Rundown) Item(id string) (Item, bool) {
	for _, i := range r.Items {
		if i.ID == id {
			return i, true
		}
	}
	return Item{}, false
}

// SlotOf returns the window occurrence in which an item airs.
func (r Rundown) SlotOf(i Item) (Slot, bool) {
	for _, s := range r.Windows {
		if s.Window == i.Window && !i.StartAt.Before(s.StartAt.Time) && i.StartAt.Before(s.EndAt.Time) {
			return s, true
		}
	}
	return Slot{}, false
}

// ItemID returns the id of an item: a hash of its station, the start of its window, its position, its offset and its
// segment. Equal plans have equal ids, and a changed item gets a new one.
func ItemID(station string, window Instant, position string, offset Millis, segment string) string {
	b := make([]byte, 0, 160)
	b = append(b, station...)
	b = append(b, 0)
	b = strconv.AppendInt(b, window.UnixMilli(), 10)
	b = append(b, 0)
	b = append(b, position...)
	b = append(b, 0)
	b = strconv.AppendInt(b, offset.Milliseconds(), 10)
	b = append(b, 0)
	b = append(b, segment...)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
