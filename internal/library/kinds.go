package library

import (
	"reflect"

	"lifeline/audio"
	"lifeline/internal/replica"
	"lifeline/internal/store"
)

const KindWaveform = "waveform" // the waveform of a recording: its SHA-256

const KindUpload = "upload" // a recording that arrives in pieces

// Kinds lists the kinds that only this package reads.
var Kinds = replica.Kinds{
	{Name: KindWaveform, Form: reflect.TypeFor[audio.Waveform](), Inspect: inspectWaveform},
	{Name: KindUpload, Form: reflect.TypeFor[Upload](), Copy: replica.Copied(replica.Parse[Upload]),
		Inspect: replica.Looking(inspectUpload)},
}

func uploadsIn(m *replica.Replica) *replica.Cache[Upload] {
	return replica.CacheOf[*replica.Cache[Upload]](m, KindUpload)
}

func inspectWaveform(i *replica.Inspector, d store.Document) error {
	_, err := unpackWaveform(d)
	return err
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
