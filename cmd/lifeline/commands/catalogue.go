package commands

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"lifeline/internal/charset"
	"lifeline/internal/cmdline"
	"lifeline/internal/text"
)

// entry is a recording in a directory, and the metadata for its upload by the contract's field names. The values are
// unchanged from their source: the service validates them.
type entry struct {
	dir   fs.FS
	file  string
	meta  map[string]any
	at    string   // where the entry stands in a table, such as "table.csv, line 3"; empty: in no table
	said  []string // fields with a value from a table, sidecar or flag; the others are guessed from the file
	blank []string // fields for which the table has a column, but no value for this recording
	notes []string // remarks for the user on how the entry was read
	wrong error    // why it cannot be sent
	was   string   // the id that an earlier version made from the file's name; empty if the id is not made from it
}

// name returns the entry's name for messages.
func (e entry) name() string {
	if e.at != "" {
		return e.at + ": " + oneLine(e.file)
	}
	return oneLine(e.file)
}

// catalogues reads entries from files and folders. given holds the metadata for recordings that have none of their own.
type catalogues struct {
	given   map[string]any
	charset string // of texts that declare none; empty: read only certain ones
}

// entries reads the entries of a file or a folder in dir. A file is a catalogue (YAML with a list "segments", or a
// table with a column for each field; both name the recording in "file") or an MP3 with its metadata from a sidecar of
// the same name or from its tags. A folder holds any of these.
func (c catalogues) entries(dir fs.FS, name string) ([]entry, error) {
	if info, err := fs.Stat(dir, name); err != nil {
		return nil, err
	} else if info.IsDir() {
		return c.in(dir, name)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file with content that can be sent: %w", name, errNotRegular)
	}
	below, err := fs.Sub(dir, path.Dir(name))
	if err != nil {
		return nil, err
	}
	file := path.Base(name)
	var listed []entry
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml":
		listed, err = c.yaml(below, file)
	case ".csv", ".tsv", ".txt": // spreadsheets save "Unicode text" as .txt
		listed, err = c.table(below, file)
	default:
		if systemFile(file) {
			return []entry{{dir: below, file: file, wrong: errors.New("this belongs to the system that the files were copied " +
				"from, and is no recording")}}, nil
		}
		e, err := c.describe(below, file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return []entry{e}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, e := range listed {
		if e.meta == nil && len(e.notes) > 0 { // a note on the table
			continue
		}
		file, ok := e.meta["file"].(string)
		if !ok || file == "" {
			return nil, fmt.Errorf("%s names no file", e.at)
		}
		delete(e.meta, "file")
		e.dir, e.file, e.said = below, onDisk(below, file), append(fieldsOf(e.meta), fieldsOf(c.given)...)
		e.meta = fill(e.meta, c.given)
		listed[i] = e
	}
	return listed, nil
}

// in reads a folder: its catalogues if it has any, else its MP3 files. It skips, with a note, the files of operating
// systems, links that leave the folder, and recordings that no catalogue names.
func (c catalogues) in(dir fs.FS, name string) ([]entry, error) {
	files, err := fs.ReadDir(dir, name)
	if err != nil {
		return nil, err
	}
	var tables, recordings []string
	var passed []entry
	for _, f := range files {
		at := path.Join(name, f.Name())
		ext := strings.ToLower(path.Ext(f.Name()))
		switch {
		case !systemFile(f.Name()) &&
			!slices.Contains([]string{".mp3", ".csv", ".tsv", ".txt", ".yaml", ".yml"}, ext):
			continue
		case !utf8.ValidString(f.Name()):
			passed = append(passed, entry{dir: dir, file: text.Clean(at),
				wrong: errors.New("the file's name is not UTF-8: rename it")})
			continue
		case systemFile(f.Name()):
			passed = append(passed, entry{file: at, notes: []string{"skipped: it belongs to the system that the files " +
				"were copied from"}})
			continue
		case f.Type()&fs.ModeSymlink != 0:
			if _, err := fs.Stat(dir, at); err != nil {
				passed = append(passed, entry{file: at, notes: []string{"skipped: this link leads out of the folder, or to " +
					"nothing. Name the file itself to send it"}})
				continue
			}
		}
		if info, err := fs.Stat(dir, at); err == nil && !info.Mode().IsRegular() { // reading a pipe would block for ever
			passed = append(passed, entry{file: at, notes: []string{"skipped: " + errNotRegular.Error()}})
			continue
		}
		switch {
		case ext == ".mp3":
			recordings = append(recordings, f.Name())
		case ext == ".csv" || ext == ".tsv" || ext == ".txt" && c.isTable(dir, at) || ext != ".txt" && isCatalogue(dir, at):
			tables = append(tables, f.Name())
		}
	}
	sources := recordings
	if len(tables) > 0 {
		sources = tables
	}
	if len(sources) == 0 && len(passed) == 0 {
		return nil, cmdline.Refuse(cmdline.Nothing, "%s: there is no MP3 and no catalogue in it", name)
	}
	out := passed
	for _, f := range sources {
		found, err := c.entries(dir, path.Join(name, f))
		if err != nil && len(tables) == 0 { // the other recordings can still be sent
			// without the name, since the message begins with it
			found, err = []entry{{dir: dir, file: path.Join(name, f), wrong: cmp.Or(errors.Unwrap(err), err)}}, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	if len(tables) > 0 {
		out = append(out, unlisted(name, recordings, out)...)
	}
	return out, nil
}

// unlisted returns, as skipped entries, the recordings of a folder that no entry of its catalogues names.
func unlisted(folder string, recordings []string, listed []entry) (passed []entry) {
	for _, f := range recordings {
		if !slices.ContainsFunc(listed, func(e entry) bool { return path.Clean(e.file) == f }) {
			passed = append(passed, entry{file: path.Join(folder, f), notes: []string{"skipped: no catalogue in its " +
				"folder names it. Name the file itself to send it"}})
		}
	}
	return passed
}

var errNotRegular = errors.New("it is a folder, a pipe, a socket or a device, not a recording")

// systemFile reports whether an operating system creates files of that name beside copied files.
func systemFile(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~$") || lower == "thumbs.db" || lower == "desktop.ini"
}

// onDisk returns the name of the file that a table names: the same name, or one that is equal after Unicode
// normalization.
func onDisk(dir fs.FS, name string) string {
	if _, err := fs.Stat(dir, name); err == nil || !fs.ValidPath(name) {
		return name
	}
	files, err := fs.ReadDir(dir, path.Dir(name))
	if err != nil {
		return name
	}
	for _, f := range files {
		if text.Clean(f.Name()) == text.Clean(path.Base(name)) {
			return path.Join(path.Dir(name), f.Name())
		}
	}
	return name
}

// isTable reports whether a text file is a table, and not a note beside the recordings.
func (c catalogues) isTable(dir fs.FS, name string) bool {
	b, err := c.read(dir, name, "")
	if err != nil {
		return false
	}
	_, err = separator(b, "file")
	return err == nil
}

func isCatalogue(dir fs.FS, name string) bool {
	listed, err := catalogues{}.yaml(dir, name)
	return err == nil && len(listed) > 0
}

// yaml reads a list of segments.
func (c catalogues) yaml(dir fs.FS, name string) ([]entry, error) {
	b, err := c.read(dir, name, "YAML in UTF-8")
	if err != nil {
		return nil, err
	}
	var list struct {
		Segments []map[string]any `yaml:"segments"`
	}
	if err := cmdline.ReadYAML(b, &list); err != nil {
		return nil, err
	}
	out := make([]entry, len(list.Segments))
	for i, meta := range list.Segments {
		out[i] = entry{meta: meta, at: fmt.Sprintf("%s, entry %d", name, i+1)}
	}
	return out, nil
}

// read returns the text of a file in UTF-8.
func (c catalogues) read(dir fs.FS, name, saveAs string) ([]byte, error) {
	b, err := fs.ReadFile(dir, name)
	if err != nil {
		return nil, err
	}
	out, err := charset.Decode(b, c.charset)
	if errors.Is(err, charset.ErrUnknown) {
		err = fmt.Errorf("%w (%s)", err, saveAs)
	}
	return out, undeclared(err)
}

// describe collects the metadata of an MP3. Precedence: its sidecar (NAME.yaml, .yml or .json), the metadata given for
// all recordings, its tags, its name.
func (c catalogues) describe(dir fs.FS, file string) (entry, error) {
	base := strings.TrimSuffix(file, path.Ext(file))
	e := entry{dir: dir, file: file, meta: map[string]any{}}
	for _, ext := range []string{".yaml", ".yml", ".json"} { // JSON is a subset of YAML
		b, err := c.read(dir, base+ext, "in UTF-8")
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENAMETOOLONG) { // no file can have such a name
			continue
		}
		if err == nil {
			err = cmdline.ReadYAML(b, &e.meta)
		}
		if err != nil {
			return e, fmt.Errorf("its sidecar %s: %w", base+ext, err)
		}
		break
	}
	e.said = append(fieldsOf(e.meta), fieldsOf(c.given)...)
	e.meta = fill(e.meta, c.given)
	f, err := dir.Open(file)
	if err != nil {
		return e, err
	}
	defer f.Close()
	if seeker, ok := f.(io.ReadSeeker); ok {
		tags, unread := readTags(seeker, c.charset) // unreadable tags give no metadata
		if len(unread) > 0 {
			e.notes = append(e.notes, unreadNote(unread))
		}
		e.said = append(e.said, c.declared(seeker, tags)...)
		e.meta = fill(e.meta, tags)
	}
	if id := e.meta["id"]; id == nil || id == "" {
		e.was = formerIDOf(base)
	}
	e.meta = fill(e.meta, map[string]any{"id": idOf(base), "title": text.Clean(base)})
	return e, nil
}

// declared returns the fields whose tag texts can only be read with the declared encoding. The declaration counts as
// the user's word, also for a segment that exists.
func (c catalogues) declared(r io.ReadSeeker, tags map[string]any) (fields []string) {
	if _, err := r.Seek(0, io.SeekStart); c.charset == "" || err != nil {
		return nil
	}
	undeclared, _ := readTags(r, "")
	for field, said := range tags {
		if undeclared[field] != said {
			fields = append(fields, field)
		}
	}
	return fields
}

// fill adds the values of more that meta lacks. meta is nil for an empty document.
func fill(meta, more map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, meta)
	for name, value := range more {
		if _, said := out[name]; !said && value != "" {
			out[name] = value
		}
	}
	return out
}

// fieldsOf returns the names of the fields that have a value in meta.
func fieldsOf(meta map[string]any) (out []string) {
	for name, value := range meta {
		if value != "" {
			out = append(out, name)
		}
	}
	return out
}
