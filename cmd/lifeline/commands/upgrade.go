package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/store/sqlite"
)

// upgradeStoreCmd takes what serve takes to find the store.
type upgradeStoreCmd struct {
	config.Serve `embed:""`
	By           string `help:"Who decides it, for the audit." required:""`
}

func (c *upgradeStoreCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	if err := c.Check(); err != nil {
		return err
	}
	if err := isThere(ctx, c.Serve); err != nil {
		return err
	}
	s, err := openHeld(ctx, c.Serve, endFirst("upgrade-store"))
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

// raise has the store hold documents in this program's versions where no older replica can need the older ones: in the
// embedded store, and in a new one. Where replicas may still be older it says what to do once none is.
func raise(ctx context.Context, s versioned, log *slog.Logger) error {
	latest, err := s.Latest(ctx)
	if err != nil || s.Raised() {
		return err
	}
	if _, embedded := s.back.(*sqlite.Store); !embedded && latest > 0 {
		log.Warn("the store holds documents in the format of an older program, so that older replicas can read them: once " +
			"every replica is of this version, run lifeline upgrade-store")
		return nil
	}
	// what is urgent is stored in the older form, too
	if err := s.Raise(ctx, access.System.Name, time.Now()); err != nil && !fault.Is(err, fault.Full) {
		return err
	}
	return nil
}
