package replica

import (
	"fmt"
	"slices"
	"strings"

	"lifeline/internal/fault"
	"lifeline/schedules"
)

func NeedReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fault.Fields(fault.Field{Field: "reason", Message: "must say why, for the record"})
	}
	return nil
}

// CheckRevision fails with Stale when a caller's change starts from a revision other than the latest. It accepts nil:
// the caller's contract says whether a revision is required.
func CheckRevision(given *int64, latest int64) error {
	if given != nil && *given != latest {
		return fault.New(fault.Stale, "the latest revision is %d, your change starts from %d: read it again and redo the "+
			"change", latest, *given)
	}
	return nil
}

// Invalid returns an Invalid failure that lists the problems, or nil when there are none.
func Invalid(problems []schedules.Problem) error {
	fields := make([]fault.Field, len(problems))
	for i, p := range problems {
		fields[i] = fault.Field{Field: p.Field, Message: p.Message}
	}
	return fault.Fields(fields...)
}

// NoStation says that there is no station of an id, and which there are, as the message of a field; "" where it is
// there, or where none is yet and any may come.
func (m *Replica) NoStation(id string) string {
	if _, there := StationsIn(m).Get(id); there {
		return ""
	}
	var names []string
	for name := range StationsIn(m).After("", "") {
		if names = append(names, name); len(names) > FewNamed {
			break
		}
	}
	if len(names) == 0 {
		return ""
	}
	return NotAmong(id, names)
}

// NotAmong says that there is no station of an id, and which there are. It reads on after the name of a field, or after
// the word station.
func NotAmong(id string, stations []string) string {
	return fmt.Sprintf("%q does not exist: the stations are %s", id, Few(stations))
}

// FewNamed bounds the ids that a message lists.
const FewNamed = 10

// Few joins ids for a message.
func Few(ids []string) string {
	if len(ids) > FewNamed {
		ids = append(slices.Clone(ids[:FewNamed]), "others")
	}
	return strings.Join(ids, ", ")
}
