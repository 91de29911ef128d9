package cmdline

import (
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// manualCLI is a program with one flag of each kind.
type manualCLI struct {
	Serve struct {
		Listen string        `default:"127.0.0.1:80" env:"MANUAL_TEST_LISTEN" help:"Address."`
		Public string        `help:"Another address."`
		Names  []string      `help:"Many."`
		Life   time.Duration `default:"36h" help:"How long."`
		Bytes  int64         `default:"64" help:"How many."`
		Limit  int           `help:"How many more."`
		Digits string        `default:"7" help:"Text of digits."`
		Plain  bool          `help:"Without."`
		Inside string        `hidden:"" help:"Not for people."`
		Token  string        `help:"A secret."`
	} `cmd:"" help:".Serve\\it all - now."`
	Work struct {
		Same string `help:"Alike."`
		File string `arg:"" help:"What to work on."`
	} `cmd:"" help:"Work."`
	Rest struct {
		Same string `help:"Alike."`
	} `cmd:"" help:"Rest."`
	Manual Manual          `cmd:"" help:"Print it."`
	Config kong.ConfigFlag `help:"A file."`
}

// printed returns what a command line of the program prints.
func printed(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	k, err := kong.New(&manualCLI{}, kong.Name("radio"), kong.Description("Airs things.\n\nExit codes: 0 done."),
		kong.Writers(&out, &out), kong.Configuration(ReadSettings), IgnoreEmptyVariables())
	if err != nil {
		t.Fatal(err)
	}
	given, err := k.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	err = given.Run()
	return out.String(), err
}

func TestPrintedSettingsNameEveryFlagWithTheValueThatItHas(t *testing.T) {
	text, err := printed(t, "manual", "--settings", "serve")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "# ") && strings.TrimSpace(line) != "" {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	want := []string{`#listen: "127.0.0.1:80"`, "#public:", "#names: []", "#life: 36h", "#bytes: 64", "#limit:",
		`#digits: "7"`, "#plain: false"}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") || !strings.Contains(text,
		"# Address ($MANUAL_TEST_LISTEN).\n") {
		t.Errorf("it prints:\n%s", text)
	}
	if _, err := printed(t, "manual", "--settings", "paint"); CodeOf(err) != Misunderstood {
		t.Errorf("a command that there is not: %v", err)
	}
}

func TestManualPageTellsOfEachCommandAndFlagOnce(t *testing.T) {
	text, err := printed(t, "manual")
	if err != nil {
		t.Fatal(err)
	}
	for part, times := range map[string]int{"\\fB\\-\\-same=": 1, "\\fB\\-\\-listen=": 1, "\\fB\\-\\-inside": 0, ".SS ": 4,
		"\n\\&.Serve\\eit all \\- now.\n": 1, ".SS work": 1, "What to work on.": 1, "\\- Airs things\n": 1,
		"\n.PP\nExit codes: 0 done.\n": 1, "$MANUAL_TEST_LISTEN": 1} {
		if strings.Count(text, part) != times {
			t.Errorf("%q is not there %d times:\n%s", part, times, text)
		}
	}
}
