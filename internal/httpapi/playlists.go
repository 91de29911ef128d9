package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/playlist"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
)

// playlistHandlers serve the queue and the fallback in the forms of other players.
type playlistHandlers struct{ queueHandlers }

func (a playlistHandlers) routes() []route {
	const instead = "Items of the fallback that fit best replace a sensitive item and its chain, because a list has " +
		"no lease. The first of them has the ID of the item."
	window := openapi.Parameter{Name: "window", Description: "Only this window.", Schema: openapi.String(),
		Example: "evening"}
	out := []route{
		{a.next, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/next", Roles: relays,
			ID: "getNext", Tag: apidoc.ForStations,
			Summary: "Get the next item, for players that fetch items one by one",
			Detail:  "The request has no side effects, because players fetch ahead and may crash. " + instead,
			Query: []openapi.Parameter{{Name: "after", Description: "The ID of the previous item. Default: the answer is " +
				"the item that is due now.",
				Schema: openapi.String(), Example: exampleItem.ID},
				{Name: "format", Description: "json, a line for Liquidsoap, or only the address of the recording.",
					Schema: openapi.OneOf("json", "liq", "uri")}},
			Answers: []apidoc.Answer{
				{Status: http.StatusOK, Says: "The item. For a limited time its address needs no token.",
					Bodies: append(apidoc.Gives(http.StatusOK, "", exampleQueue.Items[0]).Bodies,
						apidoc.Body{MediaType: "text/plain; charset=utf-8", Schema: openapi.String()})},
				apidoc.GivesNothing(http.StatusNoContent, "There is no next item.")}}},
	}
	for _, f := range playlist.Forms {
		name := strings.ToUpper(string(f))
		out = append(out,
			route{a.listed(f), apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/queue." + string(f),
				Roles: relays, ID: "getQueueAs" + name, Tag: apidoc.ForStations, Summary: "Get the queue of a day as " + string(f),
				Detail: "The addresses in the list are absolute. For a limited time they need no token. " + instead,
				Query:  []openapi.Parameter{dateParameter, waitParameter, window}, Known: true,
				Answers: []apidoc.Answer{apidoc.GivesBytes(f.ContentType(), http.StatusOK, "The list.")}}},
			route{a.listedFallback(f), apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/fallback." + string(f),
				Roles: relays, ID: "getFallbackAs" + name, Tag: apidoc.ForStations, Summary: "Get the fallback as " + string(f),
				Detail: "The list has no sensitive segments, because it has no lease.",
				Query:  []openapi.Parameter{waitParameter}, Known: true,
				Answers: []apidoc.Answer{apidoc.GivesBytes(f.ContentType(), http.StatusOK, "The list.")}}})
	}
	return out
}

// listed serves a day's queue, or with ?window= one window of it, in another player's form.
func (a playlistHandlers) listed(form playlist.Form) handler {
	return func(c *call) error {
		expires := a.Media.Expires()
		a.vary(c, form, expires)
		q, err := a.findQueue(c)
		if err != nil {
			return err
		}
		items := a.Scheduler.Lists.Listed(q.Value)
		title := q.Value.Station + " " + q.Value.Date.String()
		if window := c.query().Get("window"); window != "" {
			items = slices.DeleteFunc(slices.Clone(items), func(i wire.QueueItem) bool { return i.Window != window })
			if len(items) == 0 {
				return fault.New(fault.NotFound, "no item of the day is in a window %q", window)
			}
			title += " " + window
		}
		return a.list(c, form, expires, q.Value.Revision, playlist.List{Title: title, Items: items})
	}
}

// listedFallback serves the station's fallback in the same forms.
func (a playlistHandlers) listedFallback(form playlist.Form) handler {
	return func(c *call) error {
		expires := a.Media.Expires()
		a.vary(c, form, expires)
		f, err := a.findFallback(c)
		if err != nil {
			return err
		}
		return a.list(c, form, expires, f.Value.Revision, playlist.List{Title: f.Value.Station + " fallback",
			Items: a.Scheduler.Lists.FallbackListed(f.Value)})
	}
}

// vary binds the answer's ETags to its form, to the fallback that replaces sensitive items, and to the expiry and token
// of its addresses: one revision is a different list in another form or for another token, and is sent again before its
// addresses expire.
func (a playlistHandlers) vary(c *call, form playlist.Form, expires time.Time) {
	f, _ := a.Scheduler.Fallbacks.Fallback(c.station()) // none yet: revision 0
	c.variant = fmt.Sprintf(".%s.%d.%d.%s", form, f.Value.Revision, expires.Unix(), c.actor.Token)
}

// list answers with items in a form, with addresses that need no token.
func (a playlistHandlers) list(c *call, form playlist.Form, expires time.Time, revision int64, l playlist.List) error {
	l.Items = slices.Clone(l.Items)
	for n := range l.Items {
		l.Items[n] = a.addressed(c, l.Items[n], expires)
	}
	b, err := form.Write(l)
	if err != nil {
		return err
	}
	return writeSigned(c, revision, form.ContentType(), replica.NewText(b))
}

// addressed returns the item with an address that needs no token while the caller's is valid.
func (a playlistHandlers) addressed(c *call, i wire.QueueItem, expires time.Time) wire.QueueItem {
	i.Audio.URL = a.Media.URL(c.station(), c.actor.Token, i.Audio.SHA256, expires)
	return i
}

// next answers with one item. It stores nothing, since players fetch ahead and crash.
func (a playlistHandlers) next(c *call) error {
	query := c.query()
	format := query.Get("format")
	if !slices.Contains([]string{"", "json", "liq", "uri"}, format) {
		return fault.Fields(fault.Field{Field: "format", Message: "must be json, liq or uri"})
	}
	i, ok, err := a.Scheduler.Lists.Next(c.station(), query.Get("after"))
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	if !ok {
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	i = a.addressed(c, i, a.Media.Expires())
	switch format {
	case "liq":
		return c.bytes(http.StatusOK, playlist.Liq.ContentType(), []byte(playlist.Annotated(i)+"\n"))
	case "uri":
		return c.bytes(http.StatusOK, "text/plain; charset=utf-8", []byte(i.Audio.URL+"\n"))
	}
	return c.json(http.StatusOK, i)
}
