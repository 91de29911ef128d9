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

// Limits for the contents of a signed document. A document beyond them is invalid even if its signature is valid.
const (
	maxItemLength = 24 * time.Hour
	maxItemBytes  = 4 << 30
	maxDepth      = 10_000 // nesting of JSON
)

// Bounds for the dates and the revision of a signed document. A stolen key can move a station's state by at most this
// much until the key is rotated.
const (
	mostAhead    = 30 * 24 * time.Hour     // how far ahead of the current time a document may be dated
	mostCounted  = 2 * mostAhead           // revisions may reach the Unix time this far ahead; a service's bound is half
	mostPlanned  = 400 * 24 * time.Hour    // how far ahead a document's day or expiry may lie
	plausibleFor = 60 * 365 * 24 * 60 * 60 // revisions below it are always plausible, because the clock may be lost
)

// plausible returns an error if a document cannot have this date, expiry or revision at now. A zero now disables the
// check.
func plausible(issued, expires schedules.Instant, revision int64, now time.Time) error {
	switch {
	case now.IsZero():
	case issued.After(now.Add(mostAhead)):
		return fmt.Errorf("it is dated %s, and it is %s here: a date over %d days ahead is not accepted. If the "+
			"clock of this machine is wrong, set it", issued, schedules.At(now), int(mostAhead.Hours()/24))
	case revision < 0 || revision > max(now.Add(mostCounted).Unix(), plausibleFor):
		return fmt.Errorf("revision %d is more than any service can have reached by now", revision)
	case expires.After(now.Add(mostPlanned)):
		return fmt.Errorf("it expires at %s, which is over %d days ahead", expires, int(mostPlanned.Hours()/24))
	}
	return nil
}

var hashForm = regexp.MustCompile(wire.HashForm)

// admitQueue validates a queue whose signature is valid, against the one held for its day (nil: none). It returns the
// queue without its invalid items, and an error for each item dropped: one invalid item does not invalidate the others.
func admitQueue(q wire.Queue, held *wire.Queue, station string, date schedules.Date, now time.Time) (*wire.Queue,
	[]error, error) {
	if err := checkHead(q.Schema, wire.QueueSchema, q.Station, station); err != nil {
		return nil, nil, err
	}
	switch {
	case q.Date.IsZero() || !date.IsZero() && q.Date != date:
		return nil, nil, fmt.Errorf("it is for %s", q.Date)
	case q.Revision < 1:
		return nil, nil, errors.New("it has no revision")
	case !q.ExpiresAt.After(now):
		return nil, nil, fmt.Errorf("it expired at %s", q.ExpiresAt)
	case q.Withdrawn && len(q.Items)+len(q.Windows) > 0:
		return nil, nil, errors.New("it withdraws the day and has items for it")
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

// admitFallback validates a fallback document whose signature is valid.
func admitFallback(f wire.Fallback, station string, now time.Time) (*wire.Fallback, []error, error) {
	if err := checkHead(f.Schema, wire.FallbackSchema, f.Station, station); err != nil {
		return nil, nil, err
	}
	switch {
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

// parse decodes a document that is not verified yet, or was signed with a stolen key. It fails before it decodes
// anything if a list has more entries than any document may have: decoded empty entries take hundreds of times their
// encoded length.
func parse(document []byte, out any) error {
	if n := longestList(document); n > wire.MostRecalled {
		return fmt.Errorf("it lists %d entries, and no document has more than %d", n, wire.MostRecalled)
	}
	return json.Unmarshal(document, out)
}

// longestList returns the number of entries of the longest list or object in a JSON text.
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
				return 0 // encoding/json rejects it
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

// checkPlanned validates an item that has a place in one of the windows.
func checkPlanned(it wire.QueueItem, windows []schedules.Slot) error {
	switch {
	case it.StartAt == nil || it.StartAt.IsZero():
		return errors.New("it has no start")
	case it.StartMs != 0 && it.StartMs != it.StartAt.UnixMilli():
		return errors.New("its start_at and its start_ms differ")
	case it.Start != "" && it.Start != schedules.Follow && it.Start != schedules.Hard && it.Start != schedules.Soft:
		return fmt.Errorf("its start mode %q is unknown", it.Start)
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

// checkItem validates what planned and fallback items have in common.
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
		return errors.New("its duration is not the time between its cues")
	case it.FadeOut.Duration < 0 || it.FadeOut.Duration > length:
		return errors.New("its fade is longer than the item")
	}
	return nil
}
