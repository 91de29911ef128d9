package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"lifeline/internal/cmdline"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// act is a command that changes the state of segments.
type act struct {
	remote `embed:""`
	output `embed:""`
	IDs    []string `form:"id" arg:"" name:"segment" help:"Segments."`
}

// do applies the act to each segment in turn. A failure for one segment does not stop the others.
func (c act) do(ctx context.Context, stdout io.Writer, verb, reason string) error {
	return c.each(stdout, verb, func(id string) (wire.ChangedSegment, error) {
		return c.client().Act(ctx, id, verb, reason)
	})
}

// each is do with the call given by one.
func (c act) each(stdout io.Writer, verb string, one func(id string) (wire.ChangedSegment, error)) error {
	done := []wire.ChangedSegment{}
	failed := cmdline.Each(c.IDs, func(id string) error {
		s, err := one(id)
		if err == nil {
			done = append(done, s)
		}
		return err
	})
	return errors.Join(c.show(stdout, done, func() {
		for _, s := range done {
			fmt.Fprintf(stdout, "%s is %s\n", s.ID, s.State)
			if s.State == schedules.Approved {
				printWarnings(stdout, s.Recording)
			}
			printSame(stdout, s.SameRecording)
			if note := whatNext(verb, s.Segment); note != "" {
				fmt.Fprintf(stdout, "  %s\n", note)
			}
			printAgainst(stdout, s.Stations)
		}
	}), failed)
}

// whatNext says what follows an act, and how to undo it.
func whatNext(verb string, s schedules.Segment) string {
	switch {
	case verb == "reinstate" && s.State == schedules.Pending:
		return "another person must approve it; until then stations refuse it"
	case verb == "reject":
		return "lifeline reinstate, or another recording, undoes this"
	case verb == "approve" && s.ReinstatedBy != "":
		return "time of published days that is open since it was taken out is filled again; what took its place stays " +
			"until lifeline plan and publish make the day anew"
	}
	return ""
}

// printSame prints which other segments have the same recording.
func printSame(w io.Writer, others []wire.SameRecording) {
	for _, o := range others {
		fmt.Fprintf(w, "  warning: the same recording is also segment %s, which is %s\n", o.ID, o.State)
	}
}

// printWarnings prints the warnings of a recording, if there is one.
func printWarnings(w io.Writer, r *schedules.Recording) {
	if r == nil {
		return
	}
	for _, warning := range r.RecordingWarnings {
		fmt.Fprintf(w, "  warning: %s\n", warning.Message)
	}
}

type approveCmd struct {
	act            `embed:""`
	Reason         string `help:"The reason, for the audit trail."`
	AcceptWarnings bool   `help:"Approve although the recording is damaged, its end is missing, or it will hardly be heard."`
	SHA256         string `form:"hash" name:"sha256" help:"Of the recording that was heard, for one segment: the approval fails if it has another now."`
}

func (c *approveCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.each(stdout, "approve", func(id string) (wire.ChangedSegment, error) {
		shown, err := c.client().Segment(ctx, id)
		if err != nil {
			return wire.ChangedSegment{}, err
		}
		return c.client().Approve(ctx, shown, wire.Approval{Reason: c.Reason, AcceptWarnings: c.AcceptWarnings,
			SHA256: c.SHA256})
	})
}

// requiredReason is the flag of an act that requires a reason.
type requiredReason struct {
	Reason string `help:"The reason, for the audit trail." required:""`
}

type rejectCmd struct {
	act            `embed:""`
	requiredReason `embed:""`
}

func (c *rejectCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.do(ctx, stdout, "reject", c.Reason)
}

type recallCmd struct {
	remote         `embed:""`
	output         `embed:""`
	requiredReason `embed:""`
	IDs            []string `form:"id" arg:"" optional:"" name:"segment" help:"Segments."`
	Person         string   `form:"label" help:"All segments that name this person, at once."`
	Confirm        string   `help:"Recall nothing, but confirm the recalls that this person (id or name) made."`
}

func (c *recallCmd) Run(ctx context.Context, stdout io.Writer) error {
	switch named := min(len(c.IDs), 1) + min(len(c.Person), 1) + min(len(c.Confirm), 1); {
	case named != 1:
		return cmdline.Refuse(cmdline.Misunderstood, "name either segments, or a --person, or whose recalls to --confirm")
	case c.Confirm != "":
		done, err := c.client().ConfirmRecalls(ctx, wire.RecallsOf{By: c.Confirm, Reason: c.Reason})
		if err != nil {
			return err
		}
		return c.show(stdout, done, func() { fmt.Fprintf(stdout, "%s confirmed\n", count(len(done.Segments), "recall")) })
	case c.Person == "":
		return act{c.remote, c.output, c.IDs}.do(ctx, stdout, "recall", c.Reason)
	}
	p, err := c.client().RecallPerson(ctx, c.Person, c.Reason)
	if err != nil {
		return err
	}
	return c.show(stdout, p, func() { printRecalled(stdout, c.Person, p) })
}

// printRecalled prints the answer to the recall of a person. Who may not see persons gets no segments in it.
func printRecalled(w io.Writer, person string, p wire.Person) {
	if len(p.Segments) == 0 {
		fmt.Fprintf(w, "all segments that name %s are recalled; only persons who are named for what is sensitive see them\n",
			person)
	}
	printPerson(w, p)
}

// printPerson prints the segments that name a person, where stations are to air those that are not recalled, and which
// stations have the recalled ones off the air.
func printPerson(w io.Writer, p wire.Person) {
	printAgainst(w, p.WithoutFallback)
	var recalled, others bool
	for _, s := range p.Segments {
		fmt.Fprintf(w, "%-28s %s\n", s.ID, s.State)
		recalled, others = recalled || s.State == schedules.Recalled, others || s.State != schedules.Recalled
	}
	for _, s := range p.Stations {
		if recalled {
			fmt.Fprintf(w, "%-20s %s\n", s.Station, ofRecall(s))
		}
		if others {
			fmt.Fprintf(w, "%-20s %s\n", s.Station, scheduled(s))
		}
	}
}

// ofRecall says whether a station has the recalled segments of a person off the air.
func ofRecall(s wire.PersonStation) string {
	switch {
	case s.Acknowledged:
		return "has acknowledged the recall"
	case s.OffBy.IsZero():
		return "has nothing of the recalled segments in its coming queues"
	}
	return fmt.Sprintf("has not acknowledged the recall: off by %s at the latest", s.OffBy)
}

// scheduled says where a station is to air the segments of a person that are not recalled.
func scheduled(s wire.PersonStation) string {
	var where []string
	if s.Airings > 0 {
		where = append(where, fmt.Sprintf("has %s scheduled in its published days, the next at %s",
			count(s.Airings, "airing"), s.NextAt))
	}
	if s.Fallback {
		where = append(where, "names it in its fallback")
	}
	if where == nil {
		return "has nothing scheduled in its published days"
	}
	return strings.Join(where, ", and ")
}

type reinstateCmd struct {
	remote         `embed:""`
	output         `embed:""`
	requiredReason `embed:""`
	IDs            []string `form:"id" arg:"" optional:"" name:"segment" help:"Segments."`
	By             string   `help:"All segments that this person (id or name) recalled and nobody confirmed, at once. Of five or more, what names nobody, is not sensitive and was approved airs again; all else another person approves."`
	Since          string   `form:"instant" help:"With --by: that were recalled since this day or instant (UTC)."`
}

func (c *reinstateCmd) Run(ctx context.Context, stdout io.Writer) error {
	if (c.By == "") == (len(c.IDs) == 0) || (c.By == "") != (c.Since == "") {
		return cmdline.Refuse(cmdline.Misunderstood, "name either segments, or --by a person and --since an instant")
	}
	if c.By == "" {
		return act{c.remote, c.output, c.IDs}.do(ctx, stdout, "reinstate", c.Reason)
	}
	text, err := instantOf(c.Since, time.UTC)
	if err != nil {
		return err
	}
	since, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return err
	}
	done, err := c.client().UndoRecalls(ctx, wire.RecallsOf{By: c.By, Since: schedules.At(since), Reason: c.Reason})
	if err != nil {
		return err
	}
	return c.show(stdout, done, func() {
		for _, s := range done.Segments {
			fmt.Fprintf(stdout, "%s is %s\n", s.ID, s.State)
		}
		if done.Message != "" {
			fmt.Fprintln(stdout, done.Message)
		}
	})
}
