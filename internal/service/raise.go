package service

import (
	"context"
	"log/slog"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/store/sqlite"
)

// raise has the store hold documents in this program's versions where no older replica can need the older ones: in the
// embedded store, and in a new one. Where replicas may still be older it says what to do once none is.
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
	// what is urgent is stored in the older form, too
	if err := s.Raise(ctx, access.System.Name, time.Now()); err != nil && !fault.Is(err, fault.Full) {
		return err
	}
	return nil
}
