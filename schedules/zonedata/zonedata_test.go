package zonedata

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func machine(t *testing.T, version string, zones map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	if version != "" {
		zones["tzdata.zi"] = []byte("# version " + version + "\n# This zic input file is in the public domain.\n")
	}
	for name, b := range zones {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTheNewestDataWin(t *testing.T) {
	seoul, err := Newest().File("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	older := machine(t, "2025b", map[string][]byte{"Asia/Pyongyang": seoul})
	newer := machine(t, "2026a", map[string][]byte{"Asia/Pyongyang": seoul, "Etc/text": []byte("no rules")})
	newest := machine(t, "2026b-dirty", map[string][]byte{})
	silent := machine(t, "", map[string][]byte{"Asia/Pyongyang": seoul, "+VERSION": []byte("fresh")})
	for _, c := range []struct {
		dirs          []string
		version, from string
	}{
		{nil, Embedded, ""},
		{[]string{"", "/nowhere", older, silent}, Embedded, ""},
		{[]string{older, newer}, "2026a", newer},
		{[]string{newer, newest, older}, "2026b", newest},
	} {
		d := Newest(c.dirs...)
		if d.Version != c.version || d.Dir != c.from {
			t.Errorf("%v: %s", c.dirs, d)
		}
		if _, err := d.File("Europe/Berlin"); err != nil {
			t.Errorf("%s lacks a zone that is embedded: %v", d, err)
		}
	}
	d := Newest(newer)
	if b, err := d.File("Asia/Pyongyang"); err != nil || !bytes.Equal(b, seoul) {
		t.Errorf("the machine's newer rules are not read: %v", err)
	}
	for _, name := range []string{"", ".", "Etc/text", "tzdata.zi", "Asia", "../zoneinfo", "/etc/localtime",
		"Asia/../Asia/Seoul"} {
		if b, err := d.File(name); err == nil {
			t.Errorf("%q has %d bytes", name, len(b))
		}
	}
}

func TestTheEmbeddedDataAreThoseOfTheToolchain(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(root)), "lib", "time")
	b, err := os.ReadFile(filepath.Join(dir, "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(dir, "update.bash"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^DATA=(\w+)$`).FindSubmatch(script)
	if m == nil || string(m[1]) > Embedded || string(m[1]) == Embedded && !bytes.Equal(b, embedded) {
		t.Errorf("the toolchain has %q and the program %s: copy lib/time/zoneinfo.zip of the toolchain, and set Embedded", m,
			Embedded)
	}
}

func TestEveryEmbeddedZoneIsRead(t *testing.T) {
	d := Newest()
	for _, name := range []string{"UTC", "Asia/Seoul", "Asia/Pyongyang", "America/Argentina/Buenos_Aires", "US/Eastern"} {
		b, err := d.File(name)
		if err != nil {
			t.Error(err)
		} else if loc, err := time.LoadLocationFromTZData(name, b); err != nil || loc.String() != name {
			t.Errorf("%s: %v, %v", name, loc, err)
		}
	}
}
