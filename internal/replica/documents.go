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

// maxTries bounds the attempts of a read-change-commit that loses races.
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

// List returns the documents of a kind with ids in (after, before). An empty before is no bound.
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

// ErrRace means that a concurrent commit won. It differs from a stale revision that the caller sent.
var ErrRace = errors.New("replica: lost a race")

// NewID returns a random id of 80 bits.
func NewID() string {
	var b [10]byte
	rand.Read(b[:]) // crypto/rand never fails
	return hex.EncodeToString(b[:])
}

func DayID(station string, date schedules.Date) string { return station + "/" + date.String() }

func RevisionID(station string, date schedules.Date, revision int64) string {
	return fmt.Sprintf("%s/%s/%012d", station, date, revision)
}
