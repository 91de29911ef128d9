package hfcc

import (
	"fmt"
	"slices"
	"strings"
)

// HFCC's own layout: the ruler marks the columns, the titles name them.
const (
	ruler  = ";----+----+----+------------------------------+---+----+-------+---+---+-------+------+------+-+-----+----------+---+---+---+-----+-+-----+-----+-----+-------"
	titles = ";FREQ STRT STOP CIRAF ZONES                    LOC POWR AZIMUTH SLW ANT DAYS    FDATE  TDATE MOD AFRQ " +
		"LANGUAGE   ADM BRC FMO REQ# OLD ALT1 ALT2  ALT3  NOTES"
)

// layout maps the names of a file's columns to their positions.
type layout struct {
	names []string // in order
	spans [][2]int // [from, to) in characters; the last one reaches to the end of the line
}

// requiredColumns lists the columns that every row needs.
var requiredColumns = []string{"FREQ", "STRT", "STOP", "DAYS", "FDATE", "TDATE"}

var hfccs, _ = newLayout(titles, ruler)

// newLayout reads the titles in order, because some are longer than their columns, and the columns from the ruler.
func newLayout(titles, ruler string) (layout, error) {
	var l layout
	from := 0
	for _, run := range strings.Split(strings.TrimSpace(ruler), "+") { // the first run includes the semicolon
		l.spans = append(l.spans, [2]int{from, from + len(run)})
		from += len(run) + 1
	}
	for _, title := range strings.Fields(strings.TrimPrefix(titles, ";")) {
		if title != "ZONES" { // the second word of CIRAF ZONES
			l.names = append(l.names, title)
		}
	}
	if len(l.names) != len(l.spans) {
		return l, fmt.Errorf("the ruler has %d columns, and the line of their names %d names", len(l.spans), len(l.names))
	}
	for n, name := range l.names {
		if slices.Contains(l.names[:n], name) {
			return l, fmt.Errorf("there are two columns %s", name)
		}
	}
	for _, name := range requiredColumns {
		if !slices.Contains(l.names, name) {
			return l, fmt.Errorf("there is no column %s", name)
		}
	}
	return l, nil
}

// isRuler and isTitles distinguish the lines of a layout from other comments.
func isRuler(line string) bool {
	return strings.HasPrefix(line, ";--") && strings.Contains(line, "+") && strings.Trim(line, ";-+ ") == ""
}

func isTitles(line string) bool {
	words := strings.Fields(strings.TrimPrefix(line, ";"))
	return strings.HasPrefix(line, ";") && slices.Contains(words, "FREQ") && slices.Contains(words, "STRT")
}

// at returns the position of a column.
func (l layout) at(name string) (span [2]int, ok bool) {
	n := slices.Index(l.names, name)
	if n < 0 {
		return span, false
	}
	return l.spans[n], true
}

// field returns a column's text in a line, without surrounding blanks.
func (l layout) field(line []rune, name string) string {
	span, ok := l.at(name)
	if !ok || span[0] >= len(line) {
		return ""
	}
	to := min(span[1], len(line))
	if name == l.names[len(l.names)-1] {
		to = len(line)
	}
	return strings.TrimSpace(string(line[span[0]:to]))
}

// misplaced returns the index of the first character between two columns, or -1.
func (l layout) misplaced(line []rune) int {
	for n, span := range l.spans {
		if n < len(l.spans)-1 && span[1] < len(line) && line[span[1]] != ' ' {
			return span[1]
		}
	}
	return -1
}
