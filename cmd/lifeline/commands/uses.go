package commands

import (
	"context"
	"fmt"
	"io"
)

type usesCmd struct {
	remote `embed:""`
	output `embed:""`
	Kind   string `arg:"" enum:"clock,script,segment" help:"clock, script or segment."`
	ID     string `form:"label" arg:"" help:"Its id."`
}

func (c *usesCmd) Run(ctx context.Context, stdout io.Writer) error {
	u, err := c.client().Uses(ctx, c.Kind, c.ID)
	if err != nil {
		return err
	}
	return c.show(stdout, u, func() {
		if len(u.Definitions)+len(u.Coming) == 0 {
			fmt.Fprintf(stdout, "nothing uses %s %s\n", c.Kind, c.ID)
			return
		}
		for _, d := range u.Definitions {
			fmt.Fprintln(stdout, d)
		}
		if u.More > 0 {
			fmt.Fprintf(stdout, "and %s more\n", count(u.More, "segment"))
		}
		for _, day := range u.Coming {
			fmt.Fprintf(stdout, "%s of %s, published, still to air\n", count(day.Items, "item"),
				day.Station+" "+day.Date.String())
		}
	})
}
