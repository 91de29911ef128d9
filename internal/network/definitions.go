package network

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"

	"time"

	"lifeline/internal/access"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Definitions manages the network: stations with their windows, clocks, scripts and campaigns.
type Definitions struct {
	// StationProblems reports the problems of the stations.
	StationProblems *StationProblems
	// References tells what uses definitions and segments.
	References References

	replica *replica.Replica
	now     func() time.Time
}

// New returns Definitions that store the network in r. planning tells which fallback segments may air.
func New(r *replica.Replica, planning *library.Planning, now func() time.Time) *Definitions {
	d := &Definitions{replica: r, now: now}
	d.References.network = d
	d.StationProblems = &StationProblems{replica: r, now: now, definitions: d, planning: planning,
		overlaps: map[string]knownOverlaps{},
		noticed:  map[string]map[problemKey]schedules.Instant{}}
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

// Station returns the station. It fails with NotFound.
func (s *Definitions) Station(id string) (schedules.Station, error) { return s.stationPart().get(id) }

// Clock returns the clock. It fails with NotFound.
func (s *Definitions) Clock(id string) (schedules.Clock, error) { return s.clockPart().get(id) }

// Script returns the script. It fails with NotFound.
func (s *Definitions) Script(id string) (schedules.Script, error) { return s.scriptPart().get(id) }

// Campaign returns the campaign. It fails with NotFound.
func (s *Definitions) Campaign(id string) (schedules.Campaign, error) {
	return s.campaignPart().get(id)
}

// Stations lists stations by id, from after on; next is the id after which to continue, or empty.
func (s *Definitions) Stations(after string, limit int) (page []schedules.Station, next string) {
	return s.stationPart().page(after, limit)
}

// Clocks lists clocks as Stations does stations.
func (s *Definitions) Clocks(after string, limit int) (page []schedules.Clock, next string) {
	return s.clockPart().page(after, limit)
}

// Scripts lists scripts as Stations does stations.
func (s *Definitions) Scripts(after string, limit int) (page []schedules.Script, next string) {
	return s.scriptPart().page(after, limit)
}

// Campaigns lists campaigns as Stations does stations.
func (s *Definitions) Campaigns(after string, limit int) (page []schedules.Campaign, next string) {
	return s.campaignPart().page(after, limit)
}

// Exists reports whether any document of n exists already.
func (s *Definitions) Exists(n wire.Apply) bool {
	return s.stationPart().any(n.Stations) || s.clockPart().any(n.Clocks) || s.scriptPart().any(n.Scripts) ||
		s.campaignPart().any(n.Campaigns)
}

// Check fails as Apply would for the content of n, regardless of revisions.
func (s *Definitions) Check(ctx context.Context, n wire.Apply) error {
	var problems []schedules.Problem
	n.Stations, problems = storedForm(n.Stations)
	for _, p := range s.problems(ctx, n) {
		if !slices.ContainsFunc(problems, func(words schedules.Problem) bool { return ofTheSameStarts(words, p) }) {
			problems = append(problems, p)
		}
	}
	if err := ctx.Err(); err != nil {
		return err // the caller has gone: the problems may be incomplete
	}
	return replica.Invalid(problems)
}

// ofTheSameStarts reports whether p is about lines that starts do not have because their words are wrong.
func ofTheSameStarts(words, p schedules.Problem) bool {
	window, _, _ := strings.Cut(words.Field, ".starts.")
	return p.Field == window+".starts.rrule"
}

// Apply applies n to the network, completely or not at all. It fails with Invalid, listing all problems that n causes,
// and with Stale unless each document has the given revision (nil: any). Problems that exist without n do not prevent
// it: the result lists them, and the published days that no longer match the definitions.
func (s *Definitions) Apply(ctx context.Context, a access.Actor, n wire.Apply, revision *int64, dryRun bool) (
	wire.Applied, error) {
	var out wire.Applied
	err := s.replica.Retry(ctx, func() error {
		turn, err := replica.Turn(ctx, s.replica, "network") // definitions are checked together
		if err == nil {
			err = s.Check(ctx, n)
		}
		if err != nil {
			return err
		}
		n.Stations, _ = storedForm(n.Stations) // Check has said what is wrong
		act := applying{given: revision, out: wire.Applied{DryRun: dryRun, Changes: []wire.AppliedChange{}},
			setters: map[string]replica.OrderSetter{}, gone: replica.RemovedIn(s.replica)}
		s.clockPart().apply(&act, n.Clocks)
		s.scriptPart().apply(&act, n.Scripts)
		act.err = cmp.Or(act.err, s.editedReadings(&act, a, n.Scripts))
		s.campaignPart().apply(&act, n.Campaigns)
		s.stationPart().apply(&act, n.Stations)
		removal{s, n.Removed()}.remove(&act)
		act.err = cmp.Or(act.err, ordersSet(s.replica, s.now(), &act, a, n.Stations))
		out = act.out
		out.Problems = s.StationProblems.with(n, act.setters)
		if act.err != nil || len(act.writes) == 0 {
			return act.err
		}
		c := store.Commit{Writes: act.writes, Origin: a.Origin(s.now(), "network.apply", "")}
		if dryRun {
			out.Waits, _ = s.SecondPersons().Why(c)
			return s.replica.InScope(a.Person, c.Writes)
		}
		c.Writes = append(c.Writes, turn)
		return s.replica.Commit(ctx, c)
	})
	return out, err
}

// editedReadings adds the writes of the readings whose text changes.
func (s *Definitions) editedReadings(act *applying, a access.Actor, scripts []schedules.Script) error {
	for _, after := range scripts {
		before, known := replica.ScriptsIn(s.replica).Get(after.ID)
		if !known {
			continue
		}
		writes, err := library.EditedReadings(s.replica, a, s.now(), before.Value, after)
		if err != nil {
			return err
		}
		act.writes = append(act.writes, writes...)
	}
	return nil
}

// problems returns the problems that n causes: those of the network with n that it does not have now. It includes
// stored documents, because a new clock can invalidate an old station; their problems name the document.
func (s *Definitions) problems(ctx context.Context, n wire.Apply) []schedules.Problem {
	stations, clocks, scripts, campaigns := s.stationPart(), s.clockPart(), s.scriptPart(), s.campaignPart()
	out := append(append(append(stations.duplicates(n.Stations), clocks.duplicates(n.Clocks)...),
		scripts.duplicates(n.Scripts)...), campaigns.duplicates(n.Campaigns)...)
	if kept := (removal{s, n.Removed()}).stillUsed(n); len(kept) > 0 {
		return append(out, kept...) // the places that use it would say the same
	}
	changed := map[string]bool{}
	for _, st := range n.Stations {
		before, known := replica.StationsIn(s.replica).Get(st.ID)
		st.Revision = before.Value.Revision
		changed[st.ID] = !known || !reflect.DeepEqual(st, before.Value)
	}
	settled := func(id string) bool { return !changed[id] }
	type problem struct{ of, message string }
	standing := map[problem]bool{}
	left := func() bool { return ctx.Err() != nil }
	now := s.network(wire.Apply{}, settled)
	now.Cancelled = left
	for _, p := range now.Problems() {
		standing[problem{s.named(p.Field, wire.Apply{}, now), p.Message}] = true
	}
	whole := s.network(n, settled)
	whole.Searches, whole.Cancelled = schedules.MaxSearched, left
	for _, p := range whole.Problems() {
		if !standing[problem{s.named(p.Field, wire.Apply{}, whole), p.Message}] {
			p.Field = s.namedField(p.Field, n, whole)
			out = append(out, p)
		}
	}
	return out
}

// network returns the network as it would be with n.
func (s *Definitions) network(n wire.Apply, settled func(station string) bool) schedules.Network {
	gone := n.Removed()
	return schedules.Network{Stations: s.stationPart().with(n.Stations, gone.Stations),
		Clocks: s.clockPart().with(n.Clocks, gone.Clocks), Scripts: s.scriptPart().with(n.Scripts, gone.Scripts),
		Campaigns: s.campaignPart().with(n.Campaigns, gone.Campaigns), Segments: s.Segment,
		From: schedules.DateOf(s.now().UTC()).AddDays(-1), OverlapsKnown: settled}
}

// namedField replaces the index of a document that is not in n by the document's name in a field.
func (s *Definitions) namedField(field string, n wire.Apply, whole schedules.Network) string {
	field = s.stationPart().name(field, n.Stations, whole.Stations)
	field = s.clockPart().name(field, n.Clocks, whole.Clocks)
	field = s.scriptPart().name(field, n.Scripts, whole.Scripts)
	return s.campaignPart().name(field, n.Campaigns, whole.Campaigns)
}

// named returns the name of the document to which a field belongs.
func (s *Definitions) named(field string, n wire.Apply, whole schedules.Network) string {
	name, _, _ := strings.Cut(s.namedField(field, n, whole), ".")
	return name
}

func (s *Definitions) Segment(id string) (schedules.Segment, bool) {
	row, ok := replica.SegmentsIn(s.replica).Get(id)
	return row.Value, ok
}
