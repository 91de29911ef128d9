package redis_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// durable are the settings that Lifeline asks for.
var durable = []string{"--appendonly", "yes", "--appendfsync", "always", "--save", ""}

// server is a redis-server of a test, on a free loopback port.
type server struct {
	t    testing.TB
	dir  string
	addr string
	args []string
	cmd  *exec.Cmd
}

// start runs a redis-server, waits until it answers and ends it with the test. A machine without the binary fails
// the test.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), addr: free(t), args: args}
	s.run()
	t.Cleanup(s.kill)
	return s
}

func (s *server) port() string {
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	return port
}

func (s *server) run() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	base := []string{"--port", s.port(), "--bind", "127.0.0.1", "--dir", s.dir}
	if len(s.args) > 0 && s.args[0][0] != '-' { // a configuration file comes first
		base = append(s.args[:1:1], append(base, s.args[1:]...)...)
	} else {
		base = append(base, s.args...)
	}
	s.cmd = exec.Command("redis-server", base...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("redis-server is needed for this test: %v", err)
	}
	s.await("PONG", "ping")
}

// kill ends the server as kill -9 does. Killing it again does nothing.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Errorf("kill: %v", err)
	}
	_ = s.cmd.Wait() // says that it was killed
	s.cmd = nil
}

// await repeats a command until it answers so.
func (s *server) await(answer any, command ...any) {
	s.t.Helper()
	s.until(func(ctx context.Context, c *goredis.Client) bool {
		got, err := c.Do(ctx, command...).Result()
		return err == nil && got == answer
	}, command)
}

// until repeats a question until it is answered with yes.
func (s *server) until(yes func(ctx context.Context, c *goredis.Client) bool, what ...any) {
	s.t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: s.addr, Protocol: 2, DisableIdentity: true})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !yes(ctx, c) {
		select {
		case <-poll.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			s.t.Fatalf("%s: not so within 30 s: %v\n%s", s.addr, what, log)
		}
	}
}

// blocks waits until a client waits for changes.
func (s *server) blocks() {
	s.t.Helper()
	s.until(func(ctx context.Context, c *goredis.Client) bool {
		info, err := c.Info(ctx, "clients").Result()
		return err == nil && strings.Contains(info, "blocked_clients:1")
	}, "a waiting client")
}

// do runs one command.
func (s *server) do(command ...any) any {
	s.t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: s.addr, Protocol: 2, DisableIdentity: true})
	defer c.Close()
	got, err := c.Do(context.Background(), command...).Result()
	if err != nil {
		s.t.Fatalf("%v: %v", command, err)
	}
	return got
}

// free is a loopback address that nobody listened on a moment ago, with a free port 10000 above it for a
// Cluster's bus.
func free(t testing.TB) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().(*net.TCPAddr)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if bus := (&net.TCPAddr{IP: addr.IP, Port: addr.Port + 10_000}); bus.Port < 1<<16 {
			if l, err := net.ListenTCP("tcp", bus); err == nil {
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				return addr.String()
			}
		}
	}
}
