package scheduling

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Windows returns whole windows as files.
type Windows struct {
	lists    *Lists
	renderer Renderer
}

// NewWindows returns Windows that renders published queues with r.
func NewWindows(l *Lists, r Renderer) *Windows { return &Windows{l, r} }

// Renderer renders windows to files.
type Renderer interface {
	// Window opens the file of a queue's only window in a format ("wav", "flac"). Reads block until the bytes are rendered
	// or ctx ends. size is -1 while it is unknown; tag identifies the content. Window fails with TooLarge if no file of
	// the format can hold the window. The first read fails with Full if there is no space.
	Window(ctx context.Context, q *wire.Queue, format string) (file io.ReadSeekCloser, size int64, tag string, err error)
}

// Rendered is the file of a window. The caller closes it. A read fails once the window has changed, so that recalled
// audio is not heard to its end.
type Rendered struct {
	io.ReadSeekCloser
	Size int64  // -1 while it is unknown
	Tag  string // identifies the content
	// the segments that may be heard in it, and whether they were sensitive when the day was published
	Segments map[string]bool

	changed func() bool
}

// Read reads from the file. It fails with Gone once the window has changed.
func (r *Rendered) Read(b []byte) (int, error) {
	if r.changed() {
		return 0, fault.New(fault.Gone, "the window was changed while it was read")
	}
	return r.ReadSeekCloser.Read(b)
}

// Open opens the file of a published window of a day. It fails with NotFound if there is no such window, and with
// Invalid if several windows have the name and startAt is not the start of one of them.
func (w *Windows) Open(ctx context.Context, station, window string, date schedules.Date, startAt time.Time,
	format string) (*Rendered, error) {
	q, err := w.queue(ctx, station, window, date, startAt)
	if err != nil {
		return nil, err
	}
	file, size, tag, err := w.renderer.Window(ctx, &q, format)
	if err != nil {
		return nil, err
	}
	m := w.lists.replica
	seen := func() [3]int64 {
		return [3]int64{replica.QueuesIn(m).Changes(), replica.FallbacksIn(m).Changes(), replica.RecallsIn(m).Changes()}
	}
	at := seen()
	changed := func() bool {
		now := seen()
		if now == at {
			return false
		}
		at = now
		later, err := w.queue(ctx, station, window, date, startAt)
		return err != nil || !reflect.DeepEqual(later, q)
	}
	segments := map[string]bool{}
	for _, i := range slices.Concat(q.Items, q.Fallback) {
		segments[i.SegmentID] = segments[i.SegmentID] || i.Sensitive
	}
	return &Rendered{file, size, tag, segments, changed}, nil
}

// queue returns exactly the inputs of a window's sound: its items, and the present fallback and recalls, from which the
// player would fill gaps.
func (w *Windows) queue(ctx context.Context, station, window string, date schedules.Date, startAt time.Time) (
	wire.Queue, error) {
	signed, err := w.lists.queues.PublishedQueue(ctx, station, date)
	if err != nil {
		return wire.Queue{}, err
	}
	slot, err := windowOf(signed.Value, window, startAt)
	if err != nil {
		return wire.Queue{}, err
	}
	q := wire.Queue{Schema: wire.QueueSchema, Station: station, Date: date, Timezone: signed.Value.Timezone, Revision: 1,
		PublishedAt: slot.StartAt, ExpiresAt: schedules.At(slot.EndAt.Add(time.Hour)), Windows: []schedules.Slot{slot}}
	for _, i := range signed.Value.Items {
		if i.Window == window && !i.StartAt.Before(slot.StartAt.Time) && i.StartAt.Before(slot.EndAt.Time) {
			q.Items = append(q.Items, soundOf(i))
		}
	}
	for _, i := range w.lists.fallbackOf(signed.Value) {
		q.Fallback = append(q.Fallback, soundOf(i))
	}
	recalled := w.lists.recalled()
	for _, i := range slices.Concat(q.Items, q.Fallback) {
		if recalled(&i) {
			q.Recalled = append(q.Recalled, i.SegmentID)
		}
	}
	return q, nil
}

// windowOf returns the queue's window of that name that starts at startAt, or the only one of the name if startAt is
// zero.
func windowOf(q wire.Queue, window string, startAt time.Time) (found schedules.Slot, err error) {
	loc, err := schedules.Zone(q.Timezone)
	if err != nil {
		return found, err
	}
	var starts, instants []string
	for _, s := range q.Windows {
		if s.Window != window {
			continue
		}
		if startAt.IsZero() || s.StartAt.Equal(startAt) {
			found = s
		}
		starts = append(starts, s.StartAt.In(loc).Format(time.TimeOnly))
		instants = append(instants, s.StartAt.String())
	}
	switch {
	case len(starts) == 0:
		return found, fault.New(fault.NotFound, "station %q has no window %q on %s", q.Station, window, q.Date)
	case found.Window == "" || startAt.IsZero() && len(starts) > 1:
		says := "starts several times"
		if !startAt.IsZero() {
			says = "does not start at " + startAt.In(loc).Format(time.TimeOnly)
		}
		return found, fault.Fields(fault.Field{Field: "start_at", Message: fmt.Sprintf("must be a start of window %q, which "+
			"%s on %s: %s in %s (lifeline render --start), as instants %s",
			window, says, q.Date, strings.Join(starts, ", "), q.Timezone, strings.Join(instants, ", "))})
	}
	return found, nil
}

// soundOf returns an item without the fields that do not affect its sound.
func soundOf(i wire.QueueItem) wire.QueueItem {
	i.Title, i.Voice, i.Position, i.Audio.URL = "", "", "", ""
	return i
}
