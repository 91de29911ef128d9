package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/access"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/examples"
)

// terminalOf runs commands as a user with a token.
type terminalOf struct {
	*house
	t     *testing.T
	token string
}

// says runs a command that must succeed, and returns its output.
func (o terminalOf) says(args ...string) string {
	o.t.Helper()
	out, wrong, code := o.run(args...)
	if code != 0 {
		o.t.Fatalf("lifeline %s: exit %d: %s%s", strings.Join(args, " "), code, out, wrong)
	}
	return out
}

func (o terminalOf) run(args ...string) (out, wrong string, code int) {
	o.t.Helper()
	settings := filepath.Join(o.t.TempDir(), "settings.yaml")
	if err := os.WriteFile(settings, fmt.Appendf(nil, "server: %q\ntoken: %q\n", o.url, o.token), 0o600); err != nil {
		o.t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code = commands.Run(o.t.Context(), append([]string{"--config", settings}, args...), &stdout, &stderr)
	return stdout.String(), stderr.String(), code
}

func (o terminalOf) json(v any, args ...string) {
	o.t.Helper()
	out := o.says(append(args, "--output", "json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		o.t.Fatalf("lifeline %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func want(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

func TestSchedulersDayAtTheTerminal(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	day := time.Now().AddDate(0, 0, 2).UTC().Format(time.DateOnly)

	// A changed network is shown line by line before it is applied; applying it again changes nothing.
	file := filepath.Join(t.TempDir(), "network.yaml")
	changed := bytes.Replace(examples.Network, []byte("name: Harbour Dawn Medium Wave"),
		[]byte("name: Harbour Dawn Long Wave"), 1)
	if bytes.Equal(changed, examples.Network) {
		t.Fatal("the example network has no such name any more")
	}
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, minjun.says("apply", "-f", file, "--dry-run"), "update     station harbour-dawn", "  -name: Harbour Dawn",
		"  +name: Harbour Dawn Long Wave")
	want(t, minjun.says("apply", "-f", file, "--yes"), "1 change applied")
	want(t, minjun.says("apply", "-f", file, "--yes"), "everything is as the file says")

	want(t, minjun.says("plan", "harbour-dawn", "--date", day, "--seed", "1"), "harbour-dawn", "planned:")
	var first, second schedules.Rundown
	minjun.json(&first, "show", "harbour-dawn", day)
	want(t, minjun.says("show", "harbour-dawn", day), "(Asia/Seoul)", first.Items[0].Title)

	// explain takes an item's id, or a time at which it airs.
	item := first.Items[len(first.Items)/2]
	zone, err := time.LoadLocation(first.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	var byID, byTime schedules.Explanation
	minjun.json(&byID, "explain", "harbour-dawn", day, item.ID)
	minjun.json(&byTime, "explain", "harbour-dawn", day, item.StartAt.Add(time.Second).In(zone).Format(time.TimeOnly))
	if byID.Item != item.ID || byTime.Item != item.ID {
		t.Errorf("asked for %s, explained are %s and %s", item.ID, byID.Item, byTime.Item)
	}
	want(t, minjun.says("explain", "harbour-dawn", day, item.ID), item.SegmentID, byID.Why)

	minjun.says("plan", "harbour-dawn", "--date", day, "--seed", "2")
	minjun.json(&second, "show", "harbour-dawn", day)
	var changes []schedules.ItemChange
	minjun.json(&changes, "diff", "harbour-dawn", day, "--from", fmt.Sprint(first.Revision))
	if expected := schedules.Diff(first, second); len(changes) != len(expected) {
		t.Errorf("%d changes are told, %d there are", len(changes), len(expected))
	}
	want(t, minjun.says("publish", "harbour-dawn", "--date", day), "published:")

	// The overview lists stations that have sent a status, and those that never have.
	player := h.station("harbour-dawn")
	if err := player.Station("harbour-dawn").SendStatus(t.Context(), wire.Status{QueueDate: day, QueueRevision: 1,
		CoverHours: 7.5, PlayerVersion: "test"}); err != nil {
		t.Fatal(err)
	}
	var published schedules.Rundown
	minjun.json(&published, "show", "harbour-dawn", day)
	var standing []wire.Status
	minjun.json(&standing, "stations", "harbour-dawn")
	if len(standing) != 1 || standing[0].PublishedRevision != published.Revision {
		t.Errorf("the station stands at %+v; published is revision %d", standing, published.Revision)
	}
	want(t, minjun.says("stations"), fmt.Sprintf("%s r1 of r%d", day, published.Revision), "7.5h", "never")
}

func TestProducersDayAtTheTerminal(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	ruth := terminalOf{h, t, h.secrets["editor"]}
	var found []schedules.Segment
	ruth.json(&found, "segments", "--kind", "ident", "--state", "approved")
	if len(found) == 0 {
		t.Fatal("no ident is found")
	}
	id := found[0].ID
	want(t, ruth.says("segments", "--kind", "ident"), id, found[0].Title)
	want(t, ruth.says("segments", id), id, "LUFS", found[0].Recording.SHA256)
	want(t, ruth.says("recall", id, "--reason", "a name was heard"), id+" is recalled")
	want(t, ruth.says("reinstate", id, "--reason", "it was another name"), id+" is pending")
	if _, wrong, code := ruth.run("approve", id, "no-such-segment"); code != 1 {
		t.Errorf("exit %d", code)
	} else {
		want(t, wrong, "Ruth reinstated segment", "no-such-segment")
	}
	if _, wrong, code := ruth.run("recal", id); code != 2 {
		t.Errorf("exit %d", code)
	} else {
		want(t, wrong, "did you mean")
	}
}

func TestRevokedTokenOpensNothing(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	h.as("root", access.NewToken{Name: "Root", Role: access.Admin})
	root := terminalOf{h, t, h.secrets["root"]}
	want(t, root.says("token", "list"), "Hana", "producer", "Root")
	var all []wire.Token
	root.json(&all, "token", "list")
	for _, token := range all {
		if token.Secret != "" {
			t.Errorf("the secret of %s is shown again", token.Name)
		}
		if token.Name == "Hana" {
			want(t, root.says("token", "revoke", token.ID), token.ID+" is revoked")
		}
	}
	if _, err := h.producer.Segments(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("Hana's revoked token: %v", err)
	}
	if _, wrong, code := root.run("token", "revoke", "nobody"); code != 1 || !strings.Contains(wrong,
		`no token "nobody"`) {
		t.Errorf("exit %d: %s", code, wrong)
	}
}

// The configuration file provides settings that neither the command line nor the environment gives.
func TestConfigurationFileHoldsAddressAndToken(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	h := open(t, furnish(t))
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	file := filepath.Join(dir, "lifeline", "config.yaml")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	attempt := func() (string, int) {
		var stdout, stderr bytes.Buffer
		code := commands.Run(t.Context(), []string{"segments"}, &stdout, &stderr)
		return stdout.String() + stderr.String(), code
	}
	good := fmt.Sprintf("server: %s\ntoken: %s\n", h.url, h.secrets["editor"])
	write(good, 0o600)
	if out, code := attempt(); code != 0 || !strings.Contains(out, "approved") {
		t.Errorf("exit %d: %s", code, out)
	}
	write(good, 0o644)
	if out, code := attempt(); code != 2 || !strings.Contains(out, "chmod 600") {
		t.Errorf("a token for everybody's eyes: exit %d: %s", code, out)
	}
	write(good+"sever: x\n", 0o600)
	if out, code := attempt(); code != 2 || !strings.Contains(out, `"sever"`) {
		t.Errorf("a setting that nothing has: exit %d: %s", code, out)
	}
	write(good, 0o600)
	t.Setenv("LIFELINE_TOKEN", "lifeline_of_another")
	if out, code := attempt(); code != 1 || !strings.Contains(out, "token") {
		t.Errorf("the environment goes before the file: exit %d: %s", code, out)
	}
}
