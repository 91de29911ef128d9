package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// maxTries bounds how often a read-change-commit is begun anew after losing against another.
const maxTries = 20

// Actor is who asks. The zero Actor may nothing.
type Actor struct {
	Name      string // the person or station
	Role      Role
	Token     string // id of the access token
	Station   string // of a station's token
	RequestID string
}

// System is the actor of background work.
var System = Actor{Name: "system", Role: Admin}

// origin makes the audit record of what a does now.
func (a Actor) origin(now time.Time, action, reason string) store.Origin {
	return store.Origin{At: now.UTC().Truncate(time.Millisecond), By: a.Name, Action: action, Reason: reason,
		RequestID: a.RequestID}
}

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("control: encode %T: %w", v, err)
	}
	return b, nil
}

func decode[T any](d store.Document) (T, error) {
	v, err := plain[T](d.Body)
	if err != nil {
		return v, fmt.Errorf("control: decode %s %s: %w", d.Kind, d.ID, err)
	}
	return v, nil
}

// under lists the documents of a kind with ids in (after, before); an empty before is no bound.
func under(ctx context.Context, docs Documents, kind, after, before string) ([]store.Document, error) {
	const page = 500
	var out []store.Document
	for {
		got, err := docs.List(ctx, kind, after, page)
		if err != nil {
			return nil, err
		}
		for _, d := range got {
			if before != "" && d.ID >= before {
				return out, nil
			}
			out = append(out, d)
		}
		if len(got) < page {
			return out, nil
		}
		after = got[len(got)-1].ID
	}
}

// errRace marks a commit that lost against another one, apart from a caller's own stale revision.
var errRace = errors.New("control: lost a race")

// checkRevision compares the revision that a caller's change starts from with the latest. No revision (nil) is let
// through: whether one is needed is the caller's contract.
func checkRevision(given *int64, latest int64) error {
	if given != nil && *given != latest {
		return fault.New(fault.Stale, "the latest revision is %d, your change starts from %d: read it again and redo the change", latest, *given)
	}
	return nil
}
