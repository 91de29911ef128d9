package cmdline

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Manual is the command that prints a program's manual page, or a configuration file.
type Manual struct {
	Settings string `placeholder:"COMMAND" help:"Print instead a configuration file with every setting of this command, each in a comment with its default value."`
}

// Run prints it from the flags and the help of the program that is running.
func (m *Manual) Run(given *kong.Context) error {
	if m.Settings == "" {
		return writeManual(given.Stdout, given.Model)
	}
	for _, command := range given.Model.Leaves(true) {
		if strings.TrimPrefix(command.FullPath(), given.Model.Name+" ") == m.Settings {
			return writeSettings(given.Stdout, given.Model.Name, command)
		}
	}
	return Refuse(Misunderstood, "--settings: there is no command %q", m.Settings)
}

// settingsWidth is the longest line of a comment in a configuration file, in characters.
const settingsWidth = 100

// writeSettings writes a configuration file with a commented line for each flag of a command. Without the # each line
// sets what is in force without it.
func writeSettings(w io.Writer, program string, command *kong.Node) error {
	var out strings.Builder
	comment(&out, "Settings of "+command.FullPath()+". To change one, remove the # before its name. The command line and "+
		"environment variables have precedence over this file. `"+command.FullPath()+" --print-config` shows what is in "+
		"force.")
	for _, group := range command.AllFlags(true) {
		for _, flag := range group {
			if slices.Contains(notSettings, flag.Name) {
				continue
			}
			out.WriteString("\n")
			comment(&out, kong.DefaultHelpValueFormatter(flag.Value))
			fmt.Fprintln(&out, strings.TrimRight("#"+flag.Name+": "+presetting(flag), " "))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// presetting returns, as YAML, the value of a flag that is not given. It is empty if that is no value.
func presetting(flag *kong.Flag) string {
	kind := flag.Target.Type()
	switch {
	case kind.Kind() == reflect.Bool:
		return cmp.Or(flag.Default, "false")
	case kind.Kind() == reflect.Slice && flag.Default == "":
		return "[]"
	case flag.Default == "":
		return ""
	case kind == reflect.TypeFor[time.Duration](), kind.Kind() != reflect.String && isNumber(flag.Default):
		return flag.Default
	}
	return strconv.Quote(flag.Default)
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// comment writes a text as lines that begin with #.
func comment(out *strings.Builder, text string) {
	line := "#"
	for _, word := range strings.Fields(text) {
		if len([]rune(line))+1+len([]rune(word)) > settingsWidth && line != "#" {
			fmt.Fprintln(out, line)
			line = "#"
		}
		line += " " + word
	}
	fmt.Fprintln(out, line)
}

// writeManual writes the manual page of a program in the macros of man(7).
func writeManual(w io.Writer, app *kong.Application) error {
	var out strings.Builder
	about, more, _ := strings.Cut(app.Help, "\n\n")
	fmt.Fprintf(&out, ".TH %s 1 \"\" Lifeline\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n.I command\n[flags]\n",
		roff(strings.ToUpper(app.Name)), roff(app.Name), roff(strings.TrimRight(about, ".")), roff(app.Name))
	fmt.Fprintf(&out, ".SH DESCRIPTION\n%s\n", roff(about))
	if more != "" {
		fmt.Fprintf(&out, ".PP\n%s\n", roff(more))
	}
	commands := app.Leaves(true)
	common := commonFlags(commands)
	fmt.Fprintf(&out, ".SH OPTIONS\nMany commands have these flags; the help of each command says which.\n")
	for _, flag := range common {
		writeFlag(&out, flag)
	}
	out.WriteString(".SH COMMANDS\n")
	for _, command := range commands {
		fmt.Fprintf(&out, ".SS %s\n%s\n", roff(strings.TrimPrefix(command.Summary(), app.Name+" ")), roff(command.Help))
		if detail := strings.TrimSpace(command.Detail); detail != "" {
			fmt.Fprintf(&out, ".PP\n%s\n", roff(detail))
		}
		for _, arg := range command.Positional {
			fmt.Fprintf(&out, ".TP\n\\fI%s\\fR\n%s\n", roff(arg.Summary()), roff(kong.DefaultHelpValueFormatter(arg)))
		}
		for _, group := range command.AllFlags(true) {
			for _, flag := range group {
				if !slices.ContainsFunc(common, func(c *kong.Flag) bool { return sameFlag(c, flag) }) {
					writeFlag(&out, flag)
				}
			}
		}
	}
	out.WriteString(".SH FILES\n.TP\n.I ~/.config/lifeline\nThe folder of configuration files, which hold flags as YAML. " +
		"\\fB--config\\fR names another file.\n")
	_, err := io.WriteString(w, out.String())
	return err
}

// commonFlags returns the flags that at least a third of the commands have, in the order of their names.
func commonFlags(commands []*kong.Node) (common []*kong.Flag) {
	var all []*kong.Flag
	for _, command := range commands {
		for _, group := range command.AllFlags(true) {
			all = append(all, group...)
		}
	}
	for i, flag := range all {
		alike := func(other *kong.Flag) bool { return sameFlag(flag, other) }
		count := 0
		for _, other := range all {
			if alike(other) {
				count++
			}
		}
		if count*3 >= len(commands) && slices.IndexFunc(all, alike) == i {
			common = append(common, flag)
		}
	}
	slices.SortFunc(common, func(a, b *kong.Flag) int { return strings.Compare(a.Name, b.Name) })
	return common
}

// sameFlag reports whether two commands describe a flag alike.
func sameFlag(a, b *kong.Flag) bool {
	return a.Name == b.Name && a.String() == b.String() && a.Help == b.Help
}

func writeFlag(out *strings.Builder, flag *kong.Flag) {
	fmt.Fprintf(out, ".TP\n\\fB%s\\fR\n%s\n", roff(flag.String()), roff(kong.DefaultHelpValueFormatter(flag.Value)))
}

// roff returns a text for roff, which does not change what it says: words with spaces between them, and a paragraph for
// each empty line.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\`", "^", `\(ha`, "~", `\(ti`).Replace(text)
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			line = ".PP"
		case strings.HasPrefix(line, "."):
			line = `\&` + line
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
