package playout

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Limits of what a signed document may say; beyond them it is nonsense whoever signed it.
const (
	maxItemLength = 24 * time.Hour
	maxItemBytes  = 4 << 30
	maxDepth      = 10_000 // of JSON
)

// The bounds of what a signed document may say of itself. Who steals a key can move a station by so much, until the key
// is rotated, and by no more.
const (
	mostAhead    = 30 * 24 * time.Hour     // that it is dated before its time
	mostCounted  = 2 * mostAhead           // before it, revisions reach the seconds since 1970; a service's bound is half
	mostPlanned  = 400 * 24 * time.Hour    // that its day or its end lie ahead
	plausibleFor = 60 * 365 * 24 * 60 * 60 // revisions below it are plausible at any time: a clock may be lost
)

// plausible is why a document cannot be dated, numbered or expire so; nil: it can. At a zero time everything can.
func plausible(issued, expires schedules.Instant, revision int64, now time.Time) error {
	switch {
	case now.IsZero():
	case issued.After(now.Add(mostAhead)):
		return fmt.Errorf("it is dated %s, and it is %s here: nothing is believed that is dated over %d days ahead", issued,
			schedules.At(now), int(mostAhead.Hours()/24))
	case revision < 0 || revision > max(now.Add(mostCounted).Unix(), plausibleFor):
		return fmt.Errorf("revision %d is more than any service can have reached by now", revision)
	case expires.After(now.Add(mostPlanned)):
		return fmt.Errorf("it expires at %s, which is over %d days ahead", expires, int(mostPlanned.Hours()/24))
	}
	return nil
}

var hashForm = regexp.MustCompile(wire.HashForm)

// admitQueue judges a queue whose signature holds, against the one that is held for its day (nil: none). It answers
// the queue without the items that make no sense, and why each of those was dropped: one bad row voids only itself.
func admitQueue(q wire.Queue, held *wire.Queue, station string, date schedules.Date, now time.Time) (*wire.Queue,
	[]error, error) {
	switch {
	case q.Schema != wire.QueueSchema:
		return nil, nil, fmt.Errorf("its schema is %q, not %q", q.Schema, wire.QueueSchema)
	case q.Station != station:
		return nil, nil, fmt.Errorf("it is for station %q", q.Station)
	case q.Date.IsZero() || !date.IsZero() && q.Date != date:
		return nil, nil, fmt.Errorf("it is for %s", q.Date)
	case q.Revision < 1:
		return nil, nil, errors.New("it has no revision")
	case !q.ExpiresAt.After(now):
		return nil, nil, fmt.Errorf("it expired at %s", q.ExpiresAt)
	case q.Withdrawn && len(q.Items)+len(q.Windows) > 0:
		return nil, nil, errors.New("it withdraws the day and plans it")
	case max(len(q.Items), len(q.Fallback), len(q.Windows), len(q.Open)) > wire.MostItems:
		return nil, nil, errors.New("it has too many items")
	}
	for _, w := range q.Windows {
		if !w.EndAt.After(w.StartAt.Time) || w.EndAt.Sub(w.StartAt.Time) > maxItemLength {
			return nil, nil, fmt.Errorf("its window %q lasts from %s to %s", w.Window, w.StartAt, w.EndAt)
		}
	}
	if err := plausible(q.PublishedAt, q.ExpiresAt, q.Revision, now); err != nil {
		return nil, nil, err
	}
	items, dropped := admitItems(q.Items, func(it wire.QueueItem) error { return checkPlanned(it, q.Windows) })
	fallback, bad := admitItems(q.Fallback, checkItem)
	q.Items, q.Fallback = items, fallback
	if emptied := q.Emptied(held); emptied != nil {
		return nil, nil, emptied
	}
	return &q, append(dropped, bad...), nil
}

// admitFallback judges a fallback document whose signature holds.
func admitFallback(f wire.Fallback, station string, now time.Time) (*wire.Fallback, []error, error) {
	switch {
	case f.Schema != wire.FallbackSchema:
		return nil, nil, fmt.Errorf("its schema is %q, not %q", f.Schema, wire.FallbackSchema)
	case f.Station != station:
		return nil, nil, fmt.Errorf("it is for station %q", f.Station)
	case !f.ExpiresAt.IsZero() && !f.ExpiresAt.After(now):
		return nil, nil, fmt.Errorf("it expired at %s", f.ExpiresAt)
	case max(len(f.Items), len(f.Windows)) > wire.MostItems:
		return nil, nil, errors.New("it has too many items")
	}
	for _, w := range f.Windows {
		if !w.EndAt.After(w.StartAt.Time) || w.EndAt.Sub(w.StartAt.Time) > maxItemLength {
			return nil, nil, fmt.Errorf("its window %q lasts from %s to %s", w.Window, w.StartAt, w.EndAt)
		}
	}
	if err := plausible(f.IssuedAt, f.ExpiresAt, f.Revision, now); err != nil {
		return nil, nil, err
	}
	var dropped []error
	f.Items, dropped = admitItems(f.Items, checkItem)
	return &f, dropped, nil
}

func admitItems(items []wire.QueueItem, check func(wire.QueueItem) error) (kept []wire.QueueItem, dropped []error) {
	for _, it := range items {
		if err := check(it); err != nil {
			dropped = append(dropped, fmt.Errorf("item %q is dropped: %w", it.ID, err))
			continue
		}
		kept = append(kept, it)
	}
	return kept, dropped
}

// parse reads a document that may not be believed yet, or was signed by whoever stole the key. It fails, before
// anything is made of it, where a list is longer than any document's: a list of nothing takes up hundreds of times its
// length.
func parse(document []byte, out any) error {
	if n := longestList(document); n > wire.MostRecalled {
		return fmt.Errorf("it lists %d entries, and no document has more than %d", n, wire.MostRecalled)
	}
	return json.Unmarshal(document, out)
}

// longestList is the number of entries of the longest list, or object, of a JSON text.
func longestList(text []byte) (most int) {
	entries, quoted := []int{0}, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted:
			if c == '\\' {
				i++
			}
			quoted = c != '"'
		case c == '"':
			quoted = true
		case c == '[' || c == '{':
			if len(entries) > maxDepth {
				return 0 // which json refuses
			}
			entries = append(entries, 1)
		case c == ',':
			entries[len(entries)-1]++
			most = max(most, entries[len(entries)-1])
		case (c == ']' || c == '}') && len(entries) > 1:
			entries = entries[:len(entries)-1]
		}
	}
	return most
}

// checkPlanned checks an item that has a place in one of the windows.
func checkPlanned(it wire.QueueItem, windows []schedules.Slot) error {
	switch {
	case it.StartAt == nil || it.StartAt.IsZero():
		return errors.New("it has no start")
	case it.StartMs != 0 && it.StartMs != it.StartAt.UnixMilli():
		return errors.New("its two starts differ")
	case it.Start != "" && it.Start != schedules.Follow && it.Start != schedules.Hard && it.Start != schedules.Soft:
		return fmt.Errorf("it starts %q", it.Start)
	case it.Grace.Duration < 0:
		return errors.New("its grace is negative")
	}
	for _, w := range windows {
		if it.Window == w.Window && !it.StartAt.Before(w.StartAt.Time) && it.StartAt.Before(w.EndAt.Time) {
			return checkItem(it)
		}
	}
	return errors.New("it lies in none of the day's windows")
}

// checkItem checks what every item must have.
func checkItem(it wire.QueueItem) error {
	switch length := it.CueOut.Duration - it.CueIn.Duration; {
	case it.ID == "" || it.SegmentID == "":
		return errors.New("it has no id")
	case !hashForm.MatchString(it.Audio.SHA256):
		return errors.New("its audio has no hash")
	case it.Audio.Bytes <= 0 || it.Audio.Bytes > maxItemBytes:
		return fmt.Errorf("its audio has %d bytes", it.Audio.Bytes)
	case it.CueIn.Duration < 0 || length <= 0 || length > maxItemLength:
		return errors.New("its cues are impossible")
	case it.Duration.Duration != length:
		return errors.New("its duration is not that between its cues")
	case it.FadeOut.Duration < 0 || it.FadeOut.Duration > length:
		return errors.New("its fade is longer than itself")
	}
	return nil
}
