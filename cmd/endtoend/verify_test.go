package endtoend

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/cmdline"
	"lifeline/internal/harness/longform"
	"lifeline/internal/hashchain"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/store/sqlite"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// sealed waits until every report of a station is in its chain, and returns the as-run days that links name.
func (h *house) sealed(station string) map[string]bool {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Minute) // runs of the jobs are a minute apart
	defer cancel()
	for {
		since := h.service.Replica.Sequence()
		var page wire.ChainPage
		h.get(wire.Station(station, "chain")+"?limit=500", &page)
		days := map[string]bool{}
		for _, l := range page.Items {
			if l.Kind == wire.LinkAsRun && len(l.Sequences) > 0 {
				days[l.Date.String()] = true
			}
		}
		if !page.Late && len(days) > 0 {
			return days
		}
		if _, err := h.service.Replica.Changes(ctx, since); err != nil {
			h.t.Fatalf("not sealed: %d links, late %v, %+v", len(page.Items), page.Late, page.Head)
		}
	}
}

// A changed byte of a station's report in the file of the store is detected, and its day is named: by the service's own
// command on the store, and through the API by anybody with the public key.
func TestVerifyFindsAChangedByteInTheStoresFile(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	dir := furnish(t)
	h := open(t, dir)
	const station, first, second = "harbour-dawn", "2025-11-25", "2025-11-26"
	h.publish([]string{station}, first, second, "2099-11-25")
	next := h.air(station, h.queue(station, first), 1, nil)
	q := h.queue(station, second)
	h.air(station, q, next, nil)
	if days := h.sealed(station); !days[first] || !days[second] {
		t.Fatalf("sealed are %v", days)
	}
	heads := filepath.Join(t.TempDir(), "heads.json")
	asViewer := terminalOf{h, t, h.secrets["scheduler"]}
	trust := "--trust=" + servedKey(h)
	var proof hashchain.Proof
	asViewer.json(&proof, "verify", trust, "--heads", heads, "--accept-heads")
	if proof.Records < 2*len(q.Items)-20 || proof.Queues != 3 || len(proof.Differences) != 0 || len(proof.Heads) == 0 {
		t.Fatalf("%+v", proof)
	}
	if _, _, code := asViewer.run("verify", "--trust=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="); code != 1 {
		t.Errorf("under another key: exit %d", code)
	}
	h.stop()

	direct := func() (p hashchain.Proof, code int) {
		t.Helper()
		var out, wrong bytes.Buffer
		code = commands.Run(t.Context(), []string{"verify", "--direct", "--data", dir, "--output", "json",
			"--accept-heads"}, &out, &wrong)
		if err := json.Unmarshal(out.Bytes(), &p); err != nil {
			t.Fatalf("%v: %s%s", err, out.String(), wrong.String())
		}
		return p, code
	}
	if p, code := direct(); code != 0 || len(p.Differences) != 0 || p.Rundowns != 3 || p.Records != proof.Records {
		t.Fatalf("exit %d: %+v", code, p)
	}
	victim := q.Items[len(q.Items)/2]
	swap(t, filepath.Join(dir, "lifeline.db"), `"item_id":"`+victim.ID+`","segment_id":"`+victim.SegmentID+`"`,
		`"item_id":"`+victim.ID+`","segment_id":"`+"x"+victim.SegmentID[1:]+`"`)
	p, code := direct()
	if code != 1 || len(p.Differences) != 1 || p.Differences[0].Station != station || p.Differences[0].Date != date(t,
		second) {
		t.Errorf("exit %d: %+v", code, p.Differences)
	}
	again := open(t, dir)
	out, wrong, code := terminalOf{again, t, again.secrets["scheduler"]}.run("verify", trust)
	if code != 1 || !strings.Contains(out, "CHANGED "+station+" "+second+": ") || !strings.Contains(wrong,
		"differs from what was sealed") {
		t.Errorf("exit %d: %s%s", code, out, wrong)
	}
	again.stop()
	swap(t, filepath.Join(dir, "lifeline.db"), `"segment_id":"`+"x"+victim.SegmentID[1:]+`"`, `"segment_id":"`+
		victim.SegmentID+`"`)
	if p, code := direct(); code != 0 {
		t.Errorf("changed back: exit %d: %+v", code, p.Differences)
	}
	withoutChains(t, filepath.Join(dir, "lifeline.db"), station)
	const gone = "the day is published, and the chain has no link of it"
	if p, code := direct(); code != 1 || !slices.ContainsFunc(p.Differences, func(d hashchain.Difference) bool {
		return d.Station == station && strings.Contains(d.What, gone)
	}) {
		t.Errorf("without the chain of %s: exit %d: %+v", station, code, p.Differences)
	}
	once := open(t, dir)
	for code = cmdline.Later; code == cmdline.Later; { // while the service seals the past days anew, the chain grows
		out, wrong, code = terminalOf{once, t, once.secrets["scheduler"]}.run("verify", trust)
	}
	if code != 1 || !strings.Contains(out, "CHANGED "+station) || !strings.Contains(out, gone) {
		t.Errorf("through the API, without the chain: exit %d: %s%s", code, out, wrong)
	}
}

// Whoever removes what an earlier run saw must not make the next run pass, and neither does a store that is older.
func TestVerifyPassesOverMissingOrOlderEndsOnlyWhenToldTo(t *testing.T) {
	longform.Only(t)
	dir, older := furnish(t), filepath.Join(t.TempDir(), "restored")
	backup, heads := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "heads.json")
	for _, day := range []string{"2099-11-25", "2099-11-26"} {
		h := open(t, dir)
		h.publish([]string{"harbour-dawn"}, day)
		h.stop()
		if day == "2099-11-25" {
			succeed(t, "backup", "--plain", "--data", dir, "--with-audio", "--with-keys", backup)
		}
	}
	succeed(t, "restore", "--data", older, backup)
	verify := func(code int, data string, says string, more ...string) {
		t.Helper()
		before, _ := os.ReadFile(heads)
		got, out := command(t, append([]string{"verify", "--direct", "--data", data, "--heads", heads}, more...)...)
		if got != code || !regexp.MustCompile(says).MatchString(out) {
			t.Errorf("verify %q: exit %d, want %d, and %q in: %s", more, got, code, says, out)
		}
		if after, _ := os.ReadFile(heads); code != 0 && !bytes.Equal(before, after) {
			t.Errorf("verify %q failed, and kept other ends: %s", more, after)
		}
	}
	verify(cmdline.Partly, dir, "where an earlier run keeps them, is not there. At the first run give --accept-heads")
	verify(cmdline.Done, dir, "everything is as sealed", "--accept-heads")
	verify(cmdline.Done, dir, "compared with those of the last run")
	if err := os.Rename(heads, heads+".away"); err != nil {
		t.Fatal(err)
	}
	verify(cmdline.Partly, dir, "is not there")
	if err := os.Rename(heads+".away", heads); err != nil {
		t.Fatal(err)
	}
	verify(cmdline.Failed, older, "also after a restore of an older backup or fsck --accept-older: the audit says that "+
		"it was, at 20")
	verify(cmdline.Failed, older, "run lifeline verify --accept-heads once")
	verify(cmdline.Done, older, // how many days were over and are sealed depends on the hour
		"accepted: the chain of harbour-dawn ends with link (1, which ended with link 2|2, which ended with link 3|"+
			"3, which ended with link 4)", "--accept-heads")
	verify(cmdline.Done, older, "compared with those of the last run")
	verify(cmdline.Done, dir, "everything is as sealed", "--accept-heads")
	h := open(t, dir)
	h.publish([]string{"harbour-dawn"}, "2099-11-27")
	h.stop()
	verify(cmdline.Done, dir, "compared with those of the last run")
	withoutChains(t, filepath.Join(dir, "lifeline.db"), "harbour-dawn")
	verify(cmdline.Failed, dir, "the audit has no entry of a restore")
}

// withoutChains removes the chain of a station from the file of a store.
func withoutChains(t *testing.T, file, station string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{record.KindLink, record.KindHead} {
		docs, err := replica.List(t.Context(), s, kind, "", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			if d.ID != station && !strings.HasPrefix(d.ID, station+"/") {
				continue
			}
			if _, err := s.Commit(t.Context(), store.Commit{Origin: store.Origin{At: time.Now(), By: "test", Action: "test"},
				Writes: []store.Write{{Kind: kind, ID: d.ID, Expect: d.Revision, Delete: true}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// servedKey returns the key that the service signs with.
func servedKey(h *house) string {
	h.t.Helper()
	var keys wire.Keys
	h.get("/v1/keys", &keys)
	return keys.Keys[0].PublicKey
}

// swap replaces a text by another of the same length everywhere in a file.
func swap(t *testing.T, file, from, to string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(from) != len(to) || !bytes.Contains(b, []byte(from)) {
		t.Fatalf("%s is not in %s", from, file)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(b, []byte(from), []byte(to)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The records at the terminal: a report as a table and as CSV, the audit trail, and the make-goods.
func TestRecordOfAiringsAtTheTerminal(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	const station, day = "harbour-dawn", "2025-11-25"
	h.publish([]string{station}, day)
	q := h.queue(station, day)
	h.air(station, q, 1, nil)
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	var report wire.AiringReport
	days := []string{"report", "--from", day, "--to", "2025-11-26"}
	minjun.json(&report, days...)
	if report.Totals.Planned != len(q.Items) || report.Totals.Aired != len(q.Items) {
		t.Errorf("%+v", report.Totals)
	}
	want(t, minjun.says(append(days, "--group", "station,day")...), "broadcast days 2025-11-25 to 2025-11-25",
		"harbour-dawn  2025-11-25", "in all")
	want(t, minjun.says(append(days, "--group", "script,passage", "--output", "csv")...), "script,passage,planned,to_come",
		"appeal,1,")
	want(t, minjun.says("audit", "--from", "2025-11-01", "--kind", "queue", "--id", station+"/"+day), "Minjun",
		"queue.publish", "revision 0 to 1")
	var records []wire.AuditRecord
	minjun.json(&records, "audit", "--kind", "segment", "--by", "Ruth", "--from", "2020-01-01T00:00:00Z")
	if len(records) == 0 || records[0].Action != "segment.approve" {
		t.Errorf("%+v", records)
	}
	minjun.json(&records, "audit", "--kind", "segment", "--to", "2020-01-01T00:00:00Z", "--from", "2019-01-01T00:00:00Z")
	if len(records) != 0 {
		t.Errorf("before there was anything: %+v", records)
	}
	owed := []schedules.MakeGood{}
	minjun.json(&owed, "make-goods", "--station", station)
	if len(owed) != 0 {
		t.Errorf("%+v", owed)
	}
	if _, wrong, code := minjun.run("report", "--group", "colour"); code != cmdline.Misunderstood ||
		!strings.Contains(wrong, `"segment","campaign","script"`) {
		t.Errorf("exit %d: %s", code, wrong)
	}
}
