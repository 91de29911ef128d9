package cmdline

import (
	"os"
	"os/signal"
	"syscall"
)

// OutliveReaders makes the process go on when nobody reads its standard output or error any more: writes to them fail
// then, where otherwise the system ends the process.
func OutliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
