package endtoend

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"lifeline/internal/client"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// checkAfterCrash compares the service's state with what it acknowledged, and returns the hashes of all recordings.
func checkAfterCrash(t *testing.T, p *process, l *ledger, last bool) (named map[string]bool) {
	t.Helper()
	ctx := t.Context()
	named = map[string]bool{}
	for cursor := ""; ; {
		var page wire.Page[schedules.Segment]
		if _, err := p.client.Call(ctx, client.Request{Method: "GET", Path: "/v1/segments?limit=500&cursor=" + cursor},
			&page); err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Items {
			named[s.Recording.SHA256] = true
			if want, ok := l.segments[s.ID]; ok && s.Recording.SHA256 != want {
				t.Errorf("segment %s has another recording", s.ID)
			}
			if s.State == schedules.Analysing || s.Recording.Duration.Duration == 0 {
				t.Errorf("segment %s is half-done: %+v", s.ID, s)
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	for id, sum := range l.segments {
		if !named[sum] {
			t.Errorf("acknowledged segment %s is missing", id)
			continue
		}
		if !l.due(id, last) {
			continue
		}
		resp, err := p.client.Do(ctx, client.Request{Method: "GET", Path: "/v1/audio/" + sum + ".mp3"})
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		_, err = io.Copy(h, resp.Body)
		resp.Body.Close()
		if got := hex.EncodeToString(h.Sum(nil)); err != nil || got != sum {
			t.Errorf("segment %s: its audio has become %s, %v", id, got, err)
		}
	}
	for revision := range l.plans {
		if !l.due(fmt.Sprint(revision), last) {
			continue
		}
		path := wire.Station(crashStation, "rundowns", crashDay) + "?revision=" + strconv.FormatInt(revision, 10)
		var r schedules.Rundown
		if _, err := p.client.Call(ctx, client.Request{Method: "GET", Path: path}, &r); err != nil ||
			r.Revision != revision || len(r.Items) == 0 {
			t.Errorf("acknowledged rundown %d: %v", revision, err)
		}
	}
	if l.queue > 0 {
		var q wire.Queue
		_, err := p.client.Call(ctx, client.Request{Method: "GET", Path: wire.Station(crashStation, "queue") + "?date=" +
			crashDay}, &q)
		if err != nil || q.Revision < l.queue {
			t.Errorf("published %d, found %d, %v", l.queue, q.Revision, err)
		}
	}
	var ran wire.Page[schedules.AsRun]
	if _, err := p.client.Call(ctx, client.Request{Method: "GET", Path: wire.Station(crashStation, "as-run") +
		"?date=2026-01-01"}, &ran); err != nil {
		t.Fatal(err)
	}
	seen := map[int64]int{}
	for _, e := range ran.Items {
		seen[e.Sequence]++
		if e.Sequence > l.sent || seen[e.Sequence] > 1 {
			t.Errorf("as-run %d was never sent, or is there twice", e.Sequence)
		}
	}
	for sequence := range l.asRun {
		if seen[sequence] != 1 {
			t.Errorf("acknowledged as-run %d is missing", sequence)
		}
	}
	return named
}

// awaitNoOrphans waits until the restarted service has removed the files that belong to no segment.
func awaitNoOrphans(t *testing.T, dir string, named map[string]bool) {
	t.Helper()
	var orphans []string
	eventually(t, func() bool {
		orphans = nil
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // removed a moment ago
				return nil
			}
			if err == nil && !d.IsDir() && !named[strings.TrimSuffix(d.Name(), filepath.Ext(d.Name()))] {
				orphans = append(orphans, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(orphans) == 0
	})
	if len(orphans) > 0 {
		t.Fatalf("orphan files: %v", orphans)
	}
}
