// Package config defines the service's settings: flags, environment variables (LIFELINE_…) and a file. They are read
// once, at the start.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"lifeline/internal/wire"
)

// Serve holds the settings of the service.
type Serve struct {
	Data        string        `help:"Directory of the embedded store, the audio and the signing key." default:"data" env:"LIFELINE_DATA" type:"path"`
	Store       string        `help:"Where documents are kept: sqlite, in the data directory, or a Redis for several replicas: redis://…, redis+sentinel://… or redis+cluster://…, with rediss for TLS." default:"sqlite" env:"LIFELINE_STORE"`
	Audio       string        `help:"Where recordings are kept: local, in the data directory, or s3+http://… or s3+https://HOST/BUCKET[/PREFIX]." default:"local" env:"LIFELINE_AUDIO"`
	Listen      string        `help:"Address to listen on." default:"127.0.0.1:8080" env:"LIFELINE_LISTEN"`
	PublicURL   string        `help:"Address at which stations reach the service; media URLs in queues begin with it. Default: the address on which the service listens." env:"LIFELINE_PUBLIC_URL"`
	MediaLife   time.Duration `help:"Minimum validity of the signed media addresses in lists. They must outlast a day's list that is fetched when the day begins." default:"36h" env:"LIFELINE_MEDIA_LIFE"`
	Lease       time.Duration `help:"How long a lease lets a station air sensitive segments, from 5s to 1h. A station without a link starts none after that. A short lease costs requests, and airings on a poor link. A changed value applies to new leases. Default: 10m." env:"LIFELINE_LEASE"`
	MaxUpload   int64         `help:"Maximum size of a recording, in bytes." default:"2147483648" env:"LIFELINE_MAX_UPLOAD"`
	MaxWaiting  int64         `help:"Maximum size of all unfinished uploads together, in bytes. A quarter is for one person, or one recording if that is larger." default:"17179869184" env:"LIFELINE_MAX_WAITING"`
	MaxDaily    int64         `help:"Maximum size of all recordings that one person uploads to one replica in a day of UTC, in bytes; 0 means no limit." default:"137438953472" env:"LIFELINE_MAX_DAILY"`
	Reserve     int64         `help:"Bytes of the disk, or of the Redis with the documents, reserved for recalls, publications, reports and tokens; at most an eighth of its size. Uploads are refused while less than 1.5 times the reserve is free; 0 reserves nothing." default:"67108864" env:"LIFELINE_RESERVE"`
	Analysers   int           `help:"Number of recordings to analyse at the same time; 0 means one per processor." default:"0" env:"LIFELINE_ANALYSERS"`
	Key         string        `help:"File of the Ed25519 signing key, as 32 random bytes in base64. Default: signing.key in the data directory, made at the first start." env:"LIFELINE_SIGNING_KEY_FILE" type:"path"`
	Keys        string        `help:"Folder with the root documents, and with the keys of the roles that they name. Default: keys in the data directory. Without a root there, the signing key signs everything." env:"LIFELINE_KEYS" type:"path"`
	KeepRecords int           `help:"Days for which as-run reports and the audit trail stay in the store. Older months move to compressed files beside the audio and are read from there; 0 means never." default:"400" env:"LIFELINE_KEEP_RECORDS"`
	Redis       Redis         `embed:"" prefix:"redis-"`
	S3          S3            `embed:"" prefix:"s3-"`
	Render      Render        `embed:"" prefix:"render-"`
	OIDC        OIDC          `embed:"" prefix:"oidc-"`
	Webhooks    []string      `name:"webhook-networks" help:"Private networks, such as 10.1.2.0/24, that webhooks may reach, also without TLS. Default: none; webhooks then reach only public addresses, and only by TLS." env:"LIFELINE_WEBHOOK_NETWORKS"`
	Guard       Guard         `embed:""`
	LogJSON     bool          `help:"Log as JSON." env:"LIFELINE_LOG_JSON"`
}

// Redis holds the settings of a Redis.
type Redis struct {
	Prefix      string        `help:"Prefix of every key in Redis." default:"lifeline" env:"LIFELINE_REDIS_PREFIX"`
	Replicas    int           `help:"Number of Redis replicas that must have a write before it is acknowledged (WAIT). The write then survives a failover from a dead master. A master that is cut off but still runs may acknowledge writes that the failover loses: also set min-replicas-to-write in Redis." default:"0" env:"LIFELINE_REDIS_REPLICAS"`
	ReplicaWait time.Duration `help:"How long to wait for these replicas." default:"1s" env:"LIFELINE_REDIS_REPLICA_WAIT"`
	AcceptLoss  bool          `help:"Accept a Redis that can lose or evict acknowledged writes." env:"LIFELINE_REDIS_ACCEPT_LOSS"`
}

// S3 holds the credentials for an S3-compatible service.
type S3 struct {
	Region        string `help:"Region of the bucket. Default: the server's answer." env:"LIFELINE_S3_REGION"`
	AccessKey     string `help:"Access key of the bucket." env:"LIFELINE_S3_ACCESS_KEY"`
	SecretKeyFile string `help:"File with the secret key of the bucket." env:"LIFELINE_S3_SECRET_KEY_FILE" type:"path"`

	Silence time.Duration `help:"Longest silence of the bucket before a transfer is given up; 0 means no limit." default:"15s" env:"LIFELINE_S3_SILENCE"`
}

// OIDC holds the settings of the service at the house's identity provider.
type OIDC struct {
	Issuer     string `help:"Identity provider of the house, by OpenID Connect, such as https://id.example: the issuer that its tokens name. Persons who are linked with an identity there may sign in by it, beside passkeys. It sends browsers back to the console, at --public-url with a / at the end. Default: none." env:"LIFELINE_OIDC_ISSUER"`
	ClientID   string `name:"client-id" help:"Name of the service at the identity provider." env:"LIFELINE_OIDC_CLIENT_ID"`
	SecretFile string `help:"File with the secret of the service at the identity provider." env:"LIFELINE_OIDC_SECRET_FILE" type:"path"`
}

func (o OIDC) check() error {
	if (o.Issuer == "") != (o.ClientID == "") || (o.Issuer == "") != (o.SecretFile == "") {
		return errors.New("--oidc-issuer, --oidc-client-id, --oidc-secret-file: must be given together")
	}
	if o.Issuer != "" && !wire.ValidIssuer(o.Issuer) {
		return errors.New("--oidc-issuer: must be an address such as https://id.example; http only on this machine")
	}
	return nil
}

// Render holds the settings for rendering windows into files. 0 means the default.
type Render struct {
	Rate   int   `help:"Sample rate of rendered windows, in Hz. Default: 48000, as the player's." env:"LIFELINE_RENDER_RATE"`
	Bytes  int64 `help:"Maximum size of the rendered windows that are kept, in bytes. Default: 8 GiB." env:"LIFELINE_RENDER_BYTES"`
	AtOnce int   `help:"Number of windows to render at the same time, each on all processors. Default: 1." env:"LIFELINE_RENDER_AT_ONCE"`
}

// Bucket splits an audio address into the endpoint, the bucket, and the prefix of its objects.
func (s *Serve) Bucket() (endpoint, bucket, prefix string, err error) {
	u, err := url.Parse(strings.TrimPrefix(s.Audio, "s3+"))
	if err == nil {
		bucket, prefix, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	}
	if err != nil || !strings.HasPrefix(s.Audio, "s3+http") || u.Host == "" || bucket == "" {
		return "", "", "", fmt.Errorf("--audio: must be local, or s3+https://HOST/BUCKET[/PREFIX]")
	}
	return u.Scheme + "://" + u.Host, bucket, prefix, nil
}

// minKeepRecords is the number of days of records that planning needs, with a margin.
const minKeepRecords = 60

// WebhookNetworks returns the networks that webhooks may reach, besides public addresses.
func (s *Serve) WebhookNetworks() ([]netip.Prefix, error) {
	return networks("--webhook-networks", s.Webhooks)
}

// networks reads the networks that a flag names.
func networks(flag string, texts []string) (out []netip.Prefix, err error) {
	for _, text := range texts {
		network, wrong := netip.ParsePrefix(text)
		if wrong != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", flag, wrong))
		}
		out = append(out, network.Masked())
	}
	return out, err
}

// AfterApply has a command line with a wrong configuration not be understood.
func (s *Serve) AfterApply() error { return s.Check() }

// Check returns all faults of the settings, and sets the dependent ones.
func (s *Serve) Check() error {
	wrong := []error{s.checkGuard(), s.OIDC.check()}
	if _, err := s.WebhookNetworks(); err != nil {
		wrong = append(wrong, err)
	}
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		wrong = append(wrong, fmt.Errorf("--listen: %w", err))
	}
	if s.PublicURL != "" {
		wrong = append(wrong, checkPublic(s.PublicURL))
	}
	if s.Store != "sqlite" && !strings.HasPrefix(s.Store, "redis") {
		wrong = append(wrong, errors.New("--store: must be sqlite, or a Redis by redis://…, redis+sentinel://… or "+
			"redis+cluster://…, with rediss for TLS"))
	}
	if s.Redis.Replicas < 0 || s.Redis.ReplicaWait < 0 {
		wrong = append(wrong, errors.New("--redis-replicas, --redis-replica-wait: must not be negative"))
	}
	if s.Audio != "local" {
		if _, _, _, err := s.Bucket(); err != nil {
			wrong = append(wrong, err)
		}
	}
	if s.MediaLife < time.Minute {
		wrong = append(wrong, errors.New("--media-life: must be at least a minute"))
	}
	// players reject longer leases
	if s.Lease = cmp.Or(s.Lease, 10*time.Minute); s.Lease < 5*time.Second || s.Lease > time.Hour {
		wrong = append(wrong, errors.New("--lease: must be from 5s to 1h"))
	}
	if s.MaxUpload < 1 {
		wrong = append(wrong, errors.New("--max-upload: must be at least 1"))
	}
	if s.MaxWaiting < s.MaxUpload {
		wrong = append(wrong, errors.New("--max-waiting: must be at least --max-upload"))
	}
	if s.MaxDaily < 0 || s.MaxDaily > 0 && s.MaxDaily < s.MaxUpload {
		wrong = append(wrong, errors.New("--max-daily: must be 0, or at least --max-upload"))
	}
	if s.Reserve < 0 {
		wrong = append(wrong, errors.New("--reserve: must not be negative"))
	}
	if s.KeepRecords != 0 && s.KeepRecords < minKeepRecords {
		wrong = append(wrong, fmt.Errorf("--keep-records: must be at least %d, since planning looks back as far, or 0",
			minKeepRecords))
	}
	if s.S3.Silence < 0 {
		wrong = append(wrong, errors.New("--s3-silence: must not be negative"))
	}
	if s.Analysers < 0 {
		wrong = append(wrong, errors.New("--analysers: must not be negative"))
	}
	if s.Analysers == 0 {
		s.Analysers = runtime.NumCPU()
	}
	if s.Render.Rate != 0 && (s.Render.Rate < 8000 || s.Render.Rate > 192_000) {
		wrong = append(wrong, errors.New("--render-rate: must be between 8000 and 192000"))
	}
	if s.Render.Bytes < 0 || s.Render.AtOnce < 0 {
		wrong = append(wrong, errors.New("--render-bytes, --render-at-once: must not be negative"))
	}
	s.Render.Rate = cmp.Or(s.Render.Rate, 48_000)
	s.Render.Bytes = cmp.Or(s.Render.Bytes, 8<<30)
	s.Render.AtOnce = cmp.Or(s.Render.AtOnce, 1)
	if s.Key == "" {
		s.Key = filepath.Join(s.Data, "signing.key")
	}
	if s.Keys == "" {
		s.Keys = filepath.Join(s.Data, "keys")
	}
	return errors.Join(wrong...)
}

// taken lists the first parts of the service's own paths: below one of them, the service could not distinguish its own
// path from the proxy's.
var taken = []string{"v1", "console", "docs", "openapi.json", "healthz", "readyz", "metrics", "spi"}

// checkPublic returns the fault of a public address. The address may have a path below which a proxy serves the
// service.
func checkPublic(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("--public-url: must be an http or https address such as https://lifeline.example")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("--public-url: must be an address and a path alone, without a name, a password, ? or #")
	}
	first, _, _ := strings.Cut(strings.TrimLeft(u.Path, "/"), "/")
	if slices.Contains(taken, first) || strings.Contains(u.Path, "//") {
		return fmt.Errorf("--public-url: the path %s cannot be told from the service's own: choose another, such as /radio",
			u.Path)
	}
	return nil
}

// StoreFile returns the file of the embedded store.
func (s *Serve) StoreFile() string { return filepath.Join(s.Data, "lifeline.db") }

// AudioDir returns the directory of local recordings.
func (s *Serve) AudioDir() string { return filepath.Join(s.Data, "audio") }

// SpoolDir returns the directory in which recordings wait for their hash before they go to a bucket.
func (s *Serve) SpoolDir() string { return filepath.Join(s.Data, "spool") }

// RenderDir returns the directory of rendered windows.
func (s *Serve) RenderDir() string { return filepath.Join(s.Data, "rendered") }

// LockFile returns the file that one service with the embedded store at a time locks.
func (s *Serve) LockFile() string { return filepath.Join(s.Data, "lock") }

// MakeData creates the data directory, readable only by its owner.
func (s *Serve) MakeData() error {
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}
