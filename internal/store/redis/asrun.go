package redis

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

//go:embed scripts/append.lua
var appendText string

//go:embed scripts/read.lua
var readText string

var (
	appendScript = goredis.NewScript(appendText)
	readScript   = goredis.NewScript(readText)
)

// Append adds the entries whose station and sequence are new, atomically, and reports for each whether it was. When
// Append returns, they are as durable as a commit. The first report under a name is final: a repetition, with whatever
// body, is not new and changes nothing.
func (s *Store) Append(ctx context.Context, entries []store.Entry) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	keys := []string{s.key("receipt", rand.Text()), s.key("sequence"), s.key("stations")}
	args := []any{receiptLife.Milliseconds()}
	for _, e := range entries {
		if !store.ValidName(e.Station) {
			return nil, fault.New(fault.Invalid, "station %q must be 1 to 512 bytes of UTF-8 without NUL", e.Station)
		}
		keys = append(keys, s.key("asrun", e.Station), s.key("instants", e.Station))
		args = append(args, e.Sequence, e.At.UnixMilli(), []byte(e.Body))
	}
	if len(entries) == 0 {
		return nil, nil
	}
	answer, err := s.write(ctx, appendScript, keys, args)
	if err == nil && len(answer) != len(entries) {
		err = fmt.Errorf("the script answered %q", answer)
	}
	if err != nil {
		return nil, fmt.Errorf("redis: append as-run: %w", err)
	}
	fresh := make([]bool, len(entries))
	for i := range fresh {
		fresh[i] = answer[i] == '1'
	}
	return fresh, nil
}

// Read returns the station's entries with At in [from, to), by sequence.
func (s *Store) Read(ctx context.Context, station string, from, to time.Time) ([]store.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	keys := []string{s.key("instants", station), s.key("asrun", station)}
	values, err := readScript.Run(ctx, s.client, keys, ceil(from), ceil(to)-1).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("redis: read as-run: %w", classify(ctx, err))
	}
	entries := make([]store.Entry, len(values)/2)
	for i := range entries {
		at, body, _ := strings.Cut(values[2*i+1], " ")
		ms, timed := strconv.ParseInt(at, 10, 64)
		n, numbered := strconv.ParseInt(values[2*i], 10, 64)
		if timed != nil || numbered != nil {
			return nil, fmt.Errorf("redis: as-run %q of %s is damaged: it begins with %.32q", values[2*i], station,
				values[2*i+1])
		}
		entries[i] = store.Entry{Station: station, Sequence: n, At: time.UnixMilli(ms).UTC(), Body: json.RawMessage(body)}
	}
	slices.SortFunc(entries, func(a, b store.Entry) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return entries, nil
}

// ceil returns the first whole millisecond at or after t, so that an interval's end within a millisecond does not
// exclude it.
func ceil(t time.Time) int64 {
	return t.Add(time.Millisecond - time.Nanosecond).UnixMilli()
}
