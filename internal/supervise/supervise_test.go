package supervise

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestSystemdHearsOfAProgramAsLongAsItWorks(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	hear := func() string {
		t.Helper()
		if err := l.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		n, err := l.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "3000")
	t.Setenv("WATCHDOG_PID", "")
	asked, answers := make(chan bool), make(chan error)
	works := func() error {
		asked <- true
		return <-answers
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() {
		Run(ctx, slog.New(slog.DiscardHandler), works)
		close(ended)
	}()
	if got := hear(); got != "READY=1" {
		t.Errorf("%q first", got)
	}
	<-asked
	answers <- nil
	if got := hear(); got != "WATCHDOG=1" {
		t.Errorf("%q while it works", got)
	}
	<-asked
	answers <- errors.New("its loop hangs")
	<-asked
	stop()
	answers <- errors.New("it stops")
	if got := hear(); got != "STOPPING=1" {
		t.Errorf("%q after a failure and the stop", got)
	}
	<-ended
}

func TestWithoutSystemdAProgramIsNotAsked(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	Run(ctx, slog.New(slog.DiscardHandler), func() error {
		t.Error("it is asked")
		return nil
	})
}
