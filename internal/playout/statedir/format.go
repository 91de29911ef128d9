package statedir

import (
	"encoding/json"
	"fmt"

	"lifeline/internal/fault"
)

// Format is the version of the files in a state directory. A directory without a mark is in version 1. Whoever changes
// the form of a file in it raises Format, and reads the older form for ever.
const Format = 1

// formatName is the file that marks the directory.
const formatName = "format.json"

type format struct {
	Version int    `json:"version"`
	By      string `json:"by"` // the player that wrote it
}

// known fails with Conflict where a newer player wrote the directory: this one would lose what it does not know. A mark
// that cannot be read is none, so that a damaged one silences no station.
func (s *Dir) known() error {
	b, err := s.Read(formatName, 1<<10)
	var f format
	if err != nil || json.Unmarshal(b, &f) != nil || f.Version <= Format {
		return nil
	}
	by := "a newer player"
	if f.By != "" {
		by += " (" + f.By + ")"
	}
	return fault.New(fault.Conflict, "the state directory %s is in version %d, and this player knows up to %d: it was "+
		"written by %s. Start that one, or name "+
		"a new directory with --state: the player fetches queues and recordings anew, and what was not reported yet stays "+
		"in the old one", s.Root.Name(), f.Version, Format, by)
}

// Mark notes that the directory is in this program's version, and which program that is.
func (s *Dir) Mark(program string) error {
	b, err := json.Marshal(format{Format, program})
	if err != nil {
		return err
	}
	if was, err := s.Read(formatName, 1<<10); err == nil && string(was) == string(b) {
		return nil
	}
	if err := s.Replace(formatName, b); err != nil {
		return fmt.Errorf("playout: state: %w", err)
	}
	return nil
}
