package control

import (
	"cmp"

	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const (
	kindSegment  = "segment"
	kindWaveform = "waveform" // of a recording: SHA-256
	kindUpload   = "upload"   // a recording that arrives in pieces
	kindRecalls  = "recalls"  // the one sealed list
)

// recallsID is the id of the only document of its kind.
const recallsID = "recalls"

var libraryKinds = Kinds{
	{Name: kindSegment, Changes: "segment", Copy: copiedSegments, Inspect: looking(inspectSegment)},
	{Name: kindWaveform, Inspect: inspectWaveform},
	{Name: kindUpload, Copy: copied(plain[Upload]), Inspect: looking(inspectUpload)},
	{Name: kindRecalls, Changes: "recall", Copy: copied(unsealRecalls), Inspect: inspectRecalls},
}

var unsealRecalls = unsealing(wire.RecallsSchema, func(r wire.Recalls) string { return r.Schema })

func copiedSegments() shelf {
	c := newCatalogue()
	return decoded[card]{c, c.read}
}

func segmentsIn(m *Mirror) *catalogue { return rowsOf[*catalogue](m, kindSegment) }

func uploadsIn(m *Mirror) *table[Upload] { return rowsOf[*table[Upload]](m, kindUpload) }

func recallsIn(m *Mirror) *table[Sealed[wire.Recalls]] {
	return rowsOf[*table[Sealed[wire.Recalls]]](m, kindRecalls)
}

func inspectSegment(i *Inspector, d store.Document, s schedules.Segment) {
	i.library[s.ID] = s
	i.itself(d, s.ID, s.Revision)
	for _, p := range s.Problems() {
		i.tell(d, "%s %s", p.Field, p.Message)
	}
	if r := s.Recording; r != nil {
		i.blobs[r.SHA256] = Held{By: "segment " + d.ID, Bytes: r.Bytes}
	} else if s.State != schedules.Rejected {
		i.tell(d, "is %s and has no recording", s.State)
	}
	for _, sha256 := range s.Previous {
		if _, named := i.blobs[sha256]; !named {
			i.blobs[sha256] = Held{By: "segment " + d.ID + ", formerly"}
		}
	}
}

func inspectWaveform(i *Inspector, d store.Document) error {
	_, err := unpackWaveform(d)
	return err
}

func inspectUpload(i *Inspector, d store.Document, u Upload) {
	if u.ID != d.ID {
		i.tell(d, "says of itself that it is %s", u.ID)
	}
	for _, p := range u.Parts {
		if _, named := i.blobs[p.SHA256]; !named && u.DoneAt.IsZero() {
			i.blobs[p.SHA256] = Held{By: "upload " + d.ID, Bytes: p.Bytes}
		}
	}
}

func inspectRecalls(i *Inspector, d store.Document) error {
	_, err := unsealRecalls(d.Body)
	return cmp.Or(err, i.signed(d))
}
