package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/kinds"
	"lifeline/internal/openapi"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// changeHandlers stream changes.
type changeHandlers struct{ *Parts }

func (a changeHandlers) routes() []route {
	return []route{
		{a.changes, apidoc.Route{Method: http.MethodGet, Path: "/v1/changes", Roles: everybody,
			ID: "followChanges", Tag: apidoc.ForStations, Summary: "Follow changes as a stream",
			Detail: "The answer is a stream of server-sent events. Each event has a change as JSON, its ID, and one of the " +
				"names " +
				strings.Join(kinds.All.ChangeNames(), ", ") + ". Last-Event-ID or since resumes the stream. The event reset " +
				"says that some changes are no longer kept: list the resources again. A comment every 15 s " +
				"shows that the stream is alive. A token may have " + strconv.Itoa(aStream.most) + " streams at the same " +
				"time, and they end with it.",
			Query: []openapi.Parameter{{Name: "since", Description: "The ID of the last change that the caller has. " +
				"Default: the stream starts now.", Schema: openapi.Integer().AtLeast(0)}},
			Headers: []openapi.Parameter{{Name: "Last-Event-ID", In: "header", Description: "Like since, and takes " +
				"precedence over it.",
				Schema: openapi.Integer().AtLeast(0)}},
			Answers: []apidoc.Answer{{Status: http.StatusOK, Says: "The stream.",
				Bodies: []apidoc.Body{{MediaType: "text/event-stream",
					Schema: openapi.String(),
					Example: "id: 42\nevent: queue\ndata: " +
						"{\"id\":42,\"kind\":\"queue\",\"name\":\"lantern-coast/2023-10-27\",\"revision\":7,\"at\":\"2023-10-27T12:00:00.000Z\"}\n\n"}}}}}},
	}
}

// heartbeat is the interval of comments on a change stream without changes.
const heartbeat = 15 * time.Second

// changes streams changes as server-sent events after a revision: ?since=, or Last-Event-ID, or from now on.
func (a changeHandlers) changes(c *call) error {
	since, err := a.changesSince(c)
	if err != nil {
		return err
	}
	release, err := hold(c, aStream)
	if err != nil {
		return err
	}
	defer release()
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return nil
	}
	defer a.Meter.Waiting("stream")()
	controller := http.NewResponseController(c.w)
	controller.SetReadDeadline(time.Time{}) // a stream has no end; writers without deadlines need no change
	ctx := c.r.Context()
	write := func(format string, args ...any) error {
		controller.SetWriteDeadline(time.Now().Add(heartbeat)) // likewise
		if _, err := fmt.Fprintf(c.w, format, args...); err != nil {
			return err
		}
		return controller.Flush()
	}
	if err := write("retry: 2000\nid: %d\n\n", since); err != nil {
		return nil // the caller has gone
	}
	for ctx.Err() == nil && c.stopping.Err() == nil {
		wait, cancel := c.patience(heartbeat)
		changes, err := a.Replica.Changes(wait, since)
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			if write(": alive\n\n") != nil {
				return nil
			}
		case fault.Is(err, fault.Gone):
			since = a.Replica.Sequence()
			if write("id: %d\nevent: reset\ndata: {}\n\n", since) != nil {
				return nil
			}
		case err != nil:
			return nil // the caller reconnects with Last-Event-ID
		}
		for _, change := range changes {
			since = change.Sequence
			event, name, ok := eventFor(c.actor, change)
			if !ok {
				continue
			}
			data, err := json.Marshal(wire.Change{ID: change.Sequence, Kind: event, Name: name, Revision: change.Revision,
				At: schedules.At(change.At)})
			if err != nil {
				return err
			}
			if write("id: %d\nevent: %s\ndata: %s\n\n", change.Sequence, event, data) != nil {
				return nil
			}
		}
	}
	return nil
}

func (a changeHandlers) changesSince(c *call) (int64, error) {
	since, asked := changeID("since", c.query().Get("since"))
	last, resumed := changeID("Last-Event-ID", c.r.Header.Get("Last-Event-ID"))
	if err := joinFindings(asked, resumed); err != nil {
		return 0, err
	}
	if last >= 0 {
		return last, nil
	}
	if since >= 0 {
		return since, nil
	}
	return a.Replica.Sequence(), nil
}

// changeID parses the id of a change; -1 for none.
func changeID(field, v string) (int64, error) {
	if v == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.Fields(fault.Field{Field: field, Message: "must be the id of a change"})
	}
	return n, nil
}

// eventFor returns the event for a change, and whether the actor may get it: a station gets its own queues and
// fallback, and recalls.
func eventFor(actor access.Actor, c store.Change) (event, name string, ok bool) {
	event, station, ok := kinds.All.Told(c)
	if !ok || actor.Role != access.StationJob {
		return event, c.ID, ok
	}
	switch event {
	case "recall":
		return event, c.ID, true
	case "queue", "fallback", "station":
		return event, c.ID, station == actor.Station
	}
	return "", "", false
}
