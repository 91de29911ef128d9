package commands

import (
	"context"
	"fmt"
	"io"
	"strings"

	"lifeline/internal/wire"
)

type waitingCmd struct {
	List     waitingListCmd     `cmd:"" default:"withargs" help:"Show the changes that wait for a second person."`
	Confirm  waitingConfirmCmd  `cmd:"" help:"Confirm a change that another person asked for, which makes it."`
	Withdraw waitingWithdrawCmd `cmd:"" help:"Drop a change that waits."`
}

type waitingListCmd struct {
	remote `embed:""`
	output `embed:""`
}

func (c *waitingListCmd) Run(ctx context.Context, stdout io.Writer) error {
	all, err := c.client().Waiting(ctx)
	if err != nil {
		return err
	}
	return c.show(stdout, all, func() {
		if len(all) == 0 {
			fmt.Fprintln(stdout, "no change waits")
		}
		for _, w := range all {
			printWaiting(stdout, w)
		}
	})
}

// fieldsPrinted is how many fields of a document are printed for people.
const fieldsPrinted = 12

// printWaiting prints a change that waits.
func printWaiting(out io.Writer, w wire.Waiting) {
	fmt.Fprintf(out, "%s  %s by %s at %s, until %s\n    %s\n", w.ID, w.Action, w.By, w.At, w.ExpiresAt, oneLine(w.Why))
	var of []string
	for _, d := range w.Documents {
		of = append(of, d.Kind+" "+d.ID)
	}
	fmt.Fprintf(out, "    changes %s. %s\n", strings.Join(of, ", "), oneLine(w.Reason))
	for _, d := range w.Documents {
		at := "      " + d.Kind + " " + d.ID
		if d.Delete {
			fmt.Fprintf(out, "%s would be deleted\n", at)
		}
		if d.Stale {
			fmt.Fprintf(out, "%s has changed since: withdraw this, and ask again\n", at)
		}
		for n, f := range d.Fields {
			if n == fieldsPrinted && len(d.Fields) > n+1 {
				fmt.Fprintf(out, "%s and %d more fields: lifeline waiting --output json has all\n", at, len(d.Fields)-n)
				break
			}
			fmt.Fprintf(out, "%s %s\n", at, toldField(f))
		}
	}
}

type waitingConfirmCmd struct {
	remote `embed:""`
	output `embed:""`
	ID     string `form:"id" arg:"" name:"change" help:"The id under which the change waits."`
}

func (c *waitingConfirmCmd) Run(ctx context.Context, stdout io.Writer) error {
	return decideWaiting(ctx, stdout, c.remote, c.output, c.ID, "confirm", "made")
}

type waitingWithdrawCmd struct {
	remote `embed:""`
	output `embed:""`
	ID     string `form:"id" arg:"" name:"change" help:"The id under which the change waits."`
}

func (c *waitingWithdrawCmd) Run(ctx context.Context, stdout io.Writer) error {
	return decideWaiting(ctx, stdout, c.remote, c.output, c.ID, "withdraw", "dropped")
}

func decideWaiting(ctx context.Context, stdout io.Writer, r remote, o output, id, decision, done string) error {
	w, err := r.client().DecideWaiting(ctx, id, decision)
	if err != nil {
		return err
	}
	return o.show(stdout, w, func() { fmt.Fprintf(stdout, "%s, which %s asked for, is %s\n", w.Action, w.By, done) })
}
