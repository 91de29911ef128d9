package statedir

import (
	"fmt"

	"lifeline/internal/fault"
)

// Format is the version of the files in a state directory. A directory without a mark is in version 1. A change of a
// file's format must raise Format, and the older formats must stay readable. Version 2 has roots.json: a player that
// ignored it would trust a key that a root has replaced.
const Format = 2

// formatName is the file with the mark of the directory.
const formatName = "format.json"

type format struct {
	Version int    `json:"version"`
	By      string `json:"by"` // the player that wrote it
}

// marks returns the copies of the mark.
func (s *Dir) marks() []Copy[format] {
	return Records[format](s, 1<<10, Twice(formatName)...)
}

// known fails with Conflict if a newer player wrote the directory, because this one would lose data that it does not
// know. It ignores a damaged mark, so that damage does not silence a station, and a mark without a sum that names a
// later version, because all players that wrote no sum used version 1.
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

// Mark records that the directory is in this program's version, and the name of the program.
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
