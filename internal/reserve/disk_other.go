//go:build !linux && !darwin && !freebsd

package reserve

// room knows nothing here: what is held is held all the same.
func room(string) (free, total int64, err error) { return 0, 0, nil }

func full(error) bool { return false }
