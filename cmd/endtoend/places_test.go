package endtoend

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"lifeline/internal/config"
	"lifeline/internal/harness"
	"lifeline/internal/service"
	"lifeline/internal/store"
	"lifeline/internal/store/redis"
	"lifeline/internal/store/sqlite"
)

// furnishedKinds are the kinds of the documents in a furnished store.
var furnishedKinds = []string{"segment", "waveform", "station", "clock", "script", "campaign", "recalls"}

// onRedis returns the configuration of a service whose furnished documents are in a Redis of the test, and whose audio
// is in a directory of the test. Several replicas can share both.
func onRedis(t *testing.T, server *harness.Redis) config.Serve {
	t.Helper()
	c := serveDefaults(furnish(t))
	from, err := sqlite.Open(t.Context(), c.StoreFile())
	if err != nil {
		t.Fatal(err)
	}
	c.Store, c.PublicURL = "redis://"+server.Addr, "https://lifeline.example"
	c.Redis = config.Redis{Prefix: filepath.Base(t.TempDir()) + strconv.Itoa(os.Getpid())}
	to := openRedis(t, c)
	for _, kind := range furnishedKinds {
		docs, err := from.List(t.Context(), kind, "", 1000)
		if err != nil || len(docs) == 0 && kind != "campaign" {
			t.Fatalf("%d documents of %s: %v", len(docs), kind, err)
		}
		for _, d := range docs {
			for n := range d.Revision { // a document's revision is in its body too, so it is reached by repeated writes
				if _, err := to.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: kind, ID: d.ID, Expect: n,
					Body: d.Body}}}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := from.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.StoreFile()); err != nil {
		t.Fatal(err)
	}
	return c
}

// openRedis opens the store of a running service, until the test ends.
func openRedis(t *testing.T, c config.Serve) *redis.Store {
	t.Helper()
	s, err := redis.Open(context.WithoutCancel(t.Context()), redis.Options{URL: c.Store, Prefix: c.Redis.Prefix,
		Feed: service.FeedKept})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// arguments returns c as flags.
func arguments(c config.Serve) []string {
	args := []string{"serve", "--data", c.Data, "--listen", c.Listen, "--store", c.Store, "--audio", c.Audio,
		// without rate limit
		"--max-upload", strconv.FormatInt(c.MaxUpload, 10), "--analysers", strconv.Itoa(c.Analysers), "--rate", "0"}
	if c.Lease != 0 {
		args = append(args, "--lease", c.Lease.String())
	}
	if c.Store != "sqlite" {
		args = append(args, "--redis-prefix", c.Redis.Prefix, "--public-url", c.PublicURL)
	}
	if c.Guard.OpenMetrics {
		args = append(args, "--open-metrics")
	}
	for _, network := range c.Webhooks {
		args = append(args, "--webhook-networks", network)
	}
	return args
}
