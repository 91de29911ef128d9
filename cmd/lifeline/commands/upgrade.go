package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"lifeline/internal/config"
	"lifeline/internal/service"
)

// upgradeStoreCmd takes the flags by which serve finds the store.
type upgradeStoreCmd struct {
	config.Serve `embed:""`
	By           string `help:"Who decides this, for the audit trail." required:""`
}

func (c *upgradeStoreCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	if err := service.IsThere(ctx, c.Serve); err != nil {
		return err
	}
	s, err := service.OpenHeld(ctx, c.Serve, endFirst("upgrade-store"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Raise(ctx, c.By, time.Now()); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "The store's format is this program's. Older programs refuse the store from now on: to go back "+
		"to one, restore a backup from before.")
	return nil
}
