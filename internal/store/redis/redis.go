// Package redis implements the storage contract in Redis 7.0 or later, shared by several replicas of the service: a
// single node, a node watched by Sentinels, or a Cluster.
//
// All keys carry one hash tag, {prefix}, so that every commit is one script on one node:
//
//	sequence                        the last change; "restoring" during an Import
//	feed                            a stream of the latest changes, each named <sequence>-0
//	audit                           a stream of all changes that are not trimmed, named likewise
//	trimmed                         the change up to which superseded changes are removed from audit and history
//	redacted                        the copy of a stream that a Redact writes
//	retired                         counts every Forget and step of a Trim
//	documents:<kind>                id -> revision, space, body
//	revisions:<kind>                id -> revision; negative when deleted
//	ids:<kind>                      the ids in byte order
//	history:<kind>                  id, NUL, sequence in twenty digits: the changes of each document
//	asrun:<station>, instants:<station>  sequence -> at in ms, space, body; and by at
//	kinds, stations                 the names that have or had documents and as-run entries
//	receipt:<random>                the answer to a call, for ten minutes
//	lease:<name>                    its holder, until it expires
//	reserve                         memory reserved for urgent writes: pieces by number
//	caller:<token>                  state of a caller's rate limit; under rate:{prefix}: (redis_rate)
//
// A call that is repeated because its answer was lost finds its receipt and does not act twice.
//
// The Redis user needs no more permissions than these:
//
//	~{prefix}:* +get +set +del +incrby +hget +hmget +hset +hdel +hsetnx +zadd +zrem +zrangebylex +zrevrangebylex
//	+zrangebyscore +sadd +smembers +xadd +xrange +xrevrange +xread +xdel +xtrim +evalsha +eval +multi +exec +ping +info
//	+config|get, +select for a numbered database,
//	~rate:{prefix}:* +time for rate limits shared by replicas (otherwise each replica has its own),
//	+rename +bgrewriteaof +bgsave to erase,
//	+pttl to take over work whose lease would not end,
//	+wait and +script|load for replicas, +hlen, +zcard, +scan and +pttl to check,
//	+cluster|slots and +cluster|shards for a Cluster
package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
	"lifeline/internal/store/notify"
)

// Store is a connection to one prefix of a Redis.
type Store struct {
	client   goredis.UniversalClient
	o        Options
	notifier *notify.Notifier
	closed   func() error
}

// Open connects and checks that Redis can be reached and gives the required guarantees. If it does not, the error says
// what to change.
func Open(ctx context.Context, o Options) (*Store, error) {
	client, err := o.client()
	if err != nil {
		return nil, fmt.Errorf("redis: open: %w", err)
	}
	s := &Store{client: client, o: o}
	s.closed = sync.OnceValue(client.Close)
	latest, err := s.Latest(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("redis: open: %w", err), s.closed())
	}
	s.notifier = notify.Start(latest, s.look())
	return s, nil
}

// Ping fails with Unavailable if Redis is out of reach.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis: ping: %w", classify(ctx, err))
	}
	return nil
}

// Close ends running calls and all connections. A second Close does nothing.
func (s *Store) Close() error {
	s.notifier.Cancel()
	err := s.closed() // also ends the notifier's read
	s.notifier.Stop()
	if err != nil {
		return fmt.Errorf("redis: close: %w", err)
	}
	return nil
}

func (s *Store) key(parts ...string) string {
	return "{" + s.o.Prefix + "}:" + strings.Join(parts, ":")
}

// write runs a script that writes and, if configured, waits until replicas have the write too. It is one round trip.
func (s *Store) write(ctx context.Context, script *goredis.Script, keys []string, args []any) (string, error) {
	if s.o.Replicas == 0 {
		answer, err := script.Run(ctx, s.client, keys, args...).Text()
		return answer, classify(ctx, err)
	}
	for attempt := 1; ; attempt++ {
		node, err := s.master(ctx, keys[0])
		if err != nil {
			return "", classify(ctx, err)
		}
		pipe := node.Pipeline()
		written := script.EvalSha(ctx, pipe, keys, args...)
		waited := pipe.Do(ctx, "wait", s.o.Replicas, s.o.ReplicaWait.Milliseconds())
		_, err = pipe.Exec(ctx)
		switch _, moved := goredis.IsMovedError(written.Err()); {
		case goredis.HasErrorPrefix(written.Err(), "NOSCRIPT") && attempt < 4:
			if err := script.Load(ctx, node).Err(); err != nil {
				return "", classify(ctx, err)
			}
		case moved && attempt < 4:
			s.client.(*goredis.ClusterClient).ReloadState(ctx)
		case err != nil:
			return "", classify(ctx, err)
		default:
			have, err := waited.Int()
			if err != nil {
				return "", classify(ctx, err)
			}
			if have < s.o.Replicas {
				return "", fault.New(fault.Unavailable, "written, but only %d of %d replicas have it", have, s.o.Replicas)
			}
			answer, err := written.Text()
			return answer, classify(ctx, err)
		}
	}
}

// master returns the node that holds key.
func (s *Store) master(ctx context.Context, key string) (goredis.UniversalClient, error) {
	if cluster, ok := s.client.(*goredis.ClusterClient); ok {
		return cluster.MasterForKey(ctx, key)
	}
	return s.client, nil
}
