package commands

import (
	"context"
	"fmt"
	"io"
	"time"
)

// stationCmd is about one station's player: whom the service believes to be it.
type stationCmd struct {
	Enrol stationEnrolCmd `cmd:"" help:"Make a one-time code with which a station's player gets keys of its own."`
}

type stationEnrolCmd struct {
	remote  `embed:""`
	output  `embed:""`
	Life    time.Duration `least:"1m" most:"168h" default:"1h" help:"How long the code is valid, at most 168h."`
	Station string        `form:"id" arg:"" help:"The station."`
}

// Run makes the code. It does not touch the station's present keys: those end when the code is used.
func (c *stationEnrolCmd) Run(ctx context.Context, stdout io.Writer) error {
	code, err := c.client().EnrolmentCode(ctx, c.Station, c.Life)
	if err != nil {
		return err
	}
	return c.show(stdout, code, func() {
		fmt.Fprintf(stdout, "Code for station %s: %s\nIt is valid once, until %s. On the station's machine:\n\n"+
			"    playout enrol --server %s --state DIR --code %s\n\n"+
			"That must show the same signer of the service: %s. If it shows another, do not start the player: make a new "+
			"code, and find out who is on the link.\n", code.Station, code.Code, instant(code.ExpiresAt), c.address, code.Code,
			code.Service)
	})
}
