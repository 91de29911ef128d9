// Command lifeline is the service, and the command line of the people who work with it. Its commands are in
// lifeline/cmd/lifeline/commands.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9/logging"

	"lifeline/cmd/lifeline/commands"
)

func main() {
	logging.Disable() // what go-redis would say beside the log, the calls that fail say in it
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(commands.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
