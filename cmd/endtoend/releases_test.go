//go:build unix

package endtoend

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/archive"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
	"lifeline/internal/kinds"
	"lifeline/internal/playout"
	"lifeline/internal/playout/spool"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/service"
	"lifeline/internal/store"
	"lifeline/internal/store/sqlite"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// ofRelease makes a writable copy of the data of an earlier version.
func ofRelease(t *testing.T, name, what string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), what)
	copyPrivate(t, dir, filepath.Join("testdata", "releases", name, what))
	return dir
}

func TestDataOfEveryReleaseOpensWithThisProgram(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	for _, name := range []string{"1970173", "8aecd56"} {
		t.Run(name, func(t *testing.T) {
			c := serveDefaults(ofRelease(t, name, "data"))
			if err := c.Check(); err != nil {
				t.Fatal(err)
			}
			if out := checked(t, c); !strings.Contains(out, "no problem found") {
				t.Errorf("fsck before the first start:\n%s", out)
			}
			s, err := service.Open(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			first := schedules.DateOf(time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC))
			old, err := s.Scheduler.Rundowns.Rundown(t.Context(), "relay", first.AddDays(2), 0)
			if err != nil || len(old.Items) != 4 {
				t.Fatalf("the old draft has %d items, %v", len(old.Items), err)
			}
			for _, i := range old.Items {
				if _, err := s.Scheduler.Rundowns.Explain(t.Context(), "relay", first.AddDays(2), 0, i.ID); err != nil {
					t.Errorf("item %s is not explained: %v", i.ID, err)
				}
			}
			q, err := s.Scheduler.Record.Queues.Queue(t.Context(), "relay", first)
			if err != nil || len(q.Value.Items) != 4 {
				t.Errorf("the old queue has %d items, %v", len(q.Value.Items), err)
			}
			coming := schedules.DateOf(time.Now()).AddDays(3)
			planned, err := s.Scheduler.Drafts.Plan(t.Context(), access.System, "relay", coming, scheduling.PlanOptions{})
			if err != nil || len(planned.Items) != 4 {
				t.Errorf("a coming day has %d items, %v", len(planned.Items), err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if out := checked(t, c); !strings.Contains(out, "no problem found") {
				t.Errorf("fsck after a start:\n%s", out)
			}
			file := filepath.Join(t.TempDir(), "backup")
			succeed(t, "backup", "--plain", "--data", c.Data, "--with-audio", "--with-keys", file)
			there := t.TempDir()
			succeed(t, "restore", "--data", there, file)
			succeed(t, "fsck", "--data", there)
		})
	}
}

// The holder of the tokens Hana and hana approved their own upload with the program of that release.
func TestTokensOfAnEarlierReleaseWorkAndStandForThePersonOfTheirName(t *testing.T) {
	t.Parallel()
	c := serveDefaults(ofRelease(t, "d1556c9", "data"))
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := service.Open(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	approve := func(n access.NewToken) (status int) {
		t.Helper()
		n.Role = access.Producer
		token, err := s.Access.Create(t.Context(), access.System, n)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, wire.Segment("ident", "approve"), nil)
		r.Header.Set("If-Match", fmt.Sprintf("%q", fmt.Sprint(replica.SegmentsIn(s.Replica).Revision("ident"))))
		r.RemoteAddr = "127.0.0.1:1"
		r.SetBasicAuth("", token.Secret)
		w := httptest.NewRecorder()
		s.Server.Handler.ServeHTTP(w, r)
		if err := s.Access.Revoke(t.Context(), access.System, token.ID); err != nil {
			t.Fatal(err)
		}
		return w.Code
	}
	if status := approve(access.NewToken{Name: "hana"}); status != http.StatusForbidden {
		t.Errorf("approved by the holder of the same name: %d", status)
	}
	hana := wire.Member{ID: "hana", Name: "Hana", Roles: []string{"producer"}}
	if _, err := access.NewMembers(s.Replica, time.Now).Add(t.Context(), access.System, hana); err != nil {
		t.Fatal(err)
	}
	tokens, _ := s.Access.Tokens(access.System, "", 10)
	owners := map[string]string{}
	for _, token := range tokens {
		owners[token.Name] = token.Person
		if !token.ExpiresAt.IsZero() || !token.LastUsed.IsZero() {
			t.Errorf("%+v", token)
		}
	}
	if !maps.Equal(owners, map[string]string{"Hana": "hana", "hana": "hana", "Ada": ""}) {
		t.Errorf("the tokens are those of %v", owners)
	}
	if status := approve(access.NewToken{Person: "hana"}); status != http.StatusForbidden {
		t.Errorf("approved by the person: %d", status)
	}
	if status := approve(access.NewToken{Name: "Ruth"}); status != http.StatusOK {
		t.Errorf("approved by another person: %d", status)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out := checked(t, c); !strings.Contains(out, "no problem found") {
		t.Errorf("fsck:\n%s", out)
	}
}

func TestThePlayersStateOfEveryReleaseOpensWithThisProgram(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"1970173", "8aecd56"} {
		t.Run(name, func(t *testing.T) {
			dir := ofRelease(t, name, "state")
			aired := time.Date(2026, 11, 29, 20, 53, 0, 0, time.UTC)
			now := func() time.Time { return aired }
			state, err := statedir.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := state.Close(); err != nil {
					t.Error(err)
				}
			}()
			var said strings.Builder
			v, err := playout.OpenDocumentStore(state, "relay", playout.Pins{}, now, playout.NewProblems(now,
				slog.New(slog.NewTextHandler(&said, nil))))
			if err != nil {
				t.Fatal(err)
			}
			date := schedules.DateOf(aired)
			if q := v.Holdings().ValidQueue(date, aired); q == nil || len(q.Items) != 4 {
				t.Errorf("it has the queue %+v", q)
			}
			if got := v.Holdings().ValidFallback(aired); len(got) != 2 {
				t.Errorf("its fallback has %d items", len(got))
			}
			if r := v.Holdings().Recalls; r == nil || len(r.Segments) != 1 || r.Segments[0].SegmentID != "gone" {
				t.Errorf("its recall list is %+v", r)
			}
			if said.Len() > 0 {
				t.Errorf("it says %s", &said)
			}
			unsent, err := spool.Unsent(state)
			if err != nil || len(unsent) == 0 {
				t.Errorf("of what aired and is not reported it has %d entries, %v", len(unsent), err)
			}
			if err := state.Mark("playout of the test"); err != nil {
				t.Error(err)
			}
		})
	}
}

// storing puts documents into the embedded store as a newer program might.
func storing(t *testing.T, dir string, writes ...store.Write) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "lifeline.db"))
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range writes {
		if d, err := s.Get(t.Context(), w.Kind, w.ID); err == nil {
			writes[i].Expect = d.Revision
		}
	}
	_, err = s.Commit(t.Context(), store.Commit{Writes: writes, Origin: store.Origin{At: time.Now(), By: "a newer program",
		Action: "test"}})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}

// archived returns a backup of a store as a newer program would make it.
func archived(t *testing.T, c config.Serve) string {
	t.Helper()
	s, err := service.OpenBackEnd(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "backup"))
	if err != nil {
		t.Fatal(err)
	}
	a := archive.NewWriter(f, time.Now())
	err = s.Export(t.Context(), func(trimmed int64) error { return a.Begin(trimmed, nil) }, a.Document, a.Change, a.Entry)
	_, ended := a.Close()
	if err := errors.Join(err, ended, f.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestServeFsckAndRestoreRefuseWhatANewerProgramStored(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	segment, _ := kinds.All.Find(replica.KindSegment)
	known := fmt.Sprintf("up to %d", segment.Version())
	later := segment.Version() + 3
	for name, c := range map[string]struct {
		write store.Write
		words []string
	}{
		"a raised format": {store.Write{Kind: "format", ID: "format",
			Body: fmt.Appendf(nil, `{"kinds":{"segment":%d,"hologram":1},"by":"lifeline 9.1","more":true}`, later)},
			[]string{fmt.Sprintf("segment in version %d", later), known, "hologram", "lifeline 9.1", "Start that one"}},
		"a later version": {store.Write{Kind: "segment", ID: "ident", Body: fmt.Appendf(nil, `v%d {"id":"ident"}`, later)},
			[]string{"segment ident", fmt.Sprintf("version %d", later), known, "Start that one"}},
		"an unknown field": {store.Write{Kind: "clock", ID: "minute",
			Body: []byte(`{"id":"minute","revision":2,"length_ms":60000,"positions":[],"hush_ms":5}`)},
			[]string{"clock minute", "hush_ms", "Start that one"}},
	} {
		t.Run(name, func(t *testing.T) {
			conf := serveDefaults(ofRelease(t, "8aecd56", "data"))
			storing(t, conf.Data, c.write)
			err := errors.Join(conf.Check(), started(t, conf))
			fsck := checked(t, conf)
			for _, words := range c.words {
				if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), words) {
					t.Errorf("serve: %v, which does not say %q", err, words)
				}
				if !strings.Contains(fsck, words) {
					t.Errorf("fsck does not say %q:\n%s", words, fsck)
				}
			}
			file := archived(t, conf)
			there := t.TempDir()
			code, out := command(t, "restore", "--data", there, file)
			for _, words := range c.words {
				if code == 0 || !strings.Contains(out, words) {
					t.Errorf("restore: %d, and it does not say %q:\n%s", code, words, out)
				}
			}
		})
	}
}
