//go:build unix

package harness

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Durable are the settings that Lifeline requires.
var Durable = []string{"--appendonly", "yes", "--appendfsync", "always", "--save", ""}

// Redis is a redis-server for a test, on a free loopback port.
type Redis struct {
	Addr string

	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
}

// StartRedis runs a redis-server and waits until it answers. It stops with the test. It fails the test on a machine
// without the program.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	s := &Redis{Addr: FreeAddress(t), t: t, dir: t.TempDir(), args: args}
	s.Run()
	t.Cleanup(s.Kill)
	return s
}

// Port returns the port of Addr.
func (s *Redis) Port() string {
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	return port
}

// Run starts a killed server again over its data, and waits until it answers.
func (s *Redis) Run() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	base := []string{"--port", s.Port(), "--bind", "127.0.0.1", "--dir", s.dir}
	if len(s.args) > 0 && s.args[0][0] != '-' { // a configuration file comes first
		base = append(s.args[:1:1], append(base, s.args[1:]...)...)
	} else {
		base = append(base, s.args...)
	}
	s.cmd = exec.Command("redis-server", base...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("redis-server is needed for this test: %v", err)
	}
	s.Await("PONG", "ping")
}

// Kill ends the server as kill -9 does, and with it the child that may be rewriting its file. A second call does
// nothing.
func (s *Redis) Kill() {
	if s.cmd == nil {
		return
	}
	if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		s.t.Errorf("kill: %v", err)
	}
	_ = s.cmd.Wait() // says that it was killed
	s.cmd = nil
}

// Await repeats a command until it returns the answer.
func (s *Redis) Await(answer any, command ...any) {
	s.t.Helper()
	s.Until(func(ctx context.Context, c *goredis.Client) bool {
		got, err := c.Do(ctx, command...).Result()
		return err == nil && got == answer
	}, command)
}

// Until repeats a condition until it holds.
func (s *Redis) Until(yes func(ctx context.Context, c *goredis.Client) bool, what ...any) {
	s.t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: s.Addr, Protocol: 2, DisableIdentity: true})
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
			s.t.Fatalf("%s: not so within 30 s: %v\n%s", s.Addr, what, log)
		}
	}
}

// Blocks waits until a client is blocked on the change feed.
func (s *Redis) Blocks() {
	s.t.Helper()
	s.Until(func(ctx context.Context, c *goredis.Client) bool {
		info, err := c.Info(ctx, "clients").Result()
		return err == nil && strings.Contains(info, "blocked_clients:1")
	}, "a waiting client")
}

// Do runs one command.
func (s *Redis) Do(command ...any) any {
	s.t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: s.Addr, Protocol: 2, DisableIdentity: true})
	defer c.Close()
	got, err := c.Do(context.Background(), command...).Result()
	if err != nil {
		s.t.Fatalf("%v: %v", command, err)
	}
	return got
}
