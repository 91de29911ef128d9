package cmdline

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// everyKind has a flag of each kind that configuration files set.
type everyKind struct {
	Text  string            `default:"json"`
	File  string            `type:"path" placeholder:"FILE"`
	Level slog.Level        `default:"INFO"`
	Until time.Time         `placeholder:"INSTANT"`
	List  []string          `placeholder:"PIN"`
	Wait  time.Duration     `default:"36h"`
	Bytes int64             `default:"64"`
	Some  *int              `placeholder:"N"`
	Count uint16            `default:"8"`
	Rate  float64           `default:"2.5"`
	Log   bool              ``
	Named map[string]string ``
	Token string            ``
}

// parseSettings reads the flags of a configuration file whose second line is given.
func parseSettings(t *testing.T, line string) (got everyKind, file string, err error) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("# settings\n"+line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := kong.New(&got, kong.Configuration(ReadSettings, file))
	if err == nil {
		_, err = k.Parse(nil)
	}
	return got, file, err
}

func TestAWrongTypeInAConfigurationFileIsToldByLineFieldAndExample(t *testing.T) {
	for line, want := range map[string]string{
		`text: 7`:         `text must be text, as in text: "json", and the file has the number 7: as text, it is written "7"`,
		`"text": 7`:       `text must be text, as in text: "json", and the file has the number 7: as text, it is written "7"`,
		`text: true`:      `text must be text, as in text: "json", and the file has true`,
		`text: [a]`:       `text must be text, as in text: "json", and the file has a list`,
		`file: 1.5`:       `file must be text, as in file: "FILE", and the file has the number 1.5: as text, it is written "1.5"`,
		`level: 4`:        `level must be text, as in level: "INFO", and the file has the number 4: as text, it is written "4"`,
		`until: 2026`:     `until must be text, as in until: "INSTANT", and the file has the number 2026: as text, it is written "2026"`,
		`list: 7`:         `list must be a list of texts, as in list: ["PIN"], and the file has the number 7: as text, it is written "7"`,
		`list: [a, 7]`:    `list must be a list of texts, as in list: ["PIN"], and the file has a list with the number 7: as text, it is written "7"`,
		`list: {a: b}`:    `list must be a list of texts, as in list: ["PIN"], and the file has names with values`,
		`list: [[a]]`:     `list must be a list of texts, as in list: ["PIN"], and the file has a list with a list`,
		`list: [null]`:    `list must be a list of texts, as in list: ["PIN"], and the file has a list with nothing`,
		`wait: 10`:        `wait must be a duration with its unit, as in wait: 36h, and the file has the number 10`,
		`wait: soon`:      `wait must be a duration with its unit, as in wait: 36h, and the file has "soon"`,
		`wait: true`:      `wait must be a duration with its unit, as in wait: 36h, and the file has true`,
		`wait: [1h]`:      `wait must be a duration with its unit, as in wait: 36h, and the file has a list`,
		`bytes: true`:     `bytes must be a whole number, as in bytes: 64, and the file has true`,
		`bytes: 1.5`:      `bytes must be a whole number, as in bytes: 64, and the file has the number 1.5`,
		`bytes: a lot`:    `bytes must be a whole number, as in bytes: 64, and the file has "a lot"`,
		`some: {a: 1}`:    `some must be a whole number, as in some: 10, and the file has names with values`,
		`count: -1`:       `count must be a whole number, as in count: 8, and the file has the number -1`,
		`rate: fast`:      `rate must be a number, as in rate: 2.5, and the file has "fast"`,
		`rate: [1]`:       `rate must be a number, as in rate: 2.5, and the file has a list`,
		`log: 7`:          `log must be true or false, as in log: true, and the file has the number 7`,
		`log: perhaps`:    `log must be true or false, as in log: true, and the file has "perhaps"`,
		`named: 7`:        `named must be names with values, as in named: {name: value}, and the file has the number 7`,
		`named: [a]`:      `named must be names with values, as in named: {name: value}, and the file has a list`,
		`token: 12345678`: `token must be text, as in token: "TOKEN", and the file has a number: put it in quotes`,
	} {
		_, file, err := parseSettings(t, line)
		if err == nil {
			t.Errorf("%s: accepted", line)
		} else if got, found := strings.CutPrefix(Words(err), file+", line 2: "); !found || got != want {
			t.Errorf("%s:\n%s\nwant\n%s", line, Words(err), want)
		}
	}
}

func TestAConfigurationFileMayWriteAValueInEveryFormThatItsFlagTakes(t *testing.T) {
	for line, right := range map[string]func(everyKind) bool{
		`text: "7"`:     func(k everyKind) bool { return k.Text == "7" },
		`text:`:         func(k everyKind) bool { return k.Text == "json" },
		`level: WARN`:   func(k everyKind) bool { return k.Level == slog.LevelWarn },
		`list: a,b`:     func(k everyKind) bool { return len(k.List) == 2 },
		`list: [a, b]`:  func(k everyKind) bool { return len(k.List) == 2 },
		`wait: 0`:       func(k everyKind) bool { return k.Wait == 0 },
		`wait: 90s`:     func(k everyKind) bool { return k.Wait == 90*time.Second },
		`bytes: "7"`:    func(k everyKind) bool { return k.Bytes == 7 },
		`bytes: -7`:     func(k everyKind) bool { return k.Bytes == -7 },
		`some: 7`:       func(k everyKind) bool { return k.Some != nil && *k.Some == 7 },
		`rate: 3`:       func(k everyKind) bool { return k.Rate == 3 },
		`log: yes`:      func(k everyKind) bool { return k.Log },
		`log: false`:    func(k everyKind) bool { return !k.Log },
		`named: {a: b}`: func(k everyKind) bool { return k.Named["a"] == "b" },
	} {
		if got, _, err := parseSettings(t, line); err != nil || !right(got) {
			t.Errorf("%s: %+v, %v", line, got, err)
		}
	}
}
