package replica

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"lifeline/internal/store"
	"lifeline/schedules"
)

// maxTries bounds how often a read-change-commit is begun anew after losing against another.
const maxTries = 20

func Encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("replica: encode %T: %w", v, err)
	}
	return b, nil
}

func Decode[T any](d store.Document) (T, error) {
	v, err := Parse[T](d.Body)
	if err != nil {
		return v, fmt.Errorf("replica: decode %s %s: %w", d.Kind, d.ID, err)
	}
	return v, nil
}

// List lists the documents of a kind with ids in (after, before); an empty before is no bound.
func List(ctx context.Context, docs Documents, kind, after, before string) ([]store.Document, error) {
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

// ErrRace marks a commit that lost against another one, apart from a caller's own stale revision.
var ErrRace = errors.New("replica: lost a race")

// NewID makes an id that nobody can guess or collide with.
func NewID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:])
}

func DayID(station string, date schedules.Date) string { return station + "/" + date.String() }

func RevisionID(station string, date schedules.Date, revision int64) string {
	return fmt.Sprintf("%s/%s/%012d", station, date, revision)
}
