// Package deploy tests what runs the programs: units, packages and images. Its short tests are part of the check.
package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var units = []string{"lifeline.service", "playout@.service"}

// unitTree returns a root directory with the units and programs that stand for those that they start.
func unitTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range units {
		b, err := os.ReadFile(filepath.Join("systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		// systemd-analyze looks for the pages of the machine, whatever the root is.
		text := regexp.MustCompile(`(?m)^Documentation=man:.*\n`).ReplaceAllString(string(b), "")
		write("etc/systemd/system/"+name, text, 0o644)
	}
	for _, target := range []string{"network-online", "time-sync", "sound", "multi-user", "sysinit", "basic", "shutdown",
		"network", "local-fs", "remote-fs", "timers", "paths", "sockets", "slices", "swap", "system"} {
		write("usr/lib/systemd/system/"+target+".target", "[Unit]\nDescription="+target+"\n", 0o644)
	}
	write("usr/lib/systemd/system/chrony-wait.service", "[Service]\nExecStart=/usr/bin/playout\n", 0o644)
	for _, program := range []string{"lifeline", "playout"} {
		write("usr/bin/"+program, "#!/bin/sh\n", 0o755)
	}
	return root
}

func analyze(t *testing.T, args ...string) (string, error) {
	t.Helper()
	said, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput()
	return string(said), err
}

func TestSystemdUnderstandsEveryLineOfTheUnits(t *testing.T) {
	root := unitTree(t)
	for _, name := range units {
		instance := strings.Replace(name, "@.", "@harbour-dawn.", 1)
		if said, err := analyze(t, "verify", "--man=no", "--root="+root, instance); err != nil || said != "" {
			t.Errorf("%s: %v\n%s", name, err, said)
		}
		path := filepath.Join(root, "etc/systemd/system", name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spoilt := strings.Replace(string(b), "ProtectHome=", "ProtectHoome=", 1)
		if err := os.WriteFile(path, []byte(spoilt), 0o644); err != nil {
			t.Fatal(err)
		}
		if said, _ := analyze(t, "verify", "--man=no", "--root="+root, instance); !strings.Contains(said, "ProtectHoome") {
			t.Errorf("%s: a key that there is not is not found: %s", name, said)
		}
	}
}

func TestUnitsExposeLittle(t *testing.T) {
	for _, name := range units {
		path := filepath.Join("systemd", name)
		if said, err := analyze(t, "security", "--offline=yes", "--no-pager", "--threshold=12", path); err != nil {
			t.Errorf("%s: %v\n%s", name, err, said)
		}
		if _, err := analyze(t, "security", "--offline=yes", "--no-pager", "--threshold=5", path); err == nil {
			t.Errorf("%s: nothing has a threshold", name)
		}
	}
}
