package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/schedules"
)

type exportCmd struct {
	remote `embed:""`
}

// Run writes the network in the form that apply takes.
func (c *exportCmd) Run(ctx context.Context, stdout io.Writer) error {
	n, err := c.client().Network(ctx)
	if err != nil {
		return err
	}
	for i := range n.Stations {
		n.Stations[i] = n.Stations[i].InWordsAlone()
		n.Stations[i].CurrentProblems = nil // no part of the definition
	}
	document, err := json.Marshal(n)
	if err != nil {
		return err
	}
	var kinds yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(document, &kinds, yaml.UseOrderedMap()); err != nil {
		return err
	}
	for _, kind := range kinds {
		documents, _ := kind.Value.([]any)
		for i := range documents {
			if fields, ok := documents[i].(yaml.MapSlice); ok {
				documents[i] = slices.DeleteFunc(fields, func(f yaml.MapItem) bool { return f.Key == "revision" })
			}
		}
	}
	text, err := yaml.Marshal(kinds)
	if err != nil {
		return err
	}
	_, err = cmdline.Data(stdout).Write(text)
	return err
}

// listCmd lists the documents of a kind, or shows one.
type listCmd struct {
	remote `embed:""`
	output `embed:""`
	ID     string `form:"label" arg:"" optional:"" help:"Show this one; none lists them all."`
}

// listed prints a list of documents, one line each, or the requested one as YAML.
func listed[T any](c listCmd, w io.Writer, what string, all []T, id func(T) string, line func(T) string) error {
	if c.ID != "" {
		at := slices.IndexFunc(all, func(d T) bool { return id(d) == c.ID })
		if at < 0 {
			return fault.New(fault.NotFound, "there is no %s %q", what, c.ID)
		}
		document, err := json.Marshal(all[at])
		if err != nil {
			return err
		}
		text, err := readable(document)
		if err != nil {
			return err
		}
		return c.show(w, all[at], func() { io.WriteString(w, text) }) // an error of w is returned by the next write to it
	}
	return c.show(w, all, func() {
		fmt.Fprintln(w, count(len(all), what))
		for _, d := range all {
			fmt.Fprintf(w, "%-28s %s\n", id(d), oneLine(line(d)))
		}
	})
}

type clocksCmd struct {
	listCmd `embed:""`
}

func (c *clocksCmd) Run(ctx context.Context, stdout io.Writer) error {
	n, err := c.client().Network(ctx)
	if err != nil {
		return err
	}
	return listed(c.listCmd, stdout, "clock", n.Clocks, func(k schedules.Clock) string { return k.ID },
		func(k schedules.Clock) string {
			return fmt.Sprintf("%s  %s, %s", pad(span(k.Length.Duration), 10), count(len(k.Positions), "position"),
				count(len(k.Rules), "rule"))
		})
}

type scriptsCmd struct {
	listCmd `embed:""`
}

func (c *scriptsCmd) Run(ctx context.Context, stdout io.Writer) error {
	n, err := c.client().Network(ctx)
	if err != nil {
		return err
	}
	return listed(c.listCmd, stdout, "script", n.Scripts, func(s schedules.Script) string { return s.ID },
		func(s schedules.Script) string {
			return fmt.Sprintf("%s, %s, %s", s.Title, count(len(s.Versions), "version"), strings.Join(s.Languages, " "))
		})
}

type campaignsCmd struct {
	listCmd `embed:""`
}

func (c *campaignsCmd) Run(ctx context.Context, stdout io.Writer) error {
	n, err := c.client().Network(ctx)
	if err != nil {
		return err
	}
	return listed(c.listCmd, stdout, "campaign", n.Campaigns, func(k schedules.Campaign) string { return k.ID },
		func(k schedules.Campaign) string {
			return fmt.Sprintf("revision %d", k.Revision)
		})
}

type personsCmd struct {
	listCmd `embed:""`
}

// named is a person and the number of segments that name them.
type named struct {
	ID       string `form:"label" json:"id"`
	Segments int    `json:"segments"`
	Recalled int    `json:"recalled"`
}

func (c *personsCmd) Run(ctx context.Context, stdout io.Writer) error {
	if c.ID != "" {
		p, err := c.client().Person(ctx, c.ID)
		if err != nil {
			return err
		}
		return c.show(stdout, p, func() { printPerson(stdout, p) })
	}
	segments, err := c.client().Segments(ctx, nil)
	if err != nil {
		return err
	}
	of := map[string]*named{}
	persons := []named{}
	for _, s := range segments {
		for _, id := range s.Persons {
			if of[id] == nil {
				of[id] = &named{ID: id}
			}
			of[id].Segments++
			if s.State == schedules.Recalled {
				of[id].Recalled++
			}
		}
	}
	for _, p := range of {
		persons = append(persons, *p)
	}
	slices.SortFunc(persons, func(a, b named) int { return strings.Compare(a.ID, b.ID) })
	return listed(c.listCmd, stdout, "person", persons, func(p named) string { return p.ID }, func(p named) string {
		return fmt.Sprintf("%s, %d recalled", count(p.Segments, "segment"), p.Recalled)
	})
}
