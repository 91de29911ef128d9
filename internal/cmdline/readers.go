package cmdline

import (
	"os"
	"os/signal"
	"syscall"
)

// IgnoreClosedReaders makes the process continue after the reader of its standard output or error has gone: writes then
// fail, while by default the system would end the process.
func IgnoreClosedReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
