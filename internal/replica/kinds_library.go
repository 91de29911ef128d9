package replica

import (
	"cmp"
	"reflect"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const KindSegment = "segment"

const KindRecalls = "recalls" // the signed recall list, one document

// RecallsID is the id of the only document of KindRecalls.
const RecallsID = "recalls"

var libraryKinds = Kinds{
	{Name: KindSegment, Changes: "segment", Form: reflect.TypeFor[schedules.Segment](), Hides: hidesOfSegment,
		Copy: copiedSegments, Inspect: Looking(inspectSegment),
		Upgrades: []Upgrade{withPersonIDs, withEdits, withOrder, withApproval, withFormer, withEpisode}},
	{Name: KindRecalls, Changes: "recall", Form: reflect.TypeFor[wire.Recalls](), Signed: true,
		Copy: Copied(decodeRecalls), Inspect: inspectRecalls},
}

// withPersonIDs adds the ids of the persons who uploaded and reinstated a segment. Without them, the names tell who
// they are, since no other person gets a name that a person had.
var withPersonIDs = Adds(func(s *schedules.Segment) { s.UploadedByID, s.ReinstatedByID = "", "" })

// withEdits adds the changes since the last approval. Without them, the person who uploaded it is the only one who
// cannot approve it.
var withEdits = Adds(func(s *schedules.Segment) { s.Edits = nil })

// withOrder adds who recalled a segment, and when. Without it, its recall counts as nobody's.
var withOrder = Adds(func(s *schedules.Segment) { s.Recall = nil })

// withApproval adds who approved a segment last, and what was heard. Without it, the audit tells who did.
var withApproval = Adds(func(s *schedules.Segment) { s.Approval = nil })

// withFormer adds the persons whom a segment named before.
var withFormer = Needs(func(s schedules.Segment) error {
	if len(s.FormerPersons) > 0 {
		return fault.New(fault.Conflict, "segment %q can name other persons only after every replica is in this version, or a "+
			"recall would not find it by the former ones: bring the others up to it, then run lifeline upgrade-store", s.ID)
	}
	return nil
})

// withEpisode adds the number of a segment in its series. A program that does not know it would air a serial in any
// order.
var withEpisode = Needs(func(s schedules.Segment) error {
	if s.Episode > 0 {
		return fault.New(fault.Conflict, "the episode of segment %q can be stored only after every replica is in this "+
			"version: bring the others up to it, then run lifeline upgrade-store", s.ID)
	}
	return nil
})

var decodeRecalls = payloadDecoder(wire.RecallsSchema, func(r wire.Recalls) string { return r.Schema })

func copiedSegments() kindCache {
	c := newSegmentIndex()
	return decodingCache[indexedSegment]{c, c.read}
}

func SegmentsIn(m *Replica) *SegmentIndex { return CacheOf[*SegmentIndex](m, KindSegment) }

func RecallsIn(m *Replica) *Cache[Signed[wire.Recalls]] {
	return CacheOf[*Cache[Signed[wire.Recalls]]](m, KindRecalls)
}

func inspectSegment(i *Inspector, d store.Document, s schedules.Segment) {
	i.library[s.ID] = s
	i.itself(d, s.ID, s.Revision)
	for _, p := range s.Problems() {
		i.Tell(d, "%s %s", p.Field, p.Message)
	}
	if r := s.Recording; r != nil {
		i.References[r.SHA256] = Held{By: "segment " + d.ID, Bytes: r.Bytes}
	} else if s.State != schedules.Rejected {
		i.Tell(d, "is %s and has no recording", s.State)
	}
	for _, sha256 := range s.Previous {
		if _, named := i.References[sha256]; !named {
			i.References[sha256] = Held{By: "segment " + d.ID + ", formerly"}
		}
	}
}

func inspectRecalls(i *Inspector, d store.Document) error {
	_, err := decodeRecalls(d.Body)
	return cmp.Or(err, i.Signed(d))
}
