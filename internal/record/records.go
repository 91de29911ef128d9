package record

import (
	"cmp"
	"context"
	"slices"
	"time"

	"lifeline/internal/archive"
	"lifeline/internal/replica"
	"lifeline/internal/store"
)

// Records keeps as-run reports and the audit trail for ever: the young ones in the store, whole months that are older
// in compressed files beside the audio, each named by a document. A record leaves the store only after the commit that
// names its file is durable, and what is in both is read once: a crash between any two steps loses and doubles nothing,
// and the next Move goes on where it was.
//
// It is a Store whose Append, Read and Audit know of both.
type Records struct {
	replica.Store
	replica *replica.Replica
	audio   replica.Audio
	now     func() time.Time
	keep    time.Duration
	trimmed int64 // up to where this process has trimmed changes
}

// NewRecords keeps records in s for as long as keep, and then as files in audio; 0 means in s for ever.
func NewRecords(m *replica.Replica, s replica.Store, audio replica.Audio, now func() time.Time,
	keep time.Duration) *Records {
	return &Records{Store: s, replica: m, audio: audio, now: now, keep: keep}
}

// Read answers a station's entries of [from, to), by sequence, wherever they are.
func (r *Records) Read(ctx context.Context, station string, from, to time.Time) ([]store.Entry, error) {
	young, err := r.Store.Read(ctx, station, from, to) // first: what moves meanwhile is in both
	if err != nil {
		return nil, err
	}
	files, err := r.files(ctx, asRunFiles+station+"/")
	if err != nil {
		return nil, err
	}
	var old []store.Entry
	for _, f := range files {
		if !f.From.Before(to) || f.Until.Before(from) {
			continue
		}
		entries, err := readRecords(ctx, r.audio, f, archive.ParseEntry)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !e.At.Before(from) && e.At.Before(to) {
				old = append(old, e)
			}
		}
	}
	return mergeEntries(old, young), nil
}

// Append stores entries durably and says which of them neither the store nor a file knew.
func (r *Records) Append(ctx context.Context, entries []store.Entry) ([]bool, error) {
	fresh, err := r.Store.Append(ctx, entries)
	if err != nil {
		return nil, err
	}
	stations := map[string]bool{}
	for _, e := range entries {
		stations[e.Station] = true
	}
	for station := range stations {
		if err := r.forgetMoved(ctx, station, entries, fresh); err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

// forgetMoved takes the station's entries that a file has out of the store again, and out of fresh.
func (r *Records) forgetMoved(ctx context.Context, station string, entries []store.Entry, fresh []bool) error {
	files, err := r.files(ctx, asRunFiles+station+"/")
	if err != nil {
		return err
	}
	var again []int64
	for _, f := range files {
		if !slices.ContainsFunc(entries, func(e store.Entry) bool {
			return e.Station == station && e.Sequence >= f.First &&
				e.Sequence <= f.Last
		}) {
			continue
		}
		held, err := readRecords(ctx, r.audio, f, archive.ParseEntry)
		if err != nil {
			return err
		}
		for i, e := range entries {
			if _, known := slices.BinarySearchFunc(held, e, bySequence); known && fresh[i] && e.Station == station {
				fresh[i], again = false, append(again, e.Sequence)
			}
		}
	}
	if len(again) == 0 {
		return nil
	}
	return r.Store.Forget(ctx, station, again)
}

// Audit answers the changes that q selects, in order, wherever they are. It reads the files that it needs.
func (r *Records) Audit(ctx context.Context, q store.AuditQuery) ([]store.Change, error) {
	limit, err := q.Most()
	if err != nil {
		return nil, err
	}
	files, err := r.files(ctx, auditFiles)
	for err == nil {
		through := lastOf(files)
		var found []store.Change
		old := func() error {
			found, err = r.oldAudit(ctx, files, q, found, limit)
			return err
		}
		young := func() error {
			rest := q
			if rest.After, rest.Limit = max(q.After, through), limit-len(found); rest.Limit == 0 {
				return nil
			}
			changes, err := r.Store.Audit(ctx, rest)
			found = append(found, changes...)
			return err
		}
		parts := []func() error{old, young}
		if q.Newest {
			slices.Reverse(parts)
		}
		for _, part := range parts {
			if err := part(); err != nil {
				return nil, err
			}
		}
		if files, err = r.files(ctx, auditFiles); err == nil && lastOf(files) == through {
			return found, nil
		} // else changes moved away while the store was read
	}
	return nil, err
}

// oldAudit adds to found what the files have, up to limit in all.
func (r *Records) oldAudit(ctx context.Context, files []recordFile, q store.AuditQuery, found []store.Change,
	limit int) ([]store.Change, error) {
	for _, f := range selected(files, q) {
		if len(found) == limit {
			break
		}
		changes, err := readRecords(ctx, r.audio, f, archive.ParseChange)
		if err != nil {
			return nil, err
		}
		if q.Newest {
			slices.Reverse(changes)
		}
		for _, c := range changes {
			if len(found) < limit && q.Selects(c) {
				found = append(found, c)
			}
		}
	}
	return found, nil
}

// selected are the files that can have what q selects, in its order.
func selected(files []recordFile, q store.AuditQuery) []recordFile {
	some := slices.DeleteFunc(slices.Clone(files), func(f recordFile) bool {
		return f.Last <= q.After || q.Before != 0 && f.First >= q.Before || !q.To.IsZero() && !f.From.Before(q.To) ||
			f.Until.Before(q.From)
	})
	if q.Newest {
		slices.Reverse(some)
	}
	return some
}

// AuditReach is how far back q, which asks for the newest first, can go without reading more than so many files: the
// sequence after which its changes are, 0 when that is all of them.
func (r *Records) AuditReach(ctx context.Context, q store.AuditQuery, most int) (int64, error) {
	files, err := r.files(ctx, auditFiles)
	if err != nil {
		return 0, err
	}
	if some := selected(files, q); len(some) > most {
		return some[most].Last, nil
	}
	return 0, nil
}

// Files are the hashes of all files of records: no collector takes them.
func (r *Records) Files(ctx context.Context) (map[string]bool, error) {
	files, err := r.files(ctx, "")
	named := make(map[string]bool, len(files))
	for _, f := range files {
		named[f.SHA256] = true
	}
	return named, err
}

// files are the record files whose ids begin with prefix.
func (r *Records) files(ctx context.Context, prefix string) ([]recordFile, error) {
	docs, err := replica.List(ctx, r.Store, KindRecords, prefix, prefix+"~")
	if err != nil {
		return nil, err
	}
	files := make([]recordFile, len(docs))
	for i, d := range docs {
		if files[i], err = replica.Decode[recordFile](d); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// mergeEntries are the entries of both by sequence; of two with one name the first stands.
func mergeEntries(first, second []store.Entry) []store.Entry {
	all := slices.Concat(first, second)
	slices.SortStableFunc(all, bySequence)
	return slices.CompactFunc(all, func(a, b store.Entry) bool { return a.Sequence == b.Sequence })
}

func bySequence(a, b store.Entry) int { return cmp.Compare(a.Sequence, b.Sequence) }
