package httpapi

import (
	"net/http"
	"strings"

	"lifeline/internal/openapi"
	"lifeline/internal/playlist"
)

// listOperations are the queue and the fallback in the forms that other players read.
func listOperations() []operation {
	const station = "/v1/stations/:station"
	const instead = "In place of a sensitive item, and of its chain, stand the best fitting items of the fallback, " +
		"since a list has no lease; the first has the item's id."
	window := openapi.Parameter{Name: "window", Description: "One window alone.", Schema: openapi.String(),
		Example: "evening"}
	out := []operation{{at: "GET " + station + "/next", id: "getNext", tag: forStations,
		summary: "The item after another, for players that ask one by one",
		detail:  "Without side effects, since players fetch ahead and crash. " + instead,
		query: []openapi.Parameter{{Name: "after", Description: "Id of the item before. Default: the item that is due.",
			Schema: openapi.String(), Example: exampleItem.ID},
			{Name: "format", Description: "json, one line for Liquidsoap, or the address alone.", Schema: openapi.OneOf("json",
				"liq", "uri")}},
		answers: []answer{{http.StatusOK, "The item; its address opens without a token for a while.",
			append(gives(http.StatusOK, "", exampleQueue.Items[0]).forms,
				form{mediaType: "text/plain; charset=utf-8", schema: openapi.String()}), nil}, givesNothing(http.StatusNoContent,
			"Nothing comes after it.")}}}
	for _, f := range playlist.Forms {
		name := strings.ToUpper(string(f))
		out = append(out,
			operation{at: "GET " + station + "/queue." + string(f), id: "getQueueAs" + name, tag: forStations,
				summary: "The queue of a day as " + string(f),
				detail:  "Its addresses are absolute and open without a token for a while. " + instead,
				query:   []openapi.Parameter{dateParameter, waitParameter, window}, known: true,
				answers: []answer{givesBytes(f.ContentType(), http.StatusOK, "The list.")}},
			operation{at: "GET " + station + "/fallback." + string(f), id: "getFallbackAs" + name, tag: forStations,
				summary: "The fallback as " + string(f),
				detail:  "Without what is sensitive, since a list has no lease.", query: []openapi.Parameter{waitParameter},
				known: true, answers: []answer{givesBytes(f.ContentType(), http.StatusOK, "The list.")}})
	}
	return out
}
