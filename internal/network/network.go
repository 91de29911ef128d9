package network

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// part describes one kind of document of a network: how it is stored, and its name in the contract.
type part[T any] struct {
	kind string // "station"
	list string // "stations", in an apply document
	rows *replica.Cache[T]
	keys func(*T) (id *string, revision *int64)
}

// storedForm returns the stations in their stored form: without problems, and with starts in lines. It reports what is
// wrong with the words of starts.
func storedForm(list []schedules.Station) (out []schedules.Station, wrong []schedules.Problem) {
	out = slices.Clone(list)
	for i := range out {
		var own []schedules.Problem
		out[i], own = out[i].InLines()
		out[i].CurrentProblems = nil
		for _, p := range own {
			wrong = append(wrong, schedules.Problem{Field: fmt.Sprintf("stations[%d].%s", i, p.Field), Message: p.Message})
		}
	}
	return out, wrong
}

func (p part[T]) id(v T) string {
	id, _ := p.keys(&v)
	return *id
}

func (p part[T]) get(id string) (T, error) {
	row, ok := p.rows.Get(id)
	if !ok {
		return row.Value, fault.New(fault.NotFound, "there is no %s %q%s", p.kind, id, p.others())
	}
	return row.Value, nil
}

// others lists existing documents when the requested one does not exist.
func (p part[T]) others() string {
	some, _ := p.page("", replica.FewNamed+1)
	if len(some) == 0 {
		return ", nor any other"
	}
	ids := make([]string, len(some))
	for i, v := range some {
		ids[i] = p.id(v)
	}
	return fmt.Sprintf(": the %s are %s", p.list, replica.Few(ids))
}

func (p part[T]) page(after string, limit int) (out []T, next string) {
	for _, row := range p.rows.After("", after) {
		if len(out) == limit {
			return out, p.id(out[len(out)-1])
		}
		out = append(out, row.Value)
	}
	return out, ""
}

func (p part[T]) any(list []T) bool {
	for _, v := range list {
		if p.rows.Revision(p.id(v)) != 0 {
			return true
		}
	}
	return false
}

// with returns the list, followed by the stored documents that are not in the list and not removed.
func (p part[T]) with(list []T, removed []string) []T {
	named := map[string]bool{}
	for _, id := range removed {
		named[id] = true
	}
	out := make([]T, 0, len(list))
	for _, v := range list {
		named[p.id(v)] = true
		out = append(out, v)
	}
	for id, row := range p.rows.After("", "") {
		if !named[id] {
			out = append(out, row.Value)
		}
	}
	return out
}

// name replaces the index of a stored document by its name in a field.
func (p part[T]) name(field string, list, whole []T) string {
	for i := len(list); i < len(whole); i++ {
		if rest, of := strings.CutPrefix(field, fmt.Sprintf("%s[%d]", p.list, i)); of {
			return p.kind + " " + p.id(whole[i]) + rest
		}
	}
	return field
}

func (p part[T]) duplicates(list []T) (out []schedules.Problem) {
	seen := map[string]bool{}
	for i, v := range list {
		if id := p.id(v); seen[id] {
			out = append(out, schedules.Problem{Field: fmt.Sprintf("%s[%d].id", p.list, i),
				Message: fmt.Sprintf("%q is there twice", id)})
		} else {
			seen[id] = true
		}
	}
	return out
}

// applying collects the changes of an apply; err is the first failure.
type applying struct {
	given  *int64
	out    wire.Applied
	writes []store.Write
	gone   *replica.Cache[replica.RemovedDefinition]
	// setters are those of the standing orders that are set, by station.
	setters map[string]replica.OrderSetter
	err     error
}

func (p part[T]) apply(act *applying, list []T) {
	for _, v := range list {
		if act.err == nil {
			act.err = p.applyOne(act, v)
		}
	}
}

// applyOne compares a document with the stored one and adds the necessary write, if any.
func (p part[T]) applyOne(act *applying, v T) error {
	id, revision := p.keys(&v)
	before, exists := p.rows.Get(*id)
	if !exists {
		before.Revision = 0 // also where it was removed
	}
	if err := replica.CheckRevision(act.given, before.Revision); err != nil {
		return err
	}
	change := wire.AppliedChange{Kind: p.kind, ID: *id, Action: "create", Revision: before.Revision}
	if exists {
		*revision = before.Revision
		same, err := replica.Encode(v)
		if err != nil {
			return err
		}
		if change.Before, err = replica.Encode(before.Value); err != nil {
			return err
		}
		if bytes.Equal(change.Before, same) {
			change.Action, change.Before = "unchanged", nil
			act.out.Changes = append(act.out.Changes, change)
			return nil
		}
		change.Action = "update"
	}
	if *revision = before.Revision + 1; !exists {
		gone, _ := act.gone.Get(replica.RemovedID(p.kind, *id))
		*revision = gone.Value.Revision + 1 // the store goes on counting
	}
	change.Revision = *revision
	var err error
	if change.After, err = replica.Encode(v); err != nil {
		return err
	}
	act.out.Changes = append(act.out.Changes, change)
	act.writes = append(act.writes, store.Write{Kind: p.kind, ID: *id, Expect: before.Revision, Body: change.After})
	return nil
}
