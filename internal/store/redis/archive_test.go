//go:build unix

package redis_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/store"
	"lifeline/internal/store/redis"
	"lifeline/internal/store/sqlite"
	"lifeline/internal/store/storetest"
)

func TestArchive(t *testing.T) {
	o := redis.Options{URL: "redis://" + harness.StartRedis(t, harness.Durable...).Addr, Feed: 10_000}
	onRedis := func(t *testing.T) func() storetest.Archivable {
		o := o
		o.Prefix = fmt.Sprintf("place %d", prefixes.Add(1))
		return func() storetest.Archivable { return open(t, o) }
	}
	onSQLite := func(t *testing.T) func() storetest.Archivable {
		path := filepath.Join(t.TempDir(), "lifeline.db")
		return func() storetest.Archivable {
			s, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		}
	}
	t.Run("within Redis", func(t *testing.T) { storetest.RunArchive(t, onRedis, onRedis) })
	t.Run("from SQLite to Redis and back", func(t *testing.T) { storetest.RunArchive(t, onSQLite, onRedis) })
}

func TestRestoreThatWasCutShortIsNamed(t *testing.T) {
	server := harness.StartRedis(t, harness.Durable...)
	o := redis.Options{URL: "redis://" + server.Addr, Prefix: "cut", Feed: 10}
	s := open(t, o)
	server.Do("set", "{cut}:sequence", "restoring")
	_, opened := redis.Open(t.Context(), o)
	_, committed := s.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: "k", ID: "i"}}})
	_, appended := s.Append(t.Context(), []store.Entry{{Station: "s"}})
	for verb, err := range map[string]error{"open": opened, "commit": committed, "append": appended} {
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "restore again") {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if n := server.Do("dbsize"); n != int64(1) {
		t.Errorf("%v keys; want the sequence alone", n)
	}
}
