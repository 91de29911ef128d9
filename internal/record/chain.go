package record

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/hashchain"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// OpenLink decodes a sealed link without verifying its signature. It is for readers that hold the signing key.
func OpenLink(envelope []byte) (wire.Link, error) {
	payload, err := replica.PayloadOf(envelope)
	if err != nil {
		return wire.Link{}, err
	}
	return replica.Parse[wire.Link](payload)
}

// chainHead returns the head of a station's chain, or the zero ChainHead at revision 0 when the chain is empty.
func chainHead(ctx context.Context, docs replica.Documents, station string) (head wire.ChainHead, revision int64,
	err error) {
	d, err := docs.Get(ctx, KindHead, station)
	if fault.Is(err, fault.NotFound) {
		return head, 0, nil
	}
	if err == nil {
		head, err = decodeHead(d)
	}
	return head, d.Revision, err
}

// HashChain reads a store's chains, and the documents that they name, for hashchain.Verify.
type HashChain struct{ records *Records }

// NewHashChain returns a HashChain over r.
func NewHashChain(r *Records) HashChain { return HashChain{r} }

// Stations returns the stations that have a chain or for which one is due, and the audit.
func (c HashChain) Stations(ctx context.Context) ([]string, error) {
	out, seen := []string{wire.AuditChain}, map[string]bool{wire.AuditChain: true}
	for _, kind := range []string{replica.KindStation, KindHead} {
		docs, err := replica.List(ctx, c.records, kind, "", "")
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			if !seen[d.ID] {
				seen[d.ID] = true
				out = append(out, d.ID)
			}
		}
	}
	return out, nil
}

// Head returns the head of a chain. For a damaged head it returns the zero ChainHead, which fits no chain.
func (c HashChain) Head(ctx context.Context, station string) (wire.ChainHead, error) {
	d, err := c.records.Get(ctx, KindHead, station)
	if err != nil {
		return wire.ChainHead{}, err
	}
	head, err := decodeHead(d)
	if err != nil {
		return wire.ChainHead{}, nil
	}
	return head, nil
}

// Links returns all links of a station, by number.
func (c HashChain) Links(ctx context.Context, station string) iter.Seq2[hashchain.Stored, error] {
	return func(yield func(hashchain.Stored, error) bool) {
		const limit = 500
		for after := int64(0); ; {
			page, err := c.Page(ctx, station, after, limit)
			if err != nil {
				yield(hashchain.Stored{}, err)
				return
			}
			for _, l := range page {
				if !yield(l, nil) {
					return
				}
				after = l.Number
			}
			if len(page) < limit {
				return
			}
		}
	}
}

// Page returns at most limit links after the given number. A link with a malformed id has the number 0.
func (c HashChain) Page(ctx context.Context, station string, after int64, limit int) ([]hashchain.Stored, error) {
	docs, err := c.records.List(ctx, KindLink, fmt.Sprintf("%s/%012d", station, after+1), limit)
	if err != nil {
		return nil, err
	}
	var out []hashchain.Stored
	for _, d := range docs {
		of, name, _ := strings.Cut(d.ID, "/")
		if of != station {
			break
		}
		number, day, _ := strings.Cut(name, "/")
		stored := hashchain.Stored{Envelope: d.Body}
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			stored.Number = n
		}
		if stored.Date, err = schedules.ParseDate(day); err != nil {
			stored.Number = 0
		}
		out = append(out, stored)
	}
	return out, nil
}

// Records returns a station's as-run entries of [from, to), byte for byte.
func (c HashChain) Records(ctx context.Context, station string, from, to time.Time) ([]wire.ChainRecord, error) {
	entries, err := c.records.Read(ctx, station, from, to)
	return chainRecords(entries), err
}

func chainRecords(entries []store.Entry) []wire.ChainRecord {
	out := make([]wire.ChainRecord, len(entries))
	for i, e := range entries {
		out[i] = wire.ChainRecord{Sequence: e.Sequence, AtMs: e.At.UnixMilli(), Body: e.Body}
	}
	return out
}

// Queue returns the signed queue of a day. It fails with NotFound.
func (c HashChain) Queue(ctx context.Context, station string, date schedules.Date) ([]byte, error) {
	d, err := c.records.Get(ctx, replica.KindQueue, replica.DayID(station, date))
	return d.Body, err
}

// Rundown returns the stored form of a rundown. It fails with NotFound.
func (c HashChain) Rundown(ctx context.Context, station string, date schedules.Date, revision int64) ([]byte, error) {
	d, err := c.records.Get(ctx, replica.KindRevision, replica.RevisionID(station, date, revision))
	return d.Body, err
}

// Published returns the days of a station that have a published queue or rundown.
func (c HashChain) Published(ctx context.Context, station string) (days []schedules.Date, err error) {
	add := func(id string) {
		if _, date, ok := DayOf(id); ok && !slices.Contains(days, date) {
			days = append(days, date)
		}
	}
	for _, kind := range []string{replica.KindQueue, replica.KindRevision} {
		docs, err := replica.List(ctx, c.records, kind, station+"/", station+"0")
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			if kind == replica.KindRevision {
				r, err := replica.ParsePart[schedules.Rundown](d.Body)
				if err != nil || r.PublishedAt.IsZero() {
					continue // fsck tells of rundowns that cannot be read
				}
			}
			add(d.ID)
		}
	}
	return days, nil
}

// chainedSince is the first version of a token that only programs store which chain the audit.
const chainedSince = 3

// ChainsAudit reports whether the store's format is of a program that chains the audit, and since when.
func (c HashChain) ChainsAudit(ctx context.Context) (since time.Time, chains bool, err error) {
	f, err := replica.FormatOf(ctx, c.records)
	if err != nil || f.Kinds[access.KindToken] < chainedSince {
		return since, false, err
	}
	raised, err := c.records.Audit(ctx, store.AuditQuery{Kind: replica.KindFormat, Newest: true, Limit: 1})
	if len(raised) > 0 {
		since = raised[0].At
	}
	return since, true, err
}

// Unsealed reports whether a late report is still without a link.
func (c HashChain) Unsealed(ctx context.Context, station string) (bool, error) {
	_, err := c.records.Get(ctx, KindLate, station)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
