package hfcc

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"lifeline/internal/text"
)

// File is a schedule.
type File struct {
	Season Season // from its header, or from its first row
	Rows   []Row
}

// maxProblems bounds the number of faulty lines that are reported.
const maxProblems = 20

// mostRows bounds the rows of a schedule.
const mostRows = 50_000

var header = regexp.MustCompile(`^;\s*([AB][0-9]{2})\b`)

// Parse parses a schedule. The file's own ruler defines the columns; without one they are HFCC's. Parse fails with all
// faulty lines, up to maxProblems, each with its columns.
func Parse(b []byte) (File, error) {
	var f File
	var wrong []error
	l, titles, ruler := hfccs, titles, ""
	if at := bytes.IndexByte(b, 0); at >= 0 {
		return File{}, fmt.Errorf("line %d holds a zero byte: this is no schedule in lines of text",
			bytes.Count(b[:at], []byte("\n"))+1)
	}
	whole := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(b), "\ufeff"))
	for n, text := range strings.Split(whole, "\n") {
		line := characters(text)
		switch s := string(line); {
		case strings.Trim(s, " \x1a") == "":
		case isRuler(s):
			ruler = s
		case isTitles(s):
			titles = s
		case strings.HasPrefix(s, ";"):
			if m := header.FindStringSubmatch(s); m != nil && f.Season == (Season{}) {
				f.Season, _ = ParseSeason(m[1]) // the expression guarantees a valid season
			}
		default:
			if len(f.Rows) == 0 && ruler != "" {
				var err error
				if l, err = newLayout(titles, ruler); err != nil {
					return File{}, err
				}
			}
			r, problems := l.read(line)
			for _, p := range problems {
				wrong = append(wrong, fmt.Errorf("line %d, %w", n+1, p))
			}
			r.Line = n + 1
			if f.Rows = append(f.Rows, r); len(f.Rows) > mostRows {
				return File{}, fmt.Errorf("line %d: a schedule of all the world has some ten thousand rows, and this one has "+
					"more than %d", n+1, mostRows)
			}
		}
		if len(wrong) >= maxProblems {
			return File{}, errors.Join(append(wrong, errors.New("and so on"))...)
		}
	}
	if len(wrong) > 0 {
		return File{}, errors.Join(wrong...)
	}
	if f.Season == (Season{}) && len(f.Rows) > 0 {
		f.Season = SeasonOf(f.Rows[0].From)
	}
	return f, nil
}

// read parses a line of the layout.
func (l layout) read(line []rune) (Row, []error) {
	for n, c := range line {
		if c < ' ' {
			return Row{}, []error{fmt.Errorf("column %d: a control character", n+1)}
		}
	}
	if n := l.misplaced(line); n >= 0 {
		return Row{}, []error{fmt.Errorf("column %d: %q stands between two fields", n+1, line[n])}
	}
	r, problems := l.row(line)
	var wrong []error
	for _, p := range problems {
		span, _ := l.at(p.column)
		wrong = append(wrong, fmt.Errorf("column %d (%s): %s", span[0]+1, p.column, p.says))
	}
	return r, wrong
}

// characters returns the characters of a line. HFCC's files have one byte per character if they are not UTF-8.
func characters(s string) []rune {
	if utf8.ValidString(s) {
		return []rune(s)
	}
	out := make([]rune, len(s))
	for n := range len(s) {
		out[n] = rune(s[n])
	}
	return out
}

// Write formats a schedule in HFCC's own layout. It fails if a field is too long for its column.
func Write(f File, title string) ([]byte, error) {
	var b strings.Builder
	for _, line := range []string{"; " + f.Season.String() + " " + text.ShownLine(title), ruler, titles,
		ruler} {
		b.WriteString(line + "\r\n")
	}
	for _, r := range f.Rows {
		line, err := hfccs.line(r)
		if err != nil {
			return nil, err
		}
		b.WriteString(line + "\r\n")
	}
	return []byte(b.String()), nil
}

// line formats a row. Numbers are aligned to the right of their columns, text to the left.
func (l layout) line(r Row) (string, error) {
	fields := map[string]string{"FREQ": strconv.Itoa(r.FrequencyKHz), "STRT": timeText(r.Start.Minutes()),
		"STOP": timeText(r.Stop.Minutes()),
		"DAYS": r.Days.String(), "FDATE": dateText(r.From), "TDATE": dateText(r.To), "LANGUAGE": r.Language,
		"BRC": r.Broadcaster, "FMO": r.FMO,
		"ADM": r.ADM, "LOC": r.Location, "CIRAF": r.Zones, "POWR": r.Power, "NOTES": r.Notes}
	for n, name := range rest {
		fields[name] = r.Rest[n]
	}
	var b strings.Builder
	for n, name := range l.names {
		width, value := l.spans[n][1]-l.spans[n][0], fields[name]
		length := utf8.RuneCountInString(value)
		if text.Shown(value) != value || strings.ContainsAny(value, "\t\n") {
			return "", fmt.Errorf("%s holds characters that are not printed: %q", name, value)
		}
		if last := n == len(l.names)-1; last {
			b.WriteString(value)
			break
		}
		if length > width {
			return "", fmt.Errorf("%q is longer than the %d characters of %s", value, width, name)
		}
		blank := strings.Repeat(" ", width-length)
		switch name {
		case "FREQ", "POWR", "SLW", "ANT", "AFRQ", "REQ#", "ALT1", "ALT2", "ALT3":
			b.WriteString(blank + value + " ")
		default:
			b.WriteString(value + blank + " ")
		}
	}
	return b.String(), nil
}

// timeText formats a time of day; the end of the day is 2400.
func timeText(minutes float64) string {
	m := int(minutes)
	if m > 24*60 {
		m -= 24 * 60
	}
	return fmt.Sprintf("%02d%02d", m/60, m%60)
}
