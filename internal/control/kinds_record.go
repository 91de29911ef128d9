package control

import (
	"cmp"

	"lifeline/internal/store"
	"lifeline/internal/wire"
)

const (
	kindStatus   = "status"            // what a station last said of itself: STATION
	kindMakeGood = "make-good"         // an airing owed: STATION/ID
	kindSettled  = "make-good-settled" // one that aired or was waived: STATION/ID
	kindLink     = "chain-link"        // one link, sealed: STATION/NUMBER/DATE
	kindHead     = "chain-head"        // how far the chain has come: STATION
	kindLate     = "as-run-late"       // reports that came in after their day was sealed: STATION
	kindRecords  = "records"           // a file of older records: see recordFile
)

// A make-good is told when it opens, changes and is settled; as-run, when what a station reported of a day, or reported
// late, is sealed.
var recordKinds = Kinds{
	{Name: kindStatus, Changes: "status", OfStation: true, Often: true, Copy: copied(plain[wire.Status]), Inspect: looking(inspectStatus)},
	{Name: kindMakeGood, Changes: "make-good", OfStation: true, Tells: func(c store.Change) bool { return !c.Deleted }, Inspect: readable[wire.OwedAiring]},
	{Name: kindSettled, Changes: "make-good", OfStation: true, Inspect: readable[wire.OwedAiring]},
	{Name: kindLink, Changes: "as-run", OfStation: true, Tells: func(c store.Change) bool { return c.Action == actionSeal }, Inspect: inspectLink},
	{Name: kindHead, Inspect: readable[wire.ChainHead]},
	{Name: kindLate, Copy: copied(plain[lateReports]), Inspect: readable[lateReports]},
	{Name: kindRecords, Inspect: looking(inspectRecordFile)},
}

func statusesIn(m *Mirror) *table[wire.Status] { return rowsOf[*table[wire.Status]](m, kindStatus) }

func lateIn(m *Mirror) *table[lateReports] { return rowsOf[*table[lateReports]](m, kindLate) }

func inspectLink(i *Inspector, d store.Document) error {
	_, err := OpenLink(d.Body)
	return cmp.Or(err, i.signed(d))
}

func inspectRecordFile(i *Inspector, d store.Document, f recordFile) {
	i.blobs[f.SHA256] = Held{By: "records " + d.ID, Bytes: f.Bytes, Records: true}
}

func inspectStatus(i *Inspector, d store.Document, s wire.Status) {
	if s.Station != d.ID {
		i.tell(d, "says of itself that it is %s", s.Station)
	}
}
