// Command playout is the player of one station: it follows the service, plays the station's day to the second and
// reports what aired.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // stations keep their own time zones, whatever machine they are

	"github.com/alecthomas/kong"

	"lifeline/internal/playout"
)

// version is what the player reports of itself.
const version = "lifeline-playout/1"

func main() { execute(time.Now) }

// execute does what the command line says, on a machine whose time is now.
func execute(now playout.Now) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var cli struct {
		Run       run       `cmd:"" default:"withargs" help:"Play the station's day."`
		Bundle    bundle    `cmd:"" help:"Write the station's coming days into a file, to be carried there."`
		Import    importing `cmd:"" help:"Give such a file to the player of a state directory, while it plays."`
		Export    export    `cmd:"" help:"Write what aired and is not reported yet into a file, to be carried back."`
		Inventory inventory `cmd:"" help:"List the recordings that the player has, for bundle --have."`
	}
	k := kong.Parse(&cli, kong.Name("playout"), kong.UsageOnError(),
		kong.Description("Lifeline's player: pulls a station's signed queue, plays it to the second, reports what aired."),
		kong.Vars{"silence": playout.SilenceLimit.String()}, kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(now))
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "playout:", err)
		os.Exit(1)
	}
}
