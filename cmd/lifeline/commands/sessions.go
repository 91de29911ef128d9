package commands

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"lifeline/internal/text"
	"lifeline/internal/wire"
)

type peopleSessionsCmd struct {
	remote `embed:""`
	output `embed:""`
	End    []string `form:"id" placeholder:"SESSION" help:"End these sessions first."`
}

func (c *peopleSessionsCmd) Run(ctx context.Context, stdout io.Writer) error {
	service := c.client()
	for _, id := range c.End {
		if err := service.EndSession(ctx, id); err != nil {
			return err
		}
	}
	all, err := service.Sessions(ctx)
	if err != nil {
		return err
	}
	return c.show(stdout, all, func() { printSessions(stdout, all) })
}

// printSessions prints where a person is signed in.
func printSessions(out io.Writer, all []wire.Session) {
	const line = "%-32s %-20s %-20s %-14s %-28s %-24s %s\n"
	fmt.Fprintf(out, line, "session", "since", "used", "by", "signed in by", "from", "browser")
	for _, s := range all {
		by := s.By
		if s.Present {
			by += " *"
		}
		fmt.Fprintf(out, line, s.ID, instant(s.CreatedAt), instant(s.UsedAt), by, cmp.Or(s.Provider, "passkey"), s.Remote,
			text.ShownLine(s.Agent))
	}
	if len(all) > 0 {
		fmt.Fprintln(out, "* this command line. End one that you do not know: lifeline people sessions --end SESSION")
	}
}
