package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/dhowden/tag"
	"github.com/goccy/go-yaml"

	"lifeline/internal/cmdline"
)

// entry is a recording in a directory and the metadata that it is uploaded with, in the contract's field names. It is
// kept as it stands in its source: the service says what is wrong with it.
type entry struct {
	dir  fs.FS
	file string
	meta map[string]any
}

// entriesOf reads what a file or a folder of dir offers: a catalogue (YAML with a list "segments", or CSV with a column
// for each field, both with the recording's name under "file"), an MP3 with what a sidecar of its name or its tags say
// of it, or a folder of these. given is what they have in common and do not say themselves.
func entriesOf(dir fs.FS, name string, given map[string]any) ([]entry, error) {
	if info, err := fs.Stat(dir, name); err != nil {
		return nil, err
	} else if info.IsDir() {
		return entriesIn(dir, name, given)
	}
	below, err := fs.Sub(dir, path.Dir(name))
	if err != nil {
		return nil, err
	}
	var metas []map[string]any
	switch file := path.Base(name); strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml":
		metas, err = readYAML(below, file)
	case ".csv":
		metas, err = readCSV(below, file)
	default:
		meta, err := describe(below, file, given)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return []entry{{below, file, meta}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var out []entry
	for i, meta := range metas {
		file, ok := meta["file"].(string)
		if !ok || file == "" {
			return nil, fmt.Errorf("%s: entry %d names no file", name, i+1)
		}
		delete(meta, "file")
		out = append(out, entry{below, file, fill(meta, given)})
	}
	return out, nil
}

// entriesIn reads a folder: its catalogues where it has any, else its MP3 files.
func entriesIn(dir fs.FS, name string, given map[string]any) ([]entry, error) {
	files, err := fs.ReadDir(dir, name)
	if err != nil {
		return nil, err
	}
	var catalogues, recordings []string
	for _, f := range files {
		switch strings.ToLower(path.Ext(f.Name())) {
		case ".mp3":
			recordings = append(recordings, f.Name())
		case ".csv":
			catalogues = append(catalogues, f.Name())
		case ".yaml", ".yml":
			if isCatalogue(dir, path.Join(name, f.Name())) {
				catalogues = append(catalogues, f.Name())
			}
		}
	}
	if len(catalogues) > 0 {
		recordings = catalogues
	}
	if len(recordings) == 0 {
		return nil, cmdline.Refuse(cmdline.Nothing, "%s: there is no MP3 and no catalogue in it", name)
	}
	var out []entry
	for _, f := range recordings {
		found, err := entriesOf(dir, path.Join(name, f), given)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func isCatalogue(dir fs.FS, name string) bool {
	metas, err := readYAML(dir, name)
	return err == nil && len(metas) > 0
}

func readYAML(dir fs.FS, name string) ([]map[string]any, error) {
	b, err := fs.ReadFile(dir, name)
	if err != nil {
		return nil, err
	}
	var list struct {
		Segments []map[string]any `yaml:"segments"`
	}
	if err := yaml.Unmarshal(b, &list); err != nil {
		return nil, err
	}
	return list.Segments, nil
}

// readCSV reads a table whose first line names the fields. An empty cell leaves its field out; tags and persons are
// separated by spaces; a consent has a column for each of its fields, such as consent.expires_at.
func readCSV(dir fs.FS, name string) ([]map[string]any, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errors.New("it is empty: its first line names the fields")
	}
	var out []map[string]any
	for _, row := range rows[1:] {
		meta := map[string]any{}
		for i, cell := range row {
			field := strings.TrimPrefix(strings.TrimSpace(rows[0][i]), "\ufeff")
			switch cell = strings.TrimSpace(cell); {
			case cell == "":
			case field == "tags" || field == "persons":
				meta[field] = strings.Fields(cell)
			case field == "script":
				meta[field] = json.RawMessage(cell)
			case field == "sensitive":
				meta[field] = cell
				if yes, err := strconv.ParseBool(cell); err == nil {
					meta[field] = yes
				}
			case strings.HasPrefix(field, "consent."):
				if meta["consent"] == nil {
					meta["consent"] = map[string]any{}
				}
				if consent, ok := meta["consent"].(map[string]any); ok {
					consent[strings.TrimPrefix(field, "consent.")] = cell
				}
			default:
				meta[field] = cell
			}
		}
		out = append(out, meta)
	}
	return out, nil
}

// describe finds out what an MP3 is by its sidecar (NAME.yaml, .yml or .json), then what is given for all, then its
// tags, then its name.
func describe(dir fs.FS, file string, given map[string]any) (map[string]any, error) {
	base := strings.TrimSuffix(file, path.Ext(file))
	meta := map[string]any{}
	for _, ext := range []string{".yaml", ".yml", ".json"} { // JSON is YAML, too
		b, err := fs.ReadFile(dir, base+ext)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = yaml.Unmarshal(b, &meta)
		}
		if err != nil {
			return nil, fmt.Errorf("its sidecar %s: %w", base+ext, err)
		}
		break
	}
	meta = fill(meta, given)
	f, err := dir.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if seeker, ok := f.(io.ReadSeeker); ok {
		if tags, err := tag.ReadFrom(seeker); err == nil { // a file without tags has nothing to say
			meta = fill(meta, map[string]any{"title": tags.Title(), "voice": tags.Artist(), "series": slug(tags.Album())})
		}
	}
	return fill(meta, map[string]any{"id": slug(base), "title": base}), nil
}

// fill adds what meta does not say.
func fill(meta, more map[string]any) map[string]any {
	out := maps.Clone(meta)
	for name, value := range more {
		if _, said := out[name]; !said && value != "" {
			out[name] = value
		}
	}
	return out
}

var notOfIDs = regexp.MustCompile(`[^a-z0-9._]+`)

// slug makes an id of a name; nothing where the name has no letter or digit that ids may have.
func slug(name string) string {
	s := strings.Trim(notOfIDs.ReplaceAllString(strings.ToLower(name), "-"), "-._")
	return strings.TrimRight(s[:min(len(s), 63)], "-._")
}
