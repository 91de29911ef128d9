package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"lifeline/internal/config"
)

type serveCmd struct {
	config.Serve `embed:""`
}

func (c *serveCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	if err := c.Check(); err != nil {
		return err
	}
	if c.Store != "sqlite" && c.PublicURL == "" {
		return errors.New("--public-url: is needed with a shared store, since all replicas must write the same addresses into queues")
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if c.LogJSON {
		log = slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	url := c.PublicURL
	if url == "" {
		url = "http://" + l.Addr().String()
	}
	s, err := openService(ctx, c.Serve, url, log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	fmt.Fprintf(stdout, "Lifeline serves at %s\n", url)
	return errors.Join(s.run(ctx, l), s.close())
}
