package redis

import (
	"context"
	"errors"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
)

// classify converts go-redis errors into the contract's kinds, once. A call whose own context ended fails with the
// context's error. A command without an answer may or may not have been executed.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	if errors.As(err, new(*fault.Error)) {
		return err
	}
	var said goredis.Error
	if !errors.As(err, &said) {
		return fault.Wrap(fault.Unavailable, err, "Redis is out of reach")
	}
	if goredis.HasErrorPrefix(err, "RESTORING") || goredis.HasErrorPrefix(err, "value is not an integer") {
		return restoring(err)
	}
	for _, prefix := range []string{"OOM", "MISCONF"} {
		if goredis.HasErrorPrefix(err, prefix) {
			return fault.Wrap(fault.Full, err, "Redis has no space left or cannot write it to disk")
		}
	}
	for _, prefix := range []string{"LOADING", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "NOREPLICAS", "BUSY",
		"MOVED", "ASK", "UNBLOCKED", "max number of clients"} {
		if goredis.HasErrorPrefix(err, prefix) {
			return fault.Wrap(fault.Unavailable, err, "Redis cannot answer just now")
		}
	}
	for _, prefix := range []string{"NOAUTH", "WRONGPASS", "NOPERM", "The user executing the script can't run"} {
		if goredis.HasErrorPrefix(err, prefix) {
			return fault.Wrap(fault.Unavailable, err, "Redis refuses this user")
		}
	}
	return err
}

func restoring(cause error) error {
	return fault.Wrap(fault.Unavailable, cause, "a restore into this Redis is under way, or was cut short: then delete "+
		"all keys of the prefix and restore again")
}
