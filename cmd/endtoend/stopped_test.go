package endtoend

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"lifeline/internal/service"

	"go.uber.org/goleak"
)

func TestStoppedServiceLeavesNothingRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	c := serveDefaults(t.TempDir())
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := service.Open(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	client := &http.Client{Transport: &http.Transport{}}
	resp, err := client.Get("http://" + l.Addr().String() + "/v1/time")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	stop()
	if err := errors.Join(<-ended, s.Close()); err != nil {
		t.Error(err)
	}
	client.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}
