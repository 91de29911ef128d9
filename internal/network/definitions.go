package network

import (
	"context"
	"reflect"
	"strings"

	"time"

	"lifeline/internal/access"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Definitions keep the network: stations with their windows, clocks, scripts and campaigns.
type Definitions struct {
	// Standing tells what stands against the stations.
	Standing *Standing

	replica *replica.Replica
	now     func() time.Time
}

// New keeps the network in r. Which fallback segments may air is asked of planning.
func New(r *replica.Replica, planning *library.Planning, now func() time.Time) *Definitions {
	d := &Definitions{replica: r, now: now}
	d.Standing = &Standing{replica: r, now: now, definitions: d, planning: planning, overlaps: map[string]knownOverlaps{},
		noticed: map[string]map[standingKey]schedules.Instant{}}
	return d
}

func (s *Definitions) AllCampaigns() (out []schedules.Campaign) {
	for _, row := range replica.CampaignsIn(s.replica).After("", "") {
		out = append(out, row.Value)
	}
	return out
}

func (s *Definitions) stationPart() part[schedules.Station] {
	return part[schedules.Station]{replica.KindStation, "stations", replica.StationsIn(s.replica),
		func(v *schedules.Station) (*string, *int64) { return &v.ID, &v.Revision }}
}

func (s *Definitions) clockPart() part[schedules.Clock] {
	return part[schedules.Clock]{replica.KindClock, "clocks", replica.ClocksIn(s.replica),
		func(v *schedules.Clock) (*string, *int64) { return &v.ID, &v.Revision }}
}

func (s *Definitions) scriptPart() part[schedules.Script] {
	return part[schedules.Script]{replica.KindScript, "scripts", replica.ScriptsIn(s.replica),
		func(v *schedules.Script) (*string, *int64) { return &v.ID, &v.Revision }}
}

func (s *Definitions) campaignPart() part[schedules.Campaign] {
	return part[schedules.Campaign]{replica.KindCampaign, "campaigns", replica.CampaignsIn(s.replica),
		func(v *schedules.Campaign) (*string, *int64) { return &v.ID, &v.Revision }}
}

// Station fails with NotFound.
func (s *Definitions) Station(id string) (schedules.Station, error) { return s.stationPart().get(id) }

// Clock fails with NotFound.
func (s *Definitions) Clock(id string) (schedules.Clock, error) { return s.clockPart().get(id) }

// Script fails with NotFound.
func (s *Definitions) Script(id string) (schedules.Script, error) { return s.scriptPart().get(id) }

// Campaign fails with NotFound.
func (s *Definitions) Campaign(id string) (schedules.Campaign, error) {
	return s.campaignPart().get(id)
}

// Stations lists by id, from after on; next is the id to go on after, or empty.
func (s *Definitions) Stations(after string, limit int) (page []schedules.Station, next string) {
	return s.stationPart().page(after, limit)
}

// Clocks lists likewise.
func (s *Definitions) Clocks(after string, limit int) (page []schedules.Clock, next string) {
	return s.clockPart().page(after, limit)
}

// Scripts lists likewise.
func (s *Definitions) Scripts(after string, limit int) (page []schedules.Script, next string) {
	return s.scriptPart().page(after, limit)
}

// Campaigns lists likewise.
func (s *Definitions) Campaigns(after string, limit int) (page []schedules.Campaign, next string) {
	return s.campaignPart().page(after, limit)
}

// Exists reports whether any document of n is there already.
func (s *Definitions) Exists(n wire.Apply) bool {
	return s.stationPart().any(n.Stations) || s.clockPart().any(n.Clocks) || s.scriptPart().any(n.Scripts) ||
		s.campaignPart().any(n.Campaigns)
}

// Check fails as Apply would for what n says, whatever the revisions.
func (s *Definitions) Check(n wire.Apply) error { return replica.Invalid(s.problems(n)) }

// Apply makes the network as n says, all of it or nothing. It fails with Invalid, naming every problem that n brings,
// and with Stale unless each document is at the given revision (nil: any). What stands against the network without n
// does not keep n from being applied: the answer names it, and the published days that n leaves behind.
func (s *Definitions) Apply(ctx context.Context, a access.Actor, n wire.Apply, revision *int64, dryRun bool) (
	wire.Applied, error) {
	var out wire.Applied
	err := s.replica.Retry(ctx, func() error {
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
		out.Problems = s.Standing.with(n)
		if act.err != nil || dryRun || len(act.writes) == 0 {
			return act.err
		}
		return s.replica.Commit(ctx, store.Commit{Writes: act.writes, Origin: a.Origin(s.now(), "network.apply", "")})
	})
	return out, err
}

// problems are those that n brings: what is wrong with the network as it would be with n, and is not wrong with it now.
// What stands already is looked at too, since a new clock can spoil an old station; its problems are told by its name.
func (s *Definitions) problems(n wire.Apply) []schedules.Problem {
	stations, clocks, scripts, campaigns := s.stationPart(), s.clockPart(), s.scriptPart(), s.campaignPart()
	out := append(append(append(stations.duplicates(n.Stations), clocks.duplicates(n.Clocks)...),
		scripts.duplicates(n.Scripts)...), campaigns.duplicates(n.Campaigns)...)
	changed := map[string]bool{}
	for _, st := range n.Stations {
		before, known := replica.StationsIn(s.replica).Get(st.ID)
		st.Revision, st.Standing = before.Value.Revision, nil
		changed[st.ID] = !known || !reflect.DeepEqual(st, before.Value)
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
func (s *Definitions) network(n wire.Apply, settled func(station string) bool) schedules.Network {
	return schedules.Network{Stations: s.stationPart().with(n.Stations), Clocks: s.clockPart().with(n.Clocks),
		Scripts: s.scriptPart().with(n.Scripts), Campaigns: s.campaignPart().with(n.Campaigns), Segments: s.Segment,
		From: schedules.DateOf(s.now().UTC()).AddDays(-1), Settled: settled}
}

// told tells the field of a document that is not in n by the document's name.
func (s *Definitions) told(field string, n wire.Apply, whole schedules.Network) string {
	field = s.stationPart().name(field, n.Stations, whole.Stations)
	field = s.clockPart().name(field, n.Clocks, whole.Clocks)
	field = s.scriptPart().name(field, n.Scripts, whole.Scripts)
	return s.campaignPart().name(field, n.Campaigns, whole.Campaigns)
}

// named is the name of the document that a field is of.
func (s *Definitions) named(field string, n wire.Apply, whole schedules.Network) string {
	name, _, _ := strings.Cut(s.told(field, n, whole), ".")
	return name
}

func (s *Definitions) Segment(id string) (schedules.Segment, bool) {
	row, ok := replica.SegmentsIn(s.replica).Get(id)
	return row.Value, ok
}
