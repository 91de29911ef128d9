package control

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// part is one kind of document of a network: where it is kept, and what the contract calls it.
type part[T any] struct {
	kind string // "station"
	list string // "stations", in an apply document
	rows *table[T]
	keys func(*T) (id *string, revision *int64)
}

func (s *Scheduler) stationPart() part[schedules.Station] {
	return part[schedules.Station]{kindStation, "stations", stationsIn(s.mirror),
		func(v *schedules.Station) (*string, *int64) { return &v.ID, &v.Revision }}
}

func (s *Scheduler) clockPart() part[schedules.Clock] {
	return part[schedules.Clock]{kindClock, "clocks", clocksIn(s.mirror),
		func(v *schedules.Clock) (*string, *int64) { return &v.ID, &v.Revision }}
}

func (s *Scheduler) scriptPart() part[schedules.Script] {
	return part[schedules.Script]{kindScript, "scripts", scriptsIn(s.mirror),
		func(v *schedules.Script) (*string, *int64) { return &v.ID, &v.Revision }}
}

func (s *Scheduler) campaignPart() part[schedules.Campaign] {
	return part[schedules.Campaign]{kindCampaign, "campaigns", campaignsIn(s.mirror),
		func(v *schedules.Campaign) (*string, *int64) { return &v.ID, &v.Revision }}
}

// Station fails with NotFound.
func (s *Scheduler) Station(id string) (schedules.Station, error) { return s.stationPart().get(id) }

// Clock fails with NotFound.
func (s *Scheduler) Clock(id string) (schedules.Clock, error) { return s.clockPart().get(id) }

// Script fails with NotFound.
func (s *Scheduler) Script(id string) (schedules.Script, error) { return s.scriptPart().get(id) }

// Campaign fails with NotFound.
func (s *Scheduler) Campaign(id string) (schedules.Campaign, error) { return s.campaignPart().get(id) }

// Stations lists by id, from after on; next is the id to go on after, or empty.
func (s *Scheduler) Stations(after string, limit int) (page []schedules.Station, next string) {
	return s.stationPart().page(after, limit)
}

// Clocks lists likewise.
func (s *Scheduler) Clocks(after string, limit int) (page []schedules.Clock, next string) {
	return s.clockPart().page(after, limit)
}

// Scripts lists likewise.
func (s *Scheduler) Scripts(after string, limit int) (page []schedules.Script, next string) {
	return s.scriptPart().page(after, limit)
}

// Campaigns lists likewise.
func (s *Scheduler) Campaigns(after string, limit int) (page []schedules.Campaign, next string) {
	return s.campaignPart().page(after, limit)
}

// Exists reports whether any document of n is there already.
func (s *Scheduler) Exists(n wire.Apply) bool {
	return s.stationPart().any(n.Stations) || s.clockPart().any(n.Clocks) || s.scriptPart().any(n.Scripts) ||
		s.campaignPart().any(n.Campaigns)
}

// Check fails as Apply would for what n says, whatever the revisions.
func (s *Scheduler) Check(n wire.Apply) error { return invalid(s.problems(n)) }

// Apply makes the network as n says, all of it or nothing. It fails with Invalid, naming every problem that n brings, and
// with Stale unless each document is at the given revision (nil: any). What stands against the network without n does
// not keep n from being applied: the answer names it, and the published days that n leaves behind.
func (s *Scheduler) Apply(ctx context.Context, a Actor, n wire.Apply, revision *int64, dryRun bool) (wire.Applied, error) {
	var out wire.Applied
	err := s.mirror.retry(ctx, func() error {
		if err := s.Check(n); err != nil {
			return err
		}
		n.Stations = withoutStanding(n.Stations)
		act := applying{given: revision, out: wire.Applied{DryRun: dryRun, Changes: []wire.AppliedChange{}}}
		s.clockPart().apply(&act, n.Clocks)
		s.scriptPart().apply(&act, n.Scripts)
		s.campaignPart().apply(&act, n.Campaigns)
		s.stationPart().apply(&act, n.Stations)
		out = act.out
		out.Problems = s.standingWith(n)
		if act.err != nil || dryRun || len(act.writes) == 0 {
			return act.err
		}
		return s.mirror.Commit(ctx, store.Commit{Writes: act.writes, Origin: a.origin(s.now(), "network.apply", "")})
	})
	return out, err
}

// withoutStanding are the stations as they are stored.
func withoutStanding(list []schedules.Station) []schedules.Station {
	list = slices.Clone(list)
	for i := range list {
		list[i].Standing = nil
	}
	return list
}

// problems are those that n brings: what is wrong with the network as it would be with n, and is not wrong with it now.
// What stands already is looked at too, since a new clock can spoil an old station; its problems are told by its name.
func (s *Scheduler) problems(n wire.Apply) []schedules.Problem {
	stations, clocks, scripts, campaigns := s.stationPart(), s.clockPart(), s.scriptPart(), s.campaignPart()
	out := append(append(append(stations.duplicates(n.Stations), clocks.duplicates(n.Clocks)...),
		scripts.duplicates(n.Scripts)...), campaigns.duplicates(n.Campaigns)...)
	changed := map[string]bool{}
	for _, st := range n.Stations {
		before, known := stationsIn(s.mirror).get(st.ID)
		st.Revision, st.Standing = before.value.Revision, nil
		changed[st.ID] = !known || !reflect.DeepEqual(st, before.value)
	}
	settled := func(id string) bool { return !changed[id] }
	type problem struct{ of, message string }
	standing := map[problem]bool{}
	now := s.network(wire.Apply{}, settled)
	for _, p := range now.Problems() {
		standing[problem{s.named(p.Field, wire.Apply{}, now), p.Message}] = true
	}
	whole := s.network(n, settled)
	for _, p := range whole.Problems() {
		if !standing[problem{s.named(p.Field, wire.Apply{}, whole), p.Message}] {
			p.Field = s.told(p.Field, n, whole)
			out = append(out, p)
		}
	}
	return out
}

// network is the network as it would be with n.
func (s *Scheduler) network(n wire.Apply, settled func(station string) bool) schedules.Network {
	return schedules.Network{Stations: s.stationPart().with(n.Stations), Clocks: s.clockPart().with(n.Clocks),
		Scripts: s.scriptPart().with(n.Scripts), Campaigns: s.campaignPart().with(n.Campaigns), Segments: s.segment,
		From: schedules.DateOf(s.now().UTC()).AddDays(-1), Settled: settled}
}

// told tells the field of a document that is not in n by the document's name.
func (s *Scheduler) told(field string, n wire.Apply, whole schedules.Network) string {
	field = s.stationPart().name(field, n.Stations, whole.Stations)
	field = s.clockPart().name(field, n.Clocks, whole.Clocks)
	field = s.scriptPart().name(field, n.Scripts, whole.Scripts)
	return s.campaignPart().name(field, n.Campaigns, whole.Campaigns)
}

// named is the name of the document that a field is of.
func (s *Scheduler) named(field string, n wire.Apply, whole schedules.Network) string {
	name, _, _ := strings.Cut(s.told(field, n, whole), ".")
	return name
}

func (s *Scheduler) segment(id string) (schedules.Segment, bool) {
	row, ok := segmentsIn(s.mirror).get(id)
	return row.value, ok
}

func (p part[T]) id(v T) string {
	id, _ := p.keys(&v)
	return *id
}

func (p part[T]) get(id string) (T, error) {
	row, ok := p.rows.get(id)
	if !ok {
		return row.value, fault.New(fault.NotFound, "there is no %s %q%s", p.kind, id, p.others())
	}
	return row.value, nil
}

// fewNamed is how many ids a message names.
const fewNamed = 10

// few names ids in a message.
func few(ids []string) string {
	if len(ids) > fewNamed {
		ids = append(slices.Clone(ids[:fewNamed]), "others")
	}
	return strings.Join(ids, ", ")
}

// others names what there is where something else was asked for.
func (p part[T]) others() string {
	some, _ := p.page("", fewNamed+1)
	if len(some) == 0 {
		return ", nor any other"
	}
	ids := make([]string, len(some))
	for i, v := range some {
		ids[i] = p.id(v)
	}
	return fmt.Sprintf(". The %s are %s", p.list, few(ids))
}

func (p part[T]) page(after string, limit int) (out []T, next string) {
	for _, row := range p.rows.after("", after) {
		if len(out) == limit {
			return out, p.id(out[len(out)-1])
		}
		out = append(out, row.value)
	}
	return out, ""
}

func (p part[T]) any(list []T) bool {
	for _, v := range list {
		if p.rows.revision(p.id(v)) != 0 {
			return true
		}
	}
	return false
}

// with is the list, and behind it what stands already and is not in the list.
func (p part[T]) with(list []T) []T {
	named := map[string]bool{}
	out := make([]T, 0, len(list))
	for _, v := range list {
		named[p.id(v)] = true
		out = append(out, v)
	}
	for id, row := range p.rows.after("", "") {
		if !named[id] {
			out = append(out, row.value)
		}
	}
	return out
}

// name tells a field of a document that stands already by the document's name instead of its place.
func (p part[T]) name(field string, list, whole []T) string {
	for i := len(list); i < len(whole); i++ {
		field = strings.Replace(field, fmt.Sprintf("%s[%d]", p.list, i), p.kind+" "+p.id(whole[i]), 1)
	}
	return field
}

func (p part[T]) duplicates(list []T) (out []schedules.Problem) {
	seen := map[string]bool{}
	for i, v := range list {
		if id := p.id(v); seen[id] {
			out = append(out, schedules.Problem{Field: fmt.Sprintf("%s[%d].id", p.list, i), Message: fmt.Sprintf("%q stands here twice", id)})
		} else {
			seen[id] = true
		}
	}
	return out
}

// applying collects what an apply changes; err is the first failure.
type applying struct {
	given  *int64
	out    wire.Applied
	writes []store.Write
	err    error
}

func (p part[T]) apply(act *applying, list []T) {
	for _, v := range list {
		if act.err == nil {
			act.err = p.applyOne(act, v)
		}
	}
}

// applyOne compares a document with the one that stands and adds the write that it takes, if any.
func (p part[T]) applyOne(act *applying, v T) error {
	id, revision := p.keys(&v)
	before, exists := p.rows.get(*id)
	if err := checkRevision(act.given, before.revision); err != nil {
		return err
	}
	change := wire.AppliedChange{Kind: p.kind, ID: *id, Action: "create", Revision: before.revision}
	if exists {
		*revision = before.revision
		same, err := encode(v)
		if err != nil {
			return err
		}
		if change.Before, err = encode(before.value); err != nil {
			return err
		}
		if bytes.Equal(change.Before, same) {
			change.Action, change.Before = "unchanged", nil
			act.out.Changes = append(act.out.Changes, change)
			return nil
		}
		change.Action = "update"
	}
	*revision = before.revision + 1
	change.Revision = *revision
	var err error
	if change.After, err = encode(v); err != nil {
		return err
	}
	act.out.Changes = append(act.out.Changes, change)
	act.writes = append(act.writes, store.Write{Kind: p.kind, ID: *id, Expect: before.revision, Body: change.After})
	return nil
}
