package redis

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

//go:embed scripts/redact.lua
var redactText string

var redactScript = goredis.NewScript(redactText)

// Redact replaces in place, all or nothing, the origins and fields of changes, named by their sequences, and the
// bodies of as-run entries, named by station and sequence. It ignores those that are not stored. Redis answers nobody
// else while it writes the streams anew, about a second for 200,000 changes.
func (s *Store) Redact(ctx context.Context, changes []store.Change, entries []store.Entry) error {
	if err := ctx.Err(); err != nil || len(changes)+len(entries) == 0 {
		return err
	}
	keys := []string{s.key("audit"), s.key("feed"), s.key("redacted")}
	args := []any{len(changes)}
	for _, c := range changes {
		args = append(args, c.Sequence, c.By, c.Action, c.Reason, c.RequestID, c.Person, c.Token, c.Remote,
			c.Fields)
	}
	for _, e := range entries {
		keys, args = append(keys, s.key("asrun", e.Station)), append(args, e.Sequence, []byte(e.Body))
	}
	if _, err := s.write(ctx, redactScript, keys, args); err != nil {
		return fmt.Errorf("redis: redact: %w", err)
	}
	return nil
}

// Purge has Redis write its append-only file anew, and its snapshot if it keeps one. The files of replicas are theirs.
// It fails with Unsupported if the Redis user may not do that.
func (s *Store) Purge(ctx context.Context) error {
	node, err := s.master(ctx, s.key("sequence"))
	if err != nil {
		return fmt.Errorf("redis: purge: %w", classify(ctx, err))
	}
	for _, order := range []string{"BGREWRITEAOF", "BGSAVE"} {
		if err := rewritten(ctx, node, order); err != nil {
			return err
		}
	}
	return nil
}

// rewritten has Redis write a file anew, after it has ended one that it is writing.
func rewritten(ctx context.Context, node goredis.UniversalClient, order string) error {
	for {
		err := node.Do(ctx, order).Err()
		switch {
		case goredis.HasErrorPrefix(err, "NOPERM") || err != nil && strings.Contains(err.Error(), "unknown command"):
			return fault.Wrap(fault.Unsupported, err, "the files of Redis still have what was erased: run %s where Redis runs, "+
				"or permit it to the user of the service", order)
		case err != nil && !strings.Contains(err.Error(), "progress"):
			return fmt.Errorf("redis: purge: %w", classify(ctx, err))
		}
		if waited := settled(ctx, node); waited != nil || err == nil {
			return waited
		}
	}
}

// settled waits until Redis writes no file anew.
func settled(ctx context.Context, node goredis.UniversalClient) error {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		info, err := node.Info(ctx, "persistence").Result()
		if err != nil {
			return fmt.Errorf("redis: purge: %w", classify(ctx, err))
		}
		if !strings.Contains(info, "_in_progress:1") && !strings.Contains(info, "aof_rewrite_scheduled:1") {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
