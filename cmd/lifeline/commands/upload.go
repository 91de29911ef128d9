package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/schedules"
)

type uploadCmd struct {
	remote   `embed:""`
	output   `embed:""`
	Files    []string `arg:"" name:"file" help:"MP3 files, each with a sidecar (NAME.yaml) if it has one; catalogues in YAML; tables in CSV or in the Unicode text of spreadsheets; or folders of these." form:"existing"`
	Kind     string   `form:"kind" help:"Kind of recordings that have none of their own."`
	Language string   `form:"language" help:"Language of recordings that have none of their own."`
	Voice    string   `help:"Voice of recordings that have none of their own."`
	Series   string   `help:"Series of recordings that have none of their own."`
	Tags     []string `help:"Tags of recordings that have none of their own."`
	Charset  string   `form:"charset" help:"Encoding of tables and tags that do not declare one, such as cp949, gb18030 or windows-1251." placeholder:"NAME"`
	Replace  bool     `help:"If a segment with the id exists, change it to what the files contain: different audio replaces its recording and needs a new approval, and differences in a table or sidecar are applied as with --update."`
	Update   bool     `help:"If a segment with the id exists, apply the differences in a table or sidecar; an empty cell empties its field. An approved segment then needs a new approval, unless it only airs until an earlier time or becomes sensitive."`
	Quiet    bool     `help:"No progress bar."`
}

// columns are the columns of a table, each with its description.
var columns = [][2]string{
	{"file", "the recording, beside the table; the only column that must be there"},
	{"id", "of the segment; none means that the service makes one"},
	{"kind", "such as reading, ident, news, testimony, letter, music"},
	{"title", ""},
	{"language", "a BCP 47 tag such as ko-KP or en; zxx for none"},
	{"voice", "who is heard"},
	{"series", ""},
	{"episode", "its number in the series"},
	{"tags", "apart by spaces"},
	{"script", `JSON such as {"id":"appeal","version":1,"passages":[1,2]}`},
	{"persons", "ids of the persons that are named, apart by spaces"},
	{"intro", "the segment that goes before it"},
	{"back_announce", "the segment that goes after it"},
	{"valid_from", "an instant such as 2026-12-01T00:00:00Z"},
	{"valid_until", "likewise; it must have ended by then"},
	{"consent.given_at", "likewise"},
	{"consent.expires_at", "likewise"},
	{"consent.reference", "where the consent is filed"},
	{"sensitive", "true or false"},
}

// Help describes tables.
func (c *uploadCmd) Help() string {
	var out strings.Builder
	out.WriteString("The first line of a table (CSV) names its columns:\n\n")
	for _, column := range columns {
		out.WriteString("  " + strings.TrimSuffix(column[0]+": "+column[1], ": ") + "\n")
	}
	return out.String()
}

func (c *uploadCmd) Run(ctx context.Context, stdout io.Writer) error {
	given := map[string]any{"kind": c.Kind, "language": c.Language, "voice": c.Voice, "series": c.Series}
	if len(c.Tags) > 0 {
		given["tags"] = c.Tags
	}
	var entries []entry
	for _, name := range c.Files {
		name = filepath.Clean(name) // shells add a slash to the name of a folder
		dir, err := os.OpenRoot(filepath.Dir(name))
		if err != nil {
			return err
		}
		defer dir.Close()
		found, err := catalogues{given, c.Charset}.entries(dir.FS(), filepath.Base(name))
		if err != nil {
			return err
		}
		entries = append(entries, found...)
	}
	if entries = passedOver(cmdline.Printable(os.Stderr), entries); len(entries) == 0 {
		return cmdline.Refuse(cmdline.Nothing, "nothing was sent: %s names no recording", strings.Join(c.Files, ", "))
	}
	if err := errors.Join(distinctIDs(entries), wrongRows(entries)); err != nil {
		return err
	}
	became := map[string]string{}
	u := uploader{client: c.client(), replace: c.Replace, update: c.Update || c.Replace,
		became: func(id, what string) { became[id] = what }, progress: progressTo(c.Quiet), sent: map[string]entry{}}
	segments, failed := u.all(ctx, entries)
	if n := rejected(segments); n > 0 {
		failed = cmdline.Some(len(segments)-n, errors.Join(failed, fmt.Errorf("%d of %s cannot air: they are rejected, for "+
			"the reasons shown", n, count(len(entries), "recording"))))
	}
	stations, unknown := u.stations(ctx, segments)
	failed = errors.Join(failed, unknown)
	return errors.Join(c.show(stdout, segments, func() {
		for _, s := range segments {
			fmt.Fprintf(stdout, "%-28s %-9s %s  %s", s.ID, s.State, span(s.Recording.Duration.Duration),
				oneLine(u.sent[s.ID].file))
			if s.Rejection != nil {
				fmt.Fprintf(stdout, "  %s", s.Rejection.Message)
			}
			if what := became[s.ID]; what != "" {
				fmt.Fprintf(stdout, "  %s", what)
			}
			fmt.Fprintln(stdout)
			printWarnings(stdout, s.Recording)
		}
		for _, language := range slices.Sorted(maps.Keys(stations)) {
			if on := stations[language]; len(on) > 0 {
				fmt.Fprintf(stdout, "%s can air on %s\n", language, strings.Join(on, ", "))
			} else {
				fmt.Fprintf(stdout, "warning: %s\n", unairedLanguage(language))
			}
		}
	}), failed)
}

// rejected counts the segments whose recordings cannot air.
func rejected(segments []schedules.Segment) (n int) {
	for _, s := range segments {
		if s.State == schedules.Rejected {
			n++
		}
	}
	return n
}

// uploadCatalogue uploads every recording of a catalogue, shows the progress, and returns the segments.
func uploadCatalogue(ctx context.Context, c *client.Client, dir fs.FS, name string, progress io.Writer) (
	[]schedules.Segment, error) {
	entries, err := catalogues{}.entries(dir, name)
	if err != nil {
		return nil, err
	}
	return uploader{client: c, progress: progress, became: func(string, string) {}, sent: map[string]entry{}}.all(ctx,
		entries)
}

// uploader sends recordings to the service.
type uploader struct {
	client   *client.Client
	replace  bool
	update   bool
	became   func(id, what string) // receives the outcome for a segment that existed
	progress io.Writer
	sent     map[string]entry // what has been sent, by segment
}

// passedOver prints the notes on how entries were read, and returns the entries that can be sent.
func passedOver(w io.Writer, entries []entry) (out []entry) {
	for _, e := range entries {
		for _, note := range e.notes {
			fmt.Fprintf(w, "%s: %s\n", e.name(), note)
		}
		if e.dir != nil {
			out = append(out, e)
		}
	}
	return out
}

// all uploads entries and returns their segments, analysed unless that takes too long. A failure of one does not stop
// the others.
func (u uploader) all(ctx context.Context, entries []entry) (out []schedules.Segment, failed error) {
	for i, e := range entries {
		s, err := u.one(ctx, e, fmt.Sprintf("%d of %d", i+1, len(entries)))
		if err == nil {
			out = append(out, s)
			u.sent[s.ID] = e
			continue
		}
		if cmdline.ForAll(err) || ctx.Err() != nil {
			failed = errors.Join(failed, fmt.Errorf("%w\n%d of %d recordings are there; the same command again sends the "+
				"others and goes on where it broke off",
				err, len(out), len(entries)))
			return out, cmdline.Some(len(out), failed)
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", e.name(), err))
	}
	failed = cmdline.Some(len(out), failed)
	for i, s := range out {
		s, err := u.analysed(ctx, s)
		failed = errors.Join(failed, err)
		out[i] = s
	}
	return out, failed
}

// one uploads a recording unless the service has it.
func (u uploader) one(ctx context.Context, e entry, which string) (schedules.Segment, error) {
	if e.wrong != nil {
		return schedules.Segment{}, e.wrong
	}
	if err := e.tooLong(); err != nil {
		return schedules.Segment{}, err
	}
	f, err := e.dir.Open(e.file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(e.file, "?"):
		return schedules.Segment{}, errors.New("there is no such file. A spreadsheet writes ? for letters that the " +
			"encoding of its table lacks: save the table as CSV UTF-8")
	case errors.Is(err, fs.ErrNotExist):
		return schedules.Segment{}, errors.New("there is no such file")
	case err != nil:
		return schedules.Segment{}, err
	}
	defer f.Close()
	content, ok := f.(io.ReaderAt)
	if !ok {
		return schedules.Segment{}, errors.New("it cannot be read from the middle, which an upload in pieces needs")
	}
	hash := sha256.New()
	length, err := io.Copy(hash, f)
	if err != nil {
		return schedules.Segment{}, err
	}
	if length == 0 {
		return schedules.Segment{}, errors.New("the file is empty: export the recording again")
	}
	r := client.Recording{Audio: content, Length: length, SHA256: hex.EncodeToString(hash.Sum(nil)), Meta: e.meta}
	known, others, err := u.known(ctx, e, &r)
	if err != nil {
		return schedules.Segment{}, err
	}
	if known != nil && r.Replaces == nil {
		return u.asSaid(ctx, e, *known, "unchanged")
	}
	bar := newBar(u.progress, which+" "+e.file, length, progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish())
	defer bar.Exit()
	s, err := u.client.UploadInPieces(ctx, r, func(bytes int64) { bar.Set64(bytes) })
	if fault.Is(err, fault.Conflict) && !u.replace {
		return s, fmt.Errorf("%w. With --replace it becomes that segment's new recording", err)
	}
	if err != nil {
		return s, missing(err, e)
	}
	what := ""
	if len(others) > 0 {
		what = "warning: it is the same recording as " + strings.Join(others, ", ")
	}
	if known == nil {
		u.became(s.ID, what)
		return s, nil
	}
	return u.asSaid(ctx, e, s, strings.TrimSuffix("new recording, "+what, ", "))
}

// longest is the maximum size of a field in bytes; the service's own limits are far lower.
const longest = 32 << 10

// tooLong fails if a field is longer than any field may be, such as the rest of a table after an unclosed quote.
func (e entry) tooLong() error {
	for _, name := range slices.Sorted(maps.Keys(e.meta)) {
		if b, err := json.Marshal(e.meta[name]); err == nil && len(b) > longest {
			return fmt.Errorf("its %s holds %d bytes, and no field takes more than %d: in a table, a quote may be opened and "+
				"not closed", name, len(b), longest)
		}
	}
	return nil
}

// missing adds to an error about a missing kind or language how to give them.
func missing(err error, e entry) error {
	var flags []string
	for _, f := range fault.FieldsOf(err) {
		if _, said := e.meta[f.Field]; !said && (f.Field == "kind" || f.Field == "language") {
			flags = append(flags, "--"+f.Field)
		}
	}
	if len(flags) == 0 {
		return err
	}
	return fmt.Errorf("%w. For recordings that have none of their own, give %s", err, strings.Join(flags, " and "))
}

// mayBeHidden reports whether a change is of a field that only persons see who are named for it.
func mayBeHidden(c fieldChange) bool { return c.field == "persons" || c.field == "consent" }

// asSaid updates an existing segment to the entry, or returns the differences as an error.
func (u uploader) asSaid(ctx context.Context, e entry, s schedules.Segment, what string) (schedules.Segment, error) {
	changes, err := differences(e, s)
	if err == nil && slices.ContainsFunc(changes, mayBeHidden) {
		me, failed := u.client.Me(ctx)
		if err = failed; err == nil && me.Sensitive != nil && !*me.Sensitive {
			changes = slices.DeleteFunc(changes, mayBeHidden)
			what += " (you do not see persons and consent: they were not compared, and stay)"
		}
	}
	if err != nil || len(changes) == 0 {
		u.became(s.ID, what)
		return s, err
	}
	now, err := u.client.SegmentNow(ctx, s.ID)
	if err == nil && now.Erased != nil {
		err = fmt.Errorf("segment %q was erased for good at %s (erasure %s): leave it out", s.ID, instant(now.Erased.At),
			now.Erased.ID)
	}
	if err != nil {
		return s, err
	}
	if first, twice := u.sent[s.ID]; twice {
		return s, fmt.Errorf("it is the same recording as %s, which is segment %q, and has other metadata: %s. Leave one of "+
			"the two out, or give each an id", first.name(), s.ID, changeLine(changes))
	}
	if !u.update {
		return s, fmt.Errorf("segment %q is there and was not changed, but differs: %s. --update changes it", s.ID,
			changeLine(changes))
	}
	edited, err := u.client.EditSegment(ctx, s.ID, s.Revision, patchOf(changes))
	if err != nil {
		return s, err
	}
	what = strings.TrimPrefix(what+", changed: "+changeLine(changes), "unchanged, ")
	if s.State == schedules.Approved && edited.State != schedules.Approved {
		what += "; it needs approval anew"
	}
	u.became(edited.ID, what)
	return edited, nil
}

// known returns the segment that has the recording already. With r set to replace, it returns the segment of that id,
// whose recording will be replaced. It returns nil if the recording must be sent as a new segment. others names the
// segments of other ids that have the same recording, with their states.
func (u uploader) known(ctx context.Context, e entry, r *client.Recording) (s *schedules.Segment, others []string,
	err error) {
	same, err := u.client.Segments(ctx, url.Values{"sha256": {r.SHA256}})
	if err != nil {
		return nil, nil, err
	}
	id, _ := e.meta["id"].(string)
	for _, s := range same {
		if id == "" || s.ID == id || s.ID == e.was {
			return &s, nil, nil
		}
		others = append(others, fmt.Sprintf("%s, which is %s", s.ID, s.State))
	}
	if !u.replace || id == "" {
		return nil, others, nil
	}
	replaced, err := u.client.Segment(ctx, id)
	if fault.Is(err, fault.NotFound) && e.was != "" && e.was != id {
		replaced, err = u.client.Segment(ctx, e.was)
	}
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, others, nil
	case err != nil:
		return nil, nil, err
	}
	r.Replaces = &replaced
	return &replaced, others, nil
}

// stations returns, for each language of the segments, the stations with a window for it; nil if there is no station.
func (u uploader) stations(ctx context.Context, segments []schedules.Segment) (map[string][]string, error) {
	out := map[string][]string{}
	if len(segments) == 0 {
		return out, nil
	}
	if all, err := u.client.Stations(ctx); err != nil || len(all) == 0 {
		return out, err
	}
	for _, s := range segments {
		if _, known := out[s.Language]; known {
			continue
		}
		now, err := u.client.SegmentNow(ctx, s.ID)
		if err != nil {
			return out, err
		}
		out[s.Language] = now.AirableOn
	}
	return out, nil
}

// analysisPatience is the longest wait for the analysis of an upload. A recording of hours takes longer.
const analysisPatience = time.Minute

func (u uploader) analysed(ctx context.Context, s schedules.Segment) (schedules.Segment, error) {
	for wait, end := 20*time.Millisecond, time.Now().Add(analysisPatience); s.State == schedules.Analysing &&
		time.Now().Before(end); wait *= 2 {
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(min(wait, time.Second)):
		}
		var err error
		if s, err = u.client.Segment(ctx, s.ID); err != nil {
			return s, err
		}
	}
	return s, nil
}
