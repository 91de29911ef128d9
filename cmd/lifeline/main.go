// Command lifeline is the service and the people's command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the zones must be the same on every machine

	"github.com/alecthomas/kong"

	"lifeline/internal/client"
	"lifeline/internal/fault"
)

// cli is the whole command line.
type cli struct {
	Serve     serveCmd     `cmd:"" help:"Run the service on the embedded store."`
	Demo      demoCmd      `cmd:"" help:"Show the whole path, from upload to air and back, from nothing."`
	Token     tokenCmd     `cmd:"" help:"Access tokens."`
	Upload    uploadCmd    `cmd:"" help:"Upload recordings with their metadata."`
	Approve   approveCmd   `cmd:"" help:"Let segments go to air."`
	Recall    recallCmd    `cmd:"" help:"Take a segment off the air everywhere, now."`
	Apply     applyCmd     `cmd:"" help:"Make the network as a file says."`
	Plan      planCmd      `cmd:"" help:"Draft days."`
	Publish   publishCmd   `cmd:"" help:"Sign days and hand them to their stations."`
	Show      showCmd      `cmd:"" help:"Show a day."`
	Reconcile reconcileCmd `cmd:"" help:"Compare what was planned with what aired."`
	Analyse   analyseCmd   `cmd:"" help:"Measure MP3 files."`
}

// remote is what every command that speaks to a service needs.
type remote struct {
	Server string `help:"The service's address." default:"http://127.0.0.1:8080" env:"LIFELINE_SERVER"`
	Token  string `help:"Access token." env:"LIFELINE_TOKEN"`
}

func (r remote) client() *client.Client { return client.New(r.Server, r.Token, http.DefaultClient) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: 0 is success, 1 failure, 2 a command line that is not understood.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	parser, err := kong.New(&cli{}, kong.Name("lifeline"), kong.Writers(stdout, stderr),
		kong.Description("Radio schedules that are never silent, never wrong and always provable."),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(stdout, (*io.Writer)(nil)))
	if err != nil {
		fmt.Fprintln(stderr, "lifeline:", err)
		return 2
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(stderr, "lifeline:", err)
		return 2
	}
	if err := command.Run(); err != nil {
		tell(stderr, err)
		return 1
	}
	return 0
}

// tell writes an error for a person: what is wrong, then each field of it.
func tell(w io.Writer, err error) {
	fmt.Fprintln(w, "lifeline:", err)
	var f *fault.Error
	if !errors.As(err, &f) {
		return
	}
	if len(f.Fields) > 1 {
		for _, field := range f.Fields {
			fmt.Fprintf(w, "  %s %s\n", field.Field, field.Message)
		}
	}
}
