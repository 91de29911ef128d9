package commands

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/text"
	"lifeline/schedules"
)

type correctCmd struct {
	remote `embed:""`
	output `embed:""`
	ID     string   `form:"id" arg:"" name:"segment" help:"The segment."`
	Fields []string `form:"assignment" arg:"" name:"field=value" help:"Fields of tables with their values, such as title='Night letter' or tags='night appeal'. Nothing after = empties the field."`
}

// Help describes the fields.
func (c *correctCmd) Help() string {
	var out strings.Builder
	out.WriteString("What is changed of an approved segment airs after another person has approved it, unless it only airs " +
		"until an earlier time or becomes sensitive.\n\nFields:\n")
	for _, column := range columns {
		if slices.Contains(notCorrected, column[0]) {
			continue
		}
		fmt.Fprintf(&out, "  %-20s %s\n", column[0], column[1])
	}
	return out.String()
}

// notCorrected are the columns of tables that are no fields of a segment which can change.
var notCorrected = []string{"file", "id"}

// assigned returns the name and the value of a FIELD=VALUE. It fails for what is no field that can change.
func assigned(assignment string) (field, value string, err error) {
	name, value, ok := strings.Cut(assignment, "=")
	field = fieldName(name)
	if !ok || slices.Contains(notCorrected, field) || !slices.ContainsFunc(columns, func(c [2]string) bool {
		return c[0] == field
	}) {
		return "", "", fault.New(fault.Invalid, "%q must be FIELD=VALUE, and the fields are %s", assignment,
			strings.TrimPrefix(columnNames(), strings.Join(notCorrected, ", ")+", "))
	}
	return field, strings.TrimSpace(value), nil
}

func (c *correctCmd) Run(ctx context.Context, stdout io.Writer) error {
	e := entry{meta: map[string]any{}}
	for _, one := range c.Fields {
		field, value, err := assigned(one)
		if err == nil {
			err = e.take(field, text.FromCell(value))
		}
		if err != nil {
			return cmdline.Exit(cmdline.Misunderstood, fault.New(fault.Invalid, "%v", err))
		}
		top, _, _ := strings.Cut(field, ".")
		e.said = append(e.said, top)
	}
	s, err := c.client().Segment(ctx, c.ID)
	if err != nil {
		return err
	}
	changes, err := differences(e, s)
	if err != nil {
		return fault.New(fault.Invalid, "%v", err)
	}
	if len(changes) == 0 {
		return cmdline.Refuse(cmdline.Nothing, "nothing was changed: segment %q is so already", s.ID)
	}
	edited, err := c.client().EditSegment(ctx, s.ID, s.Revision, patchOf(changes))
	if err != nil {
		return err
	}
	return c.show(stdout, edited, func() {
		fmt.Fprintf(stdout, "%s: %s\n", edited.ID, oneLine(changeLine(changes)))
		if edited.State != schedules.Approved || len(edited.Edits) > 0 {
			fmt.Fprintln(stdout, "another person must approve it")
		}
	})
}
