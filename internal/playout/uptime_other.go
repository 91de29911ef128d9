//go:build !linux

package playout

// MachineUptime returns the zero value on this system: a restart of the player begins with the local time.
func MachineUptime() Uptime { return Uptime{} }
