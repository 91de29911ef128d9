package record

import (
	"context"
	"fmt"
	"time"

	"lifeline/internal/fault"
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
	if l.Station != wire.AuditChain {
		if l.AuditNumber, l.AuditSHA256, err = s.auditEnd(ctx); err != nil {
			return nil, err
		}
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

// auditEnd returns the number and the hash of the last link of the audit, or neither if the audit is not sealed yet. A
// damaged head counts as none, so that it stops no publication; Verify finds it.
func (s *Links) auditEnd(ctx context.Context) (number int64, sha256 string, err error) {
	d, err := s.store.Get(ctx, KindHead, wire.AuditChain)
	if fault.Is(err, fault.NotFound) {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", err
	}
	if head, err := decodeHead(d); err == nil {
		return head.Number, head.SHA256, nil
	}
	return 0, "", nil
}
