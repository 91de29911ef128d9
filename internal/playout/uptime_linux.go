package playout

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// MachineUptime is the uptime by the system's account; the zero value where it gives none.
func MachineUptime() Uptime {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Uptime{}
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return Uptime{}
	}
	return Uptime{Boot: strings.TrimSpace(string(boot)), Since: func() time.Duration {
		var ts unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) // it worked above, and fails only for a clock that there is not
		return time.Duration(ts.Nano())
	}}
}
