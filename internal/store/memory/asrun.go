package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Append adds the entries whose station and sequence are new and reports for each whether it was. The first report
// under a name is final: a repetition, with whatever body, is not new and changes nothing.
func (s *Store) Append(ctx context.Context, entries []store.Entry) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !store.ValidName(e.Station) {
			return nil, fault.New(fault.Invalid, "station %q must be 1 to 512 bytes of UTF-8 without NUL", e.Station)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := make([]bool, len(entries))
	for i, e := range entries {
		log := s.asrun[e.Station]
		if log == nil {
			log = make(map[int64]store.Entry)
			s.asrun[e.Station] = log
		}
		if _, repeated := log[e.Sequence]; repeated {
			continue
		}
		e.At, e.Body = e.At.UTC().Truncate(time.Millisecond), bytes.Clone(e.Body)
		log[e.Sequence], fresh[i] = e, true
	}
	return fresh, nil
}

// Read returns the station's entries with At in [from, to), by sequence.
func (s *Store) Read(ctx context.Context, station string, from, to time.Time) ([]store.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var read []store.Entry
	for _, e := range s.asrun[station] {
		if !e.At.Before(from) && e.At.Before(to) {
			e.Body = bytes.Clone(e.Body)
			read = append(read, e)
		}
	}
	slices.SortFunc(read, func(a, b store.Entry) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return read, nil
}
