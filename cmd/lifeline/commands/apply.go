package commands

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/goccy/go-yaml"

	"lifeline/internal/charset"
	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

type applyCmd struct {
	remote  `embed:""`
	output  `embed:""`
	File    string `short:"f" help:"YAML or JSON file; - is standard input." required:""`
	Charset string `form:"charset" help:"Encoding of a file that does not declare one, such as cp949, gb18030 or windows-1251." placeholder:"NAME"`
	DryRun  bool   `help:"Only show what would change."`
	Yes     bool   `short:"y" help:"Make the changes without asking. Without this flag, nothing is changed unless a terminal is there to ask at."`
}

func (c *applyCmd) Run(ctx context.Context, stdout io.Writer) error {
	document, err := readFile(c.File)
	if err != nil {
		return err
	}
	if document, err = charset.Decode(document, c.Charset); err != nil {
		return fmt.Errorf("%s: nothing was changed: %w", c.File, undeclared(err))
	}
	if len(bytes.TrimSpace(document)) == 0 {
		return cmdline.Refuse(cmdline.Nothing, "%s: nothing was changed: the file is empty", c.File)
	}
	return change{c.client(), document, c.DryRun, consent{c.Yes, c.File != "-"}}.run(ctx, stdout, c.output)
}

// change is a network document to apply.
type change struct {
	client   *client.Client
	document []byte
	dryRun   bool
	consent  consent
}

// consent is how the user agrees to a change before it is made.
type consent struct {
	yes bool // set by --yes
	ask bool // the user can be asked: standard input is a terminal and is not the document
}

// given fails with cmdline.NoConsent unless the user agrees.
func (c consent) given(w io.Writer, changes int) error {
	switch {
	case c.yes || c.ask && cmdline.Terminal(os.Stdin) && agreed(w, changes):
		return nil
	case c.ask && cmdline.Terminal(os.Stdin):
		return cmdline.Refuse(cmdline.NoConsent, "nothing was changed")
	}
	return cmdline.Refuse(cmdline.NoConsent, "nothing was changed: there is no terminal to ask at, so agree to %s with "+
		"--yes", count(changes, "change"))
}

// run shows the changes and, after consent, makes them.
func (c change) run(ctx context.Context, stdout io.Writer, o output) error {
	apply := func(dryRun bool) (wire.Applied, error) {
		return c.client.Apply(ctx, bytes.NewReader(c.document), dryRun)
	}
	would, err := apply(true)
	if err != nil {
		return placed(err, c.document)
	}
	if len(would.Changes) == 0 {
		return cmdline.Refuse(cmdline.Nothing, "nothing was changed: the file names no station, clock, campaign or script")
	}
	changes := 0
	for _, change := range would.Changes {
		if change.Action != "unchanged" {
			changes++
		}
	}
	if o.Output != "json" {
		if err := tellChanges(stdout, would); err != nil {
			return err
		}
		if would.Waits != "" {
			fmt.Fprintf(stdout, "this would wait for a second person: %s\n", oneLine(would.Waits))
		}
	}
	if changes == 0 || c.dryRun {
		return o.show(stdout, would, func() {
			if changes == 0 {
				fmt.Fprintln(stdout, "everything is as the file says")
			}
		})
	}
	asking := stdout
	if o.Output == "json" {
		asking = cmdline.Printable(os.Stderr)
	}
	if err := c.consent.given(asking, changes); err != nil {
		if o.Output == "json" {
			err = errors.Join(o.show(stdout, would, nil), err)
		}
		return err
	}
	done, err := apply(false)
	if err != nil {
		return err
	}
	return o.show(stdout, done, func() { fmt.Fprintf(stdout, "%s applied\n", count(changes, "change")) })
}

// station makes a station what it is given as. With yaml as the form of the output, it only prints the station as it
// would be, for lifeline apply.
func (c change) station(ctx context.Context, stdout io.Writer, st schedules.Station, form string) (err error) {
	if c.document, err = json.Marshal(map[string]any{"stations": []schedules.Station{st}}); err != nil {
		return err
	}
	if form != "yaml" {
		return c.run(ctx, stdout, output{Output: form})
	}
	text, err := readable(c.document)
	if err == nil {
		_, err = io.WriteString(cmdline.Data(stdout), text)
	}
	return err
}

// undeclared adds to an error about an unknown encoding how to declare the encoding.
func undeclared(err error) error {
	if errors.Is(err, charset.ErrUnknown) {
		return fmt.Errorf("%w, or name the encoding that it has, such as --charset cp949, gb18030 or windows-1251", err)
	}
	return err
}

// readFile reads the named file; "-" is standard input.
func readFile(name string) ([]byte, error) {
	in := os.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, mostOfFile+1))
	if err == nil && len(b) > mostOfFile {
		return nil, fmt.Errorf("%s is longer than %d MiB, which no document of a network and no schedule is", name,
			mostOfFile>>20)
	}
	return b, err
}

// mostOfFile bounds a file that is read as a whole, in bytes.
const mostOfFile = 32 << 20

// tellChanges prints the differences, document by document and line by line.
func tellChanges(w io.Writer, a wire.Applied) error {
	paint := colours(w)
	for _, change := range a.Changes {
		lines, err := difference(change)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%-10s %s %s\n", change.Action, change.Kind, change.ID)
		for line := range strings.Lines(lines) {
			fmt.Fprint(cmdline.Under(w), "  ", paint(text.Shown(line)))
		}
	}
	printAgainst(w, a.Problems)
	return nil
}

// printAgainst prints the problems of the network's definitions at each station.
func printAgainst(w io.Writer, problems map[string][]schedules.StationProblem) {
	for _, station := range slices.Sorted(maps.Keys(problems)) {
		for _, p := range problems[station] {
			fmt.Fprintf(w, "! station %s: %s\n", station, p.Message)
		}
	}
}

// difference returns the change of one document as a unified diff of its YAML; empty if nothing changes.
func difference(change wire.AppliedChange) (string, error) {
	if change.Action != "update" {
		return "", nil
	}
	before, err := readable(change.Before)
	if err != nil {
		return "", err
	}
	after, err := readable(change.After)
	if err != nil {
		return "", err
	}
	edits := udiff.Lines(before, after)
	unified, err := udiff.ToUnified("", "", before, edits, 2)
	if err != nil {
		return "", fmt.Errorf("compare %s %s: %w", change.Kind, change.ID, err)
	}
	_, hunks, _ := strings.Cut(unified, "@@") // without the two lines that name the files
	return "@@" + hunks, nil
}

// readable returns a JSON document as YAML, without the revision, since that always differs.
func readable(body json.RawMessage) (string, error) {
	var v yaml.MapSlice
	if err := yaml.Unmarshal(body, &v); err != nil {
		return "", err
	}
	kept := v[:0]
	for _, field := range v {
		if field.Key != "revision" {
			kept = append(kept, field)
		}
	}
	b, err := yaml.Marshal(kept)
	return string(b), err
}

// colours colours the lines of a diff on a terminal, unless NO_COLOR is set.
func colours(w io.Writer) func(string) string {
	if !cmdline.Terminal(w) || os.Getenv("NO_COLOR") != "" {
		return func(line string) string { return line }
	}
	return func(line string) string {
		const red, green, cyan, plain = "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[0m"
		colour := map[byte]string{'-': red, '+': green, '@': cyan}[line[0]]
		if colour == "" {
			return line
		}
		return colour + strings.TrimSuffix(line, "\n") + plain + "\n"
	}
}

// agreed asks the user.
func agreed(w io.Writer, changes int) bool {
	fmt.Fprintf(w, "Make %s? [y/N] ", count(changes, "change"))
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n') // end of input means no
	line = strings.ToLower(strings.TrimSpace(line))
	return line == "y" || line == "yes"
}

// isOrAre returns a count with its noun and verb.
func isOrAre(n int, what string) string {
	if n == 1 {
		return count(n, what) + " is"
	}
	return count(n, what) + " are"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
