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
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// table reads a table whose first line names the fields: UTF-8 or UTF-16; cells separated by commas, semicolons or
// tabs; lines ended by LF, CR LF or CR, as spreadsheets write them. A line of empty cells is skipped. Tags and persons
// are separated by spaces; a consent has one column per field, such as consent.expires_at.
func (c catalogues) table(dir fs.FS, name string) ([]entry, error) {
	return c.tableBy(dir, name, "file")
}

// tableBy reads a table that has the column key.
func (c catalogues) tableBy(dir fs.FS, name, key string) ([]entry, error) {
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
		if comma, err = separator(b, key); err != nil {
			return nil, err
		}
	}
	rows, lines, err := cells(b, comma)
	if err != nil {
		return nil, err
	}
	fields, unknown, err := columnsOf(rows[0], key)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", lines[0], err)
	}
	var out []entry
	var wrong []error
	for i, row := range rows[1:] {
		if !slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
			continue
		}
		e := entry{meta: map[string]any{}, at: fmt.Sprintf("%s, line %d", name, lines[i+1])}
		if err := e.takeRow(fields, row); err != nil {
			wrong = append(wrong, fmt.Errorf("line %d%w", lines[i+1], err))
		}
		out = append(out, e)
	}
	if len(wrong) > mostSaid {
		wrong = append(wrong[:mostSaid:mostSaid], fmt.Errorf("and %d more lines", len(wrong)-mostSaid))
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	if len(out) == 0 {
		return nil, cmdline.Refuse(cmdline.Nothing, "it has the names of the fields, and no line below them")
	}
	if unknown != "" {
		out = append([]entry{{file: name, notes: []string{unknown}}}, out...)
	}
	return out, nil
}

// mostSaid bounds the lines of a table that one error names.
const mostSaid = 30

// takeRow adds the values of a row. Its errors go after the number of the line.
func (e *entry) takeRow(fields, row []string) error {
	for n, cell := range row {
		if cell = text.FromCell(strings.TrimSpace(strings.Trim(cell, "\ufeff"))); n >= len(fields) || fields[n] == "" {
			if cell != "" {
				return fmt.Errorf(" has %q in a column without a name: it has more cells than the first line, as "+
					"where a text with a comma is not in quotes", cell)
			}
		} else if err := e.take(fields[n], cell); err != nil {
			return fmt.Errorf(": %w", err)
		}
	}
	for _, field := range fields[min(len(row), len(fields)):] {
		if err := e.take(field, ""); err != nil {
			return fmt.Errorf(": %w", err)
		}
	}
	return nil
}

// separator returns the separator of cells: the one with which the first line has the column key.
func separator(b []byte, key string) (rune, error) {
	for _, comma := range ",;\t" {
		r := csv.NewReader(bytes.NewReader(b))
		r.Comma, r.FieldsPerRecord = comma, -1
		if first, err := r.Read(); err == nil && slices.ContainsFunc(first,
			func(name string) bool { return fieldName(name) == key }) {
			return comma, nil
		}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return 0, fmt.Errorf("its first line names no column %q, with commas, semicolons or tabs between the names: "+
		"%.200q", key, first)
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

// columnsOf returns the fields that the first line names, and a note on columns that are left out since no field has
// their name: their cells are "?". It fails for a name that looks like a misspelt field.
func columnsOf(first []string, key string) (fields []string, note string, err error) {
	fields = make([]string, len(first))
	var unknown []string
	for i, cell := range first {
		fields[i] = fieldName(cell)
		if fields[i] != "" && slices.Contains(fields[:i], fields[i]) {
			return nil, "", fmt.Errorf("two columns are named %q", fields[i])
		}
		if fields[i] == "" || slices.Contains(allColumns(), fields[i]) ||
			key == "id" && slices.Contains(toldColumns, fields[i]) {
			continue
		}
		if meant := schedules.Suggest(fields[i], slices.Values(allColumns())); meant != "" {
			return nil, "", fmt.Errorf("no segment has a field %q%s (the columns are %s)", fields[i], meant, columnNames())
		}
		unknown = append(unknown, oneLine(fields[i]))
	}
	if !slices.Contains(fields, key) {
		return nil, "", fmt.Errorf("it names no column %q", key)
	}
	for i := range fields {
		if fields[i] != "" && !slices.Contains(allColumns(), fields[i]) {
			fields[i] = leftOut
		}
	}
	if len(unknown) > 0 {
		note = fmt.Sprintf("warning: left out, since no segment has a field of that name: %s. The columns are %s",
			strings.Join(unknown, ", "), columnNames())
	}
	return fields, note, nil
}

// leftOut stands for a column whose cells are not read.
const leftOut = "?"

// columnNames returns all columns that a table may have.
func columnNames() string {
	return strings.Join(allColumns(), ", ")
}

func allColumns() (names []string) {
	for _, c := range columns {
		names = append(names, c[0])
	}
	return names
}

// take adds the value of one cell to the field.
func (e *entry) take(field, cell string) error {
	switch {
	case field == leftOut:
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

// wrongRows fails if rows of tables hold what no segment takes, with the line and the reason for each.
func wrongRows(entries []entry) error {
	var wrong []error
	for _, e := range entries {
		if e.at == "" || e.wrong != nil {
			continue
		}
		if err := e.wrongFields(); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", e.name(), err))
		}
	}
	if len(wrong) > mostSaid {
		wrong = append(wrong[:mostSaid:mostSaid], fmt.Errorf("and %d more lines", len(wrong)-mostSaid))
	}
	if len(wrong) > 0 {
		wrong = append(wrong, errors.New("nothing was sent"))
	}
	return errors.Join(wrong...)
}

// alone are the fields that are right or wrong without the others. A row of a segment that is there may name any.
var alone = []string{"kind", "title", "language", "voice", "series", "tags"}

// wrongFields fails if a field that has a value cannot have it.
func (e entry) wrongFields() error {
	var m wire.SegmentMeta
	b, err := json.Marshal(e.meta)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return fmt.Errorf("%s cannot be a %s", kind.Field, kind.Value)
	case err != nil:
		return err
	}
	inForm(&m)
	var s schedules.Segment
	m.Onto(&s)
	var wrong []string
	for _, p := range s.Problems() {
		field, _, _ := strings.Cut(p.Field, "[")
		if slices.Contains(alone, field) && slices.Contains(e.said, field) {
			wrong = append(wrong, p.Field+" "+p.Message)
		}
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}
