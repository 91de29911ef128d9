package service

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/config"
	"lifeline/internal/record"
)

// restoredFile is what a restore by an earlier version left in the data directory: the store may be older than what
// stations have seen, and no service has numbered above that yet.
func restoredFile(c config.Serve) string { return filepath.Join(c.Data, "restored") }

// outrunRestored has what a store that an earlier version restored signs from now on numbered above all that stations
// have seen. Published days stay as they are, since the backup may be as new as the stations; where a station tells
// otherwise, they follow.
func outrunRestored(ctx context.Context, c config.Serve, s Store) error {
	if _, err := os.Stat(restoredFile(c)); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := record.RaiseFloor(ctx, s, access.System.Name, "recalls.raise", false, time.Now()); err != nil {
		return err
	}
	return os.Remove(restoredFile(c))
}
