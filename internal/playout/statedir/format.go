package statedir

import (
	"fmt"

	"lifeline/internal/fault"
)

// Format is the version of the files in a state directory. A directory without a mark is in version 1. Whoever changes
// the form of a file in it raises Format, and reads the older form for ever. Version 2 has roots.json, without which a
// player would go by a key that a root took the place of.
const Format = 2

// formatName is the file that marks the directory.
const formatName = "format.json"

type format struct {
	Version int    `json:"version"`
	By      string `json:"by"` // the player that wrote it
}

// marks are the copies of the mark.
func (s *Dir) marks() []Copy[format] {
	return Records[format](s, 1<<10, Twice(formatName)...)
}

// known fails with Conflict where a newer player wrote the directory: this one would lose what it does not know. A mark
// that is damaged is none, so that it silences no station; nor is one without a sum that names a later version, since
// the players that gave no sum were all in the first.
func (s *Dir) known() error {
	for _, m := range s.marks() {
		if m.Damaged() || !m.Summed && m.Value.Version > 1 {
			s.damaged(m.Name, "the other copy, or the form of its files, says which version the directory is in")
			continue
		}
		if m.Err != nil || m.Value.Version <= Format {
			continue
		}
		by := "a newer player"
		if m.Value.By != "" {
			by += " (" + m.Value.By + ")"
		}
		return fault.New(fault.Conflict, "the state directory %s is in version %d, and this player knows up to %d: it was "+
			"written by %s. Start that one, or name "+
			"a new directory with --state: the player fetches queues and recordings anew, and what was not reported yet stays "+
			"in the old one", s.Root.Name(), m.Value.Version, Format, by)
	}
	return nil
}

// Mark notes that the directory is in this program's version, and which program that is.
func (s *Dir) Mark(program string) error {
	now, alike := format{Format, program}, true
	for _, m := range s.marks() {
		alike = alike && m.Err == nil && m.Summed && m.Value == now
	}
	if alike {
		return nil
	}
	if err := s.Record(now, Twice(formatName)...); err != nil {
		return fmt.Errorf("playout: state: %w", err)
	}
	return nil
}
