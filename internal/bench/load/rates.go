package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// wish is one form of the request for the queue.
type wish struct {
	name     string
	encoding string
	known    bool // the caller has it already
}

var wishes = []wish{{"GET", "identity", false}, {"GET gzip", "gzip", false}, {"304", "identity", true}}

// rival is a server of the queue.
type rival struct {
	name string
	at   *process
	path string
}

// rates measures each server in turn, and prints the medians.
func rates(ctx context.Context, h *house, o options) (err error) {
	plain, zipped, _, err := h.queue(ctx)
	if err != nil {
		return err
	}
	file, err := h.write("static/queue.json", plain)
	if err == nil {
		_, err = h.write("static/queue.json.gz", zipped)
	}
	if err != nil {
		return err
	}
	rivals := []rival{{"lifeline", h.server, h.queuePath(station(0))}}
	begin := func(name, path string, start func() (*process, error)) {
		if err != nil {
			return
		}
		var p *process
		if p, err = start(); err == nil {
			rivals = append(rivals, rival{name, p, path})
		}
	}
	begin("nginx", "/queue.json", func() (*process, error) {
		return startNginx(ctx, filepath.Join(h.dir, "nginx"), filepath.Dir(file), "")
	})
	begin("nginx, files kept open", "/queue.json", func() (*process, error) {
		return startNginx(ctx, filepath.Join(h.dir, "nginx-open"), filepath.Dir(file), "open_file_cache max=100 inactive=1h;")
	})
	begin("bare net/http", "/", func() (*process, error) {
		return start(ctx, filepath.Join(h.dir, "log"), os.Args[0], "-bare", file)
	})
	defer func() {
		for _, r := range rivals[1:] {
			err = errors.Join(err, r.at.stop())
		}
	}()
	if err != nil {
		return err
	}
	fmt.Printf("\na queue of %d bytes, %d compressed; %d connections, %d tokens; %d rounds of %v, in turns\n", len(plain),
		len(zipped), o.connections, len(h.tokens), o.rounds, o.round)
	fmt.Printf("%-10s %-24s %12s %10s %12s %10s\n", "", "", "requests/s", "of nginx", "cpu us each", "of nginx")
	for _, w := range wishes {
		if err := compare(ctx, h, o, w, rivals); err != nil {
			return err
		}
	}
	return nil
}

// compare measures one wish at all rivals.
func compare(ctx context.Context, h *house, o options, w wish, rivals []rival) error {
	perSecond, each := make([][]float64, len(rivals)), make([][]float64, len(rivals))
	for round := range o.rounds {
		for n := range rivals {
			i := (n + round) % len(rivals) // so that no rival is always first
			rate, cost, err := ask(ctx, h, o, w, rivals[i])
			if err != nil {
				return fmt.Errorf("%s, %s: %w", w.name, rivals[i].name, err)
			}
			perSecond[i], each[i] = append(perSecond[i], rate), append(each[i], cost)
		}
	}
	for i, r := range rivals {
		rate, cost := median(perSecond[i]), median(each[i])
		fmt.Printf("%-10s %-24s %12.0f %9.0f%% %12.1f %9.0f%%\n", w.name, r.name, rate, 100*rate/median(perSecond[1]), cost,
			100*median(each[1])/cost)
	}
	return nil
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// script is wrk's script: each connection uses another token, in turn.
const script = `
local requests = {}
function init()
  for token in io.lines("%s") do
    requests[#requests + 1] = wrk.format("GET", "%s", {Authorization = "Bearer " .. token, ["Accept-Encoding"] = "%s", %s})
  end
end
local n = 0
function request()
  n = n %% #requests + 1
  return requests[n]
end
`

var (
	rateLine = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	sumLine  = regexp.MustCompile(`(\d+) requests in`)
	badLine  = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors: .*`)
)

// ask lets wrk measure one rival for one round. cost is the server's processor time per request in microseconds.
func ask(ctx context.Context, h *house, o options, w wish, r rival) (rate, cost float64, err error) {
	tokens, err := h.write("tokens", []byte(strings.Join(h.tokens, "\n")+"\n"))
	if err != nil {
		return 0, 0, err
	}
	condition, err := check(ctx, r.at.url+r.path, h.tokens[0], w)
	if err != nil {
		return 0, 0, err
	}
	lua, err := h.write("ask.lua", fmt.Appendf(nil, script, tokens, r.path, w.encoding, condition))
	if err != nil {
		return 0, 0, err
	}
	before, err := r.at.busy()
	if err != nil {
		return 0, 0, err
	}
	out, err := exec.CommandContext(ctx, "wrk", "-t2", "-c"+strconv.Itoa(o.connections), "-d"+
		strconv.Itoa(int(o.round.Seconds()))+"s", "-s", lua, r.at.url).CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	after, err := r.at.busy()
	if err != nil {
		return 0, 0, err
	}
	if bad := badLine.Find(out); bad != nil {
		return 0, 0, fmt.Errorf("wrk: %s", bad)
	}
	perSecond, sum := rateLine.FindSubmatch(out), sumLine.FindSubmatch(out)
	if perSecond == nil || sum == nil {
		return 0, 0, fmt.Errorf("wrk says nothing: %s", out)
	}
	rate, err = strconv.ParseFloat(string(perSecond[1]), 64)
	if err != nil {
		return 0, 0, err
	}
	n, err := strconv.ParseFloat(string(sum[1]), 64)
	return rate, float64((after - before).Microseconds()) / n, err
}

// check sends wrk's request once, verifies the answer, and returns the condition for the script.
func check(ctx context.Context, url, token string, w wish) (condition string, err error) {
	ask := func(tag string) (*http.Response, int, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, 0, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Accept-Encoding", w.encoding)
		if tag != "" {
			req.Header.Set("If-None-Match", tag)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, 0, err
		}
		defer resp.Body.Close()
		n, err := io.Copy(io.Discard, resp.Body)
		return resp, int(n), err
	}
	resp, n, err := ask("")
	if err != nil {
		return "", err
	}
	if zipped := resp.Header.Get("Content-Encoding") == "gzip"; resp.StatusCode != http.StatusOK || n == 0 ||
		zipped != (w.encoding == "gzip") {
		return "", fmt.Errorf("%s answered %s with %d bytes, zipped: %v", url, resp.Status, n, zipped)
	}
	if !w.known {
		return "", nil
	}
	tag := resp.Header.Get("ETag")
	if resp, n, err = ask(tag); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusNotModified || n != 0 {
		return "", fmt.Errorf("%s answered %s with %d bytes to who has %s", url, resp.Status, n, tag)
	}
	return `["If-None-Match"] = '` + tag + `'`, nil
}

// fetch sends one GET that must be answered with 200.
func fetch(ctx context.Context, url, token, encoding string) (body []byte, tag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Accept-Encoding", encoding)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", url, resp.Status, body)
	}
	return body, resp.Header.Get("ETag"), err
}

// serveBare serves with net/http alone: the upper bound for any handler.
func serveBare(ctx context.Context, file string) error {
	plain, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	zipped, err := os.ReadFile(file + ".gz")
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("bare at http://%s\n", l.Addr())
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter,
		r *http.Request) {
		body, h := plain, w.Header()
		h.Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if r.Header.Get("Accept-Encoding") == "gzip" {
			body = zipped
			h.Set("Content-Encoding", "gzip")
		}
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body) // the client may be gone, which is no failure
	})}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
