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

// Records keeps as-run entries and the audit trail without limit: recent ones in the store, whole older months in
// compressed files beside the audio, each described by a document. Records leave the store only after the commit of
// that document is durable, and readers remove duplicates. A crash between any two steps therefore loses and duplicates
// nothing, and the next Move continues.
//
// Records is a Store whose Append, Read and Audit cover both places.
type Records struct {
	replica.Store
	replica *replica.Replica
	audio   replica.Audio
	now     func() time.Time
	keep    time.Duration
	trimmed int64 // the last change that this process has trimmed
}

// NewRecords keeps records in s for the duration keep, and then in files in audio. A keep of 0 leaves them in s.
func NewRecords(m *replica.Replica, s replica.Store, audio replica.Audio, now func() time.Time,
	keep time.Duration) *Records {
	return &Records{Store: s, replica: m, audio: audio, now: now, keep: keep}
}

// Read returns a station's entries of [from, to), by sequence, from the store and the files.
func (r *Records) Read(ctx context.Context, station string, from, to time.Time) ([]store.Entry, error) {
	recent, err := r.Store.Read(ctx, station, from, to) // first, so that an entry that moves meanwhile is in both
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
	return mergeEntries(old, recent), nil
}

// Append stores entries durably and reports, for each, whether it was new to both the store and the files.
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

// forgetMoved removes entries from the store that a file already holds, and clears them in fresh.
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

// Audit returns the changes that q selects, in order, from the store and the files. It reads only the files that it
// needs.
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
		recent := func() error {
			rest := q
			if rest.After, rest.Limit = max(q.After, through), limit-len(found); rest.Limit == 0 {
				return nil
			}
			changes, err := r.Store.Audit(ctx, rest)
			found = append(found, changes...)
			return err
		}
		parts := []func() error{old, recent}
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
		} // changes moved to files during the read
	}
	return nil, err
}

// oldAudit appends changes from the files to found, up to limit in all.
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

// selected returns the files that may hold changes that q selects, in q's order.
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

// AuditReach returns the sequence after which q, a query for the newest changes first, reads at most the given number
// of files. It returns 0 when q reads no more than that in all.
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

// Files returns the hashes of all record files, for the garbage collector to keep.
func (r *Records) Files(ctx context.Context) (map[string]bool, error) {
	files, err := r.files(ctx, "")
	named := make(map[string]bool, len(files))
	for _, f := range files {
		named[f.SHA256] = true
	}
	return named, err
}

// files returns the record files whose ids begin with prefix.
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

// mergeEntries merges entries by sequence. Of two with one sequence it keeps the first.
func mergeEntries(first, second []store.Entry) []store.Entry {
	all := slices.Concat(first, second)
	slices.SortStableFunc(all, bySequence)
	return slices.CompactFunc(all, func(a, b store.Entry) bool { return a.Sequence == b.Sequence })
}

func bySequence(a, b store.Entry) int { return cmp.Compare(a.Sequence, b.Sequence) }
