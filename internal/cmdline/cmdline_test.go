package cmdline

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestHelpNamesTheVariableOfAFlagWhetherItIsSetOrNot(t *testing.T) {
	for _, value := range []string{"", "secret"} {
		t.Setenv("CMDLINE_TEST_TOKEN", value)
		var out strings.Builder
		var cli struct {
			Token string `help:"Access token." env:"CMDLINE_TEST_TOKEN"`
			Plain string `help:"No variable."`
		}
		parser, err := kong.New(&cli, kong.Writers(&out, &out), kong.Exit(func(int) {}), IgnoreEmptyVariables())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse([]string{"--help"}); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); strings.Count(got, "Access token ($CMDLINE_TEST_TOKEN).") != 1 ||
			strings.Count(got, "($") != 1 {
			t.Errorf("with the value %q:\n%s", value, got)
		}
	}
}
