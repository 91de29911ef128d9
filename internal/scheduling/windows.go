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

// Windows hands out whole windows as files.
type Windows struct {
	lists    *Lists
	renderer Renderer
}

// NewWindows hands out what r makes of the published queues.
func NewWindows(l *Lists, r Renderer) *Windows { return &Windows{l, r} }

// Renderer makes files of windows.
type Renderer interface {
	// Window opens the file, in the format ("wav", "flac"), of a queue's only window. Reads wait for what is being
	// made, as long as ctx lasts. size is -1 while it is not known; tag names the bytes. It fails with TooLarge when
	// no file of the format can hold the window, and the first read with Full when there is no space.
	Window(ctx context.Context, q *wire.Queue, format string) (file io.ReadSeekCloser, size int64, tag string, err error)
}

// Rendered is the file of a window, which the caller closes. A read fails once the window has changed: what was
// recalled must not be heard to the end.
type Rendered struct {
	io.ReadSeekCloser
	Size int64  // -1 while it is not known
	Tag  string // names the bytes

	changed func() bool
}

// Read reads on, unless the window has changed.
func (r *Rendered) Read(b []byte) (int, error) {
	if r.changed() {
		return 0, fault.New(fault.Gone, "the window was changed while it was read")
	}
	return r.ReadSeekCloser.Read(b)
}

// Open answers the published window of a day. It fails with NotFound when there is none, and with Invalid when there
// are several of the name and startAt is none of their starts.
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
	return &Rendered{file, size, tag, changed}, nil
}

// queue is what the sound of a window depends on, and nothing else: its items, and the fallback and the recalls as
// they are now, of which the player would take what it needs.
func (w *Windows) queue(ctx context.Context, station, window string, date schedules.Date, startAt time.Time) (
	wire.Queue, error) {
	sealed, err := w.lists.queues.StandingQueue(ctx, station, date)
	if err != nil {
		return wire.Queue{}, err
	}
	slot, err := windowOf(sealed.Value, window, startAt)
	if err != nil {
		return wire.Queue{}, err
	}
	q := wire.Queue{Schema: wire.QueueSchema, Station: station, Date: date, Timezone: sealed.Value.Timezone, Revision: 1,
		PublishedAt: slot.StartAt, ExpiresAt: schedules.At(slot.EndAt.Add(time.Hour)), Windows: []schedules.Slot{slot}}
	for _, i := range sealed.Value.Items {
		if i.Window == window && !i.StartAt.Before(slot.StartAt.Time) && i.StartAt.Before(slot.EndAt.Time) {
			q.Items = append(q.Items, sounding(i))
		}
	}
	for _, i := range w.lists.fallbackOf(sealed.Value) {
		q.Fallback = append(q.Fallback, sounding(i))
	}
	recalled := w.lists.recalled()
	for _, i := range slices.Concat(q.Items, q.Fallback) {
		if recalled(&i) {
			q.Recalled = append(q.Recalled, i.SegmentID)
		}
	}
	return q, nil
}

// windowOf is the queue's window of that name which starts at startAt; the only one of the name for the zero time.
func windowOf(q wire.Queue, window string, startAt time.Time) (found schedules.Slot, err error) {
	var starts []string
	for _, s := range q.Windows {
		if s.Window != window {
			continue
		}
		if starts = append(starts, s.StartAt.String()); startAt.IsZero() || s.StartAt.Equal(startAt) {
			found = s
		}
	}
	switch {
	case len(starts) == 0:
		return found, fault.New(fault.NotFound, "station %q has no window %q on %s", q.Station, window, q.Date)
	case found.Window == "" || startAt.IsZero() && len(starts) > 1:
		return found, fault.Fields(fault.Field{Field: "start_at", Message: fmt.Sprintf("window %q starts several times on "+
			"%s or at another time: name one of its starts, %s (lifeline render --start)",
			window, q.Date, strings.Join(starts, ", "))})
	}
	return found, nil
}

// sounding leaves out of an item what is not heard.
func sounding(i wire.QueueItem) wire.QueueItem {
	i.Title, i.Voice, i.Position, i.Audio.URL = "", "", "", ""
	return i
}
