package record

import (
	"cmp"
	"reflect"

	"lifeline/internal/hashchain"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
)

const KindMakeGood = "make-good" // an owed airing: STATION/ID

const kindSettled = "make-good-settled" // an owed airing that aired or was waived: STATION/ID

const KindLink = hashchain.KindLink // a sealed link: STATION/NUMBER/DATE

const KindHead = "chain-head" // the head of a chain: STATION

const KindLate = "as-run-late" // reports that arrived after their day was sealed: STATION

const KindReceipts = "receipts" // entries that others than the station brought: STATION

const KindRecords = "records" // a file of older records: see recordFile

// The change feed names a make-good when it is opened, changed or settled. It names as-run when a day's reports, or
// late reports, are sealed.
var Kinds = replica.Kinds{
	{Name: KindMakeGood, Changes: "make-good", OfStation: true, Tells: func(c store.Change) bool { return !c.Deleted },
		Form: reflect.TypeFor[storedMakeGood](), Inspect: replica.Readable[storedMakeGood]},
	{Name: kindSettled, Changes: "make-good", OfStation: true, Form: reflect.TypeFor[storedMakeGood](),
		Inspect: replica.Readable[storedMakeGood]},
	{Name: KindLink, Derived: true, Changes: "as-run", OfStation: true, Tells: func(c store.Change) bool {
		return c.Action == actionSeal
	}, Form: reflect.TypeFor[wire.Link](), Signed: true, Inspect: inspectLink},
	{Name: KindHead, Derived: true, Form: reflect.TypeFor[storedHead](), Inspect: replica.Readable[storedHead]},
	{Name: KindLate, Form: reflect.TypeFor[lateReports](), Copy: replica.Copied(replica.Parse[lateReports]),
		Inspect: replica.Readable[lateReports]},
	{Name: KindReceipts, OfStation: true, Often: true, Form: reflect.TypeFor[storedReceipts](),
		Copy: replica.Copied(replica.Parse[storedReceipts]), Inspect: replica.Readable[storedReceipts]},
	{Name: KindRecords, Form: reflect.TypeFor[recordFile](), Inspect: replica.Looking(inspectRecordFile)},
}

func lateIn(m *replica.Replica) *replica.Cache[lateReports] {
	return replica.CacheOf[*replica.Cache[lateReports]](m, KindLate)
}

func inspectLink(i *replica.Inspector, d store.Document) error {
	_, err := OpenLink(d.Body)
	return cmp.Or(err, i.Signed(d))
}

func inspectRecordFile(i *replica.Inspector, d store.Document, f recordFile) {
	i.References[f.SHA256] = replica.Held{By: "records " + d.ID, Bytes: f.Bytes, Records: true}
}
