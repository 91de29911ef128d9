package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"

	"lifeline/internal/cmdline"
	"lifeline/internal/playout"
)

// syncing is the command that lets another program's player air the station's day.
type syncing struct {
	member
	Lists string        `env:"LIFELINE_LISTS" type:"path" placeholder:"DIR" help:"Where the lists and the files are that the player opens. Default: lists in the state directory."`
	Ahead time.Duration `least:"1m" env:"LIFELINE_AHEAD" default:"10m" help:"For how long ahead the player has the files of all items."`
	Once  bool          `help:"Bring everything up to date once, and end."`
}

// Run keeps the lists until ctx ends.
func (s *syncing) Run(ctx context.Context, now playout.Now, given *kong.Context) error {
	if s.Print {
		return printConfig(given)
	}
	if s.Lists == "" {
		s.Lists = filepath.Join(s.State, "lists")
	}
	err := s.work(ctx, s.log(), playout.Options{Lists: s.Lists, Ahead: s.Ahead, Once: s.Once, Now: now})
	if missing := playout.Missing(0); errors.As(err, &missing) {
		return cmdline.Exit(cmdline.Partly, err)
	}
	return err
}
