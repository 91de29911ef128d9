package service

import (
	"context"
	"log/slog"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/store/sqlite"
)

// raise switches the store to documents in this program's versions if no older replica can need the older ones: with
// the embedded store, and with a new store. If older replicas may exist, it logs what to do when none is left.
func raise(ctx context.Context, s VersionedStore, log *slog.Logger) error {
	latest, err := s.Latest(ctx)
	if err != nil || s.Raised() {
		return err
	}
	if _, embedded := s.back.(*sqlite.Store); !embedded && latest > 0 {
		log.Warn("the store holds documents in the format of an older program, so that older replicas can read them: once " +
			"every replica is of this version, run lifeline upgrade-store")
		return nil
	}
	// Urgent changes can be stored in the older versions, too.
	if err := s.Raise(ctx, access.System.Name, time.Now()); err != nil && !fault.Is(err, fault.Full) {
		return err
	}
	return nil
}
