package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/examples"
)

// The stations of the load: like those of the example network, hour by hour. The first has most of the players.
const (
	stations = 100
	players  = 1000 // of the first station, each with a token of its own
)

// house is a real service over SQLite with default settings, with the samples and a published day for each station.
type house struct {
	binary, dir string
	server      *process
	people      *client.Client // an administrator
	tokens      []string       // of the first station's players
	others      []string       // of one player of each further station
	day         schedules.Date
	round       uint64
}

// furnish starts the service over an empty directory, and publishes the days that stations pull.
func (h *house) furnish(ctx context.Context) error {
	data := filepath.Join(h.dir, "data")
	var secrets [2]string // nobody may approve an upload of their own
	for i := range secrets {
		out, err := exec.CommandContext(ctx, h.binary, "token", "create", "--data", data, "--name", fmt.Sprint("admin ", i),
			"--role", "admin").Output()
		if err != nil {
			return fmt.Errorf("token: %w", err)
		}
		secrets[i] = strings.TrimSpace(string(out))
	}
	if err := h.serve(ctx); err != nil {
		return err
	}
	h.people = client.New(h.server.url, secrets[0], http.DefaultClient)
	editor := client.New(h.server.url, secrets[1], http.DefaultClient)
	if out, err := exec.CommandContext(ctx, h.binary, "upload", "--server", h.server.url, "--token", secrets[0], "--quiet",
		"audio/samples/catalogue.yaml").CombinedOutput(); err != nil {
		return fmt.Errorf("upload: %w\n%s", err, out)
	}
	segments, err := h.people.Segments(ctx, url.Values{})
	if err != nil {
		return err
	}
	for _, s := range segments {
		if _, err := editor.Approve(ctx, s, wire.Approval{Reason: "for the load"}); err != nil {
			return err
		}
	}
	for _, network := range [][]byte{examples.Network, network()} {
		if _, err := h.people.Apply(ctx, bytes.NewReader(network), false); err != nil {
			return err
		}
	}
	names := make([]string, stations)
	for i := range names {
		names[i] = station(i)
	}
	if err := h.plan(ctx, names...); err != nil {
		return err
	}
	if err := h.publish(ctx, names...); err != nil {
		return err
	}
	for range players {
		if h.tokens, err = h.addToken(ctx, h.tokens, station(0)); err != nil {
			return err
		}
	}
	for i := 1; i < stations; i++ {
		if h.others, err = h.addToken(ctx, h.others, station(i)); err != nil {
			return err
		}
	}
	return nil
}

// stop ends the service, if it runs.
func (h *house) stop() error {
	if h.server == nil {
		return nil
	}
	return h.server.stop()
}

func (h *house) serve(ctx context.Context) (err error) {
	listen := "127.0.0.1:0"
	if h.server != nil {
		listen = strings.TrimPrefix(h.server.url, "http://")
	}
	h.server, err = start(ctx, filepath.Join(h.dir, "log"), h.binary, "serve", "--data", filepath.Join(h.dir, "data"),
		"--listen", listen, "--open-metrics")
	return err
}

// restart restarts the service at the same address.
func (h *house) restart(ctx context.Context) error {
	if err := h.server.stop(); err != nil {
		return err
	}
	return h.serve(ctx)
}

func station(n int) string { return fmt.Sprintf("load-%03d", n) }

// network returns the stations: each hires two hours a day.
func network() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "stations:")
	for i := range stations {
		fmt.Fprintf(&b, `  - id: %s
    name: Station %d
    timezone: Asia/Tashkent
    languages: [ko-KP]
    freeze_ms: 1800000
    loudness_target_lufs: -23.0
    fallback: [evergreen-ko-1, reading-ko-full-minjun, music-first-light, testimony-ko-river, music-river]
    windows:
      - {id: evening, starts: {timezone: UTC, rrule: "DTSTART:20230901T130000\nRRULE:FREQ=DAILY"}, length_ms: 3570000, tolerance_ms: 1000, clock: hour-ko, languages: [ko-KP]}
      - {id: late, starts: {timezone: UTC, rrule: "DTSTART:20230901T150000\nRRULE:FREQ=DAILY"}, length_ms: 3570000, tolerance_ms: 1000, clock: hour-ko, languages: [ko-KP]}
`, station(i), i)
	}
	return b.Bytes()
}

// plan drafts the day of stations again, with another seed each time.
func (h *house) plan(ctx context.Context, stations ...string) error {
	h.round++
	return h.many(ctx, h.people.Plan, stations)
}

// publish publishes the drafts.
func (h *house) publish(ctx context.Context, stations ...string) error {
	return h.many(ctx, h.people.Publish, stations)
}

func (h *house) many(ctx context.Context, act func(context.Context, wire.ManyRequest) ([]wire.ManyResult, error),
	stations []string) error {
	results, err := act(ctx, wire.ManyRequest{Stations: stations, Dates: []schedules.Date{h.day}, Seed: h.round})
	for _, r := range results {
		if r.Problem != nil {
			err = errors.Join(err, fmt.Errorf("%s: %+v", r.Station, r.Problem))
		}
	}
	return err
}

// addToken makes one more token, as fast as the service's rate limit for an administrator allows.
func (h *house) addToken(ctx context.Context, to []string, station string) ([]string, error) {
	for {
		var t wire.Token
		_, err := h.people.Call(ctx, client.Request{Method: http.MethodPost, Path: wire.Base + "/tokens",
			Body: map[string]any{"name": "player of " + station, "role": "station", "station": station}}, &t)
		if !fault.Is(err, fault.TooMany) {
			return append(to, t.Secret), err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// queuePath returns the path that a station's player requests, as Lifeline's own player does.
func (h *house) queuePath(station string) string {
	return wire.Station(station, "queue") + "?date=" + h.day.String()
}

// queue fetches the queue, uncompressed and compressed, with its tag.
func (h *house) queue(ctx context.Context) (plain, zipped []byte, tag string, err error) {
	if plain, tag, err = fetch(ctx, h.server.url+h.queuePath(station(0)), h.tokens[0], "identity"); err != nil {
		return nil, nil, "", err
	}
	zipped, _, err = fetch(ctx, h.server.url+h.queuePath(station(0)), h.tokens[0], "gzip")
	return plain, zipped, tag, err
}

// waiting returns the numbers of long polls and streams in the service's metrics.
func (h *house) waiting(ctx context.Context) (polls, streams int, err error) {
	figures, _, err := fetch(ctx, h.server.url+"/metrics", "", "identity")
	for line := range strings.Lines(string(figures)) {
		fmt.Sscanf(line, `lifeline_waiters{kind="poll"} %d`, &polls)
		fmt.Sscanf(line, `lifeline_waiters{kind="stream"} %d`, &streams)
	}
	return polls, streams, err
}

func (h *house) write(name string, b []byte) (string, error) {
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, b, 0o644)
}
