package access

import (
	"context"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Seize ends all that a station could prove itself with, in one commit: its access tokens, and with them its streams
// and media addresses; its keys; and a one-time code that was made for it. It may be repeated. Only an enrolment ends
// the seizure. The result has what ended. More than a handful of stations wait for another person (EndsOther).
func Seize(ctx context.Context, m *replica.Replica, by Actor, station, reason string, now time.Time) (wire.Seizure,
	error) {
	var out wire.Seizure
	err := m.Retry(ctx, func() error {
		row, _ := replica.StationKeysIn(m).Get(station)
		next := replica.StationKeys{Station: station, SeizedAt: row.Value.SeizedAt}
		if next.SeizedAt.IsZero() {
			next.SeizedAt = schedules.At(now)
		}
		out = wire.Seizure{Station: station, SeizedAt: next.SeizedAt, Tokens: []string{}, Keys: []string{}}
		for _, k := range row.Value.Keys {
			if k.State == replica.KeyActive {
				k.State, k.Until, k.Token = replica.KeySeized, schedules.At(now), ""
			}
			if k.State == replica.KeySeized {
				out.Keys = append(out.Keys, k.ID)
			}
			next.Keys = append(next.Keys, k)
		}
		body, err := replica.Encode(next)
		if err != nil {
			return err
		}
		writes := []store.Write{{Kind: replica.KindStationKeys, ID: station,
			Expect: replica.StationKeysIn(m).Revision(station), Body: body}}
		for id, t := range tokensIn(m).After("", "") {
			if t.Value.Station == station {
				out.Tokens = append(out.Tokens, id)
				writes = append(writes, store.Write{Kind: KindToken, ID: id, Expect: t.Revision, Delete: true})
			}
		}
		if row.Value.SeizedAt.IsZero() {
			counted, err := EndsOther(ctx, m, by, "station "+station, AccessMaker{}, now)
			if err != nil {
				return err
			}
			writes = append(writes, counted...)
		}
		if code, ok := replica.EnrolmentsIn(m).Get(station); ok {
			writes = append(writes, store.Write{Kind: replica.KindEnrolment, ID: station, Expect: code.Revision, Delete: true})
		}
		return m.Commit(ctx, store.Commit{Writes: writes, Origin: by.Origin(now, "station.seized", reason)})
	})
	return out, err
}

// TokensOfStation returns the ids of the access tokens of a station, in order.
func TokensOfStation(m *replica.Replica, station string) (ids []string) {
	for id, t := range tokensIn(m).After("", "") {
		if t.Value.Station == station {
			ids = append(ids, id)
		}
	}
	return ids
}
