package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"lifeline/schedules"
)

// act is a command that moves segments from state to state.
type act struct {
	remote `embed:""`
	output `embed:""`
	IDs    []string `arg:"" name:"segment" help:"Segments."`
}

// do acts on every segment in turn. One that fails does not stop the others.
func (c act) do(ctx context.Context, stdout io.Writer, verb, reason string) error {
	done := []schedules.Segment{}
	var failed error
	for _, id := range c.IDs {
		s, err := c.client().Act(ctx, id, verb, reason)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", id, err))
			continue
		}
		done = append(done, s)
	}
	return errors.Join(c.show(stdout, done, func() {
		for _, s := range done {
			fmt.Fprintf(stdout, "%s is %s\n", s.ID, s.State)
		}
	}), failed)
}

type approveCmd struct {
	act    `embed:""`
	Reason string `help:"Why, for the record."`
}

func (c *approveCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.do(ctx, stdout, "approve", c.Reason)
}

// mustReason is the reason of an act that must have one.
type mustReason struct {
	Reason string `help:"Why, for the record." required:""`
}

type rejectCmd struct {
	act        `embed:""`
	mustReason `embed:""`
}

func (c *rejectCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.do(ctx, stdout, "reject", c.Reason)
}

type recallCmd struct {
	act        `embed:""`
	mustReason `embed:""`
}

func (c *recallCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.do(ctx, stdout, "recall", c.Reason)
}

type reinstateCmd struct {
	act        `embed:""`
	mustReason `embed:""`
}

func (c *reinstateCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.do(ctx, stdout, "reinstate", c.Reason)
}
