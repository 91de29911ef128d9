package library

import (
	"reflect"

	"lifeline/audio"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
)

const KindWaveform = "waveform" // the waveform of a recording: its SHA-256

const KindAttempts = "analysis-attempts" // of a segment's recording: the segment's id

const KindUpload = "upload" // a recording that arrives in pieces

// Kinds lists the kinds that only this package reads.
var Kinds = replica.Kinds{
	{Name: KindWaveform, Form: reflect.TypeFor[audio.Waveform](), Inspect: inspectWaveform},
	{Name: KindAttempts, Form: reflect.TypeFor[Attempts](), Inspect: replica.Looking(inspectAttempts)},
	{Name: KindUpload, Form: reflect.TypeFor[Upload](), Copy: replica.Copied(replica.Parse[Upload]),
		Inspect:  replica.Looking(inspectUpload),
		Upgrades: []replica.Upgrade{withPersonID, withEdits, withOrder, withApproval, withFormer, withEpisode}},
}

// withPersonID adds the id of the person who began an upload. Without it, the name tells who it is.
var withPersonID = replica.Adds(func(u *Upload) {
	u.ByID, u.Segment.UploadedByID, u.Segment.ReinstatedByID = "", "", ""
})

// withEdits adds the changes of the upload's segment, which has none before it is stored itself.
var withEdits = replica.Adds(func(u *Upload) { u.Segment.Edits = nil })

// withOrder adds the recall of the upload's segment, which has none before it is stored itself.
var withOrder = replica.Adds(func(u *Upload) { u.Segment.Recall = nil })

// withApproval adds the approval of the upload's segment, which has none before it is stored itself.
var withApproval = replica.Adds(func(u *Upload) { u.Segment.Approval = nil })

// withFormer adds the persons whom the upload's segment named before; it has none before it is stored itself.
var withFormer = replica.Adds(func(u *Upload) { u.Segment.FormerPersons = nil })

// withEpisode adds the number of the upload's segment in its series. A program that does not know it would store the
// segment without it.
var withEpisode = replica.Needs(func(u Upload) error {
	if u.Segment.Episode > 0 {
		return fault.New(fault.Conflict, "the upload of an episode can be stored only after every replica is in this version: "+
			"bring the others up to it, then run lifeline upgrade-store")
	}
	return nil
})

func uploadsIn(m *replica.Replica) *replica.Cache[Upload] {
	return replica.CacheOf[*replica.Cache[Upload]](m, KindUpload)
}

func inspectWaveform(i *replica.Inspector, d store.Document) error {
	_, err := unpackWaveform(d)
	return err
}

func inspectAttempts(i *replica.Inspector, d store.Document, a Attempts) {
	if a.Begun < 0 {
		i.Tell(d, "counts %d", a.Begun)
	}
}

func inspectUpload(i *replica.Inspector, d store.Document, u Upload) {
	if u.ID != d.ID {
		i.Tell(d, "has the body of %s", u.ID)
	}
	for _, p := range u.Parts {
		if _, named := i.References[p.SHA256]; !named && u.DoneAt.IsZero() {
			i.References[p.SHA256] = replica.Held{By: "upload " + d.ID, Bytes: p.Bytes}
		}
	}
}
