package network

import "lifeline/internal/replica"

// Key returns the keys that a station has now: the one that verifies what it signs, and the recipient to which
// documents for it are encrypted. A station has none before it enrols, and none after it was seized.
func (s *Definitions) Key(station string) (replica.StationKey, bool) {
	row, _ := replica.StationKeysIn(s.replica).Get(station)
	return row.Value.Active()
}

// Keys returns all keys that a station has had, the oldest first, each with its state.
func (s *Definitions) Keys(station string) []replica.StationKey {
	row, _ := replica.StationKeysIn(s.replica).Get(station)
	return row.Value.Keys
}
