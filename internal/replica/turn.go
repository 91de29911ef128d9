package replica

import (
	"context"
	"reflect"
	"slices"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// KindTurn counts the decisions of one sort, by its name. Every such decision writes it, so that two of them never pass
// each other.
const KindTurn = "turn"

var turnKinds = Kinds{{Name: KindTurn, Form: reflect.TypeFor[turn](), Inspect: Readable[turn]}}

type turn struct {
	Taken int64 `json:"taken"`
}

// ActsTurn is taken by who recalls, or takes from an approved segment, a script or a station what other acts may leave.
const ActsTurn = "acts"

// Turn brings the copy up to date and returns a write, which fails if another decision of that name was committed
// since, by this process or another. Who decides by documents that the commit does not write takes a turn first, then
// decides, and commits the write with the rest, within Retry.
func Turn(ctx context.Context, m *Replica, name string) (store.Write, error) {
	var last turn
	d, err := m.Store.Get(ctx, KindTurn, name)
	if err == nil {
		last, err = Decode[turn](d)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return store.Write{}, err
	}
	body, err := Encode(turn{last.Taken + 1})
	if err != nil {
		return store.Write{}, err
	}
	return store.Write{Kind: KindTurn, ID: name, Expect: d.Revision, Body: body}, m.CatchUp(ctx)
}

// WithoutCounts returns the writes that change more than the count of decisions, or of changes of persons.
func WithoutCounts(writes []store.Write) []store.Write {
	return slices.DeleteFunc(slices.Clone(writes), func(w store.Write) bool {
		return w.Kind == KindTurn || w.Kind == KindPeople
	})
}
