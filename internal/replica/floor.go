package replica

import (
	"time"

	"lifeline/internal/store"
	"lifeline/schedules"
)

// FloorID is the id of the only document of its kind.
const FloorID = "floor"

// Floor is what a store that was set back to an older state numbers signed documents above: stations refuse what is
// older than what they have seen. It is the time in seconds since 1970 when it was raised. That is beyond every earlier
// number, since no document has a revision a second, and an earlier floor is an earlier time. The recall list and the
// fallback lists are numbered by their document's revision above it.
type Floor struct {
	Above int64 `json:"above"`
	// up to which published days are signed anew; the lists always are
	Days    int64             `json:"days,omitempty"`
	Station string            `json:"station,omitempty"` // that knew more than the store; "": none did
	Saw     string            `json:"saw,omitempty"`     // of what the station knew more, for people
	Found   schedules.Instant `json:"found"`             // when that was found
}

// Raised is the floor that comes after f and stands above what was seen. Beyond numbers that are ahead of the time it
// is by a wide step, for what was signed since, and so that who reports such numbers has few of them.
func (f Floor) Raised(now time.Time, seen int64) Floor {
	seen = max(seen, f.Above)
	f.Above = now.Unix()
	if seen >= f.Above {
		f.Above = (seen/floorStep + 2) * floorStep
	}
	return f
}

// floorStep is how many numbers a service gives above one floor, at the most.
const floorStep = 1 << 16

// Given reports whether a number is one of those that a service gives above f, or gave before.
func (f Floor) Given(number int64) bool { return number <= f.Above+floorStep }

func (m *Replica) Floor() Floor {
	row, _ := FloorsIn(m).Get(FloorID)
	return row.Value
}

// FloorWrite stores next in the place of the floor at revision.
func FloorWrite(next Floor, revision int64) (store.Write, error) {
	body, err := Encode(next)
	return store.Write{Kind: KindFloor, ID: FloorID, Expect: revision, Body: body}, err
}
