package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

type removeCmd struct {
	remote `embed:""`
	output `embed:""`
	Kind   string   `arg:"" enum:"station,clock,script,campaign" help:"station, clock, script or campaign."`
	IDs    []string `form:"label" arg:"" name:"id" help:"Their ids. Nothing may use them: lifeline uses tells what does."`
	Undo   string   `type:"path" help:"Write the definitions to this file, which lifeline apply -f puts back." placeholder:"FILE"`
	DryRun bool     `help:"Only show what would change."`
	Yes    bool     `short:"y" help:"Make the changes without asking. Without this flag, nothing is changed unless a terminal is there to ask at."`
}

func (c *removeCmd) Run(ctx context.Context, stdout io.Writer) error {
	document, err := json.Marshal(map[string]any{"remove": map[string][]string{c.Kind + "s": c.IDs}})
	if err != nil {
		return err
	}
	if c.Undo != "" && !c.DryRun {
		if err := c.keep(ctx, document); err != nil {
			return err
		}
	}
	return change{c.client(), document, c.DryRun, consent{c.Yes, true}}.run(ctx, stdout, c.output)
}

// keep writes the definitions that would be removed to the file from which they can be put back.
func (c *removeCmd) keep(ctx context.Context, document []byte) error {
	would, err := c.client().Apply(ctx, bytes.NewReader(document), true)
	if err != nil {
		return placed(err, document)
	}
	var kept []json.RawMessage
	for _, change := range would.Changes {
		if change.Kind == c.Kind {
			kept = append(kept, change.Before)
		}
	}
	back, err := json.MarshalIndent(map[string]any{c.Kind + "s": kept}, "", "\t")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.Undo, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("nothing was removed: %w", err)
	}
	if _, err = f.Write(append(back, '\n')); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("nothing was removed: %w", err)
	}
	return nil
}

type renameCmd struct {
	remote `embed:""`
	output `embed:""`
	Kind   string `arg:"" enum:"clock,campaign" help:"clock or campaign. Stations, scripts and segments are named in the record by their ids, which stay: change their names or titles."`
	Old    string `form:"label" arg:"" help:"Its id."`
	New    string `form:"label" arg:"" help:"The id that it gets."`
	DryRun bool   `help:"Only show what would change."`
	Yes    bool   `short:"y" help:"Make the changes without asking. Without this flag, nothing is changed unless a terminal is there to ask at."`
}

func (c *renameCmd) Run(ctx context.Context, stdout io.Writer) error {
	n, err := c.client().Network(ctx)
	if err != nil {
		return err
	}
	renamed := wire.Apply{Remove: &wire.Removals{}}
	switch c.Kind {
	case "clock":
		renamed.Clocks, err = renamedOne(n.Clocks, c.Kind, c.Old, c.New, func(v *schedules.Clock) (*string, *int64) {
			return &v.ID, &v.Revision
		})
		renamed.Remove.Clocks = []string{c.Old}
		for _, st := range n.Stations {
			if st.RenameClock(c.Old, c.New) {
				st.CurrentProblems = nil
				renamed.Stations = append(renamed.Stations, st)
			}
		}
	case "campaign":
		renamed.Campaigns, err = renamedOne(n.Campaigns, c.Kind, c.Old, c.New, func(v *schedules.Campaign) (*string, *int64) {
			return &v.ID, &v.Revision
		})
		renamed.Remove.Campaigns = []string{c.Old}
	}
	if err != nil {
		return err
	}
	document, err := json.Marshal(renamed)
	if err != nil {
		return err
	}
	return change{c.client(), document, c.DryRun, consent{c.Yes, true}}.run(ctx, stdout, c.output)
}

// renamedOne returns the definition of the old id under the new one, which must be free.
func renamedOne[T any](list []T, kind, old, id string, keys func(*T) (id *string, revision *int64)) (out []T,
	err error) {
	for _, v := range list {
		name, revision := keys(&v)
		switch *name {
		case id:
			return nil, cmdline.Refuse(cmdline.Nothing, "nothing was renamed: there is a %s %q already", kind, id)
		case old:
			*name, *revision = id, 0
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return nil, fault.New(fault.NotFound, "there is no %s %q", kind, old)
	}
	return out, nil
}
