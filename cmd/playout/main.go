package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"lifeline/internal/cmdline"
	"lifeline/internal/playout"
	"lifeline/schedules/zonedata"
)

// version is the version that the player reports.
const version = "lifeline-playout/1"

func main() { execute(time.Now) }

// execute runs the command line; now is the machine's time.
func execute(now playout.Now) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(carryOut(ctx, os.Args[1:], now))
}

// cli is the whole command line.
type cli struct {
	Run       run       `cmd:"" default:"withargs" help:"Play the station's day."`
	Sync      syncing   `cmd:"" help:"Keep verified lists and files of the station's day for another program's player."`
	Enrol     enrol     `cmd:"" help:"Give the station keys of its own, with a one-time code."`
	Bundle    bundle    `cmd:"" help:"Write the station's coming days into a file, to carry to its player."`
	Import    importing `cmd:"" help:"Import such a file into the player of a state directory, while it plays."`
	Export    export    `cmd:"" help:"Write what aired and is not reported yet into a file, to carry to the service."`
	Inventory inventory `cmd:"" help:"List the recordings that the player has, for bundle --have."`
	Version   built     `cmd:"" help:"Print this program's version, revision and date, and the version of its time zone data."`

	Manual cmdline.Manual `cmd:"" help:"Print the manual page of all commands, or a configuration file with every setting."`

	Config kong.ConfigFlag `help:"YAML file of flags, such as server and token-file." env:"PLAYOUT_CONFIG" type:"path"`
}

// carryOut is execute for tests: it returns the exit code.
func carryOut(ctx context.Context, args []string, now playout.Now) int {
	stderr := cmdline.Printable(os.Stderr)
	parser, err := newParser(ctx, now)
	if err != nil {
		fmt.Fprintln(stderr, "playout:", err)
		return cmdline.Misunderstood
	}
	kongcompletion.Register(parser)
	given, err := parser.Parse(args)
	if err == nil {
		err = forms.Check(given)
	}
	if err != nil {
		fmt.Fprintf(stderr, "playout: %s\nplayout --help shows the commands, and playout COMMAND --help their flags.\n",
			cmdline.Words(err))
		return cmdline.Misunderstood
	}
	if err = given.Run(); err != nil {
		fmt.Fprintln(stderr, "playout:", cmdline.Words(err))
	}
	return cmdline.CodeOf(err)
}

// built is the command that prints the program's version.
type built struct{}

func (built) Run() error {
	_, err := fmt.Printf("playout %s\ntime zone data %s\n", cmdline.Version(), zonedata.Present())
	return err
}

// newParser returns the parser of command lines.
func newParser(ctx context.Context, now playout.Now) (*kong.Kong, error) {
	return kong.New(&cli{}, kong.Name("playout"),
		kong.Description("Lifeline's player: pulls a station's signed queue, plays it to the second, reports what aired.\n\n"+
			cmdline.Codes),
		kong.Vars{"silence": playout.SilenceLimit.String()}, kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(now),
		kong.Configuration(cmdline.ReadSettings, cmdline.SettingsFiles("playout.yaml")...), cmdline.IgnoreEmptyVariables())
}
