package record

import (
	"context"
	"slices"
	"strings"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// MakeGoodStates are the states of a make-good.
var MakeGoodStates = []string{wire.MakeGoodOwed, wire.MakeGoodPlanned, wire.MakeGoodAired, wire.MakeGoodWaived}

// MakeGoodQuery selects make-goods; empty fields select everything.
type MakeGoodQuery struct {
	Station, State string
	After          string // end of the page before
	Limit          int
}

// MakeGoods lists the open make-goods by station, then the settled ones. next is the cursor of the next page; it is
// empty on the last page.
func (l *Logbook) MakeGoods(ctx context.Context, q MakeGoodQuery) (out []wire.OwedAiring, next string, err error) {
	if q.State != "" && !slices.Contains(MakeGoodStates, q.State) {
		return nil, "", fault.Fields(fault.Field{Field: "state", Message: "must be " + strings.Join(MakeGoodStates, ", ")})
	}
	stations, err := l.stations(q.Station)
	if err != nil {
		return nil, "", err
	}
	kind, last, _ := strings.Cut(q.After, " ")
	station, id, _ := strings.Cut(last, "/")
	for _, k := range []string{KindMakeGood, kindSettled} {
		if kind == kindSettled && k != kindSettled {
			continue
		}
		for _, st := range stations {
			if k == kind && st.ID < station {
				continue
			}
			found, err := l.makeGoods.ofKind(ctx, k, st)
			if err != nil {
				return nil, "", err
			}
			for _, m := range found {
				if q.State != "" && m.State != q.State || k == kind && st.ID == station && m.ID <= id {
					continue
				}
				if len(out) == q.Limit {
					return out, next, nil
				}
				out, next = append(out, m), k+" "+makeGoodID(st.ID, m.ID)
			}
		}
	}
	return out, "", nil
}

// Waive settles a make-good without an airing. It fails with NotFound, and with Conflict when the make-good is already
// settled.
func (l *Logbook) Waive(ctx context.Context, a access.Actor, station, id, reason string) (wire.OwedAiring, error) {
	if err := replica.NeedReason(reason); err != nil {
		return wire.OwedAiring{}, err
	}
	if row, ok := replica.StationsIn(l.replica).Get(station); ok { // a listed miss may not be stored yet
		if err := l.makeGoods.settle(ctx, row.Value); err != nil {
			return wire.OwedAiring{}, err
		}
	}
	var out wire.OwedAiring
	err := l.replica.Retry(ctx, func() error {
		name := makeGoodID(station, id)
		d, err := l.store.Get(ctx, KindMakeGood, name)
		if fault.Is(err, fault.NotFound) {
			if _, err := l.store.Get(ctx, kindSettled, name); err == nil {
				return fault.New(fault.Conflict, "make-good %q is settled already", id)
			}
			return fault.New(fault.NotFound, "station %q owes no make-good %q", station, id)
		}
		if err != nil {
			return err
		}
		if out, err = decodeMakeGood(d); err != nil {
			return err
		}
		act := settling{now: schedules.At(l.now()), open: map[string]*wire.OwedAiring{id: &out}}
		act.waive(id, a.Name, reason)
		writes, err := act.writes(station)
		if err != nil {
			return err
		}
		return l.replica.Commit(ctx, store.Commit{Writes: writes, Origin: a.Origin(l.now(), "make-good.waive", reason)})
	})
	return out, err
}

// madeGood returns the ids of a station's missed items that another airing made good.
func (l *Logbook) madeGood(ctx context.Context, st schedules.Station) (map[string]bool, error) {
	settled, err := l.makeGoods.ofKind(ctx, kindSettled, st)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, m := range settled {
		out[m.ItemID] = m.State == wire.MakeGoodAired && m.By.ItemID != m.ItemID
	}
	return out, nil
}
