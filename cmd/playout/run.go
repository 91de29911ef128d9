package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/playout"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/secret"
	"lifeline/internal/sign"
	"lifeline/internal/supervise"
	"lifeline/internal/trust"
)

// remote holds the flags by which the player's commands find and call the service.
type remote struct {
	site
	Token     string `env:"LIFELINE_TOKEN" placeholder:"TOKEN" help:"The station's token, for a player that is not enrolled; an enrolled one uses its own. Prefer the environment or a file."`
	TokenFile string `env:"LIFELINE_TOKEN_FILE" type:"path" placeholder:"FILE" help:"File that holds the station's token."`

	secret string // set by AfterApply
}

// AfterApply reads the address and the token, so that a malformed one is an error of the command line.
func (r *remote) AfterApply() (err error) {
	if err := r.site.read(); err != nil {
		return err
	}
	switch mended, err := secret.Mend(r.TokenFile); {
	case err != nil: // it still plays
		fmt.Fprintf(os.Stderr, "playout: other users of this machine may read the token: %v\n", err)
	case mended:
		fmt.Fprintf(os.Stderr, "playout: other users of this machine could read the token in %s; they no longer can\n",
			r.TokenFile)
	}
	r.secret, err = client.Token(r.Token, r.TokenFile)
	return err
}

// AfterApply reads what remote reads, and refuses mirrors without TLS unless it is said in so many words.
func (m *member) AfterApply() error {
	if err := m.remote.AfterApply(); err != nil {
		return err
	}
	for _, address := range m.Mirror {
		if u, err := url.Parse(address); err == nil && u.Scheme == "http" && !client.OfThisMachine(u.Hostname()) &&
			!m.Link.AllowPlainHTTP {
			return fmt.Errorf("--mirror: %s is reached without TLS, so that whoever has the link sees what the station fetches "+
				"and may withhold it: write https://%s. On a network that you trust, --allow-plain-http or "+
				"LIFELINE_ALLOW_PLAIN_HTTP=true allows it", address, u.Host)
		}
	}
	return nil
}

// client bounds how long a service that hangs can block; contexts bound whole calls.
func (r *remote) client() *client.Client {
	r.transport.ResponseHeaderTimeout = 90 * time.Second // long polls answer after 55 s
	return client.New(r.address, r.secret, &http.Client{Transport: r.transport})
}

// member is what the commands that keep a station's days need.
type member struct {
	remote
	Station   string     `form:"id" env:"LIFELINE_STATION" required:"" placeholder:"ID" help:"The station."`
	State     string     `env:"LIFELINE_STATE" required:"" type:"path" placeholder:"DIR" help:"Directory for the player's queues, audio and reports."`
	Root      string     `env:"LIFELINE_ROOT" type:"existingfile" placeholder:"FILE" help:"The root document that this station pins: it names the service's keys by role. With a root, the station ignores --key."`
	Key       []string   `form:"key" env:"LIFELINE_KEY" placeholder:"BASE64" help:"The service's public key, as GET /v1/keys shows it; may be repeated."`
	TrustOn   bool       `name:"trust-on-first-use" env:"LIFELINE_TRUST_ON_FIRST_USE" help:"Without --key, pin the first key that the service shows."`
	Mirror    []string   `form:"url" env:"LIFELINE_MIRRORS" placeholder:"URL" help:"A mirror to read when the service is not reached or lags behind; may be repeated. Mirrors name others, signed."`
	Drop      []drop     `form:"drop" env:"LIFELINE_DROP" sep:"none" placeholder:"TARGET" help:"Where to leave reports, encrypted, while the service takes none: a folder, or an https address to which one file can be put (a presigned PUT); may be repeated. The station must have enrolled."`
	DropTo    string     `name:"drop-recipient" form:"recipient" env:"LIFELINE_DROP_RECIPIENT" placeholder:"AGE" help:"The age recipient of drops, as lifeline key drops prints it. Default: the one that the mirrors name, signed."`
	Days      int        `least:"1" env:"LIFELINE_DAYS" default:"7" help:"Number of days to hold ahead."`
	Rate      int        `least:"8000" most:"192000" env:"LIFELINE_RATE" default:"48000" help:"Output rate in Hz."`
	Bandwidth int        `least:"0" env:"LIFELINE_BANDWIDTH" placeholder:"BYTES" help:"Maximum rate of fetching audio, in bytes per second; 0 means no limit."`
	Cache     int64      `least:"0" env:"LIFELINE_CACHE" placeholder:"BYTES" help:"Maximum size of the audio that is kept, in bytes; 0 means all of the disk."`
	Listen    string     `form:"address" env:"LIFELINE_LISTEN" placeholder:"ADDRESS" help:"Address on which to serve a status page, /status.json, /metrics and /healthz, such as 127.0.0.1:8090."`
	LogLevel  slog.Level `env:"LIFELINE_LOG_LEVEL" default:"INFO" help:"Lowest level to log: DEBUG, INFO, WARN or ERROR."`
	Print     bool       `name:"print-config" help:"Print the configuration as --config takes it, without secrets, and end."`
}

// drop is a target of drops. The query of an address is a secret.
type drop string

// MarshalYAML returns what --print-config prints.
func (d drop) MarshalYAML() (any, error) {
	address, _, secret := strings.Cut(string(d), "?")
	if secret && strings.Contains(address, "://") {
		address += "?redacted"
	}
	return address, nil
}

// run is the command that plays.
type run struct {
	member
	Output  []string      `form:"output" env:"LIFELINE_OUTPUT" sep:"none" placeholder:"wav:DIR" help:"wav:DIR, flac:DIR, pcm:-, pcm:FILE, alsa[:DEVICE] or icecast:http://source:PASSWORD@HOST:PORT/MOUNT; may be repeated."`
	Counts  []string      `env:"LIFELINE_COUNTS" sep:"none" placeholder:"OUTPUT" help:"An --output, written as there, whose sound counts as aired; may be repeated. Default: alsa, icecast and pcm outputs, or all outputs if there are none of these."`
	PCM     string        `env:"LIFELINE_PCM" enum:"s16le,f32le" default:"s16le" help:"Samples of pcm outputs: ${enum}."`
	Latency time.Duration `least:"0s" env:"LIFELINE_ALSA_LATENCY" default:"200ms" help:"Length of the buffer of alsa outputs."`
	Kbps    int           `least:"8" most:"320" name:"icecast-kbps" env:"LIFELINE_ICECAST_KBPS" default:"64" help:"Bit rate of icecast outputs."`
	Silence time.Duration `least:"0s" env:"LIFELINE_SILENCE" default:"${silence}" help:"Replace an item after this length of silence; 0 means never."`
	Until   time.Time     `xor:"until" format:"2006-01-02T15:04:05Z07:00" placeholder:"INSTANT" help:"Stop at this instant (RFC 3339)."`
	Once    string        `form:"once" xor:"until" placeholder:"WINDOW@DATE" help:"Stop after this window."`
	Report  string        `enum:"none,json" default:"none" help:"json: write a line to standard output for each event on the air."`
}

// Run plays by the machine's time until ctx ends, or until the given time.
func (r *run) Run(ctx context.Context, now playout.Now, given *kong.Context) error {
	if r.Print {
		return printConfig(given)
	}
	log := r.log()
	if err := r.together(); err != nil {
		return cmdline.Exit(cmdline.Misunderstood, err)
	}
	stopping, err := r.stopping()
	if err != nil {
		return err
	}
	outputs, err := r.outputs(log)
	if err != nil {
		return err
	}
	notify := logged(log)
	if r.Report == "json" {
		lines, end := reportJSON(cmdline.Printable(os.Stdout))
		defer end()
		notify = both(notify, lines)
	}
	return r.work(ctx, log, playout.Options{Silence: r.Silence, Outputs: outputs, Counting: r.counting(outputs),
		Until: r.Until, Stopping: stopping, Now: now, Notify: notify})
}

// printConfig prints the flags that are in force.
func printConfig(given *kong.Context) error {
	text, err := cmdline.Settings(given)
	fmt.Fprint(cmdline.Printable(os.Stdout), text)
	return err
}

func (m *member) log() *slog.Logger {
	cmdline.IgnoreClosedReaders()
	return slog.New(slog.NewTextHandler(cmdline.Printable(os.Stderr), &slog.HandlerOptions{Level: m.LogLevel})).With(
		"station", m.Station)
}

// work runs the station with the given options and those that its flags name.
func (m *member) work(ctx context.Context, log *slog.Logger, opt playout.Options) (err error) {
	pins, err := m.pins()
	if err != nil {
		return err
	}
	state, err := statedir.Open(m.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	opt.TokenIgnored = m.identify(state)
	opt.Station, opt.State, opt.API, opt.Pins = m.Station, state, m.client(), pins
	opt.Follow = playout.FollowOptions{Days: m.Days, TrustFirst: m.TrustOn}
	opt.Mirrors = playout.MirrorOptions{Addresses: m.Mirror, TLSOnly: !m.Link.AllowPlainHTTP}
	opt.Drops = playout.DropOptions{Recipient: m.DropTo}
	for _, d := range m.Drop {
		opt.Drops.Targets = append(opt.Drops.Targets, string(d))
	}
	opt.Open, opt.Rate, opt.Bandwidth, opt.CacheBytes = playout.OpenMP3, dsp.Rate(m.Rate), m.Bandwidth, m.Cache
	opt.Uptime, opt.Log, opt.Version, opt.Built = playout.MachineUptime(), log, version, cmdline.Version()
	p, err := playout.OpenPlayer(opt)
	if err != nil {
		return err
	}
	defer m.watch(p.Handler(), log)()
	log.Info("at work", "server", m.address, "state", m.State)
	supervised, end := context.WithCancel(ctx)
	told := make(chan bool)
	go func() {
		supervise.Run(supervised, log, p.Works)
		close(told)
	}()
	defer func() { end(); <-told }()
	return p.Run(ctx)
}

// identify makes an enrolled station use the token that it got then, and reports whether another one was given: a token
// left in the environment may be of anybody, and would end without the cure that the player then names.
func (m *member) identify(state *statedir.Dir) (ignored bool) {
	identity, err := playout.LoadIdentity(state)
	if err != nil || identity == nil || identity.Station != m.Station {
		return false // the player raises an alarm
	}
	ignored = m.secret != "" && m.secret != identity.Token
	m.secret = identity.Token
	return ignored
}

// pins reads the keys and roots that the station trusts from the start.
func (m *member) pins() (pins playout.Pins, err error) {
	if m.Root != "" {
		b, err := os.ReadFile(m.Root)
		if err == nil {
			pins.Root, err = trust.ParseRoot(b)
		}
		if err == nil {
			err = pins.Root.Signed()
		}
		if err != nil {
			return pins, fmt.Errorf("--root %s: %w", m.Root, err)
		}
	}
	pins.Keys, err = m.keys()
	return pins, err
}

func (m *member) keys() (keys []ed25519.PublicKey, err error) {
	for _, text := range m.Key {
		key, err := sign.ParsePublic(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
