package redis

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
)

//go:embed scripts/forget.lua
var forgetText string

//go:embed scripts/trim.lua
var trimText string

var (
	forgetScript = goredis.NewScript(forgetText)
	trimScript   = goredis.NewScript(trimText)
)

// Forget removes the station's entries with these sequences atomically; a missing one is not an error. The names of
// forgotten entries become free again, so the caller must remember which entries it removed.
func (s *Store) Forget(ctx context.Context, station string, sequences []int64) error {
	if err := ctx.Err(); err != nil || len(sequences) == 0 {
		return err
	}
	args := make([]any, len(sequences))
	for i, n := range sequences {
		args[i] = n
	}
	if _, err := s.write(ctx, forgetScript, []string{s.key("retired"), s.key("asrun", station),
		s.key("instants", station)}, args); err != nil {
		return fmt.Errorf("redis: forget as-run: %w", err)
	}
	return nil
}

// Trim removes every change up to through that a later change of its document supersedes, or that has no document. The
// last change of each document stays, because it gives the document's revision. The feed then answers Gone to followers
// that have not come as far. Trim fails with Invalid unless through is before the latest change; trimming less far than
// before does nothing. The next Trim completes an interrupted one.
func (s *Store) Trim(ctx context.Context, through int64) error {
	latest, err := s.Latest(ctx)
	if err != nil {
		return err
	}
	if through < 0 || through > 0 && through >= latest {
		return fault.New(fault.Invalid, "changes can be trimmed up to before the latest, %d, not %d", latest, through)
	}
	for after := int64(0); after < through; {
		if after, err = s.trim(ctx, after, through); err != nil {
			return fmt.Errorf("redis: trim: %w", classify(ctx, err))
		}
	}
	return nil
}

// trim removes superseded changes among the next ones after after, and returns the last change that it examined.
func (s *Store) trim(ctx context.Context, after, through int64) (int64, error) {
	changes, err := s.audited(ctx, after)
	if err != nil {
		return 0, err
	}
	keys := []string{s.key("trimmed"), s.key("retired"), s.key("feed"), s.key("audit")}
	args := []any{through}
	after = through
	for _, c := range changes {
		if c.Sequence > through {
			break
		}
		keys, args = append(keys, s.key("history", c.Kind)), append(args, c.Sequence, c.ID)
		after = c.Sequence
	}
	_, err = s.write(ctx, trimScript, keys, args)
	return after, err
}

// retirement returns the change up to which changes are trimmed, and a number that grows with every Forget and every
// step of a Trim.
func (s *Store) retirement(ctx context.Context) (trimmed, steps int64, err error) {
	var through, count *goredis.StringCmd
	// read the number first: it grows after the removal that it counts
	_, err = s.client.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
		through, count = pipe.Get(ctx, s.key("trimmed")), pipe.Get(ctx, s.key("retired"))
		return nil
	})
	if err != nil && !errors.Is(err, goredis.Nil) {
		return 0, 0, err
	}
	trimmed, unread := number(through)
	steps, uncounted := number(count)
	return trimmed, steps, errors.Join(unread, uncounted)
}

// steady fails with Unavailable if records were removed since retirement returned steps, because the data read in
// between may then be inconsistent.
func (s *Store) steady(ctx context.Context, steps int64) error {
	_, now, err := s.retirement(ctx)
	if err == nil && now != steps {
		return fault.New(fault.Unavailable, "older records were moved away meanwhile: please try again")
	}
	return err
}
