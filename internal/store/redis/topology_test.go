//go:build unix

package redis_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/store"
	"lifeline/internal/store/redis"
	"lifeline/internal/store/storetest"
)

func TestSentinelKeepsTheContractThroughAFailover(t *testing.T) {
	durable := append(harness.Durable[:len(harness.Durable):len(harness.Durable)], "--repl-diskless-sync-delay", "0")
	master := harness.StartRedis(t, durable...)
	var nodes []*harness.Redis
	for range 2 {
		replica := harness.StartRedis(t, append([]string{"--replicaof", "127.0.0.1 " + master.Port()}, durable...)...)
		replica.Until(func(ctx context.Context, c *goredis.Client) bool {
			info, err := c.Info(ctx, "replication").Result()
			return err == nil && strings.Contains(info, "master_link_status:up")
		}, "replication")
		nodes = append(nodes, replica)
	}
	var sentinels []*harness.Redis
	for range 3 {
		sentinels = append(sentinels, startSentinel(t, master))
	}
	for _, s := range sentinels { // each Sentinel knows the replicas and the other two
		s.Until(func(ctx context.Context, c *goredis.Client) bool {
			info, err := c.Info(ctx, "sentinel").Result()
			return err == nil && strings.Contains(info, "status=ok") && strings.Contains(info, "slaves=2,sentinels=3")
		}, "acquaintance")
	}
	o := redis.Options{
		URL: fmt.Sprintf("redis+sentinel://%s?master_name=lifeline&addr=%s&addr=%s", sentinels[0].Addr, sentinels[1].Addr,
			sentinels[2].Addr),
		Feed: 10_000, Replicas: 1, ReplicaWait: 10 * time.Second,
	}
	t.Run("before", func(t *testing.T) { storetest.Run(t, places(o)) })

	o.Prefix = "failover"
	patience := func(ms int) {
		for _, s := range sentinels {
			s.Do("sentinel", "set", "lifeline", "down-after-milliseconds", ms)
		}
	}
	failover(t, o, func() {
		master.Kill()
		patience(500)
	})
	patience(patient)

	for _, n := range nodes {
		n.Until(func(ctx context.Context, c *goredis.Client) bool {
			info, err := c.Info(ctx, "replication").Result()
			return err == nil && (strings.Contains(info, "connected_slaves:1") || strings.Contains(info,
				"master_link_status:up"))
		}, "a new master and its replica")
	}
	t.Run("after", func(t *testing.T) { storetest.Run(t, places(o)) })
}

// failover puts load on a Store, kills its master meanwhile, continues until every writer has made as many further
// commits, and checks that every acknowledged commit exists.
func failover(t *testing.T, o redis.Options, kill func()) {
	t.Helper()
	const writers, each = 4, 25
	s := open(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var half, all sync.WaitGroup
	half.Add(writers)
	all.Go(func() { // a follower survives the failover by itself
		for since := int64(0); since < writers*each*2; {
			if err := s.Wait(ctx, since); err != nil && !fault.Is(err, fault.Unavailable) {
				t.Errorf("wait since %d: %v", since, err)
				return
			}
			if latest, err := s.Latest(ctx); err == nil {
				since = latest
			}
		}
	})
	for w := range writers {
		all.Go(func() {
			for n := range 2 * each {
				if n == each {
					half.Done()
				}
				c := store.Commit{Writes: []store.Write{{Kind: "k", ID: fmt.Sprintf("%d-%d", w, n), Body: []byte{byte(n)}}}}
				for tried := false; ; tried = true {
					_, err := s.Commit(ctx, c)
					if err == nil || tried && fault.Is(err, fault.Conflict) {
						break
					}
					if !fault.Is(err, fault.Unavailable) {
						t.Errorf("commit: %v", err)
						return
					}
				}
			}
		})
	}
	half.Wait()
	kill()
	all.Wait()
	list, err := s.List(t.Context(), "k", "", 10_000)
	if err != nil || len(list) != writers*each*2 {
		t.Fatalf("%d documents, %v; want %d", len(list), err, writers*each*2)
	}
	changes, err := s.Changes(t.Context(), 0, 10_000)
	if err != nil || len(changes) != writers*each*2 {
		t.Fatalf("%d changes, %v; want %d", len(changes), err, writers*each*2)
	}
}

// patient is the time in milliseconds for which a Sentinel tolerates a slow master on a busy machine: a failover from a
// living master loses the writes that some replica lacks.
const patient = 600_000

func startSentinel(t *testing.T, master *harness.Redis) *harness.Redis {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor lifeline 127.0.0.1 %s 2\nsentinel down-after-milliseconds lifeline "+
		"%d\nsentinel failover-timeout lifeline 3000\n", master.Port(), patient)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return harness.StartRedis(t, file, "--sentinel")
}

func TestClusterKeepsTheContract(t *testing.T) {
	var nodes []*harness.Redis
	for n := range 3 {
		s := harness.StartRedis(t, append([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", "2000"},
			harness.Durable...)...)
		s.Do("cluster", "addslotsrange", n*5461+min(n, 1), min((n+1)*5461, 16383))
		nodes = append(nodes, s)
	}
	host, port, _ := net.SplitHostPort(nodes[0].Addr)
	for _, s := range nodes[1:] {
		s.Do("cluster", "meet", host, port)
	}
	for _, s := range nodes {
		s.Until(func(ctx context.Context, c *goredis.Client) bool {
			info, err := c.ClusterInfo(ctx).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		}, "acquaintance")
	}
	o := redis.Options{URL: fmt.Sprintf("redis+cluster://%s?addr=%s&addr=%s", nodes[0].Addr, nodes[1].Addr, nodes[2].Addr),
		Feed: 10_000}
	t.Run("contract", func(t *testing.T) { storetest.Run(t, places(o)) })
	t.Run("archive", func(t *testing.T) {
		fresh := func(t *testing.T) func() storetest.Archivable {
			o := o
			o.Prefix = fmt.Sprintf("place %d", prefixes.Add(1))
			return func() storetest.Archivable { return open(t, o) }
		}
		storetest.RunArchive(t, fresh, fresh)
	})
	t.Run("WriteThatTooFewReplicasHaveIsNotAcknowledged", func(t *testing.T) {
		o := o
		o.Prefix, o.Replicas, o.ReplicaWait = "replicas", 1, time.Millisecond
		s := open(t, o)
		for n := range int64(3) {
			_, err := s.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: "k", ID: "i", Expect: n}}})
			if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "only 0 of 1 replicas") {
				t.Fatalf("commit: %v", err)
			}
			if d, err := s.Get(t.Context(), "k", "i"); err != nil || d.Revision != n+1 {
				t.Fatalf("get: %+v, %v", d, err)
			}
		}
	})
	for _, s := range nodes { // the prefixes were distributed
		if size := s.Do("dbsize"); size == int64(0) {
			t.Errorf("%s has no key", s.Addr)
		}
	}
}
