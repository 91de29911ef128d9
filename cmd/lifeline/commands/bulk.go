package commands

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/library"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// toldColumns are the columns of an exported table that only tell: an import does not read them.
var toldColumns = []string{"state", "length"}

type segmentsExportCmd struct {
	remote      `embed:""`
	segmentsOf  `embed:""`
	Destination string `arg:"" name:"file" type:"path" help:"The table (CSV, in UTF-8) to write; - is standard output."`
}

// Run writes the segments that match as a table, as import and spreadsheets read it.
func (c *segmentsExportCmd) Run(ctx context.Context, stdout io.Writer) error {
	found, err := c.find(ctx, c.client())
	if err != nil {
		return err
	}
	me, err := c.client().Me(ctx)
	if err != nil {
		return err
	}
	write := func(w io.Writer) error { return writeTable(w, found, me.Sensitive == nil || *me.Sensitive) }
	if c.Destination == "-" {
		return write(cmdline.Data(stdout))
	}
	f, err := os.OpenFile(c.Destination, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already: nothing was written", c.Destination)
	}
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.Destination))
	}
	fmt.Fprintf(stdout, "%s in %s\n", count(len(found), "segment"), oneLine(c.Destination))
	return nil
}

// writeTable writes segments as CSV that spreadsheets open as it is. protected adds the columns of persons and consent.
func writeTable(out io.Writer, segments []schedules.Segment, protected bool) error {
	var names []string
	for _, name := range allColumns() {
		if name != "file" && (protected || name != "persons" && !strings.HasPrefix(name, "consent.")) {
			names = append(names, name)
		}
	}
	if _, err := io.WriteString(out, "\ufeff"); err != nil {
		return err
	}
	w := csv.NewWriter(out)
	w.UseCRLF = true
	w.Write(slices.Concat(names, toldColumns)) // w.Error returns its error
	for _, s := range segments {
		row := make([]string, 0, len(names)+len(toldColumns))
		for _, name := range names {
			cell, err := cellOf(s, name)
			if err != nil {
				return err
			}
			row = append(row, text.Cell(cell))
		}
		length := ""
		if s.Recording != nil {
			length = span(s.Recording.Duration.Duration)
		}
		w.Write(append(row, string(s.State), length))
	}
	w.Flush()
	return w.Error()
}

// cellOf returns the value of a segment in a column, as entry.take reads it.
func cellOf(s schedules.Segment, column string) (string, error) {
	var consent schedules.Consent
	if s.Consent != nil {
		consent = *s.Consent
	}
	switch column {
	case "id":
		return s.ID, nil
	case "kind":
		return string(s.Kind), nil
	case "title":
		return s.Title, nil
	case "language":
		return s.Language, nil
	case "voice":
		return s.Voice, nil
	case "series":
		return s.Series, nil
	case "episode":
		if s.Episode == 0 {
			return "", nil
		}
		return strconv.Itoa(s.Episode), nil
	case "tags":
		return strings.Join(s.Tags, " "), nil
	case "persons":
		return strings.Join(s.Persons, " "), nil
	case "script":
		if s.Script == nil {
			return "", nil
		}
		b, err := json.Marshal(s.Script)
		return string(b), err
	case "intro":
		return s.Intro, nil
	case "back_announce":
		return s.BackAnnounce, nil
	case "sensitive":
		return strconv.FormatBool(s.Sensitive), nil
	case "consent.reference":
		return consent.Reference, nil
	}
	for name, at := range map[string]schedules.Instant{"valid_from": s.ValidFrom, "valid_until": s.ValidUntil,
		"consent.given_at": consent.GivenAt, "consent.expires_at": consent.ExpiresAt} {
		if name == column && !at.IsZero() {
			return at.String(), nil
		}
	}
	return "", nil
}

type segmentsImportCmd struct {
	remote  `embed:""`
	output  `embed:""`
	agree   `embed:""`
	File    string `arg:"" form:"existing" help:"A table with a column id, such as export wrote. A column that is not there changes nothing; an empty cell empties its field."`
	Charset string `form:"charset" help:"Encoding of a table that declares none, such as cp949, gb18030 or windows-1251." placeholder:"NAME"`
}

// Run shows what the table would change, and changes it after consent.
func (c *segmentsImportCmd) Run(ctx context.Context, stdout io.Writer) error {
	rows, err := c.rows()
	if err != nil {
		return err
	}
	now, err := segmentsByID(ctx, c.client(), rows)
	if err != nil {
		return err
	}
	var plan []segmentChange
	var wrong []error
	for _, e := range rows {
		s, known := now[e.meta["id"].(string)]
		if !known {
			wrong = append(wrong, fmt.Errorf("%s: there is no segment %q: upload its recording", e.at, e.meta["id"]))
			continue
		}
		changes, err := differences(e, s)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", e.at, err))
		}
		plan = append(plan, segmentChange{segment: s, fields: changes})
	}
	if len(wrong) > 0 {
		return errors.Join(append(wrong, errors.New("nothing was changed"))...)
	}
	undo := strings.TrimSuffix(c.File, filepath.Ext(c.File))
	return bulk{c.client(), c.output, c.agree, undo}.run(ctx, stdout, plan)
}

// rows returns the rows of the table, each with an id.
func (c *segmentsImportCmd) rows() ([]entry, error) {
	dir, err := os.OpenRoot(filepath.Dir(c.File))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	read, err := catalogues{charset: c.Charset}.tableBy(dir.FS(), filepath.Base(c.File), "id")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.File, err)
	}
	var rows []entry
	var wrong []error
	lines := map[string]string{}
	for _, e := range read {
		if e.meta == nil {
			for _, note := range e.notes {
				fmt.Fprintf(cmdline.Printable(os.Stderr), "%s: %s\n", e.name(), note)
			}
			continue
		}
		id, _ := e.meta["id"].(string)
		delete(e.meta, "file")
		e.said = fieldsOf(e.meta)
		switch err := e.wrongFields(); {
		case id == "":
			wrong = append(wrong, fmt.Errorf("%s names no segment: its id is empty", e.at))
		case lines[id] != "":
			wrong = append(wrong, fmt.Errorf("%s: segment %q is on %s already", e.at, id, lines[id]))
		case err != nil:
			wrong = append(wrong, fmt.Errorf("%s: %w", e.at, err))
		}
		lines[id] = e.at
		rows = append(rows, e)
	}
	if len(wrong) > mostSaid {
		wrong = append(wrong[:mostSaid:mostSaid], fmt.Errorf("and %d more", len(wrong)-mostSaid))
	}
	if len(wrong) > 0 {
		return nil, errors.Join(append(wrong, errors.New("nothing was changed"))...)
	}
	return rows, nil
}

// mostSingly is how many segments are read one by one and not by a list of all.
const mostSingly = 200

// segmentsByID returns the segments that rows name.
func segmentsByID(ctx context.Context, c *client.Client, rows []entry) (map[string]schedules.Segment, error) {
	out := map[string]schedules.Segment{}
	if len(rows) > mostSingly {
		all, err := c.Segments(ctx, nil)
		for _, s := range all {
			out[s.ID] = s
		}
		return out, err
	}
	for _, e := range rows {
		s, known, err := segmentIfThere(ctx, c, e.meta["id"].(string))
		if err != nil {
			return nil, err
		}
		if known {
			out[s.ID] = s
		}
	}
	return out, nil
}

type segmentsChangeCmd struct {
	remote     `embed:""`
	output     `embed:""`
	segmentsOf `embed:""`
	agree      `embed:""`
	Set        []string `form:"assignment" sep:"none" help:"Set a field of all segments that match, such as series=letters; nothing after = empties it. Values are as in tables." placeholder:"FIELD=VALUE"`
	AddTag     []string `form:"label" help:"Tags to add to all."`
	RemoveTag  []string `form:"label" help:"Tags to take from all."`
	Undo       string   `type:"path" help:"Where to keep what undoes the change, as FILE.undo.json." default:"segments" placeholder:"FILE"`
}

// Run shows what would change in all segments that match, and changes it after consent.
func (c *segmentsChangeCmd) Run(ctx context.Context, stdout io.Writer) error {
	if len(c.Set)+len(c.AddTag)+len(c.RemoveTag) == 0 {
		return errors.New("say what to change: --set, --add-tag or --remove-tag")
	}
	if c.nothing() {
		return errors.New("say which segments to change, such as with --tag, --series or --state")
	}
	e := entry{meta: map[string]any{}}
	for _, one := range c.Set {
		field, value, err := assigned(one)
		if err == nil {
			err = e.take(field, text.FromCell(value))
		}
		if err != nil {
			return fmt.Errorf("--set: %w", err)
		}
		top, _, _ := strings.Cut(field, ".")
		e.said = append(e.said, top)
	}
	if err := e.wrongFields(); err != nil {
		return fmt.Errorf("--set: %w", err)
	}
	found, err := c.find(ctx, c.client())
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return cmdline.Refuse(cmdline.Nothing, "no segment matches: nothing was changed")
	}
	plan := make([]segmentChange, 0, len(found))
	for _, s := range found {
		changes, err := differences(c.tagged(e, s), s)
		if err != nil {
			return err
		}
		plan = append(plan, segmentChange{segment: s, fields: changes})
	}
	return bulk{c.client(), c.output, c.agree, c.Undo}.run(ctx, stdout, plan)
}

// tagged returns e with the tags that s is to have.
func (c *segmentsChangeCmd) tagged(e entry, s schedules.Segment) entry {
	if len(c.AddTag)+len(c.RemoveTag) == 0 {
		return e
	}
	tags, _ := e.meta["tags"].([]string)
	if !slices.Contains(e.said, "tags") {
		tags = s.Tags
	}
	tags = slices.Clone(tags)
	for _, tag := range c.AddTag {
		if tag = label(tag); !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	tags = slices.DeleteFunc(tags, func(tag string) bool {
		return slices.ContainsFunc(c.RemoveTag, func(gone string) bool { return label(gone) == tag })
	})
	e.meta = maps.Clone(e.meta)
	e.meta["tags"] = tags
	e.said = append(slices.Clone(e.said), "tags")
	return e
}

type segmentsUndoCmd struct {
	remote `embed:""`
	output `embed:""`
	agree  `embed:""`
	File   string `arg:"" form:"existing" help:"What import or change kept: NAME.undo.json."`
}

// Run gives the fields that an import or a change set their former values, where they are still as it left them.
func (c *segmentsUndoCmd) Run(ctx context.Context, stdout io.Writer) error {
	b, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	var kept undoFile
	if err := json.Unmarshal(b, &kept); err != nil || kept.Form != undoForm {
		return fmt.Errorf("%s is not what lifeline segments import or change kept", c.File)
	}
	rows := make([]entry, len(kept.Segments))
	for i, s := range kept.Segments {
		rows[i].meta = map[string]any{"id": s.ID}
	}
	now, err := segmentsByID(ctx, c.client(), rows)
	if err != nil {
		return err
	}
	var plan []segmentChange
	var left []error
	for _, was := range kept.Segments {
		s, known := now[was.ID]
		if !known {
			left = append(left, fmt.Errorf("%s is not there any more", was.ID))
			continue
		}
		is, err := fieldsNow(s)
		if err != nil {
			return err
		}
		back := segmentChange{segment: s}
		for _, f := range was.Fields {
			switch {
			case sameJSON(is[f.Field], f.After):
				back.fields = append(back.fields, fieldChange{f.Field, is[f.Field], f.Before})
			case !sameJSON(is[f.Field], f.Before):
				left = append(left, fmt.Errorf("%s: %s was changed since, and stays", was.ID, f.Field))
			}
		}
		plan = append(plan, back)
	}
	err = bulk{c.client(), c.output, c.agree, ""}.run(ctx, stdout, plan)
	if len(left) > 0 {
		return cmdline.Exit(cmdline.Partly, errors.Join(append(left, err)...))
	}
	return err
}

// agree is how the user agrees to changes that are shown.
type agree struct {
	DryRun bool `help:"Only show what would change."`
	Yes    bool `short:"y" help:"Make the changes without asking. Without this flag, nothing is changed unless a terminal is there to ask at."`
}

// segmentChange is what a bulk change makes of a segment.
type segmentChange struct {
	segment schedules.Segment
	fields  []fieldChange
}

// undoFile is what undoes a bulk change.
type undoFile struct {
	Form     string        `json:"form"`
	MadeAt   time.Time     `json:"made_at"`
	Segments []undoSegment `json:"segments"`
}

type undoSegment struct {
	ID     string      `json:"id"`
	Fields []undoField `json:"fields"`
}

type undoField struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

const undoForm = "lifeline-undo-1"

// bulk changes many segments, each by an edit of its own: the rules of single edits hold for each.
type bulk struct {
	client *client.Client
	output output
	agree  agree
	undo   string // the file of what undoes it, without its ending; empty: none
}

// bulkResult is a segment after a bulk change, or as it would be.
type bulkResult struct {
	ID            string             `json:"id"`
	Fields        []wire.FieldChange `json:"fields"`
	NeedsApproval bool               `json:"needs_approval"` // it was approved, and is not any more
	Error         string             `json:"error,omitempty"`
}

// run shows a plan and, after consent, carries it out.
func (b bulk) run(ctx context.Context, stdout io.Writer, plan []segmentChange) error {
	plan, err := b.seen(ctx, plan)
	if err != nil {
		return err
	}
	all := len(plan)
	plan = slices.DeleteFunc(plan, func(c segmentChange) bool { return len(c.fields) == 0 })
	would := make([]bulkResult, len(plan))
	var wrong []error
	for i, c := range plan {
		var changed schedules.Segment
		would[i], changed = c.result()
		if err := errors.Join(newProblems(c.segment, changed), lostLetters(c.fields)); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", c.segment.ID, err))
		}
		if b.output.Output != "json" {
			fmt.Fprintln(stdout, would[i].line(c))
		}
	}
	if len(wrong) > 0 {
		return errors.Join(append(wrong, errors.New("nothing was changed"))...)
	}
	asking := stdout
	if b.output.Output == "json" {
		asking = cmdline.Printable(os.Stderr)
	}
	if len(plan) == 0 || b.agree.DryRun {
		return b.output.show(stdout, would, func() {
			fmt.Fprintf(stdout, "%d of %s would change\n", len(plan), count(all, "segment"))
		})
	}
	if err := (consent{b.agree.Yes, true}).given(asking, len(plan)); err != nil {
		return err
	}
	at, err := b.keepUndo(plan)
	if err != nil {
		return fmt.Errorf("nothing was changed: what undoes it cannot be kept: %w", err)
	}
	began := time.Now()
	changed, failed := 0, []error{}
	for i, c := range plan {
		edited, err := b.client.EditSegment(ctx, c.segment.ID, c.segment.Revision, patchOf(c.fields))
		if err != nil {
			would[i].Error = err.Error()
			failed = append(failed, fmt.Errorf("%s: %w", c.segment.ID, err))
			if cmdline.ForAll(err) || ctx.Err() != nil {
				failed = append(failed, errors.New("the others were not tried: the same command again goes on"))
				break
			}
			continue
		}
		changed++
		would[i].NeedsApproval = c.segment.State == schedules.Approved && edited.State != schedules.Approved
	}
	told := b.output.show(stdout, would, func() {
		fmt.Fprintf(stdout, "%d of %s changed in %s\n", changed, count(len(plan), "segment"),
			time.Since(began).Round(time.Millisecond))
		if at != "" {
			fmt.Fprintf(stdout, "to undo: lifeline segments undo %s\n", oneLine(at))
		}
	})
	return errors.Join(told, cmdline.Some(changed, errors.Join(failed...)))
}

// seen leaves the fields out that the person does not see.
func (b bulk) seen(ctx context.Context, plan []segmentChange) ([]segmentChange, error) {
	if !slices.ContainsFunc(plan, func(c segmentChange) bool { return slices.ContainsFunc(c.fields, mayBeHidden) }) {
		return plan, nil
	}
	me, err := b.client.Me(ctx)
	if err != nil || me.Sensitive == nil || *me.Sensitive {
		return plan, err
	}
	fmt.Fprintln(cmdline.Printable(os.Stderr), "you do not see persons and consent: they were not compared, and stay")
	for i := range plan {
		plan[i].fields = slices.DeleteFunc(plan[i].fields, mayBeHidden)
	}
	return plan, nil
}

// keepUndo writes what undoes the plan before anything is changed, and returns the file.
func (b bulk) keepUndo(plan []segmentChange) (string, error) {
	if b.undo == "" {
		return "", nil
	}
	kept := undoFile{Form: undoForm, MadeAt: time.Now().UTC(), Segments: make([]undoSegment, len(plan))}
	for i, c := range plan {
		kept.Segments[i].ID = c.segment.ID
		for _, f := range c.fields {
			kept.Segments[i].Fields = append(kept.Segments[i].Fields, undoField{f.field, f.before, f.after})
		}
	}
	body, err := json.Marshal(kept)
	if err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		name := b.undo + ".undo.json"
		if n > 1 {
			name = fmt.Sprintf("%s-%d.undo.json", b.undo, n)
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) && n < 1000 {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(body)
		return name, errors.Join(err, f.Sync(), f.Close())
	}
}

// newProblems fails with the faults of changed that before does not have.
func newProblems(before, changed schedules.Segment) error {
	var wrong []error
	for _, p := range changed.Problems() {
		if !slices.Contains(before.Problems(), p) {
			wrong = append(wrong, fmt.Errorf("%s %s", p.Field, p.Message))
		}
	}
	return errors.Join(wrong...)
}

// lostLetters fails if a value differs by question marks in the place of letters beyond ASCII alone: a spreadsheet
// writes them for letters that the encoding of its table lacks.
func lostLetters(fields []fieldChange) error {
	var wrong []error
	for _, f := range fields {
		before, after := []rune(string(f.before)), []rune(string(f.after))
		lost := len(before) == len(after)
		for i := 0; lost && i < len(before); i++ {
			lost = before[i] == after[i] || after[i] == '?' && before[i] >= utf8.RuneSelf
		}
		if lost {
			wrong = append(wrong, fmt.Errorf("%s lost letters: a spreadsheet writes ? for those that the encoding of its "+
				"table lacks: save the table as CSV UTF-8", f))
		}
	}
	return errors.Join(wrong...)
}

// result returns what the change would do, and what the segment would be.
func (c segmentChange) result() (bulkResult, schedules.Segment) {
	out := bulkResult{ID: c.segment.ID, Fields: []wire.FieldChange{}}
	after := wire.SegmentMetaOf(c.segment)
	for _, f := range c.fields {
		out.Fields = append(out.Fields, wire.FieldChange{Field: f.field, Before: string(f.before), After: string(f.after)})
		b, err := json.Marshal(map[string]json.RawMessage{f.field: f.after})
		if err != nil {
			continue
		}
		if f.field == "consent" {
			after.Consent = nil
		}
		if json.Unmarshal(b, &after) != nil {
			continue // the service refuses it, with the reason
		}
	}
	changed := c.segment
	after.Onto(&changed)
	out.NeedsApproval = c.segment.State == schedules.Approved && library.NeedsApproval(c.segment, changed)
	return out, changed
}

// line returns a result for people.
func (r bulkResult) line(c segmentChange) string {
	line := oneLine(r.ID + "  " + changeLine(c.fields))
	if r.NeedsApproval {
		line += "; it would need approval again, and is off the air until then"
	}
	return line
}

// fieldsNow returns the editorial fields of a segment, as differences compares them.
func fieldsNow(s schedules.Segment) (fields map[string]json.RawMessage, err error) {
	m := wire.SegmentMetaOf(s)
	inForm(&m)
	b, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(b, &fields)
	}
	return fields, err
}

func sameJSON(a, b json.RawMessage) bool { return string(a) == string(b) }
