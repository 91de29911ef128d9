package main

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// watch serves the status page on the given address, if any, and returns a function that stops it. A failure to serve
// is logged and does not affect the air.
func (m *member) watch(h http.Handler, log *slog.Logger) (end func()) {
	if m.Listen == "" {
		return func() {}
	}
	l, err := net.Listen("tcp", m.Listen)
	if err != nil {
		log.Warn("the status page cannot be served", "error", err)
		return func() {}
	}
	s := &http.Server{Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Warn("the status page is no longer served", "error", err)
		}
	}()
	log.Info("the status page is served", "address", l.Addr().String())
	return func() {
		if err := s.Close(); err != nil {
			log.Warn("the status page did not end cleanly", "error", err)
		}
		<-done
	}
}
