package record

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/archive"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
)

// maxFileChanges bounds the changes in one file.
const maxFileChanges = 50_000

// Move writes the records of whole months that are past their keep time to files and then removes them from the store.
// Several replicas may call it at once; the later one finds nothing to do.
func (r *Records) Move(ctx context.Context) error {
	if r.keep == 0 {
		return nil
	}
	y, m, _ := r.now().UTC().Add(-r.keep).Date()
	before := time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	var failed error
	for station := range replica.StationsIn(r.replica).After("", "") {
		if err := r.moveAsRun(ctx, station, before); err != nil && !errors.Is(err, replica.ErrRace) {
			failed = errors.Join(failed, fmt.Errorf("move as-run of %s: %w", station, err))
		}
	}
	if err := r.moveAudit(ctx, before); err != nil && !errors.Is(err, replica.ErrRace) {
		failed = errors.Join(failed, fmt.Errorf("move changes: %w", err))
	}
	return failed
}

func (r *Records) moveAsRun(ctx context.Context, station string, before time.Time) error {
	old, err := r.Store.Read(ctx, station, time.Time{}, before)
	if err != nil {
		return err
	}
	months := map[string][]store.Entry{}
	for _, e := range old {
		month := e.At.UTC().Format(monthForm)
		months[month] = append(months[month], e)
	}
	for _, month := range slices.Sorted(maps.Keys(months)) {
		if err := r.addToMonth(ctx, asRunFiles+station+"/"+month, months[month]); err != nil {
			return err
		}
		var moved []int64
		for _, e := range months[month] {
			moved = append(moved, e.Sequence)
		}
		if err := r.Store.Forget(ctx, station, moved); err != nil {
			return err
		}
	}
	return nil
}

// addToMonth adds entries to a month's file by writing it again. Existing entries stay as they are.
func (r *Records) addToMonth(ctx context.Context, id string, entries []store.Entry) error {
	d, err := r.Store.Get(ctx, KindRecords, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	var held []store.Entry
	if err == nil {
		f, err := replica.Decode[recordFile](d)
		if err != nil {
			return err
		}
		if held, err = readRecords(ctx, r.audio, f, archive.ParseEntry); err != nil {
			return err
		}
	}
	all := mergeEntries(held, entries)
	if len(all) == len(held) {
		return nil
	}
	f, err := writeRecords(ctx, r.audio, all, whenAired, archive.AppendEntry)
	if err != nil {
		return err
	}
	return r.name(ctx, store.Write{Kind: KindRecords, ID: id, Expect: d.Revision}, f)
}

func (r *Records) moveAudit(ctx context.Context, before time.Time) error {
	files, err := r.files(ctx, auditFiles)
	if err != nil {
		return err
	}
	through := lastOf(files)
	for {
		old, err := r.oldChanges(ctx, through, before)
		if err != nil {
			return err
		}
		if len(old) == 0 {
			break
		}
		f, err := writeRecords(ctx, r.audio, old, whenChanged, archive.AppendChange)
		if err != nil {
			return err
		}
		if err := r.name(ctx, store.Write{Kind: KindRecords, ID: fmt.Sprintf("%s%020d", auditFiles, f.First)},
			f); err != nil {
			return err
		}
		through = f.Last
	}
	if through <= r.trimmed {
		return nil
	}
	err = r.Store.Trim(ctx, through)
	if err == nil {
		r.trimmed = through
	}
	return err
}

// oldChanges returns the changes that follow after, up to the first that is not older than before.
func (r *Records) oldChanges(ctx context.Context, after int64, before time.Time) ([]store.Change, error) {
	var old []store.Change
	for len(old) < maxFileChanges {
		page, err := r.Store.Audit(ctx, store.AuditQuery{After: after, Limit: 500})
		if err != nil || len(page) == 0 {
			return old, err
		}
		for _, c := range page {
			if !c.At.Before(before) {
				return old, nil
			}
			old = append(old, c)
		}
		after = page[len(page)-1].Sequence
	}
	return old, nil
}

// name commits the document that describes a file. It fails with ErrRace when another replica was first.
func (r *Records) name(ctx context.Context, w store.Write, f recordFile) error {
	var err error
	if w.Body, err = replica.Encode(f); err != nil {
		return err
	}
	return r.replica.Commit(ctx, store.Commit{Writes: []store.Write{w}, Origin: access.System.Origin(r.now(),
		"records.move", "")})
}
