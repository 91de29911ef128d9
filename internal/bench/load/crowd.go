package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// crowds measures two forms of waiting: all players of one station, which one publication wakes, and players of many
// stations, of which a publication wakes few.
func crowds(ctx context.Context, h *house, o options) error {
	one := func(int) (string, string) { return station(0), "" }
	many := func(n int) (string, string) {
		if n %= stations; n > 0 {
			return station(n), h.others[n-1]
		}
		return station(0), ""
	}
	forms := []struct {
		name string
		who  func(n int) (station, token string)
	}{{"all connections are players of one station", one}, {fmt.Sprintf("the connections are players of %d stations",
		stations), many}}
	for _, f := range forms {
		fmt.Printf("\n%s: %d long polls and %d streams\n", f.name, o.polls, o.streams)
		if err := h.restart(ctx); err != nil { // a service that has not had a crowd yet
			return err
		}
		if err := crowd(ctx, h, o, f.who); err != nil {
			return err
		}
	}
	return nil
}

// news is what a connection received: a queue's revision, or a notice that there is one.
type news struct {
	station, what string
	at            time.Time
}

func crowd(ctx context.Context, h *house, o options, who func(int) (string, string)) (err error) {
	tags := map[string]string{}
	for i := range stations {
		_, tag, err := fetch(ctx, h.server.url+h.queuePath(station(i)), h.token(i, 0), "gzip")
		if err != nil {
			return err
		}
		tags[station(i)] = tag
	}
	idle, _, err := h.server.memory()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var all sync.WaitGroup
	defer func() {
		if cause := context.Cause(ctx); cause != nil {
			err = cause // the first broken connection is the cause, the others follow
		}
		cancel(nil)
		all.Wait()
	}()
	heard := make(chan news, o.polls+o.streams)
	address := strings.TrimPrefix(h.server.url, "http://")
	join := func(n int, what string, wait func(net.Conn, string, string) error) {
		station, token := who(n)
		if token == "" {
			token = h.tokens[n%len(h.tokens)]
		}
		all.Go(func() {
			if err := connected(ctx, address, func(c net.Conn) error { return wait(c, station, token) }); err != nil &&
				ctx.Err() == nil {
				cancel(fmt.Errorf("%s %d of %s: %w", what, n, station, err))
			}
		})
	}
	for n := range o.polls {
		join(n, "poll", func(c net.Conn, station, token string) error {
			return poll(c, h.queuePath(station)+"&wait=55s", token, tags[station],
				func() { heard <- news{station, "poll", time.Now()} })
		})
	}
	for n := range o.streams {
		join(n, "stream", func(c net.Conn, station, token string) error {
			return stream(c, token, func() { heard <- news{station, "stream", time.Now()} })
		})
	}
	if err := h.assembled(ctx, o); err != nil {
		return err
	}
	if err := tellMemory("all wait", h, o, idle); err != nil {
		return err
	}
	if err := h.server.clearPeak(); err != nil {
		return err
	}
	concerned := 0
	for n := range o.polls {
		if s, _ := who(n); s == station(0) {
			concerned++
		}
	}
	streaming := 0
	for n := range o.streams {
		if s, _ := who(n); s == station(0) {
			streaming++
		}
	}
	var late [2][]time.Duration // delays of polls and streams, from the acknowledgement
	var worstAsked time.Duration
	before, err := h.server.busy()
	if err != nil {
		return err
	}
	var publishing time.Duration
	for range o.publications {
		if err := h.plan(ctx, station(0)); err != nil {
			return err
		}
		asked := time.Now()
		if err := h.publish(ctx, station(0)); err != nil {
			return err
		}
		answered := time.Now()
		publishing += answered.Sub(asked)
		for range concerned + streaming {
			select {
			case n := <-heard:
				if n.station != station(0) {
					return fmt.Errorf("a %s of %s heard of what is not for it", n.what, n.station)
				}
				kind := 0
				if n.what == "stream" {
					kind = 1
				}
				late[kind] = append(late[kind], max(0, n.at.Sub(answered)))
				worstAsked = max(worstAsked, n.at.Sub(asked))
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(30 * time.Second):
				return errors.New("not everybody heard within 30 s")
			}
		}
		if err := h.assembled(ctx, o); err != nil {
			return err
		}
	}
	after, err := h.server.busy()
	if err != nil {
		return err
	}
	if err := tellMemory("after the publications", h, o, idle); err != nil {
		return err
	}
	fmt.Printf("  %d publications, each to %d polls and %d streams; the service took %v of processor time for one, "+
		"planning and what follows included; a publication was acknowledged in %v\n",
		o.publications, concerned, streaming, ((after - before) / time.Duration(o.publications)).Round(time.Millisecond),
		(publishing / time.Duration(o.publications)).Round(time.Millisecond))
	for kind, name := range []string{"polls", "streams"} {
		tellTimes(name, late[kind])
	}
	tellTimes("both", slices.Concat(late[0], late[1]))
	fmt.Printf("  from the request to publish to the last of all: %v at worst\n", worstAsked.Round(time.Millisecond/10))
	return nil
}

func tellTimes(name string, d []time.Duration) {
	if len(d) == 0 {
		return
	}
	slices.Sort(d)
	fmt.Printf("  from the acknowledgement to %-8s median %v, p99 %v, worst %v\n", name+":",
		d[len(d)/2].Round(time.Millisecond/10),
		d[len(d)*99/100].Round(time.Millisecond/10), d[len(d)-1].Round(time.Millisecond/10))
}

// tellMemory prints the service's memory per connection, above its idle memory.
func tellMemory(when string, h *house, o options, idle int64) error {
	now, peak, err := h.server.memory()
	if err != nil {
		return err
	}
	each := func(bytes int64) float64 { return float64(bytes-idle) / float64(o.polls+o.streams) / 1024 }
	fmt.Printf("  memory, %s: %.1f MiB (idle %.1f), %.1f KiB a connection; at peak %.1f MiB, %.1f KiB a connection\n",
		when, float64(now)/(1<<20), float64(idle)/(1<<20), each(now), float64(peak)/(1<<20), each(peak))
	return nil
}

// token returns the token of one of a station's players.
func (h *house) token(n, player int) string {
	if n == 0 {
		return h.tokens[player]
	}
	return h.others[n-1]
}

// assembled waits until the service holds the whole crowd.
func (h *house) assembled(ctx context.Context, o options) error {
	var last error
	err := until(ctx, "the whole crowd waits", func() bool {
		polls, streams, err := h.waiting(ctx)
		last = err
		return polls == o.polls && streams == o.streams
	})
	if err != nil {
		return errors.Join(context.Cause(ctx), err, last)
	}
	return nil
}

// connected runs f on a connection to the service, which ends with ctx.
func connected(ctx context.Context, address string, f func(net.Conn) error) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	return f(c)
}

// poll polls for the queue, each time with the tag of the last one, and calls changed for each new one.
func poll(c net.Conn, path, token, tag string, changed func()) error {
	in := bufio.NewReaderSize(c, 1024)
	for {
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: lifeline\r\nAuthorization: Bearer %s\r\nAccept-Encoding: "+
			"gzip\r\nIf-None-Match: %s\r\n\r\n", path, token, tag); err != nil {
			return err
		}
		status, header, err := readHead(in)
		if err != nil {
			return err
		}
		switch {
		case strings.Contains(status, " 304 "):
		case strings.Contains(status, " 200 "):
			length, err := strconv.Atoi(header["content-length"])
			if err != nil {
				return fmt.Errorf("length of the queue: %w", err)
			}
			if _, err := in.Discard(length); err != nil {
				return err
			}
			changed()
			tag = header["etag"]
		default:
			return fmt.Errorf("poll: %s", status)
		}
	}
}

// stream reads the change stream and calls changed for each queue.
func stream(c net.Conn, token string, changed func()) error {
	if _, err := fmt.Fprintf(c, "GET /v1/changes HTTP/1.1\r\nHost: lifeline\r\nAuthorization: Bearer %s\r\n\r\n",
		token); err != nil {
		return err
	}
	in := bufio.NewReaderSize(c, 512)
	if status, _, err := readHead(in); err != nil || !strings.Contains(status, " 200 ") {
		return errors.Join(err, fmt.Errorf("stream: %s", status))
	}
	for event := ""; ; {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if name, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "event: "); ok {
			event = name
		}
		if strings.HasPrefix(string(line), "data: ") && event == "queue" {
			changed()
		}
	}
}

// readHead reads the status and the header of an answer, with names in lower case.
func readHead(in *bufio.Reader) (status string, header map[string]string, err error) {
	header = map[string]string{}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", nil, errors.Join(err, io.ErrUnexpectedEOF)
		}
		line = strings.TrimSpace(line)
		switch name, value, ok := strings.Cut(line, ":"); {
		case line == "":
			return status, header, nil
		case status == "":
			status = line
		case ok:
			header[strings.ToLower(name)] = strings.TrimSpace(value)
		}
	}
}
