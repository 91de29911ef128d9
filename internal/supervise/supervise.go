// Package supervise tells systemd about a program: that it is ready, that it works, and that it stops. Without systemd
// it does nothing.
package supervise

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// tellMost is how long a program waits for systemd to read: its stop does not depend on that.
const tellMost = 2 * time.Second

// Run tells that the program is ready, and until ctx is done, at a third of the watchdog's time, that it works. Then it
// tells that the program stops. While works fails or hangs it tells nothing, so that systemd ends the program, with a
// list of what it was at, and starts it anew.
func Run(ctx context.Context, log *slog.Logger, works func() error) {
	tell := func(state string) {
		told := make(chan error, 1)
		go func() {
			_, err := daemon.SdNotify(false, state)
			told <- err
		}()
		var err error
		select {
		case err = <-told:
		case <-time.After(tellMost):
			err = errors.New("it does not read")
		}
		if err != nil {
			log.Warn("systemd is not told about this program", "state", state, "error", err)
		}
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the watchdog of systemd is not served", "error", err)
	}
	tell(daemon.SdNotifyReady)
	defer tell(daemon.SdNotifyStopping)
	var beat <-chan time.Time
	if watchdog > 0 {
		ticker := time.NewTicker(watchdog / 3)
		defer ticker.Stop()
		beat = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat:
		}
		if err := works(); err == nil {
			tell(daemon.SdNotifyWatchdog)
		} else if ctx.Err() == nil {
			log.Error("the program does not work, and systemd will start it anew", "error", err)
		}
	}
}
