// Command lifeline is the service, and the command line for its users. Its commands are in
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
	logging.Disable() // go-redis logs what its calls return as errors
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(commands.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
