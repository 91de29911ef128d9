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

// RestoredFile is a file in the data directory that says that the store may be older than what stations have seen, from
// before it is restored until a service on it numbers what it signs above that.
func RestoredFile(c config.Serve) string { return filepath.Join(c.Data, "restored") }

// NoteRestored makes it, and answers whether it was not there.
func NoteRestored(c config.Serve) (noted bool, err error) {
	f, err := os.OpenFile(RestoredFile(c), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, errors.Join(f.Sync(), f.Close())
}

// outrunRestored has what a restored store signs from now on numbered above all that stations have seen. Published days
// stay as they are, since the backup may be as new as the stations; where a station tells otherwise, they follow.
func outrunRestored(ctx context.Context, c config.Serve, s Store) error {
	if _, err := os.Stat(RestoredFile(c)); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := record.RaiseFloor(ctx, s, access.System.Name, "recalls.raise", false, time.Now()); err != nil {
		return err
	}
	return os.Remove(RestoredFile(c))
}
