package playout

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// MachineUptime returns the uptime that the kernel reports, or the zero value if it reports none.
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
		_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) // fails only for an unknown clock, and it worked above
		return time.Duration(ts.Nano())
	}}
}
