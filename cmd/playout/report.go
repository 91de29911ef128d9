package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"time"

	"lifeline/internal/playout"
)

// logged returns a function that logs what is on the air.
func logged(log *slog.Logger) func(playout.Notice) {
	return func(n playout.Notice) {
		switch n.Kind {
		case playout.WindowStart:
			log.Info("the window begins", "window", n.Window, "date", n.Date, "revision", n.Revision)
		case playout.WindowEnd:
			log.Info("the window ends", "window", n.Window, "date", n.Date)
		case playout.ItemStart:
			log.Info("on the air", "item", n.ItemID, "segment", n.SegmentID, "at", n.StartedAt, "detail", n.Detail)
		case playout.ItemEnd:
			log.Info("off the air", "item", n.ItemID, "segment", n.SegmentID, "outcome", n.Outcome, "detail", n.Detail)
		}
	}
}

// reportJSON writes each notice as a line of JSON. A slow or vanished reader loses lines and never delays the air. end
// writes the notices that still wait, for at most a second.
func reportJSON(w io.Writer) (notify func(playout.Notice), end func()) {
	lines := make(chan []byte, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := range lines {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}()
	notify = func(n playout.Notice) {
		b, err := json.Marshal(n)
		if err != nil {
			return
		}
		select {
		case lines <- append(b, '\n'):
		default:
		}
	}
	end = func() {
		close(lines)
		select {
		case <-done:
		case <-time.After(time.Second):
		}
	}
	return notify, end
}

func both(a, b func(playout.Notice)) func(playout.Notice) {
	return func(n playout.Notice) { a(n); b(n) }
}
