package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/schedules/zonedata"
)

// cli is the whole command line.
type cli struct {
	Serve        serveCmd        `cmd:"" help:"Run the service."`
	Demo         demoCmd         `cmd:"" help:"Demonstrate the whole journey, from upload to air and report, on an empty store."`
	People       peopleCmd       `cmd:"" help:"Persons who work with the service: their roles, languages and stations."`
	Login        loginCmd        `cmd:"" help:"Sign this command line in as yourself, by passkey, through the console."`
	Logout       logoutCmd       `cmd:"" help:"End the session of lifeline login."`
	Token        tokenCmd        `cmd:"" help:"Access tokens."`
	Upload       uploadCmd       `cmd:"" help:"Upload recordings with their metadata."`
	Segments     segmentsCmd     `cmd:"" help:"Find segments, or show one."`
	Correct      correctCmd      `cmd:"" help:"Correct what is known of a segment: title, tags, validity and the like."`
	Approve      approveCmd      `cmd:"" help:"Approve segments for air."`
	Reject       rejectCmd       `cmd:"" help:"Reject segments, with a reason for their producers."`
	Waiting      waitingCmd      `cmd:"" help:"Changes that wait for a second person."`
	Recall       recallCmd       `cmd:"" help:"Take segments off the air everywhere, at once."`
	Reinstate    reinstateCmd    `cmd:"" help:"End recalls and rejections; another person approves the segments again."`
	Erase        eraseCmd        `cmd:"" help:"Erase segments, recordings or persons for good; two persons."`
	Apply        applyCmd        `cmd:"" help:"Change the network to what a file describes."`
	HFCC         hfccCmd         `cmd:"" name:"hfcc" help:"Import and export season schedules of the short-wave conference (HFCC)."`
	Holidays     holidaysCmd     `cmd:"" help:"Make special days of a station from a calendar of holidays."`
	Export       exportCmd       `cmd:"" help:"Write the network as YAML, as apply takes it."`
	Uses         usesCmd         `cmd:"" help:"Show what uses a clock, a script or a segment."`
	Remove       removeCmd       `cmd:"" help:"Remove stations, clocks, scripts or campaigns that nothing uses."`
	Rename       renameCmd       `cmd:"" help:"Give a clock or a campaign another id, everywhere."`
	Clocks       clocksCmd       `cmd:"" help:"List the clocks, or show one."`
	Campaigns    campaignsCmd    `cmd:"" help:"List the campaigns, or show one."`
	Scripts      scriptsCmd      `cmd:"" help:"List the scripts, or show one."`
	Persons      personsCmd      `cmd:"" help:"List the persons that segments name, or show the segments and stations of one."`
	Plan         planCmd         `cmd:"" help:"Draft days."`
	Show         showCmd         `cmd:"" help:"Show a day."`
	Explain      explainCmd      `cmd:"" help:"Explain why an item was chosen for its place."`
	Edit         editCmd         `cmd:"" help:"Change a day by hand."`
	Revisions    revisionsCmd    `cmd:"" help:"Show who made which revision of a day."`
	Diff         diffCmd         `cmd:"" help:"Compare two revisions of a day."`
	Publish      publishCmd      `cmd:"" help:"Publish days: sign them for their stations."`
	Withdraw     withdrawCmd     `cmd:"" help:"Take back a published day whose first window is still to come."`
	Stations     stationsCmd     `cmd:"" help:"Show the status of each station."`
	Station      stationCmd      `cmd:"" help:"Enrol a station, or shut out one that was seized."`
	Render       renderCmd       `cmd:"" help:"Fetch a whole window as one audio file, as the player would play it."`
	Bundle       bundleCmd       `cmd:"" help:"Write a station's coming days into a file, for a station without a link."`
	Reconcile    reconcileCmd    `cmd:"" help:"Compare what was planned with what aired."`
	MakeGoods    makeGoodsCmd    `cmd:"" help:"Show what stations missed and what has become of it."`
	Waive        waiveCmd        `cmd:"" help:"Waive airings that are owed: they are not made good."`
	Report       reportCmd       `cmd:"" help:"Count what was planned, aired, missed and made good."`
	Audit        auditCmd        `cmd:"" help:"Show who changed what, when and why."`
	Webhooks     webhooksCmd     `cmd:"" help:"Manage webhooks: other services that are notified of changes."`
	Verify       verifyCmd       `cmd:"" help:"Verify the sealed record of what was published and what aired."`
	Mirror       mirrorCmd       `cmd:"" help:"Mirrors: places without secrets from which stations fetch when they do not reach the service."`
	Drops        dropsCmd        `cmd:"" help:"Reports that stations dropped while the service took none."`
	Backup       backupCmd       `cmd:"" help:"Write all data of a service into one file, with or without a running service."`
	Restore      restoreCmd      `cmd:"" help:"Fill an empty store from a backup, made on any kind of store."`
	CheckBackup  checkBackupCmd  `cmd:"" help:"Check that a backup is complete and unchanged."`
	Key          keyCmd          `cmd:"" help:"Manage the offline root of the keys, by files alone, on a machine without a network."`
	Rekey        rekeyCmd        `cmd:"" help:"Replace a signing key that was lost or stolen, by the key in the key file or, if there is no file, by a new key. No service may run on the store."`
	UpgradeStore upgradeStoreCmd `cmd:"" help:"Raise the format of a shared store to this program's. Run it once every replica has this version: older replicas then refuse the store, and exit."`
	Fsck         fsckCmd         `cmd:"" help:"Find damaged or missing data in a store and its audio."`
	Analyse      analyseCmd      `cmd:"" help:"Measure MP3 files."`

	Health  healthCmd      `cmd:"" help:"Ask whether a service is ready, for a supervisor or a container: 0 if it is."`
	Version versionCmd     `cmd:"" help:"Print this program's version, revision and date, and the version of its time zone data."`
	Help    helpCmd        `cmd:"" help:"Show the commands, or one command's flags."`
	Manual  cmdline.Manual `cmd:"" help:"Print the manual page of all commands, or a configuration file with every setting."`

	Config     kong.ConfigFlag           `help:"YAML file of flags, such as server and token." env:"LIFELINE_CONFIG" type:"path"`
	Completion kongcompletion.Completion `cmd:"" help:"Print the code with which your shell completes these commands."`
}

// Run runs a command line until it is done or ctx ends, and returns the exit code. Environment variables stand for
// flags, as the help says.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	stdout, stderr = cmdline.Printable(stdout), cmdline.Printable(stderr)
	parser, err := newParser(ctx, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "lifeline:", err)
		return cmdline.Misunderstood
	}
	kongcompletion.Register(parser)
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	command, err := parser.Parse(args)
	if err == nil {
		err = forms.Check(command)
	}
	if err != nil {
		fmt.Fprintln(stderr, "lifeline:", cmdline.Words(err))
		return cmdline.Misunderstood
	}
	err = command.Run()
	if err != nil {
		tell(stderr, err)
	}
	return cmdline.CodeOf(err)
}

type versionCmd struct{}

func (versionCmd) Run(stdout io.Writer) error {
	_, err := fmt.Fprintf(stdout, "lifeline %s\ntime zone data %s\n", cmdline.Version(), zonedata.Present())
	return err
}

// helpCmd puts help into the list of commands; Run treats it as the flag --help.
type helpCmd struct {
	Command []string `arg:"" optional:"" help:"The command."`
}

func (helpCmd) Run() error { return nil }

// newParser returns the parser of command lines.
func newParser(ctx context.Context, stdout, stderr io.Writer) (*kong.Kong, error) {
	return kong.New(&cli{}, kong.Name("lifeline"), kong.Writers(stdout, stderr),
		kong.Description("Radio schedules that are never silent, never wrong and always provable.\n\n"+cmdline.Codes),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(stdout, (*io.Writer)(nil)),
		kong.Configuration(cmdline.ReadSettings, cmdline.SettingsFiles("config.yaml")...), cmdline.IgnoreEmptyVariables(),
		kong.PostBuild(hideServing))
}

// findsTheStore are the prefixes of the flags by which commands other than serve find its store.
var findsTheStore = []string{"data", "store", "audio", "key", "redis-", "s3-", "help", "config"}

// hideServing hides serve's own flags in the help of other commands. These commands accept and ignore the flags, so
// that one configuration file fits all commands.
func hideServing(k *kong.Kong) error {
	var serve *kong.Node
	for _, command := range k.Model.Children {
		if command.Name == "serve" {
			serve = command
		}
	}
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		command, ok := node.(*kong.Node)
		if !ok || command == serve || !hasFlag(command, "data") {
			return next(nil)
		}
		for _, flag := range command.Flags {
			finds := slices.ContainsFunc(findsTheStore, func(begin string) bool { return strings.HasPrefix(flag.Name, begin) })
			flag.Hidden = flag.Hidden || !finds && hasFlag(serve, flag.Name)
		}
		return next(nil)
	})
}

func hasFlag(command *kong.Node, name string) bool {
	return slices.ContainsFunc(command.Flags, func(flag *kong.Flag) bool { return flag.Name == name })
}

// tell prints an error for people: the message, then one line per field.
func tell(w io.Writer, err error) {
	fmt.Fprintln(w, "lifeline:", cmdline.Words(err))
	switch {
	case fault.Is(err, fault.Unauthenticated):
		fmt.Fprintln(w, "  Persons sign in by lifeline login.")
		fmt.Fprintln(w, "  Give a token by --token-file, LIFELINE_TOKEN_FILE or LIFELINE_TOKEN, or in the configuration "+
			"file. Whoever runs the service "+
			"makes one, on its machine: lifeline token create --name NAME --role ROLE")
	case cmdline.OutOfReach(err) && !errors.As(err, new(elsewhere)):
		fmt.Fprintln(w, "  Is it running, and is that its address? --server or LIFELINE_SERVER names another.")
	}
}
