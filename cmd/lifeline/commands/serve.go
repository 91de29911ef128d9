package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"

	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/service"
)

type serveCmd struct {
	config.Serve `embed:""`
	PrintConfig  bool `help:"Print the configuration, without secrets, and end."`
}

func (c *serveCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	if c.PrintConfig {
		text, err := c.Redacted()
		fmt.Fprintln(stdout, text)
		return err
	}
	if err := c.Exposed(); err != nil {
		return err
	}
	if c.Store != "sqlite" && c.PublicURL == "" {
		return cmdline.Refuse(cmdline.Misunderstood, "--public-url: is needed with a shared store, since all replicas "+
			"must write the same addresses into queues")
	}
	cmdline.IgnoreClosedReaders()
	log, err := c.logger(os.Stderr)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return cmdline.Listening(err, c.Listen, "--listen")
	}
	url := c.PublicURL
	if url == "" {
		scheme := "http"
		if c.Guard.TLS() {
			scheme = "https"
		}
		url = scheme + "://" + l.Addr().String()
		if tcp, ok := l.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
			log.Warn("queues name an address that only this machine reaches: say with --public-url where stations find the "+
				"service", "address", url)
		}
	}
	s, err := service.Open(ctx, c.Serve, url, log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	fmt.Fprintf(stdout, "Lifeline serves at %s\nThe console is at %s/\n", url, strings.TrimRight(url, "/"))
	if s.Access.Empty() {
		fmt.Fprintf(stdout, "Nobody has access yet. Make the first administrator's here: %s token create --data %s --name "+
			"NAME --role admin\n", os.Args[0], c.Data)
	}
	return errors.Join(s.Run(ctx, l), s.Close())
}

// logger returns a logger in the configured form.
func (c *serveCmd) logger(w io.Writer) (*slog.Logger, error) {
	var o slog.HandlerOptions
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Guard.LogLevel)); err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	o.Level = level
	w = cmdline.Printable(w)
	if c.LogJSON {
		return slog.New(slog.NewJSONHandler(w, &o)), nil
	}
	return slog.New(slog.NewTextHandler(w, &o)), nil
}
