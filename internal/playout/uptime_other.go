//go:build !linux

package playout

// MachineUptime is the zero value here: a restart of the player begins with the local time.
func MachineUptime() Uptime { return Uptime{} }
