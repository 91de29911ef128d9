package redis

import (
	"crypto/tls"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"lifeline/internal/fault"
)

// Options selects a Redis and the guarantees required of it.
type Options struct {
	// URL is one of
	//
	//	redis://user:password@host:6379/0
	//	redis+sentinel://user:password@host:26379/0?master_name=name&addr=host2:26379&addr=host3:26379
	//	redis+cluster://user:password@host:6379?addr=host2:6379&addr=host3:6379
	//
	// or rediss… for TLS. The parameters of go-redis (dial_timeout=5s, read_timeout=3s, pool_size=20,
	// sentinel_username=, sentinel_password=, …) may follow.
	URL string

	TLS    *tls.Config // replaces the system's certificates, for rediss
	Prefix string      // prefix of every key, which is put in braces; must not contain braces
	Feed   int64       // minimum number of changes that the feed keeps; a follower that is further behind must list again

	// Replicas is the number of replicas that must have a write before it is acknowledged. A failover from a dead master
	// then keeps the write. A failover from a living master that is cut off or slow loses writes that some replica lacks:
	// set min-replicas-to-write as well, and give Sentinel a timeout that suits the network.
	Replicas    int
	ReplicaWait time.Duration // how long to wait for them, in whole milliseconds

	// AcceptLoss accepts a Redis that may lose or evict acknowledged writes, or does not reveal whether it may.
	AcceptLoss bool
}

func (o Options) client() (goredis.UniversalClient, error) {
	switch {
	case o.Prefix == "" || strings.ContainsAny(o.Prefix, "{}"):
		return nil, fault.New(fault.Invalid, "the prefix %q of the keys must not be empty nor contain braces", o.Prefix)
	case o.Feed < 1:
		return nil, fault.New(fault.Invalid, "the feed must keep at least 1 change, not %d", o.Feed)
	case o.Replicas < 0 || o.Replicas > 0 && o.ReplicaWait < time.Millisecond:
		return nil, fault.New(fault.Invalid, "cannot wait %v for %d replicas", o.ReplicaWait, o.Replicas)
	}
	scheme, rest, _ := strings.Cut(o.URL, "://")
	scheme, kind, _ := strings.Cut(scheme, "+")
	address := scheme + "://" + rest
	switch kind {
	case "":
		return o.single(address)
	case "sentinel":
		return o.sentinel(address)
	case "cluster":
		return o.cluster(address)
	}
	return nil, fault.New(fault.Invalid, "a Redis URL begins with redis://, redis+sentinel:// or redis+cluster://, or "+
		"rediss… for TLS")
}

func (o Options) single(address string) (goredis.UniversalClient, error) {
	c, err := goredis.ParseURL(address)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the Redis URL is wrong")
	}
	c.OnConnect, c.ContextTimeoutEnabled, c.Protocol, c.DisableIdentity = o.trust(), true, 2, true
	c.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	c.TLSConfig = o.secure(c.TLSConfig)
	c.ReadTimeout = o.patient(c.ReadTimeout)
	return goredis.NewClient(c), nil
}

func (o Options) sentinel(address string) (goredis.UniversalClient, error) {
	c, err := goredis.ParseFailoverURL(address)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the Redis URL is wrong")
	}
	if c.MasterName == "" {
		return nil, fault.New(fault.Invalid, "a redis+sentinel:// URL names the master: ?master_name=…")
	}
	c.OnConnect, c.ContextTimeoutEnabled, c.Protocol, c.DisableIdentity = o.trust(), true, 2, true
	c.TLSConfig = o.secure(c.TLSConfig)
	c.ReadTimeout = o.patient(c.ReadTimeout)
	return goredis.NewFailoverClient(c), nil
}

func (o Options) cluster(address string) (goredis.UniversalClient, error) {
	c, err := goredis.ParseClusterURL(address)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the Redis URL is wrong")
	}
	c.OnConnect, c.ContextTimeoutEnabled, c.Protocol, c.DisableIdentity = o.trust(), true, 2, true
	c.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	c.TLSConfig = o.secure(c.TLSConfig)
	c.ReadTimeout = o.patient(c.ReadTimeout)
	return goredis.NewClusterClient(c), nil
}

// secure returns the configured TLS settings with the host name of the URL's settings, or nil without TLS.
func (o Options) secure(fromURL *tls.Config) *tls.Config {
	if fromURL == nil || o.TLS == nil {
		return fromURL
	}
	c := o.TLS.Clone()
	if c.ServerName == "" {
		c.ServerName = fromURL.ServerName
	}
	return c
}

// patient returns a read timeout that exceeds the wait for replicas; 0 means go-redis's default of five seconds.
func (o Options) patient(timeout time.Duration) time.Duration {
	if o.Replicas == 0 || timeout < 0 {
		return timeout
	}
	if timeout == 0 {
		timeout = 5 * time.Second
	}
	return timeout + o.ReplicaWait
}
