package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/archive"
	"lifeline/internal/fault"
	"lifeline/internal/hashchain"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// actionSealAudit is the audit's name for sealing its own entries.
const actionSealAudit = "audit.seal"

const (
	auditSealEvery = 10 * time.Minute // the longest time for which an entry of the audit is not sealed
	auditLinkMost  = 5000             // entries of one link
	auditRunMost   = 20               // links that one run makes, so that an old store is sealed bit by bit
)

// auditChain seals the entries of the audit into a chain of their own, in order.
type auditChain struct {
	records *Records
	links   *Links
}

// SealAudit seals the entries of the audit that are not sealed yet. Entries about sealing alone are sealed with the
// next others. At once, it leaves none for later.
func (s *Sealing) SealAudit(ctx context.Context, atOnce bool) error {
	for range auditRunMost {
		more, err := auditChain{s.store, s.links}.seal(ctx, atOnce)
		if errors.Is(err, replica.ErrRace) {
			return nil // another replica has sealed it
		}
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// seal makes a link of the next entries, if one is due or at once. It reports whether there are more.
func (a auditChain) seal(ctx context.Context, atOnce bool) (more bool, err error) {
	last, sealed, err := a.end(ctx)
	if err != nil {
		return false, err
	}
	changes, err := a.records.span(ctx, last+1, 0, auditLinkMost)
	if err != nil || len(changes) == 0 {
		return false, err
	}
	now, full := a.records.now(), len(changes) == auditLinkMost
	if !full && !slices.ContainsFunc(changes, func(c store.Change) bool {
		return c.Action != actionSealAudit && (atOnce || now.Sub(sealed) >= auditSealEvery)
	}) {
		return false, nil
	}
	records, err := auditRecords(changes)
	if err != nil {
		return false, err
	}
	writes, err := a.links.Writes(ctx, wire.Link{Kind: wire.LinkAudit, Station: wire.AuditChain,
		Date: schedules.DateOf(now), From: schedules.At(changes[0].At), To: schedules.At(changes[len(changes)-1].At),
		Sequences: hashchain.Sequences(records), Records: hashchain.Records(records)})
	if err != nil {
		return false, err
	}
	return full, a.records.replica.Commit(ctx, store.Commit{Writes: writes,
		Origin: access.System.Origin(now, actionSealAudit, "")})
}

// end returns the last sealed sequence, and when it was sealed.
func (a auditChain) end(ctx context.Context) (last int64, sealed time.Time, err error) {
	head, _, err := chainHead(ctx, a.records, wire.AuditChain)
	for number := head.Number; err == nil && number > 0; number-- { // links of erasures seal nothing
		links, err := NewHashChain(a.records).Page(ctx, wire.AuditChain, number-1, 1)
		if err != nil {
			return 0, sealed, err
		}
		if len(links) == 0 || links[0].Number != number {
			return 0, sealed, fmt.Errorf("record: link %d of the audit is gone", number)
		}
		l, err := OpenLink(links[0].Envelope)
		if err != nil {
			return 0, sealed, err
		}
		if l.Kind == wire.LinkAudit {
			return hashchain.LastOf(l), l.SealedAt.Time, nil
		}
	}
	return 0, sealed, err
}

// span returns the first entries of the audit with the sequences [first, last], at most so many, in order. A last of 0
// means no end. It reads each file once.
func (r *Records) span(ctx context.Context, first, last int64, most int) (out []store.Change, err error) {
	files, err := r.files(ctx, auditFiles)
	for err == nil {
		through, q := lastOf(files), store.AuditQuery{After: first - 1}
		if last > 0 {
			q.Before = last + 1
		}
		if out, err = r.oldAudit(ctx, files, q, nil, most); err != nil {
			return nil, err
		}
		for q.After = max(q.After, through); len(out) < most; q.After = out[len(out)-1].Sequence {
			q.Limit = min(500, most-len(out))
			page, err := r.Store.Audit(ctx, q)
			if err != nil {
				return nil, err
			}
			if out = append(out, page...); len(page) == 0 {
				break
			}
		}
		if files, err = r.files(ctx, auditFiles); err == nil && lastOf(files) == through {
			return out, nil
		} // changes moved to files during the read
	}
	return nil, err
}

// auditRecords returns the entries in the form that links seal: the line of an archive, without its end.
func auditRecords(changes []store.Change) ([]wire.ChainRecord, error) {
	out := make([]wire.ChainRecord, len(changes))
	for i, c := range changes {
		line, err := archive.AppendChange(nil, c)
		if err != nil {
			return nil, err
		}
		out[i] = wire.ChainRecord{Sequence: c.Sequence, AtMs: c.At.UnixMilli(), Body: bytes.TrimSuffix(line, []byte("\n"))}
	}
	return out, nil
}

// Audit returns the first entries of the audit with the sequences [first, last], at most as many as a link has, in the
// form that links seal. It fails with Invalid.
func (c HashChain) Audit(ctx context.Context, first, last int64) ([]wire.ChainRecord, error) {
	if first < 1 || last < first {
		return nil, fault.New(fault.Invalid, "first and last name entries by their sequences: 1 or more, in order")
	}
	changes, err := c.records.span(ctx, first, last, auditLinkMost)
	if err != nil {
		return nil, err
	}
	return auditRecords(changes)
}
