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

// ownerName is the file that names the station whose directory it is, kept twice.
const ownerName = "station"

// Used reports whether some station's player used the directory.
func (s *Dir) Used() (bool, error) {
	names, err := s.names()
	if err != nil || len(names) > 0 {
		return len(names) > 0, err
	}
	names, err = s.documented()
	return len(names) > 0, err
}

// names are what the copies of the owner's name say: one name, but where a copy is damaged.
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

// documented are the stations of the documents there. They tell whose a directory of an earlier version is, which had
// no name of it.
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

// stationOf is the station that a signed document names, whoever signed it; "": none.
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

// For fails with Conflict where the directory is another station's: what that one still has to report would be reported
// as this one's, and under its sequences. A name that is damaged makes it nobody else's: it is the station's where any
// name, or any document, is of the station.
func (s *Dir) For(station string) error {
	owners, err := s.names()
	if err == nil && !slices.Contains(owners, station) {
		var more []string
		more, err = s.documented()
		owners = append(owners, more...)
	}
	if err != nil || len(owners) == 0 {
		return err
	}
	if !slices.Contains(owners, station) {
		return fault.New(fault.Conflict, "the state directory %s is of station %s, and this player is to play station %s. "+
			"Name the directory of %[3]s "+
			"with --state (LIFELINE_STATE), or a new one: a copy of another station's would report what that one has aired",
			s.Root.Name(), owners[0], station)
	}
	for _, other := range owners {
		if other != station {
			s.damaged(ownerName, fmt.Sprintf("it names %.80q, and all else there is of station %s", other, station))
		}
	}
	return nil
}

// Belong names the station whose directory it is from now on.
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
