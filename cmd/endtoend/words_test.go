package endtoend

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/cmdline"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/examples"
)

// The export equals the network that was applied, with any names, so that a network can be kept and edited as a file.
func TestExportIsTheInverseOfApply(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	odd := bytes.NewReader(
		[]byte(`{"scripts":[{"id":"odd","title":"yes: '3' # \"ja\" null","languages":["en"],"versions":[{"version":1,"passages":[{"number":1,"text":{"en":"0x1f\n\n- a\n  b: 2026-11-29"}}]}]}]}`))
	if _, err := h.scheduler.Apply(t.Context(), odd, false); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "network.yaml")
	text := minjun.says("export")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "revision:") || strings.Contains(text, "problems:") {
		t.Errorf("it names revisions or problems, which differ everywhere:\n%s", text)
	}
	want(t, minjun.says("apply", "-f", file), "unchanged  script odd", "everything is as the file says")
	other := open(t, t.TempDir())
	if _, err := other.scheduler.Apply(t.Context(), strings.NewReader(text), true); err != nil &&
		!strings.Contains(err.Error(), "evergreen") {
		t.Error(err)
	}
	silent := `{"stations":[{"id":"silent","name":"Silent","languages":["ko"],"timezone":"Asia/Seoul"}]}`
	if _, err := other.scheduler.Apply(t.Context(), strings.NewReader(silent), false); err != nil {
		t.Fatal(err)
	}
	if text := (terminalOf{other, t, other.secrets["scheduler"]}).says("export"); strings.Contains(text, "problems:") ||
		!strings.Contains(text, "id: silent") {
		t.Errorf("of a station without a fallback it exports\n%s", text)
	}
	if !bytes.Contains(examples.Network, []byte("id: hour-three")) {
		t.Fatal("the example network has no such clock any more")
	}
	want(t, minjun.says("clocks"), "5 clocks", "hour-three")
	want(t, minjun.says("clocks", "hour-three"), "id: hour-three", "positions:")
	want(t, minjun.says("scripts"), "2 scripts", "appeal")
	want(t, minjun.says("campaigns"), "0 campaigns")
	want(t, minjun.says("persons"), "person")
	if _, wrong, code := minjun.run("clocks", "hour-four"); code != cmdline.Failed || !strings.Contains(wrong,
		`no clock "hour-four"`) {
		t.Errorf("%d %s", code, wrong)
	}
}

// Users name days in words, and see days in the station's own time.
func TestPeopleNameAndReadDaysInTheStationsTime(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	zone, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	tomorrow := schedules.DateOf(time.Now().In(zone)).AddDays(1)
	out := minjun.says("plan", "harbour-dawn", "--date", "tomorrow")
	want(t, out, "harbour-dawn", tomorrow.String(), "revision 1")
	if n := strings.Count(out, "\n"); n != 1 {
		t.Errorf("a day takes %d lines:\n%s", n, out)
	}
	var r schedules.Rundown
	minjun.json(&r, "show", "harbour-dawn", "Tomorrow")
	if r.Date != tomorrow {
		t.Errorf("tomorrow is %s, not %s", r.Date, tomorrow)
	}
	noon := time.Date(tomorrow.Year, tomorrow.Month, tomorrow.Day, 12, 0, 0, 0, zone).Format(time.RFC3339)
	first := r.Items[0]
	local := first.StartAt.In(zone).Format(time.TimeOnly)
	want(t, minjun.says("show", "harbour-dawn", noon), local, "(Asia/Seoul)")
	minjun.says("plan", "harbour-dawn", "--date", noon, "--seed", "2")
	want(t, minjun.says("diff", "harbour-dawn", "tomorrow", "--from", "1"), "(Asia/Seoul)", " change")
	want(t, minjun.says("edit", "harbour-dawn", "tomorrow", "lock", local), "[locked]", "(Asia/Seoul)")
	want(t, minjun.says("revisions", "harbour-dawn", "tomorrow"), "revision 1 ", "revision 3 ", "Minjun", "(Asia/Seoul)")
	want(t, minjun.says("publish", "harbour-dawn", "--date", "tomorrow"), "published:")
	if _, wrong, code := minjun.run("reconcile", "harbour-dawn", "tomorrow"); code != cmdline.Nothing ||
		!strings.Contains(wrong, "there is nothing to compare") {
		t.Errorf("%d %s", code, wrong)
	}
	audit := []string{"audit", "--from", "yesterday", "--zone", "Asia/Seoul", "--kind", "station"}
	brief, whole := minjun.says(audit...), minjun.says(append(audit, "-v")...)
	want(t, brief, "(Asia/Seoul)", "since ", " field", "lifeline audit --verbose")
	var records []wire.AuditRecord
	minjun.json(&records, audit...)
	if lines := strings.Count(brief, "\n"); lines != len(records)+2 || strings.Count(whole, "\n") <= lines {
		t.Errorf("%d records in %d lines, and with their fields:\n%s", len(records), lines, whole)
	}
	want(t, minjun.says("report", "--from", "yesterday", "--to", "tomorrow"), "in all")
	want(t, minjun.says("make-goods"), "0 airings")
	next := tomorrow.AddDays(1)
	said, wrong, code := minjun.run("withdraw", "harbour-dawn", "tomorrow.."+next.String(), "--reason", "x")
	if code != cmdline.Partly || !strings.Contains(said, tomorrow.String()+" is withdrawn") ||
		!strings.Contains(wrong, next.String()+": ") || !strings.Contains(wrong, "nothing is published") {
		t.Errorf("%d %s%s", code, said, wrong)
	}
	said, _, _ = minjun.run("withdraw", "harbour-dawn", "tomorrow.."+next.String(), "--reason", "x", "--output", "json")
	var withdrawn []schedules.Rundown
	if err := json.Unmarshal([]byte(said), &withdrawn); err != nil || len(withdrawn) != 1 ||
		withdrawn[0].Date != tomorrow {
		t.Errorf("%v: %s", err, said)
	}
	if _, wrong, code := minjun.run("show", "harbour-dawn", "someday"); code != cmdline.Misunderstood ||
		!strings.Contains(wrong, "write YYYY-MM-DD, today, tomorrow") {
		t.Errorf("%d %s", code, wrong)
	}
	if _, wrong, code := minjun.run("waive", "no-such", "--reason", "x"); code != cmdline.Failed ||
		!strings.Contains(wrong, "no-such: there is no such make-good") {
		t.Errorf("%d %s", code, wrong)
	}
	if _, wrong, code := minjun.run("revisions", "harbour-dawn", "2019-01-01"); code != cmdline.Nothing ||
		!strings.Contains(wrong, "no rundown on 2019-01-01") {
		t.Errorf("%d %s", code, wrong)
	}
}

// A refusal lists the roles that may act; an unknown user learns which service refused, and how to get a token.
func TestRefusalsSayWhoMayAndHow(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir())
	hana := terminalOf{h, t, h.secrets["producer"]}
	expect := func(o terminalOf, parts ...string) {
		t.Helper()
		_, wrong, _ := o.run("plan")
		want(t, wrong, parts...)
	}
	expect(hana, "producer", "a token of the role scheduler or admin")
	expect(terminalOf{h, t, "lifeline_wrong"}, h.url, "does not accept the access token", "--token-file",
		"lifeline token create")
	expect(terminalOf{h, t, ""}, h.url, "none was given", "LIFELINE_TOKEN")
	_, wrong, _ := hana.run("apply", "-f", "없는파일.yaml")
	want(t, wrong, "없는파일.yaml: there is no such file")
	if strings.Contains(wrong, "open ") {
		t.Error(wrong)
	}
	var p wire.Problem
	h.do("GET", "/v1/stations", "", nil, nil).into(t, &p)
	if p.Title != "Not signed in" {
		t.Errorf("the title is %q", p.Title)
	}
}

// The example network asks of the samples only what they offer, so that its first plan has no warning about rules.
func TestRulesOfTheExampleNetworkHoldWithTheSamples(t *testing.T) {
	longform.Only(t)
	h := open(t, furnish(t))
	var in wire.ManyRequest
	today := schedules.DateOf(time.Now().UTC())
	for n := range 8 {
		in.Dates = append(in.Dates, today.AddDays(n+1))
	}
	results, err := h.scheduler.Plan(t.Context(), in)
	if err != nil || len(results) != 40 {
		t.Fatal(len(results), err)
	}
	for _, r := range results {
		if r.Problem != nil {
			t.Errorf("%s %s: %s", r.Station, r.Date, r.Problem.Detail)
		}
		for _, w := range r.Warnings {
			if w.Code == "rule_bent" {
				t.Errorf("%s %s: %s", r.Station, r.Date, w.Message)
			}
		}
	}
}

// A scheduler says when windows start in words; the service keeps lines, and shows both.
func TestStartsAreSaidInWords(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	network := func(starts string) string {
		return "clocks:\n- {id: long, length_ms: 3600000, positions: [{id: rest, fill: {kinds: [music, testimony]}}]}\n" +
			"stations:\n- {id: far-relay, name: Far Relay, timezone: Asia/Tashkent, languages: [ko-KP], freeze_ms: 0, " +
			"fallback: [evergreen-ko-1], windows: [{id: noon, length_ms: 3600000, tolerance_ms: 0, clock: long, starts: " +
			starts + "}]}\n"
	}
	apply := func(starts string) (string, string, int) {
		file := filepath.Join(t.TempDir(), "network.yaml")
		if err := os.WriteFile(file, []byte(network(starts)), 0o600); err != nil {
			t.Fatal(err)
		}
		return minjun.run("apply", "-f", file, "--yes")
	}
	if _, wrong, code := apply(`{zone: Asia/Tashkent, at: "13:00", days: [sat, sun], every: 2 weeks}`); code !=
		cmdline.Failed || !strings.Contains(wrong, "from is missing: it says in which weeks the first one is") {
		t.Errorf("%d %s", code, wrong)
	}
	words := `{zone: Asia/Tashkent, at: "13:00", days: [sat, sun], every: 2 weeks, from: 2026-11-07, until: 2027-03-28}`
	if out, wrong, code := apply(words); code != 0 {
		t.Fatalf("%d %s %s", code, out, wrong)
	}
	var st schedules.Station
	h.get(wire.Station("far-relay"), &st)
	starts := st.Windows[0].Starts
	if starts.RRule != "DTSTART:20261107T130000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU" || starts.At != "13:00" ||
		starts.Every != "2 weeks" || starts.Timezone != "Asia/Tashkent" {
		t.Errorf("%+v", starts)
	}
	text := minjun.says("export")
	want(t, text, "zone: Asia/Tashkent", `at: "13:00"`, "every: 2 weeks", `from: "2026-11-07"`)
	out, wrong, code := apply(`{timezone: Asia/Tashkent, until: 2027-03-28, rrule: ` +
		`"DTSTART:20261107T130000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU"}`)
	if code != 0 || !strings.Contains(out, "everything is as the file says") {
		t.Errorf("%d %s %s", code, out, wrong)
	}
	if _, wrong, code = apply(`{timezone: UTC, at: "14:00", rrule: "DTSTART:20261107T130000\nRRULE:FREQ=DAILY"}`); code !=
		cmdline.Failed || !strings.Contains(wrong, "tells other times than at, days and every") {
		t.Errorf("%d %s", code, wrong)
	}
}
