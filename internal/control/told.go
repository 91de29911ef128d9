package control

import (
	"slices"
	"strings"

	"lifeline/internal/store"
)

// toldKinds are the documents whose changes are told, by the name that the contract gives them.
var toldKinds = map[string]string{kindQueue: "queue", kindRecalls: "recall", kindFallback: "fallback", kindSegment: "segment",
	kindStation: "station", kindClock: "clock", kindScript: "script", kindRundown: "rundown", kindCampaign: "campaign",
	kindMakeGood: "make-good", kindSettled: "make-good", kindLink: "as-run", kindStatus: "status"}

// ToldKinds are all names of changes that are told.
var ToldKinds = func() []string {
	var out []string
	for _, name := range toldKinds {
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}()

// ofStations are those whose documents belong to the station that their id begins with.
var ofStations = []string{"queue", "fallback", "station", "rundown", "make-good", "as-run", "status"}

// Told is how the contract names a change, and the station that it belongs to, if any; ok is whether it is told at all.
// A make-good is told when it opens, changes and is settled; as-run, when what a station reported of a day, or reported
// late, is sealed.
func Told(c store.Change) (name, station string, ok bool) {
	name, ok = toldKinds[c.Kind]
	switch {
	case !ok, c.Kind == kindMakeGood && c.Deleted, c.Kind == kindLink && c.Action != actionSeal:
		return "", "", false
	case slices.Contains(ofStations, name):
		station, _, _ = strings.Cut(c.ID, "/")
	}
	return name, station, true
}
