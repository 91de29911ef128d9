package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"lifeline/internal/cmdline"
)

// healthCmd asks a service whether it is ready. An image without a shell or curl has no other means to ask.
type healthCmd struct {
	remote `embed:""`
	output `embed:""`

	Timeout time.Duration `least:"1ms" default:"5s" help:"How long to wait for the answer."`
}

// Run fails unless the service says that it is ready.
func (c *healthCmd) Run(ctx context.Context, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	parts, ready, err := c.client().Ready(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return cmdline.Refuse(cmdline.Later, "the service at %s did not answer within %v", c.address, c.Timeout)
	}
	if err != nil {
		return err
	}
	err = c.show(stdout, parts, func() {
		for _, name := range slices.Sorted(maps.Keys(parts.Parts)) {
			fmt.Fprintf(stdout, "%s: %s\n", name, oneLine(parts.Parts[name]))
		}
	})
	if err != nil || ready {
		return err
	}
	return cmdline.Refuse(cmdline.Later, "the service is not ready")
}
