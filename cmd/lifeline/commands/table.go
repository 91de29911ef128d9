package commands

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"lifeline/internal/cmdline"
	"lifeline/internal/text"
)

// table reads a table whose first line names the fields: UTF-8 or UTF-16; cells separated by commas, semicolons or
// tabs; lines ended by LF, CR LF or CR, as spreadsheets write them. A line of empty cells is skipped. Tags and persons
// are separated by spaces; a consent has one column per field, such as consent.expires_at.
func (c catalogues) table(dir fs.FS, name string) ([]entry, error) {
	b, err := c.read(dir, name, "in a spreadsheet: CSV UTF-8")
	if err != nil {
		return nil, err
	}
	if b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")); !bytes.Contains(b, []byte("\n")) { // else a CR is cell text
		b = bytes.ReplaceAll(b, []byte("\r"), []byte("\n"))
	}
	comma := rune(0)
	// Excel's line "sep=;" names the separator.
	if first, rest, _ := bytes.Cut(b, []byte("\n")); len(first) > 0 {
		if said, ok := strings.CutPrefix(strings.ToLower(strings.Trim(string(first), "\" ")), "sep="); ok && len(said) == 1 {
			comma, b = rune(said[0]), append([]byte("\n"), rest...) // keeps the line numbers
		}
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, errors.New("it is empty: its first line names the fields")
	}
	if comma == 0 {
		if comma, err = separator(b); err != nil {
			return nil, err
		}
	}
	rows, lines, err := cells(b, comma)
	if err != nil {
		return nil, err
	}
	fields, err := columnsOf(rows[0])
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", lines[0], err)
	}
	var out []entry
	for i, row := range rows[1:] {
		e := entry{meta: map[string]any{}, at: fmt.Sprintf("%s, line %d", name, lines[i+1])}
		if !slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
			continue
		}
		for n, cell := range row {
			if cell = text.FromCell(strings.TrimSpace(strings.Trim(cell, "\ufeff"))); n >= len(fields) || fields[n] == "" {
				if cell != "" {
					return nil, fmt.Errorf("line %d has %q in a column without a name: it has more cells than the first line, as "+
						"where a text with a comma is not in quotes", lines[i+1], cell)
				}
			} else if err := e.take(fields[n], cell); err != nil {
				return nil, fmt.Errorf("line %d: %w", lines[i+1], err)
			}
		}
		for _, field := range fields[min(len(row), len(fields)):] {
			if err := e.take(field, ""); err != nil {
				return nil, err
			}
		}
		out = append(out, e)
	}
	if len(out) == 0 {
		return nil, cmdline.Refuse(cmdline.Nothing, "it has the names of the fields, and no line below them")
	}
	return out, nil
}

// separator returns the separator of cells: the one with which the first line has a column "file".
func separator(b []byte) (rune, error) {
	for _, comma := range ",;\t" {
		r := csv.NewReader(bytes.NewReader(b))
		r.Comma, r.FieldsPerRecord = comma, -1
		if first, err := r.Read(); err == nil && slices.ContainsFunc(first,
			func(name string) bool { return fieldName(name) == "file" }) {
			return comma, nil
		}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return 0, fmt.Errorf("its first line names no column \"file\", with commas, semicolons or tabs between the names: "+
		"%.200q", first)
}

// cells returns the rows, and the line number of each.
func cells(b []byte, comma rune) (rows [][]string, lines []int, err error) {
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.FieldsPerRecord = comma, -1
	for {
		row, err := r.Read()
		if err == io.EOF {
			return rows, lines, nil
		}
		if err != nil {
			return unquoted(b, comma)
		}
		line, _ := r.FieldPos(0)
		rows, lines = append(rows, row), append(lines, line)
	}
}

// unquoted reads a table line by line. A quote inside a cell that does not begin with one is an ordinary character.
func unquoted(b []byte, comma rune) (rows [][]string, lines []int, err error) {
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimRight(line, "\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		r := csv.NewReader(strings.NewReader(line))
		r.Comma, r.FieldsPerRecord = comma, -1
		row, err := r.Read()
		if err != nil {
			row = strings.Split(line, string(comma))
			if slices.ContainsFunc(row, func(cell string) bool { return strings.HasPrefix(strings.TrimSpace(cell), `"`) }) {
				return nil, nil, fmt.Errorf("line %d: a quote is opened or closed in the middle of a cell, so that nobody can "+
					"say where the cell ends: put the whole cell in quotes, and double those inside it", n)
			}
		}
		rows, lines = append(rows, row), append(lines, n)
	}
	return rows, lines, nil
}

func fieldName(cell string) string { return strings.ToLower(text.Clean(cell)) }

// columnsOf returns the fields that the first line names.
func columnsOf(first []string) ([]string, error) {
	fields := make([]string, len(first))
	for i, cell := range first {
		fields[i] = fieldName(cell)
		if fields[i] != "" && slices.Contains(fields[:i], fields[i]) {
			return nil, fmt.Errorf("two columns are named %q", fields[i])
		}
		if fields[i] != "" && !slices.ContainsFunc(columns, func(c [2]string) bool { return c[0] == fields[i] }) {
			return nil, fmt.Errorf("no segment has a field %q: the columns are %s", fields[i], columnNames())
		}
	}
	if !slices.Contains(fields, "file") {
		return nil, errors.New(`it names no column "file"`)
	}
	return fields, nil
}

// columnNames returns all columns that a table may have.
func columnNames() string {
	var names []string
	for _, c := range columns {
		names = append(names, c[0])
	}
	return strings.Join(names, ", ")
}

// take adds the value of one cell to the field.
func (e *entry) take(field, cell string) error {
	switch {
	case cell == "":
		if field != "" && field != "file" {
			e.blank = append(e.blank, field)
		}
	case field == "kind":
		e.meta[field] = strings.ToLower(cell)
	case field == "tags" || field == "persons":
		e.meta[field] = strings.Fields(cell)
	case field == "script":
		if !json.Valid([]byte(cell)) {
			return fmt.Errorf(`script must be JSON such as {"id":"appeal","version":3,"passages":[1,2]}, not %q`, cell)
		}
		e.meta[field] = json.RawMessage(cell)
	case field == "episode":
		n, err := strconv.Atoi(cell)
		if err != nil {
			return fmt.Errorf("episode must be a whole number, not %q", cell)
		}
		e.meta[field] = n
	case field == "sensitive":
		yes, err := strconv.ParseBool(strings.ToLower(cell))
		if err != nil {
			return fmt.Errorf("sensitive must be true or false, not %q", cell)
		}
		e.meta[field] = yes
	case strings.HasPrefix(field, "consent."):
		consent, _ := e.meta["consent"].(map[string]any)
		if consent == nil {
			consent = map[string]any{}
		}
		consent[strings.TrimPrefix(field, "consent.")] = cell
		e.meta["consent"] = consent
	default:
		e.meta[field] = cell
	}
	return nil
}
