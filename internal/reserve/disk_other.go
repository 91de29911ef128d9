//go:build !linux && !darwin && !freebsd

package reserve

// room has no information on this system; the reserve works regardless.
func room(string) (free, total int64, err error) { return 0, 0, nil }
