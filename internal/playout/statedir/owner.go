package statedir

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"lifeline/internal/fault"
)

// ownerName is the file with the name of the station that owns the directory; it has two copies.
const ownerName = "station"

// Used reports whether a station's player has used the directory.
func (s *Dir) Used() (bool, error) {
	names, err := s.names()
	if err != nil || len(names) > 0 {
		return len(names) > 0, err
	}
	names, err = s.documented()
	return len(names) > 0, err
}

// names returns the distinct names in the copies of the owner's name: one, unless a copy is damaged.
func (s *Dir) names() (out []string, err error) {
	for _, name := range Twice(ownerName) {
		b, err := s.Read(name, 1<<10)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if owner := strings.TrimSpace(string(b)); owner != "" {
			out = append(out, owner)
		} else if err == nil {
			s.damaged(name, "the other copy, or the documents there, say whose directory it is")
		}
	}
	return out, nil
}

// documented returns the stations that the documents in the directory name. They identify the owner of a directory of
// an earlier version, which has no ownerName file.
func (s *Dir) documented() (out []string, err error) {
	names, err := fs.Glob(s.Root.FS(), "queues/*.dsse")
	if err != nil {
		return nil, err
	}
	for _, name := range append(names, "fallback.dsse", "lease.dsse") {
		if b, err := s.Read(name, 64<<20); err == nil {
			if owner := stationOf(b); owner != "" {
				out = append(out, owner)
			}
		}
	}
	return out, nil
}

// stationOf returns the station that a signed document names, without verifying its signature; "": none.
func stationOf(envelope []byte) string {
	var signed struct{ Payload string }
	var document struct{ Station string }
	if json.Unmarshal(envelope, &signed) != nil {
		return ""
	}
	payload, err := base64.StdEncoding.DecodeString(signed.Payload)
	if err != nil || json.Unmarshal(payload, &document) != nil {
		return ""
	}
	return document.Station
}

// owners returns the stations that the names in the directory state and, unless station is one of them, those that the
// documents there name.
func (s *Dir) owners(station string) ([]string, error) {
	owners, err := s.names()
	if err != nil || slices.Contains(owners, station) {
		return owners, err
	}
	more, err := s.documented()
	return append(owners, more...), err
}

// Owner returns the station that owns the directory; "" as long as nothing there names one.
func (s *Dir) Owner() (string, error) {
	owners, err := s.owners("")
	if err != nil || len(owners) == 0 {
		return "", err
	}
	return owners[0], nil
}

// stranger returns the first of a directory's owners if station is none of them; "" if it is one, or there are none.
func stranger(owners []string, station string) string {
	if len(owners) == 0 || slices.Contains(owners, station) {
		return ""
	}
	return owners[0]
}

// Foreign returns the station that owns the directory, if that is another than station; "" otherwise, and as long as
// nothing there names an owner.
func (s *Dir) Foreign(station string) (owner string, err error) {
	owners, err := s.owners(station)
	return stranger(owners, station), err
}

// For fails with Conflict if the directory belongs to another station: its unreported entries would be reported as this
// station's, under its sequence numbers. A damaged name does not exclude the station: the directory is the station's if
// any name or any document names it.
func (s *Dir) For(station string) error {
	owners, err := s.owners(station)
	if err != nil {
		return err
	}
	if owner := stranger(owners, station); owner != "" {
		return fault.New(fault.Conflict, "the state directory %s is of station %s, and this player is to play station %s. "+
			"Name the directory of %[3]s "+
			"with --state (LIFELINE_STATE), or a new one: a copy of another station's would report what that one has aired",
			s.Root.Name(), owner, station)
	}
	for _, other := range owners {
		if other != station {
			s.damaged(ownerName, fmt.Sprintf("it names %.80q, and all else there is of station %s", other, station))
		}
	}
	return nil
}

// Belong records station as the owner of the directory.
func (s *Dir) Belong(station string) error {
	for _, name := range Twice(ownerName) {
		if b, err := s.Read(name, 1<<10); err == nil && string(b) == station+"\n" {
			continue
		}
		if err := s.Replace(name, []byte(station+"\n")); err != nil {
			return fmt.Errorf("playout: state: %w", err)
		}
	}
	return nil
}
