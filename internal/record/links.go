package record

import (
	"context"
	"fmt"
	"time"

	"lifeline/internal/hashchain"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Links appends to the stations' chains.
type Links struct {
	store  replica.Documents
	signer replica.Signer
	now    func() time.Time
}

// Writes returns the writes that append l to its station's chain. The caller commits them together with the document
// that l names, so that nothing is published outside the chain. Of two concurrent commits the second fails, since both
// update the head.
func (s *Links) Writes(ctx context.Context, l wire.Link) ([]store.Write, error) {
	head, revision, err := chainHead(ctx, s.store, l.Station)
	if err != nil {
		return nil, err
	}
	l.Schema, l.Number, l.Previous, l.SealedAt = wire.LinkSchema, head.Number+1, head.SHA256, schedules.At(s.now())
	envelope, err := replica.SignJSON(s.signer, wire.LinkType, l)
	if err != nil {
		return nil, err
	}
	head.Station, head.Number, head.SHA256 = l.Station, l.Number, hashchain.Hash(envelope)
	if l.Kind == wire.LinkAsRun && !l.Late {
		head.Until = l.To
	}
	body, err := encodeHead(head)
	return []store.Write{
		{Kind: KindLink, ID: fmt.Sprintf("%s/%012d/%s", l.Station, l.Number, l.Date), Body: envelope},
		{Kind: KindHead, ID: l.Station, Expect: revision, Body: body},
	}, err
}
