package form

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lifeline/internal/fault"
	"lifeline/schedules"
)

// Template is a parsed template of names.
type Template struct{ pieces []piece }

// piece is text, or a field with its pattern.
type piece struct{ text, field, pattern string }

// fields are the fields of templates, with the pattern of those that have one where it is not written.
var fields = map[string]string{
	"date": "yyyyMMdd", "time": "HHmm", "utc": "yyyyMMdd-HHmm", // patterns of yyyy yy MM dd DDD HH mm ss
	"weekday": "", "station": "", "window": "", "broadcaster": "", "programme": "", "frequency": "", "part": "",
	"parts": "", "revision": "",
}

// fieldNames lists the fields for messages.
const fieldNames = "{date:yyyyMMdd}, {time:HHmm}, {utc:yyyyMMdd-HHmm}, {weekday}, {station}, {window}, {broadcaster}, " +
	"{programme}, {frequency}, {part}, {parts} and {revision}"

// patternParts matches the parts of a pattern, the longer ones first.
var patternParts = regexp.MustCompile(`yyyy|yy|MM|dd|DDD|HH|mm|ss|[-_. ]`)

// ParseTemplate parses text with fields in braces. {date} and {time} are in the contract's zone, {utc} is in UTC; each
// takes a pattern of yyyy, yy, MM, dd, DDD (day of the year), HH, mm, ss, '-', '_', '.' and spaces. {weekday} is MON to
// SUN, {frequency} in kHz; {part}, {parts} have two digits where there are more than nine.
func ParseTemplate(s string) (Template, error) {
	var t Template
	if len(s) > 2*mostLength {
		return t, fmt.Errorf("it has more than %d bytes", 2*mostLength)
	}
	for s != "" {
		text, rest, open := strings.Cut(s, "{")
		if strings.Contains(text, "}") {
			return t, fmt.Errorf("it has } without {")
		}
		if text != "" {
			t.pieces = append(t.pieces, piece{text: text})
		}
		if !open {
			break
		}
		inner, after, closed := strings.Cut(rest, "}")
		if !closed {
			return t, fmt.Errorf("it has { without }")
		}
		name, pattern, has := strings.Cut(inner, ":")
		usual, known := fields[name]
		switch {
		case !known:
			return t, fmt.Errorf("it has {%s}, which is not known: use %s", inner, fieldNames)
		case has && usual == "":
			return t, fmt.Errorf("it has {%s}, but {%s} has no pattern", inner, name)
		case !has:
			pattern = usual
		case pattern == "" || patternParts.ReplaceAllString(pattern, "") != "":
			return t, fmt.Errorf("it has {%s}: a pattern is made of yyyy, yy, MM, dd, DDD, HH, mm, ss, '-', '_', '.' and "+
				"spaces", inner)
		}
		t.pieces = append(t.pieces, piece{field: name, pattern: pattern})
		s = after
	}
	if len(t.pieces) == 0 {
		return t, fmt.Errorf("it is empty")
	}
	return t, nil
}

// has reports whether a field is there.
func (t Template) has(field string) bool {
	return slices.ContainsFunc(t.pieces, func(p piece) bool { return p.field == field })
}

// runsOn reports whether {revision} touches a field whose length varies: the end of one could be read as the beginning
// of the other, as in frequency 1170, revision 15, and frequency 11701, revision 5.
func (t Template) runsOn() bool {
	for i := 1; i < len(t.pieces); i++ {
		pair := []string{t.pieces[i-1].field, t.pieces[i].field}
		if slices.Contains(pair, "revision") && (slices.Contains(pair, "window") || slices.Contains(pair, "frequency")) {
			return true
		}
	}
	return false
}

// timed reports whether names change with the time of the airing.
func (t Template) timed() bool {
	return slices.ContainsFunc(t.pieces, func(p piece) bool {
		return p.field == "date" || p.field == "time" || p.field == "utc" || p.field == "weekday"
	})
}

// dated reports whether names tell every two days of a century apart: the fields of one zone hold the year, and the
// month with its day or the day of the year.
func (t Template) dated() bool {
	for _, zone := range [][]string{{"date", "time"}, {"utc"}} {
		all := map[string]bool{}
		for _, p := range t.pieces {
			if slices.Contains(zone, p.field) {
				for _, part := range patternParts.FindAllString(p.pattern, -1) {
					all[part] = true
				}
			}
		}
		if (all["yyyy"] || all["yy"]) && (all["DDD"] || all["MM"] && all["dd"]) {
			return true
		}
	}
	return false
}

// FileName returns the name of the file of an airing, with its ending. It fails with Invalid if the contract makes no
// name that every system takes.
func (c Contract) FileName(a Occasion) (string, error) {
	t, err := ParseTemplate(c.Naming.Template)
	if err != nil {
		return "", fault.New(fault.Invalid, "the template of names of contract %s: %v", c.ID, err)
	}
	loc, err := schedules.Zone(c.Naming.Zone)
	if err != nil {
		return "", fault.New(fault.Invalid, "the zone of contract %s: %v", c.ID, err)
	}
	name, err := c.stem(t, a, loc)
	if err != nil {
		return "", err
	}
	if err := c.Naming.check(name); err != nil {
		return "", err
	}
	return name + "." + string(c.Audio.Codec), nil
}

func (c Contract) stem(t Template, a Occasion, loc *time.Location) (string, error) {
	var b strings.Builder
	for _, p := range t.pieces {
		switch p.field {
		case "":
			b.WriteString(p.text)
		case "date", "time":
			b.WriteString(written(a.StartAt.In(loc), p.pattern))
		case "utc":
			b.WriteString(written(a.StartAt.UTC(), p.pattern))
		case "weekday":
			b.WriteString(strings.ToUpper(a.StartAt.In(loc).Weekday().String()[:3]))
		case "station":
			b.WriteString(a.Station)
		case "window":
			b.WriteString(a.Window)
		case "broadcaster":
			b.WriteString(c.Broadcaster)
		case "programme":
			b.WriteString(c.Programme)
		case "frequency":
			if a.FrequencyKHz == 0 {
				return "", fault.New(fault.Invalid, "window %s has no frequency, and names of contract %s have {frequency}",
					a.Window, c.ID)
			}
			b.WriteString(strconv.Itoa(a.FrequencyKHz))
		case "part", "parts":
			n := c.PartsOf()
			if p.field == "part" {
				n = max(a.Part, 1)
			}
			fmt.Fprintf(&b, "%0*d", len(strconv.Itoa(c.PartsOf())), n)
		case "revision":
			b.WriteString(strconv.FormatInt(a.Revision, 10))
		}
	}
	return b.String(), nil
}

// written writes a time by a pattern.
func written(t time.Time, pattern string) string {
	return patternParts.ReplaceAllStringFunc(pattern, func(part string) string {
		switch part {
		case "yyyy":
			return fmt.Sprintf("%04d", t.Year())
		case "yy":
			return fmt.Sprintf("%02d", t.Year()%100)
		case "MM":
			return fmt.Sprintf("%02d", t.Month())
		case "dd":
			return fmt.Sprintf("%02d", t.Day())
		case "DDD":
			return fmt.Sprintf("%03d", t.YearDay())
		case "HH":
			return fmt.Sprintf("%02d", t.Hour())
		case "mm":
			return fmt.Sprintf("%02d", t.Minute())
		case "ss":
			return fmt.Sprintf("%02d", t.Second())
		}
		return part
	})
}

// The letters of names. Plain names have the first alone, and spaces.
var (
	plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ]*$`)
	safeName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 _.-]*$`)
	// reserved are names that Windows gives to devices, whatever their ending.
	reserved = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)
)

// check fails with Invalid unless a name without its ending is one that every system takes as it is.
func (n Naming) check(name string) error {
	longest := n.Longest
	if longest == 0 {
		longest = usualLength
	}
	switch {
	case n.Plain && !plainName.MatchString(name):
		return fault.New(fault.Invalid, "the name %q must be of letters A to Z, digits and spaces, and begin with none of the "+
			"last", name)
	case !safeName.MatchString(name):
		return fault.New(fault.Invalid, "the name %q must be of letters A to Z, digits, spaces, '-', '_' and '.', and begin "+
			"with a letter or digit", name)
	case strings.HasSuffix(name, " ") || strings.HasSuffix(name, ".") || reserved.MatchString(name):
		return fault.New(fault.Invalid, "the name %q is one that Windows changes or refuses", name)
	case utf8.RuneCountInString(name) > longest:
		return fault.New(fault.Invalid, "the name %q has %d characters without its ending, and the site takes %d", name,
			utf8.RuneCountInString(name), longest)
	}
	return nil
}
