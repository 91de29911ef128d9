package commands

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	_ "time/tzdata" // the zones must be the same on every machine

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
)

// cli is the whole command line.
type cli struct {
	Serve        serveCmd        `cmd:"" help:"Run the service on the embedded store."`
	Demo         demoCmd         `cmd:"" help:"Show the whole path, from upload to air and back, from nothing."`
	Token        tokenCmd        `cmd:"" help:"Access tokens."`
	Upload       uploadCmd       `cmd:"" help:"Upload recordings with their metadata."`
	Segments     segmentsCmd     `cmd:"" help:"Find segments, or show one."`
	Approve      approveCmd      `cmd:"" help:"Let segments go to air."`
	Reject       rejectCmd       `cmd:"" help:"Keep segments off the air, with the reason for their producers."`
	Recall       recallCmd       `cmd:"" help:"Take a segment off the air everywhere, now."`
	Reinstate    reinstateCmd    `cmd:"" help:"End recalls; another person approves the segments again."`
	Apply        applyCmd        `cmd:"" help:"Make the network as a file says."`
	HFCC         hfccCmd         `cmd:"" name:"hfcc" help:"Season schedules of the short-wave conference."`
	Export       exportCmd       `cmd:"" help:"Write the network as YAML, as apply takes it."`
	Clocks       clocksCmd       `cmd:"" help:"List the clocks, or show one."`
	Campaigns    campaignsCmd    `cmd:"" help:"List the campaigns, or show one."`
	Scripts      scriptsCmd      `cmd:"" help:"List the scripts, or show one."`
	Persons      personsCmd      `cmd:"" help:"List the persons that segments name, or show where one is heard."`
	Plan         planCmd         `cmd:"" help:"Draft days."`
	Show         showCmd         `cmd:"" help:"Show a day."`
	Explain      explainCmd      `cmd:"" help:"Say why an item is where it is."`
	Edit         editCmd         `cmd:"" help:"Change a day by hand."`
	Revisions    revisionsCmd    `cmd:"" help:"Show who made which revision of a day."`
	Diff         diffCmd         `cmd:"" help:"Compare two revisions of a day."`
	Publish      publishCmd      `cmd:"" help:"Sign days and hand them to their stations."`
	Withdraw     withdrawCmd     `cmd:"" help:"Take back a published day whose first window is still to come."`
	Stations     stationsCmd     `cmd:"" help:"Show how each station stands."`
	Render       renderCmd       `cmd:"" help:"Fetch a whole window as one file, as the player would put it out."`
	Bundle       bundleCmd       `cmd:"" help:"Write a station's coming days into a file, to be carried there."`
	Reconcile    reconcileCmd    `cmd:"" help:"Compare what was planned with what aired."`
	MakeGoods    makeGoodsCmd    `cmd:"" help:"Show what stations missed and what has become of it."`
	Waive        waiveCmd        `cmd:"" help:"Say that airings that are owed are not wanted any more."`
	Report       reportCmd       `cmd:"" help:"Count what was planned, aired, missed and made good."`
	Audit        auditCmd        `cmd:"" help:"Show who changed what, when and why."`
	Webhooks     webhooksCmd     `cmd:"" help:"Other people's services that are told of changes."`
	Verify       verifyCmd       `cmd:"" help:"Check that what was published and what aired is on record as it was sealed."`
	Backup       backupCmd       `cmd:"" help:"Write everything that a service keeps into one file, while it runs or not."`
	Restore      restoreCmd      `cmd:"" help:"Fill an empty store from a backup, whatever kept it before."`
	CheckBackup  checkBackupCmd  `cmd:"" help:"Check that a backup is whole and as it was written."`
	Key          keyCmd          `cmd:"" help:"The offline root of the keys: made and used on a machine without a network, by files alone."`
	Rekey        rekeyCmd        `cmd:"" help:"Sign with the key in the key file from now on, or with a new one where there is none: for when the key is lost or stolen. No service may run on the store."`
	UpgradeStore upgradeStoreCmd `cmd:"" help:"Have a store that replicas share hold documents in this program's format. Run it once every replica is of this version: older ones refuse the store then, and end."`
	Fsck         fsckCmd         `cmd:"" help:"Look for what is damaged or missing in a store and its audio."`
	Analyse      analyseCmd      `cmd:"" help:"Measure MP3 files."`

	Version versionCmd `cmd:"" help:"Print what this program was built from."`
	Help    helpCmd    `cmd:"" help:"Show the commands, or one command's flags."`

	Config     kong.ConfigFlag           `help:"YAML file of flags, such as server and token." env:"LIFELINE_CONFIG" type:"path"`
	Completion kongcompletion.Completion `cmd:"" help:"Print the lines that make your shell complete these commands."`
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
	_, err := fmt.Fprintln(stdout, "lifeline", cmdline.Version())
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
		fmt.Fprintln(w, "  Give a token by --token-file, LIFELINE_TOKEN_FILE or LIFELINE_TOKEN, or in the configuration "+
			"file. Whoever runs the service "+
			"makes one, on its machine: lifeline token create --name NAME --role ROLE")
	case cmdline.OutOfReach(err):
		fmt.Fprintln(w, "  Is it running, and is that its address? --server or LIFELINE_SERVER names another.")
	}
}
