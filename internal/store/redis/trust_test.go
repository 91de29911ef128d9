//go:build unix

package redis_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/store"
	"lifeline/internal/store/redis"
	"lifeline/internal/store/storetest"
)

func TestRedisThatMayLoseWritesIsRefusedInWordsThatHelp(t *testing.T) {
	s := harness.StartRedis(t, harness.Durable...)
	o := redis.Options{URL: "redis://" + s.Addr, Prefix: "trust", Feed: 10}
	open(t, o)
	for _, c := range []struct{ setting, bad, good string }{
		{"appendonly", "no", "yes"}, {"appendfsync", "everysec", "always"}, {"no-appendfsync-on-rewrite", "yes", "no"},
		{"maxmemory-policy", "allkeys-lru", "noeviction"},
	} {
		s.Do("config", "set", c.setting, c.bad)
		_, err := redis.Open(t.Context(), o)
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "set "+c.setting+" to "+c.good) {
			t.Errorf("%s %s: %v", c.setting, c.bad, err)
		}
		accepting := o
		accepting.AcceptLoss = true
		open(t, accepting)
		s.Do("config", "set", c.setting, c.good)
		s.Until(func(ctx context.Context, c *goredis.Client) bool {
			info, err := c.Info(ctx, "persistence").Result()
			return err == nil && strings.Contains(info, "aof_rewrite_in_progress:0")
		}, "the file that appending begins with")
	}
	open(t, o)
	s.Do("acl", "setuser", "blind", "on", ">secret", "~*", "+@all", "-config")
	o.URL = "redis://blind:secret@" + s.Addr
	if _, err := redis.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "allow +config|get") {
		t.Errorf("a user who may not see the settings: %v", err)
	}
	o.URL = "redis://blind:wrong@" + s.Addr
	if _, err := redis.Open(t.Context(), o); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a wrong password: %v", err)
	}
}

// The documented permissions of the user suffice, over TLS.
func TestContractHoldsForAnACLUserOverTLS(t *testing.T) {
	cert, key, roots := certificate(t)
	secure := harness.FreeAddress(t)
	_, port, _ := net.SplitHostPort(secure)
	s := harness.StartRedis(t, append([]string{"--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-ca-cert-file", cert, "--tls-auth-clients", "no"}, harness.Durable...)...)
	rule := "~{place*}:* ~rate:{place*}:* +time +get +set +del +incrby +hget +hmget +hset +hdel +hsetnx +zadd +zrem " +
		"+zrangebylex +zrevrangebylex +zrangebyscore +sadd +smembers " +
		"+xadd +xrange +xrevrange +xread +xdel +xtrim +evalsha +eval +multi +exec +ping +info +config|get +hlen +zcard +rename " +
		"+bgrewriteaof +bgsave +pttl +scan"
	command := []any{"acl", "setuser", "lifeline", "on", ">p@ss"}
	for _, word := range strings.Fields(rule) {
		command = append(command, word)
	}
	s.Do(command...)
	o := redis.Options{URL: "rediss://lifeline:p%40ss@" + secure, TLS: &tls.Config{RootCAs: roots}, Feed: 10_000}
	storetest.Run(t, places(o))
	o.Prefix = "place of callers"
	callers := open(t, o).Allowance(1, 3)
	for _, want := range []int{2, 1, 0} {
		if taken, wait, err := callers.Take(t.Context(), "token", 2); err != nil || taken != want ||
			(wait > 0) != (want == 0) {
			t.Errorf("%d, to wait %v, %v; of a burst of 3 there should be %d", taken, wait, err, want)
		}
	}

	o.Prefix = "elsewhere"
	if _, err := redis.Open(t.Context(), o); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(),
		"refuses this user") {
		t.Errorf("keys that are not this user's: %v", err)
	}
	o.Prefix, o.TLS = "untrusting", nil
	if _, err := redis.Open(t.Context(), o); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(),
		"certificate") {
		t.Errorf("an unknown certificate: %v", err)
	}
}

func TestWrongOptionsAreInvalid(t *testing.T) {
	good := redis.Options{URL: "redis://127.0.0.1:1", Prefix: "p", Feed: 1}
	for name, spoil := range map[string]func(o *redis.Options){
		"scheme":   func(o *redis.Options) { o.URL = "http://127.0.0.1" },
		"kind":     func(o *redis.Options) { o.URL = "redis+ring://127.0.0.1" },
		"database": func(o *redis.Options) { o.URL = "redis://127.0.0.1/x" },
		"master":   func(o *redis.Options) { o.URL = "redis+sentinel://127.0.0.1" },
		"prefix":   func(o *redis.Options) { o.Prefix = "" },
		"braces":   func(o *redis.Options) { o.Prefix = "a}b" },
		"feed":     func(o *redis.Options) { o.Feed = 0 },
		"replicas": func(o *redis.Options) { o.Replicas = 1 },
	} {
		o := good
		spoil(&o)
		if _, err := redis.Open(t.Context(), o); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := redis.Open(t.Context(), good); !fault.Is(err, fault.Unavailable) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestFullRedisKeepsWhatItHas(t *testing.T) {
	s := harness.StartRedis(t, append([]string{"--maxmemory", "3mb"}, harness.Durable...)...)
	r := open(t, redis.Options{URL: "redis://" + s.Addr, Prefix: "full", Feed: 10})
	write := func(id string, size int) error {
		_, err := r.Commit(context.Background(), store.Commit{Writes: []store.Write{{Kind: "k", ID: "also " + id},
			{Kind: "k", ID: id, Body: make([]byte, size)}}})
		return err
	}
	if err := write("small", 10); err != nil {
		t.Fatal(err)
	}
	var err error
	kept := 2
	for n := 0; err == nil && n < 100; n++ {
		if err = write(strings.Repeat("x", n+1), 1<<20); err == nil {
			kept += 2
		}
	}
	if !fault.Is(err, fault.Full) {
		t.Fatalf("commit: %v; want Full", err)
	}
	if list, err := r.List(t.Context(), "k", "", 1000); err != nil || len(list) != kept {
		t.Fatalf("list: %d documents, %v; want %d", len(list), err, kept)
	}
}

// certificate creates a self-signed certificate for the loopback address.
func certificate(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	certFile, keyFile = filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(certFile, certPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600); err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	return certFile, keyFile, roots
}
