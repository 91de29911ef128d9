package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lifeline/internal/blob"
	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// cabinet is a store and an audio place under Records, of which the call that comes after fuse more does not happen,
// nor any later one, as in a crash.
type cabinet struct {
	*memory.Store
	*blob.Local
	fuse   int
	opened int // blobs
}

var errCrash = errors.New("crashed")

func (c *cabinet) burn() error {
	if c.fuse--; c.fuse < 0 {
		return errCrash
	}
	return nil
}

func (c *cabinet) Put(ctx context.Context, r io.Reader, limit int64) (blob.Blob, error) {
	if err := c.burn(); err != nil {
		return blob.Blob{}, err
	}
	return c.Local.Put(ctx, r, limit)
}

func (c *cabinet) Commit(ctx context.Context, w store.Commit) ([]store.Change, error) {
	if err := c.burn(); err != nil {
		return nil, err
	}
	return c.Store.Commit(ctx, w)
}

func (c *cabinet) Forget(ctx context.Context, station string, sequences []int64) error {
	if err := c.burn(); err != nil {
		return err
	}
	return c.Store.Forget(ctx, station, sequences)
}

func (c *cabinet) Trim(ctx context.Context, through int64) error {
	if err := c.burn(); err != nil {
		return err
	}
	return c.Store.Trim(ctx, through)
}

func (c *cabinet) List(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	return c.Store.List(ctx, kind, after, limit)
}

func (c *cabinet) Open(ctx context.Context, sha256 string) (blob.Content, int64, error) {
	c.opened++
	return c.Local.Open(ctx, sha256)
}

func (c *cabinet) Close() error { return errors.Join(c.Store.Close(), c.Local.Close()) }

// filled has two stations' reports, four a day through seven months, and a change a day.
func filled(t *testing.T) (*cabinet, *replica.Replica) {
	t.Helper()
	files, err := blob.OpenLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := &cabinet{Store: memory.New(0), Local: files, fuse: 1 << 30}
	t.Cleanup(func() { c.Close() })
	commit := func(at time.Time, w ...store.Write) {
		t.Helper()
		if _, err := c.Commit(t.Context(), store.Commit{Writes: w, Origin: store.Origin{At: at, By: "Ruth",
			Action: "test"}}); err != nil {
			t.Fatal(err)
		}
	}
	body := func(v any) []byte {
		b, err := replica.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	commit(began, store.Write{Kind: replica.KindStation, ID: "a", Body: body(schedules.Station{ID: "a"})},
		store.Write{Kind: replica.KindStation, ID: "b", Body: body(schedules.Station{ID: "b"})})
	for n := range int64(7 * 30 * 4) {
		at := began.Add(time.Duration(n) * 6 * time.Hour)
		if n%4 == 0 {
			commit(at, store.Write{Kind: replica.KindStatus, ID: "a", Expect: n / 4, Body: []byte("{}")})
		}
		for _, station := range []string{"a", "b"} {
			if _, err := c.Append(t.Context(), []store.Entry{reported(station, n+1, at)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	m, err := replica.Open(t.Context(), c, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	return c, m
}

var began = time.Date(2024, 11, 20, 0, 30, 0, 0, time.UTC)

func reported(station string, n int64, at time.Time) store.Entry {
	return store.Entry{Station: station, Sequence: n, At: at,
		Body: json.RawMessage(fmt.Sprintf(`{"sequence":%d,"detail":"<%s>"}`, n, station))}
}

type answers struct {
	Entries map[string][]store.Entry
	Changes []store.Change
	Queries [][]store.Change
}

// unlike says how b differs from a.
func unlike(a, b answers) string {
	if reflect.DeepEqual(a, b) { // which is a hundred times as fast
		return ""
	}
	return cmp.Diff(a, b, cmpopts.EquateEmpty())
}

// everything reads all records of all sorts, in several ways.
func everything(t *testing.T, r *Records) (out answers) {
	t.Helper()
	out.Entries = map[string][]store.Entry{}
	for _, station := range []string{"a", "b", "c"} {
		for _, days := range [][2]int{{-1, 400}, {0, 45}, {41, 42}, {90, 300}} {
			entries, err := r.Read(t.Context(), station, began.AddDate(0, 0, days[0]), began.AddDate(0, 0, days[1]))
			if err != nil {
				t.Fatal(err)
			}
			out.Entries[fmt.Sprint(station, days)] = entries
		}
	}
	audit := func(q store.AuditQuery) []store.Change {
		changes, err := r.Audit(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var theirs []store.Change // but for those of moving records
		for _, c := range changes {
			if c.Kind != KindRecords {
				theirs = append(theirs, c)
			}
		}
		return theirs
	}
	for after := int64(0); ; after = out.Changes[len(out.Changes)-1].Sequence {
		page := audit(store.AuditQuery{After: after, Limit: 77})
		if len(page) == 0 {
			break
		}
		out.Changes = append(out.Changes, page...)
	}
	for _, q := range []store.AuditQuery{{Kind: replica.KindStation}, {Kind: replica.KindStatus, ID: "a", After: 100,
		Limit: 30}, {By: "Ruth", From: began.AddDate(0, 0, 30), To: began.AddDate(0, 0, 35)},
		{By: "nobody"}, {From: began.AddDate(0, 5, 0)}, {After: 1 << 40}, {Kind: replica.KindStatus, Newest: true,
			Before: 150, Limit: 120}, {Newest: true, To: began.AddDate(0, 6, 0), Limit: 500}} {
		out.Queries = append(out.Queries, audit(q))
	}
	return out
}

// Wherever Move is cut short, everything is read as before, and the next one goes on.
func TestMovedRecordsAreReadAsBeforeWhereverMovingStops(t *testing.T) {
	longform.Only(t)
	now := began.AddDate(0, 7, 0)
	for steps := 0; ; steps++ {
		c, m := filled(t)
		r := NewRecords(m, c, c, func() time.Time { return now }, 60*24*time.Hour)
		want := everything(t, r)
		c.fuse = steps
		err := r.Move(t.Context())
		if diff := unlike(want, everything(t, r)); diff != "" {
			t.Fatalf("after %d steps (-before +after):\n%.1000s", steps, diff)
		}
		if err != nil && !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		c.fuse = 1 << 30
		again := NewRecords(m, c, c, func() time.Time { return now }, 60*24*time.Hour)
		if err := again.Move(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := unlike(want, everything(t, again)); diff != "" {
			t.Fatalf("after %d steps and the rest (-before +after):\n%.1000s", steps, diff)
		}
		left, err2 := c.Read(t.Context(), "a", time.Time{}, now)
		if err2 != nil || len(left) == 0 || left[0].At.Before(now.AddDate(0, 0, -60).AddDate(0, -1, 0)) {
			t.Fatalf("left in the store: %d entries from %v, %v", len(left), left[0].At, err2)
		}
		if got, err := c.Changes(t.Context(), 0, 1); !fault.Is(err, fault.Gone) {
			t.Fatalf("the feed still begins at its beginning: %v, %v", got, err)
		}
		if err == nil {
			if steps < 15 {
				t.Errorf("all was moved in %d steps", steps)
			}
			return
		}
	}
}

func TestReportOfAMovedEntryIsARepeat(t *testing.T) {
	now := began.AddDate(0, 7, 0)
	c, m := filled(t)
	r := NewRecords(m, c, c, func() time.Time { return now }, 60*24*time.Hour)
	if err := r.Move(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := everything(t, r)
	for name, at := range map[string]time.Time{"again": began.Add(9 * 6 * time.Hour), "at another time": now} {
		fresh, err := r.Append(t.Context(), []store.Entry{reported("a", 10, at)})
		if err != nil || fresh[0] {
			t.Errorf("%s: fresh %v, %v", name, fresh, err)
		}
		if diff := unlike(before, everything(t, r)); diff != "" {
			t.Errorf("%s (-before +after):\n%.1000s", name, diff)
		}
	}
	late := reported("a", -7, began.Add(time.Minute)) // of a month that has moved
	fresh, err := r.Append(t.Context(), []store.Entry{late})
	if err != nil || !fresh[0] {
		t.Fatalf("a late report: fresh %v, %v", fresh, err)
	}
	for _, when := range []string{"before it moves", "after"} {
		got, err := r.Read(t.Context(), "a", began, began.Add(2*time.Minute))
		if err != nil || len(got) != 2 || got[0].Sequence != -7 || !bytes.Equal(got[0].Body, late.Body) {
			t.Errorf("a late report %s: %v, %v", when, got, err)
		}
		if err := r.Move(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesOfRecordsAreNoAudioAndStay(t *testing.T) {
	now := began.AddDate(0, 7, 0)
	c, m := filled(t)
	r := NewRecords(m, c, c, func() time.Time { return now }, 60*24*time.Hour)
	if err := r.Move(t.Context()); err != nil {
		t.Fatal(err)
	}
	named, err := r.Files(t.Context())
	if err != nil || len(named) < 10 {
		t.Fatalf("%d files, %v", len(named), err)
	}
	lib := library.New(m, c, servicetest.Signer{}, servicetest.Heard, func() time.Time { return now },
		library.Limits{MaxBytes: 1000, Concurrency: 1})
	for sha := range named {
		if content, _, err := lib.Recordings.Open(t.Context(), sha); !fault.Is(err, fault.NotFound) {
			t.Errorf("the file %s is served as audio: %v, %v", sha, content, err)
		}
	}
	put, err := c.Local.Put(t.Context(), bytes.NewReader([]byte("x")), 1)
	if err != nil {
		t.Fatal(err)
	}
	if content, size, err := lib.Recordings.Open(t.Context(), put.SHA256); err != nil || size != 1 {
		t.Errorf("short audio: %d, %v", size, err)
	} else if got, err := io.ReadAll(content); err != nil || string(got) != "x" {
		t.Errorf("short audio: %q, %v", got, err)
	}
	for sha := range named { // a file that is gone is told of, not passed over
		if err := c.Delete(t.Context(), sha); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := r.Read(t.Context(), "a", began, now); err == nil {
		t.Errorf("%d entries were read without their files", len(got))
	}
	if got, err := r.Audit(t.Context(), store.AuditQuery{}); err == nil {
		t.Errorf("%d changes were read without their files", len(got))
	}
}

// The newest page of the audit reads no file while the store has enough, and a query that finds nothing goes back a few
// files a page; the pages together have everything once.
func TestPageOfTheAuditReadsOnlyTheFilesThatItNeeds(t *testing.T) {
	c, m := filled(t)
	now := began.AddDate(0, 7, 0)
	r := NewRecords(m, c, c, func() time.Time { return now }, 60*24*time.Hour)
	for month := range 8 { // each its own files
		now = began.AddDate(0, month, 0)
		if err := r.Move(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	log := New(m, r, servicetest.Signer{}, nil, nil, func() time.Time { return now }).Logbook
	c.opened = 0
	if page, next, err := log.Audit(t.Context(), store.AuditQuery{Limit: 20}); err != nil || len(page) != 20 ||
		next != page[19].Sequence || c.opened > 0 {
		t.Errorf("the newest: %d changes, next %d, %d files read, %v", len(page), next, c.opened, err)
	}
	files, err := r.files(t.Context(), auditFiles)
	if err != nil || len(files) <= auditPageFiles {
		t.Fatalf("%d files, %v", len(files), err)
	}
	walk := func(q store.AuditQuery) (found []int64) {
		total, begun := 0, false
		for next := int64(0); next > 0 || !begun; {
			c.opened, begun, q.Before = 0, true, next
			var page []wire.AuditRecord
			if page, next, err = log.Audit(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			for _, a := range page {
				found = append(found, a.Sequence)
			}
			if total += c.opened; c.opened > auditPageFiles {
				t.Errorf("%+v: %d files for a page", q, c.opened)
			}
		}
		if q.By == "nobody" && total != len(files) {
			t.Errorf("%+v: %d reads of %d files", q, total, len(files))
		}
		return found
	}
	if found := walk(store.AuditQuery{By: "nobody"}); len(found) > 0 {
		t.Errorf("nobody did %v", found)
	}
	latest, err := c.Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := walk(store.AuditQuery{Limit: 60})
	for i, sequence := range all {
		if sequence != latest-int64(i) {
			t.Fatalf("change %d after %d", sequence, latest-int64(i)+1)
		}
	}
	if int64(len(all)) != latest {
		t.Errorf("%d of %d changes", len(all), latest)
	}
}
