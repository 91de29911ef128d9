package statedir

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"lifeline/internal/fault"
)

// ownerName is the file that names the station whose directory it is.
const ownerName = "station"

// Owner is the station whose player used the directory; "": none has. Of a directory of an earlier version, which had
// no name of it, it is the station of the documents there.
func (s *Dir) Owner() (string, error) {
	b, err := s.Read(ownerName, 1<<10)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if owner := strings.TrimSpace(string(b)); owner != "" {
		return owner, nil
	}
	names, err := fs.Glob(s.Root.FS(), "queues/*.dsse")
	if err != nil {
		return "", err
	}
	for _, name := range append(names, "fallback.dsse", "lease.dsse") {
		if b, err := s.Read(name, 64<<20); err == nil {
			if owner := stationOf(b); owner != "" {
				return owner, nil
			}
		}
	}
	return "", nil
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
// as this one's, and under its sequences.
func (s *Dir) For(station string) error {
	owner, err := s.Owner()
	if err == nil && owner != "" && owner != station {
		err = fault.New(fault.Conflict, "the state directory %s is of station %s, and this player is to play station %s. "+
			"Name the directory of %[3]s "+
			"with --state (LIFELINE_STATE), or a new one: a copy of another station's would report what that one has aired",
			s.Root.Name(), owner, station)
	}
	return err
}

// Belong names the station whose directory it is from now on.
func (s *Dir) Belong(station string) error {
	if b, err := s.Read(ownerName, 1<<10); err == nil && string(b) == station+"\n" {
		return nil
	}
	if err := s.Replace(ownerName, []byte(station+"\n")); err != nil {
		return fmt.Errorf("playout: state: %w", err)
	}
	return nil
}
