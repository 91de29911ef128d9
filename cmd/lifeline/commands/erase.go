package commands

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"lifeline/internal/wire"
)

type eraseCmd struct {
	List    eraseListCmd    `cmd:"" default:"withargs" help:"Show what was erased, and what waits for a second person."`
	Show    eraseShowCmd    `cmd:"" help:"Show an erasure, and what is left where."`
	Ask     eraseAskCmd     `cmd:"" help:"Ask for segments, replaced recordings or a person to be erased. Nothing goes before another person has confirmed it."`
	Confirm eraseConfirmCmd `cmd:"" help:"Confirm what another person asked for: it goes, and nothing brings it back."`
	Drop    eraseDropCmd    `cmd:"" help:"Drop a request that nobody has confirmed."`
}

type eraseListCmd struct {
	remote `embed:""`
	output `embed:""`
}

func (c *eraseListCmd) Run(ctx context.Context, stdout io.Writer) error {
	all, err := c.client().Erasures(ctx)
	if err != nil {
		return err
	}
	return c.show(stdout, all, func() {
		fmt.Fprintln(stdout, count(len(all), "erasure"))
		for _, e := range all {
			fmt.Fprintf(stdout, "%s %-9s %s, asked by %s at %s: %s\n", e.ID, e.State, sizeOf(e), e.AskedBy, e.AskedAt,
				e.Reason)
		}
	})
}

func sizeOf(e wire.Erasure) string {
	if e.Member != "" {
		return "the names of " + e.Member
	}
	return count(len(e.Segments), "segment") + ", " + count(len(e.Recordings), "recording")
}

type eraseShowCmd struct {
	remote `embed:""`
	output `embed:""`
	ID     string `form:"id" arg:"" name:"erasure" help:"The erasure."`
}

func (c *eraseShowCmd) Run(ctx context.Context, stdout io.Writer) error {
	e, err := c.client().Erasure(ctx, c.ID)
	if err != nil {
		return err
	}
	return c.show(stdout, e, func() { printErasure(stdout, e) })
}

// printErasure prints all that goes, and what is left where.
func printErasure(w io.Writer, e wire.Erasure) {
	fmt.Fprintf(w, "erasure %s is %s: %s\nasked by %s at %s: %s\n", e.ID, e.State, sizeOf(e), e.AskedBy, e.AskedAt,
		e.Reason)
	if e.DecidedBy != "" {
		fmt.Fprintf(w, "decided by %s at %s\n", e.DecidedBy, e.DecidedAt)
	}
	for _, s := range e.Segments {
		fmt.Fprintf(w, "  segment %s (%s, %s)\n", s.ID, s.Kind, s.Language)
	}
	for _, n := range e.Names {
		fmt.Fprintf(w, "  text %q in %s\n", n.Name, count(n.Documents, "document"))
	}
	for _, r := range e.Recordings {
		fmt.Fprintf(w, "  recording %s of %s\n", r.SHA256, r.Segment)
	}
	if e.Uploads > 0 {
		fmt.Fprintf(w, "  %s\n", count(e.Uploads, "upload"))
	}
	for _, where := range e.Left {
		fmt.Fprintf(w, "  left: %s\n", where)
	}
	for _, where := range e.Outside {
		fmt.Fprintf(w, "  not reached: %s\n", where)
	}
}

type eraseAskCmd struct {
	remote         `embed:""`
	output         `embed:""`
	requiredReason `embed:""`
	IDs            []string `form:"id" arg:"" optional:"" name:"segment" help:"Segments, with all their recordings."`
	Recording      []string `form:"hash" help:"SHA-256 of a recording that another one replaced; may be repeated."`
	Person         string   `form:"label" help:"A person whom segments name: these segments, and the name everywhere."`
	Name           []string `help:"A further name or spelling, which goes from all texts; may be repeated."`
	Member         string   `form:"id" help:"The id of an ended person who worked with the service: the names, everywhere."`
}

func (c *eraseAskCmd) Run(ctx context.Context, stdout io.Writer) error {
	e, err := c.client().AskErasure(ctx, wire.ErasureRequest{Segments: c.IDs, Recordings: c.Recording, Person: c.Person,
		Names: c.Name, Member: c.Member, Reason: c.Reason})
	if err != nil {
		return err
	}
	return c.show(stdout, e, func() {
		printErasure(stdout, e)
		fmt.Fprintf(stdout, "Nothing has gone yet. Another person confirms it: lifeline erase confirm %s\n", e.ID)
	})
}

// decision is a command that decides on an erasure.
type decision struct {
	remote `embed:""`
	output `embed:""`
	ID     string `form:"id" arg:"" name:"erasure" help:"The erasure."`
	Reason string `help:"The reason, for the audit trail. Default: as it was asked for."`
}

func (c *decision) do(ctx context.Context, stdout io.Writer, verb string) error {
	shown, err := c.client().Erasure(ctx, c.ID)
	if err != nil {
		return err
	}
	if verb == "confirm" && shown.State == "asked" && c.Output != "json" {
		printErasure(stdout, shown)
	}
	e, err := c.client().DecideErasure(ctx, shown, verb, cmp.Or(c.Reason, shown.Reason))
	if err != nil {
		return err
	}
	return c.show(stdout, e, func() { printErasure(stdout, e) })
}

type eraseConfirmCmd struct {
	decision `embed:""`
}

func (c *eraseConfirmCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.do(ctx, stdout, "confirm")
}

type eraseDropCmd struct {
	decision `embed:""`
}

func (c *eraseDropCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.do(ctx, stdout, "drop")
}
