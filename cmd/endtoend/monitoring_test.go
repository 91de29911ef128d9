package endtoend

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"lifeline/internal/access"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
)

const monitoringDir = "../../deploy/monitoring"

// alert is one alert of alerts.yml.
type alert struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	Annotations map[string]string `yaml:"annotations"`
}

func alerts(t *testing.T) (out []alert) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(monitoringDir, "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []alert `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

// queries returns the queries of the dashboards.
func queries(t *testing.T) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(monitoringDir, "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var dashboard struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(text, &dashboard); err != nil {
			t.Fatal(err)
		}
		for _, p := range dashboard.Panels {
			for _, target := range p.Targets {
				out = append(out, target.Expr)
			}
		}
	}
	return out
}

// Each alert fires on what it is for, by promtool, has words for who gets it, and a part in the guide. None fires when
// all is well.
func TestAlertsFireOnWhatTheyAreForAndAreExplained(t *testing.T) {
	longform.Only(t)
	t.Parallel()
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		c := exec.Command("promtool", args...)
		c.Dir = monitoringDir
		if said, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, said)
		}
	}
	tests, err := os.ReadFile(filepath.Join(monitoringDir, "alerts_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../deploy/guide/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	all := alerts(t)
	if len(all) < 20 {
		t.Errorf("only %d alerts", len(all))
	}
	for _, a := range all {
		for what, n := range map[string]int{
			"test in which it fires":      strings.Count(string(tests), "- name: "+a.Alert+"\n"),
			"place in the test of health": strings.Count(string(tests), "alertname: "+a.Alert+", exp_alerts: []"),
			"part of the guide":           strings.Count(string(guide), "### "+a.Alert+"\n"),
			"runbook":                     strings.Count(a.Annotations["runbook"], "/alerts.md#"+strings.ToLower(a.Alert)),
			"summary":                     min(1, len(a.Annotations["summary"])),
		} {
			if n != 1 {
				t.Errorf("%s has %d: %s", a.Alert, n, what)
			}
		}
	}
}

// playing starts a player of a station, and returns the address of its page.
func playing(t *testing.T, h *house, station string) (page string) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	page = harness.FreeAddress(t)
	player := exec.Command(filepath.Join(filepath.Dir(path), "playout"), "--server", h.url, "--station", station,
		"--trust-on-first-use", "--state", filepath.Join(t.TempDir(), "player"), "--output", "wav:"+t.TempDir(),
		"--listen", page)
	player.Env = append(os.Environ(), "LIFELINE_TOKEN="+h.stationSecret(station))
	if err := player.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { player.Process.Kill() })
	return page
}

var figureName = regexp.MustCompile(`\blifeline_[a-z_]+\b`)

// Every figure that an alert or a panel asks for is one that a service, a player or the pushing of mirrors gives.
func TestFiguresOfAlertsAndPanelsExist(t *testing.T) {
	longform.Only(t)
	t.Parallel()
	h := open(t, furnish(t))
	const station = "harbour-dawn"
	h.publish([]string{station}, time.Now().UTC().AddDate(0, 0, 5).Format(time.DateOnly))
	admin := h.as("admin", access.NewToken{Name: "Jae", Role: access.Admin})
	if _, err := admin.PutWebhook(t.Context(), wire.Webhook{ID: "newsroom", URL: "https://example.org/hook",
		Changes: toldInTests}); err != nil {
		t.Fatal(err)
	}
	page := playing(t, h, station)
	var given []string
	eventually(t, func() bool {
		text := string(h.do("GET", "/metrics", h.secrets["admin"], nil, nil).body)
		if resp, err := http.Get("http://" + page + "/metrics"); err == nil {
			own, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			text += string(own)
		}
		given = figureName.FindAllString(text, -1)
		return slices.Contains(given, "lifeline_station_cover_hours") && slices.Contains(given, "lifeline_playout_on_air")
	})
	// those of lifeline mirror push, and those that only a service with TLS has
	for _, file := range []string{"../lifeline/commands/mirrorfigures.go", "../../internal/telemetry/certificate.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		given = append(given, figureName.FindAllString(string(source), -1)...)
	}
	asked := queries(t)
	for _, a := range alerts(t) {
		asked = append(asked, a.Expr)
	}
	for _, expr := range asked {
		for _, name := range figureName.FindAllString(expr, -1) {
			if !slices.Contains(given, name) {
				t.Errorf("nothing gives %s, which is asked for by %s", name, expr)
			}
		}
	}
}
