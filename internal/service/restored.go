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

// restoredFile returns the name of the marker that a restore by an earlier version left in the data directory: the
// store may be older than what stations have seen, and its revisions are not raised above that yet.
func restoredFile(c config.Serve) string { return filepath.Join(c.Data, "restored") }

// raiseRestored raises the revisions that a store restored by an earlier version signs above all that stations have
// seen. Published days keep theirs, because the backup may be as new as the stations; they follow if a station reports
// a higher revision.
func raiseRestored(ctx context.Context, c config.Serve, s Store) error {
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
