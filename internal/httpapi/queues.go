package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// queueHandlers serve signed documents to stations: queues, fallbacks and recalls.
type queueHandlers struct{ *Parts }

func (a queueHandlers) routes() []route {
	day := []openapi.Parameter{dateParameter, waitParameter}
	return []route{
		{a.queue, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/queue", Roles: relays,
			ID: "getQueue", Tag: apidoc.ForStations, Summary: "Get the published queue of a day",
			Query: day, Known: true,
			Detail: "With wait and If-None-Match the service answers when there is a change. It compresses the answer on " +
				"request.",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The queue, exactly as it is signed.",
				exampleQueue)}}},
		{a.queueEnvelope, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/queue.dsse", Roles: relays,
			ID: "getSignedQueue", Tag: apidoc.ForStations,
			Summary: "Get the queue in its signed envelope", Query: day, Known: true,
			Detail:  "The answer is a DSSE envelope. Its payload has exactly the bytes of the queue and the type " + wire.QueueType + ".",
			Answers: []apidoc.Answer{apidoc.GivesAs(envelopeType, http.StatusOK, "The envelope.", exampleEnvelope)}}},
		{a.fallback, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/fallback", Roles: relays,
			ID: "getFallback", Tag: apidoc.ForStations,
			Summary: "Get the fallback of a station",
			Query:   []openapi.Parameter{waitParameter}, Known: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The windows of the coming days and the items that the "+
				"station airs without a valid queue.",
				wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern-coast", Timezone: "Asia/Tashkent", Revision: 2,
					IssuedAt: exampleStart, ExpiresAt: examplePlus(30 * 24), Windows: []schedules.Occurrence{exampleSlot.Occurrence},
					Items: []wire.QueueItem{}, Recalled: []string{}})}}},
		{a.fallbackEnvelope, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/fallback.dsse", Roles: relays,
			ID: "getSignedFallback", Tag: apidoc.ForStations,
			Summary: "Get the fallback in its signed envelope",
			Query:   []openapi.Parameter{waitParameter}, Known: true,
			Answers: []apidoc.Answer{apidoc.GivesAs(envelopeType, http.StatusOK,
				"The envelope.", exampleEnvelope)}}},
		{a.recalls, apidoc.Route{Method: http.MethodGet, Path: "/v1/recalls", Roles: everybody,
			ID: "getRecalls", Tag: apidoc.ForStations, Summary: "Get the signed list of recalled segments",
			Query: []openapi.Parameter{waitParameter}, Known: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The list, with the envelope that signs it.",
				wire.Recalls{Schema: wire.RecallsSchema, Revision: 3, IssuedAt: exampleStart,
					Segments: []wire.Recalled{{SegmentID: "letter-ko-sister", SHA256: exampleHash, RecalledAt: exampleStart}},
					Envelope: &exampleEnvelope})}}},
	}
}

func (a queueHandlers) queue(c *call) error {
	q, err := a.findQueue(c)
	if err != nil {
		return err
	}
	return writeSigned(c, q.Value.Revision, "application/json", q.Payload)
}

func (a queueHandlers) queueEnvelope(c *call) error {
	q, err := a.findQueue(c)
	if err != nil {
		return err
	}
	return writeSigned(c, q.Value.Revision, envelopeType, q.Envelope)
}

func (a queueHandlers) findQueue(c *call) (*replica.Signed[wire.Queue], error) {
	date, err := a.dateOrToday(c)
	if err != nil {
		return nil, err
	}
	return awaited(c, func(ctx context.Context, known int64) (*replica.Signed[wire.Queue], error) {
		return a.Scheduler.Record.Queues.Await(ctx, c.station(), date, known)
	})
}

// envelopeType is the media type of a DSSE envelope in JSON.
const envelopeType = "application/vnd.dsse.envelope.v1+json"

func (a queueHandlers) fallback(c *call) error {
	f, err := a.findFallback(c)
	if err != nil {
		return err
	}
	return writeSigned(c, f.Value.Revision, "application/json", f.Payload)
}

func (a queueHandlers) fallbackEnvelope(c *call) error {
	f, err := a.findFallback(c)
	if err != nil {
		return err
	}
	return writeSigned(c, f.Value.Revision, envelopeType, f.Envelope)
}

func (a queueHandlers) findFallback(c *call) (replica.Signed[wire.Fallback], error) {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return replica.Signed[wire.Fallback]{}, err
	}
	return awaited(c, func(ctx context.Context, known int64) (replica.Signed[wire.Fallback], error) {
		return a.Scheduler.Fallbacks.Await(ctx, c.station(), known)
	})
}

// recalls answers with the list in plain JSON, together with its signed envelope.
func (a queueHandlers) recalls(c *call) error {
	r, err := awaited(c, func(ctx context.Context, known int64) (replica.Signed[wire.Recalls], error) {
		return a.Library.Recalls.Await(ctx, known), nil
	})
	if err != nil {
		return err
	}
	if c.tag(r.Value.Revision) {
		return nil
	}
	out := r.Value
	if err := json.Unmarshal(r.Envelope.Plain, &out.Envelope); err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

// maxWait bounds a long poll: below the minute after which many proxies close idle connections.
const maxWait = 55 * time.Second

// awaited returns a signed document. If the caller has its latest revision and is ready to wait, it waits for the next.
func awaited[T any](c *call, ask func(ctx context.Context, known int64) (T, error)) (answer T, err error) {
	wait, err := c.query().wait(maxWait)
	if err != nil {
		return answer, err
	}
	known := int64(-1) // no document has that revision: ask returns at once
	if wait == 0 {
		return ask(c.r.Context(), known)
	}
	if all := c.knownAll(); len(all) > 0 {
		known = slices.Max(all)
	}
	release, err := hold(c, aPoll)
	if err != nil {
		return answer, err
	}
	defer release()
	ctx, cancel := c.patience(wait)
	defer cancel()
	defer c.meter.Waiting("poll")()
	if answer, err = ask(ctx, known); c.over() != nil {
		return answer, c.over()
	}
	return answer, err
}

// writeSigned answers with a signed document's envelope, the exact bytes of its payload, or a form of it, compressed if
// the caller accepts that.
func writeSigned(c *call, revision int64, contentType string, t replica.Text) error {
	c.w.Header().Set("Cache-Control", "private, no-cache")
	if c.tag(revision) {
		return nil
	}
	return c.text(http.StatusOK, contentType, t)
}

// made is signed for a form that is computed only if the caller does not have it.
func made(c *call, revision int64, contentType string, make func() ([]byte, error)) error {
	c.w.Header().Set("Cache-Control", "private, no-cache")
	if c.tag(revision) {
		return nil
	}
	b, err := make()
	if err != nil {
		return err
	}
	return c.bytes(http.StatusOK, contentType, b)
}
