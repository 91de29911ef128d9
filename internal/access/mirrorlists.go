package access

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/sign"
	"lifeline/internal/store"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// MirrorLists keep the signed lists that tell stations where mirrors are. The service need not have the key that signs
// them.
type MirrorLists struct {
	replica *replica.Replica
	keys    []ed25519.PublicKey
	now     func() time.Time
}

// NewMirrorLists returns MirrorLists that accept lists signed by one of the keys.
func NewMirrorLists(m *replica.Replica, keys []ed25519.PublicKey, now func() time.Time) *MirrorLists {
	return &MirrorLists{m, keys, now}
}

// mirrorList is the stored form of a list.
type mirrorList struct {
	IssuedAt schedules.Instant `json:"issued_at"`
	Envelope []byte            `json:"envelope"`
}

func mirrorListsIn(m *replica.Replica) *replica.Cache[mirrorList] {
	return replica.CacheOf[*replica.Cache[mirrorList]](m, KindMirrorList)
}

// listAhead is how far the clock of the machine that signs lists may be ahead.
const listAhead = 10 * time.Minute

// Set stores a station's list. It fails with Forbidden if no key of the role mirror signed it, with Invalid for a list
// that no station would take, and with Conflict if a later one is there.
func (l *MirrorLists) Set(ctx context.Context, a Actor, station string, envelope []byte) error {
	payload, err := sign.Verify(envelope, wire.MirrorListType, l.keys...)
	if err != nil {
		return fault.New(fault.Forbidden, "no key of the role mirror signed the list as it is (%v): lifeline mirror push makes "+
			"and signs it", err)
	}
	var list wire.MirrorList
	if err := json.Unmarshal(payload, &list); err != nil || list.Schema != wire.MirrorListSchema {
		return fault.Fields(fault.Field{Field: "payload", Message: "must be JSON of the schema " + wire.MirrorListSchema})
	}
	if err := l.check(station, list); err != nil {
		return err
	}
	body, err := replica.Encode(mirrorList{list.IssuedAt, envelope})
	if err != nil {
		return err
	}
	return l.replica.Retry(ctx, func() error {
		held, _ := mirrorListsIn(l.replica).Get(station)
		if held.Value.IssuedAt.After(list.IssuedAt.Time) {
			return fault.New(fault.Conflict, "a later list of mirrors for station %s is there, of %s: push again", station,
				held.Value.IssuedAt)
		}
		return l.replica.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: KindMirrorList, ID: station,
			Expect: mirrorListsIn(l.replica).Revision(station), Body: body}}, Origin: a.Origin(l.now(), "station.mirrors", "")})
	})
}

func (l *MirrorLists) check(station string, list wire.MirrorList) error {
	refuse := func(format string, args ...any) error {
		return fault.Fields(fault.Field{Field: "payload", Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case list.Station != station:
		return refuse("is for station %.80q, not %q", list.Station, station)
	case list.IssuedAt.Sub(l.now()) > listAhead:
		return refuse("is dated %s, which is still to come", list.IssuedAt)
	case len(list.Mirrors) > wire.MostMirrors:
		return refuse("names %d mirrors, and stations take at most %d", len(list.Mirrors), wire.MostMirrors)
	}
	for _, address := range list.Mirrors {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return refuse("names %.80q, which is no address such as https://one.example", address)
		}
	}
	if list.Drops == "" {
		return nil
	}
	if _, err := trust.ParseRecipient(list.Drops); err != nil {
		return refuse("names %.80q for drops, which is no age recipient (age1…)", list.Drops)
	}
	return nil
}

// Of returns the signed list of a station, and its revision in the store. It fails with NotFound if there is none.
func (l *MirrorLists) Of(station string) (envelope []byte, revision int64, err error) {
	row, ok := mirrorListsIn(l.replica).Get(station)
	if !ok {
		return nil, 0, fault.New(fault.NotFound, "no list of mirrors is there for station %q: lifeline mirror push --public makes "+
			"it", station)
	}
	return row.Value.Envelope, row.Revision, nil
}
