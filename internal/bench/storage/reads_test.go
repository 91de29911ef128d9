//go:build linux

package storage_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
)

// queueReads requests one queue, which the service has in memory, over kept connections.
func queueReads(t *testing.T, e effort, s *service, station string) {
	s.publish(t, s.plan(t, station))
	path := wire.Station(station, "queue") + "?date=" + day.String()
	whole := dial(t, s, path, "", http.StatusOK)
	tag := whole.ask(t)
	t.Logf("the queue has %d bytes", whole.length)
	whole.Close()
	for _, c := range []struct {
		name, tag string
		status    int
	}{{"200", "", http.StatusOK}, {"304", tag, http.StatusNotModified}} {
		for _, n := range writers {
			var pullers []*puller
			for range n {
				pullers = append(pullers, dial(t, s, path, c.tag, c.status))
			}
			used := func() time.Duration { return processorTime(t, s.pid) }
			before, reads := used(), 0.0
			began := time.Now()
			rate := contest(e, []func(time.Duration) float64{func(slice time.Duration) float64 {
				from := time.Now()
				r := crowd(t, n, slice, func(worker int) error { pullers[worker].ask(t); return nil })
				reads += r * time.Since(from).Seconds()
				return r
			}})[0]
			cpu := used() - before
			t.Logf("%s, %2d connections: %6.0f reads/s while the service had %.2f processors: %.0f µs of one each", c.name, n,
				rate,
				cpu.Seconds()/time.Since(began).Seconds(), float64(cpu.Microseconds())/reads)
			for _, p := range pullers {
				p.Close()
			}
		}
	}
}

// puller is a connection that repeats one request at little cost, so that the service gets the processors.
type puller struct {
	net.Conn
	in      *bufio.Reader
	request []byte
	status  int
	length  int64 // of the last answer
}

func dial(t *testing.T, s *service, path, tag string, status int) *puller {
	t.Helper()
	host := strings.TrimPrefix(s.url, "http://")
	c, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n", path, host, s.token)
	if tag != "" {
		fmt.Fprintf(&b, "If-None-Match: %s\r\n", tag)
	}
	b.WriteString("\r\n")
	return &puller{Conn: c, in: bufio.NewReaderSize(c, 64<<10), request: b.Bytes(), status: status}
}

// ask sends the request once, expects the status, and returns the tag.
func (p *puller) ask(t *testing.T) string {
	status, tag, err := p.once()
	if err != nil || status != p.status {
		t.Errorf("%d, %v", status, err)
	}
	return tag
}

func (p *puller) once() (status int, tag string, err error) {
	if _, err := p.Write(p.request); err != nil {
		return 0, "", err
	}
	resp, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	p.length, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header.Get("ETag"), err
}

// processorTime returns the processor time that a process has used.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64 // of 10 ms: proc(5), fields 14 and 15 counted from 1, of which two come before
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
