package network

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// StationProblems reports the problems of stations, based on the definitions, the fallback segments and the published
// days.
type StationProblems struct {
	replica     *replica.Replica
	now         func() time.Time
	definitions *Definitions
	planning    *library.Planning

	mu       sync.Mutex
	noticed  map[string]map[problemKey]schedules.Instant // by station: since when each problem has stood
	overlaps map[string]knownOverlaps                    // by station

	recalls kept[houseState, []library.MassRecall]
	tokens  kept[int64, map[string]schedules.Instant] // from the changes of tokens
}

// SetBackTold is how long a station's page shows that the store was set back behind the station.
const SetBackTold = 3 * 24 * time.Hour

// setBack reports that the station has seen higher numbers than the store had, or than any service can have signed.
func (s *StationProblems) setBack(st schedules.Station) (out []schedules.StationProblem) {
	now := s.now()
	f := s.replica.Floor()
	if f.Station == st.ID && now.Sub(f.Found.Time) < SetBackTold {
		out = append(out, schedules.StationProblem{Code: "store_set_back", Message: fmt.Sprintf("the service's store is "+
			"older than what this station knows: on %s it had seen %s. "+
			"What was recalled, approved, published or changed last is missing: look at the alarms of all stations, recall "+
			"again what they name, and publish again what is missing. "+
			"Everything signed since then is numbered above it, so that stations obey. This stands here until %s",
			StationTime(st, f.Found.Time), f.Saw, StationTime(st, f.Found.Add(SetBackTold)))})
	}
	if row, ok := replica.StatusesIn(s.replica).Get(st.ID); ok {
		seen := SeenBy(row.Value)
		if most := max(seen.Recalls.Revision, seen.Fallback.Revision, seen.Queues); !f.Given(most) && !Plausible(most, now) {
			out = append(out, schedules.StationProblem{Code: "implausible", Message: fmt.Sprintf("the station says that it "+
				"has seen revision %d, which no service can have given yet: "+
				"it will refuse what is published and recalled. Its token is in other hands, or the service's clock was far ahead: "+
				"give it a new token, and start its player with a new state directory", most)})
		}
	}
	return out
}

// massRecalls reports many recalls by one person, which concern every station.
func (s *StationProblems) massRecalls() (out []schedules.StationProblem) {
	state := houseState{replica.SegmentsIn(s.replica).Changes(), replica.RecallsIn(s.replica).Changes(),
		s.now().Truncate(time.Minute)}
	for _, r := range s.recalls.of(state, func() []library.MassRecall {
		return library.MassRecalls(s.replica, s.now())
	}) {
		out = append(out, schedules.StationProblem{Code: "mass_recall", Field: r.By, Message: fmt.Sprintf("%s recalled %d "+
			"segments since %s. If that is wrong, another person undoes it: lifeline reinstate --by %q --since %s. If it is "+
			"right, another person confirms it: lifeline recall --confirm %q", r.By, r.Segments, r.Since, r.By, r.Since, r.By)})
	}
	return out
}

// houseState identifies what mass recalls are found in. A recall that is over ends with its minute.
type houseState struct {
	segments, recalls int64
	minute            time.Time
}

// kept holds a value that is of every station for as long as what it was made from is the same.
type kept[K comparable, V any] struct {
	mu   sync.Mutex
	made bool
	from K
	v    V
}

func (k *kept[K, V]) of(from K, make func() V) V {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.made || k.from != from {
		k.v, k.from, k.made = make(), from, true
	}
	return k.v
}

// tokenWarned is how long before its last access token expires a station gets a warning.
const tokenWarned = 14 * 24 * time.Hour

// tokenEnds reports that the station's last access token has expired, or soon will.
func (s *StationProblems) tokenEnds(st schedules.Station) []schedules.StationProblem {
	all := s.tokens.of(access.TokenChanges(s.replica), func() map[string]schedules.Instant {
		return access.TokenEnds(s.replica)
	})
	end, ends := all[st.ID]
	left := end.Sub(s.now())
	if !ends || left > tokenWarned {
		return nil
	}
	expires := "expires"
	if left <= 0 {
		expires = "expired"
	}
	return []schedules.StationProblem{{Code: "token_ends", Message: fmt.Sprintf("the last access token of the station "+
		"%s at %s: from then on it gets no new day and no recall. Enrol its player (lifeline station enrol %s): the token of an "+
		"enrolment does not expire", expires, StationTime(st, end.Time), st.ID)}}
}

// severalPlayers reports that several players report for a station now.
func (s *StationProblems) severalPlayers(st schedules.Station) []schedules.StationProblem {
	row, _ := replica.StatusesIn(s.replica).Get(st.ID)
	n := playersAtOnce(row.Value.Players, s.now())
	if n < 2 {
		return nil
	}
	return []schedules.StationProblem{{Code: "two_players", Message: fmt.Sprintf("%d players report for this station, "+
		"and each airs its queue: two machines have its token, or a copy of "+
		"its state directory. Stop all but one. This ends by itself %d seconds after the others have stopped", n,
		int(playerGone.Seconds()))}}
}

// DoubtTold is how long a station's page shows a doubt about its reports after the last one.
const DoubtTold = 3 * 24 * time.Hour

// doubtRepeats is longer than the time after which a doubt that goes on is stored again.
const doubtRepeats = 2 * time.Minute

// The codes of the doubts about a station's reports.
const (
	UnsignedReports = "unsigned_reports"
	WrongSignatures = "wrong_signatures"
	SeizedReports   = "seized_reports"
	SequenceTwice   = "sequence_twice"
	OldStatus       = "old_status"
	RecallNotShown  = "recall_not_shown"
)

// DoubtCodes are these codes, each with what came.
var DoubtCodes = map[string]string{
	UnsignedReports: "reports come without the signature of the station's key, and do not count",
	WrongSignatures: "reports come with a signature that is not the station's, and do not count",
	SeizedReports: "reports come that a seized key of the station signed, and do not count: whoever took the station " +
		"uses it",
	SequenceTwice: "two different reports came under one sequence, and both are on record: two machines report for the " +
		"station, from a copy of its state directory or with its token",
	OldStatus: "a status came that the station's key signed earlier than another, and does not count: somebody sends old " +
		"ones again, the station's clock is wrong, or two machines have its keys",
	RecallNotShown: "the station says that it has a recall list, and cannot prove it: the recall does not count as " +
		"acknowledged",
}

// doubtCures are the causes and the cures of doubts, as long as the station's present key has signed nothing since.
var doubtCures = map[string]string{
	UnsignedReports: "Somebody else has a token of the station, or its player lost its keys. Revoke tokens that nobody " +
		"needs, or enrol the player anew",
	WrongSignatures: "Somebody changes them on the way or sends others, or a player with earlier keys reports. Find out " +
		"who does, or enrol the player anew",
	SequenceTwice:  "Stop all but one, and enrol that one anew",
	RecallNotShown: "If its player is an earlier release, bring it up to date",
}

// doubtRests are what remains to be done about doubts when the station's present key has signed something since, so
// that its player needs no enrolment.
var doubtRests = map[string]string{
	UnsignedReports: "somebody else has a token of the station, or a second player runs without its keys. Revoke tokens " +
		"that nobody needs, and stop the other player",
	WrongSignatures: "find out who sent the others: somebody changed them on the way, or a player with earlier keys runs",
	SequenceTwice:   "see that only one machine reports",
	OldStatus:       "if more of them come, find out who sends them",
	RecallNotShown:  doubtCures[RecallNotShown],
}

// doubts reports the doubts about a station's reports.
func (s *StationProblems) doubts(st schedules.Station) (out []schedules.StationProblem) {
	row, _ := replica.DoubtsIn(s.replica).Get(st.ID)
	keys, _ := replica.StationKeysIn(s.replica).Get(st.ID)
	for _, d := range row.Value.Doubts {
		if s.now().Sub(d.Last.Time) >= DoubtTold || s.doubtOver(st.ID, d, row.Value.LastSignedAt, keys.Value) {
			continue
		}
		out = append(out, schedules.StationProblem{Code: d.Code, Message: fmt.Sprintf("%s. %sThe last came at %s (%s), and "+
			"this stands here until %s", DoubtCodes[d.Code], remaining(st, d, row.Value.LastSignedAt, keys.Value),
			StationTime(st, d.Last.Time), d.Said, StationTime(st, d.Last.Add(DoubtTold)))})
	}
	return out
}

// doubtOver reports that the cause of a doubt is gone: for a recall that was not shown, the station has shown it since;
// for reports that the station's key did not sign in their order, the station has enrolled and signed since, or was
// seized, which ends its tokens. Two reports of one sequence, wrong signatures and seized keys are for people to look
// at.
func (s *StationProblems) doubtOver(station string, d replica.Doubt, signedAt schedules.Instant,
	keys replica.StationKeys) bool {
	switch d.Code {
	case RecallNotShown:
		list, _ := replica.RecallsIn(s.replica).Get(replica.RecallsID)
		status, known := replica.StatusesIn(s.replica).Get(station)
		since := status.Value.ReceivedAt.Sub(d.Last.Time)
		return known && (since > 0 && status.Value.RecallsSeen == list.Value.Value.Revision || since > doubtRepeats)
	case UnsignedReports, OldStatus:
		key, active := keys.Active()
		return keys.SeizedAt.After(d.Last.Time) ||
			active && key.Since.After(d.Last.Time) && !signedAt.Before(key.Since.Time)
	}
	return false
}

// remaining returns what remains to be done about a doubt, as sentences with a space behind them, or nothing.
func remaining(st schedules.Station, d replica.Doubt, signedAt schedules.Instant, keys replica.StationKeys) string {
	key, active := keys.Active()
	switch rest := doubtRests[d.Code]; {
	case !keys.SeizedAt.IsZero() && d.Code != SeizedReports:
		return fmt.Sprintf("The station counts as seized since %s: revoke tokens that it was given after that, and enrol "+
			"its player when it is in safe hands. ", StationTime(st, keys.SeizedAt.Time))
	case active && signedAt.After(d.Last.Time) && !signedAt.Before(key.Since.Time) && rest != "" &&
		(d.Code != SequenceTwice || key.Since.After(d.Last.Time)): // a copy of the state directory has the same key
		return fmt.Sprintf("Since then the station's present key has signed, at %s, so its player needs no enrolment: %s. ",
			StationTime(st, signedAt.Time), rest)
	case doubtCures[d.Code] != "":
		return doubtCures[d.Code] + ". "
	}
	return ""
}

// fallbackWarned is how long before its last fallback segment ends a station gets a warning.
const fallbackWarned = 14 * 24 * time.Hour

// Of returns the present problems of a station: a fallback of which nothing may air, now or soon; definitions that
// became invalid; a store that was set back behind the station; several players; many recalls by one
// person; a last access token that expires; what keeps a standing order from its work; and published days that no
// longer match the definitions.
func (s *StationProblems) Of(id string) []schedules.StationProblem {
	row, ok := replica.StationsIn(s.replica).Get(id)
	if !ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.noticed, id)
		return nil
	}
	list := s.problemsIn(row.Value, s.definitions.network(wire.Apply{}, nil), nil)
	s.notice(id, list)
	return list
}

// problemKey identifies a problem regardless of its present wording.
type problemKey struct {
	code, field string
	date        schedules.Date
}

func keyOf(p schedules.StationProblem) problemKey {
	key := problemKey{code: p.Code, field: p.Field}
	if p.Date != nil {
		key.date = *p.Date
	}
	return key
}

// notice records since when a station has had each problem, and forgets problems that are over.
func (s *StationProblems) notice(station string, list []schedules.StationProblem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stand := map[problemKey]schedules.Instant{}
	for _, p := range list {
		since, ok := s.noticed[station][keyOf(p)]
		if !ok {
			since = schedules.At(s.now())
		}
		stand[keyOf(p)] = since
	}
	s.noticed[station] = stand
}

// Since returns since when a station has had a problem: for a store that was set back, since that was detected; for
// others, since the service noticed it, at the earliest since the service started.
func (s *StationProblems) Since(station string, p schedules.StationProblem) schedules.Instant {
	if f := s.replica.Floor(); p.Code == "store_set_back" && f.Station == station {
		return f.Found
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.noticed[station][keyOf(p)]
}

// with returns the problems that stations would have with n, by station, if setters set their standing orders.
func (s *StationProblems) with(n wire.Apply,
	setters map[string]replica.OrderSetter) map[string][]schedules.StationProblem {
	out := map[string][]schedules.StationProblem{}
	whole := s.definitions.network(n, nil)
	for _, st := range whole.Stations {
		if list := s.problemsIn(st, whole, setters); len(list) > 0 {
			out[st.ID] = list
		}
	}
	return out
}

// problemsIn returns the problems of st in a network, if setters set standing orders in place of who did.
func (s *StationProblems) problemsIn(st schedules.Station, n schedules.Network,
	setters map[string]replica.OrderSetter) []schedules.StationProblem {
	out := s.fallbackProblems(st)
	n.Stations, n.Scripts, n.Campaigns = []schedules.Station{st}, nil, nil
	n.OverlapsKnown = func(string) bool { return true }
	for _, p := range append(n.Problems(), s.overlapsOf(st, n)...) {
		if field, own := strings.CutPrefix(p.Field, "stations[0]."); own || !strings.HasPrefix(p.Field, "clocks[") {
			out = append(out, schedules.StationProblem{Code: "definition", Field: field,
				Message: fieldWords(st, field) + " " + p.Message})
		}
	}
	return slices.Concat(out, s.setBack(st), s.severalPlayers(st), s.doubts(st), s.leftBehind(st), s.openTimes(st),
		s.massRecalls(), s.tokenEnds(st), s.orders(st, setters))
}

// fieldWords names a field of a station for people: windows[1].clock is the clock of "window evening, clock".
func fieldWords(st schedules.Station, field string) string {
	for i, w := range st.Windows {
		if rest, of := strings.CutPrefix(field, fmt.Sprintf("windows[%d]", i)); of {
			return "window " + w.ID + strings.Replace(rest, ".", ", ", 1)
		}
	}
	for i, e := range st.Exceptions {
		if rest, of := strings.CutPrefix(field, fmt.Sprintf("exceptions[%d]", i)); of {
			return "exception of " + e.Date.String() + strings.Replace(rest, ".", ", ", 1)
		}
	}
	return field
}

// knownOverlaps caches the overlaps of a station's windows, computed on a day.
type knownOverlaps struct {
	from       schedules.Date
	windows    []schedules.Window
	exceptions []schedules.Exception
	problems   []schedules.Problem
}

// overlapsOf computes overlaps once a day, and when the windows change.
func (s *StationProblems) overlapsOf(st schedules.Station, n schedules.Network) []schedules.Problem {
	s.mu.Lock()
	known, ok := s.overlaps[st.ID]
	s.mu.Unlock()
	if ok && known.from == n.From && slices.EqualFunc(known.windows, st.Windows, sameStarts) &&
		reflect.DeepEqual(known.exceptions, st.Exceptions) {
		return known.problems
	}
	list := n.Overlaps(st)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overlaps[st.ID] = knownOverlaps{n.From, st.Windows, st.Exceptions, list}
	return list
}

// sameStarts reports whether both windows occupy the same times.
func sameStarts(a, b schedules.Window) bool {
	day := func(d *schedules.Date) schedules.Date {
		if d == nil {
			return schedules.Date{}
		}
		return *d
	}
	return a.ID == b.ID && a.Length == b.Length && a.Starts.Timezone == b.Starts.Timezone &&
		a.Starts.RRule == b.Starts.RRule &&
		day(a.Starts.From) == day(b.Starts.From) && day(a.Starts.Until) == day(b.Starts.Until)
}

// fallbackSegment is a fallback segment that may air now.
type fallbackSegment struct {
	schedules.Segment
	NotAfter schedules.Instant // zero means without end
}

// AirableFallback returns the station's fallback segments that may air at an instant.
func (s *StationProblems) AirableFallback(st schedules.Station, now time.Time) []fallbackSegment {
	return airableOf(s.planning.Library(), st, st.Fallback, now)
}

// airableOf returns those of the segments that may air on a station at an instant.
func airableOf(lib *schedules.Library, st schedules.Station, ids []string, now time.Time) (out []fallbackSegment) {
	for _, id := range ids {
		seg, ok := lib.Segment(id)
		if !ok || seg.Recording == nil {
			continue
		}
		place := schedules.Place{Languages: st.Languages, StartAt: now, EndAt: now.Add(seg.Recording.AirTime().Duration)}
		if lib.Airable(id, place) != nil {
			continue
		}
		life, _ := lib.Life(id)
		out = append(out, fallbackSegment{seg, life.Until})
	}
	return out
}

// fallbackProblems reports that nothing of the station's fallback may air, now or from an instant on.
func (s *StationProblems) fallbackProblems(st schedules.Station) []schedules.StationProblem {
	now := s.now()
	segments := s.AirableFallback(st, now)
	say := func(code, format string, args ...any) []schedules.StationProblem {
		return []schedules.StationProblem{{Code: code, Field: "fallback", Message: fmt.Sprintf(format, args...)}}
	}
	if len(segments) == 0 {
		why := "it names none"
		if len(st.Fallback) > 0 {
			var each []string
			for _, id := range st.Fallback {
				each = append(each, s.unairable(st, id, now))
			}
			why = text.Names(each, "; ", unairableSaid)
		}
		if reserve := len(s.Fillers(st, now)); reserve > 0 {
			return say("fallback_reserve", "the named fallback is gone: a reserve of %d segments from the library airs in its "+
				"place. %s. Name an approved segment in one of the station's languages", reserve,
				strings.ToUpper(why[:1])+why[1:])
		}
		return say("no_fallback", "the station has no fallback segment that may air: without the link, or where a "+
			"recording fails, it would be silent. %s. "+
			"Name an approved segment in one of its languages", strings.ToUpper(why[:1])+why[1:])
	}
	if !slices.ContainsFunc(segments, func(f fallbackSegment) bool { return !f.Sensitive }) {
		return say("no_fallback", "every fallback segment that may air is sensitive: without the link the station would be "+
			"silent once its lease ends. "+
			"Name one that is not sensitive")
	}
	last := schedules.At(now)
	for _, i := range segments {
		if i.NotAfter.IsZero() {
			return nil
		}
		if i.NotAfter.After(last.Time) {
			last = i.NotAfter
		}
	}
	if last.Sub(now) > fallbackWarned {
		return nil
	}
	return say("fallback_ends", "no fallback segment may air after %s: name another before then",
		StationTime(st, last.Time))
}

// unairableSaid is about how many characters a problem has for the reasons why fallback segments may not air.
const unairableSaid = 600

// unairable returns the reason why a fallback segment may not air.
func (s *StationProblems) unairable(st schedules.Station, id string, now time.Time) string {
	lib := s.planning.Library()
	seg, ok := lib.Segment(id)
	if !ok {
		return fmt.Sprintf("segment %q is not known", id)
	}
	end := now
	if seg.Recording != nil {
		end = now.Add(seg.Recording.AirTime().Duration)
	}
	zone, _ := schedules.Zone(st.Timezone)
	if u := lib.Airable(id, schedules.Place{Languages: st.Languages, Zone: zone, StartAt: now, EndAt: end}); u != nil {
		return fmt.Sprintf("segment %q %s", id, u.Message)
	}
	return fmt.Sprintf("segment %q has no recording", id)
}

// StationTime formats an instant in the station's wall time.
func StationTime(st schedules.Station, t time.Time) string {
	loc, err := schedules.Zone(st.Timezone)
	if err != nil {
		loc = time.UTC
	}
	return t.In(loc).Format("2006-01-02 15:04:05 MST")
}

// leftBehind returns the published days, except past parts, whose windows differ from the present definitions, and the
// times that belong to two published days.
func (s *StationProblems) leftBehind(st schedules.Station) (out []schedules.StationProblem) {
	now := s.now()
	type held struct {
		schedules.Occurrence
		day schedules.Date
	}
	var all []held
	for _, row := range replica.QueuesIn(s.replica).After(st.ID+"/", "") {
		q := row.Value.Value
		if !q.ExpiresAt.After(now) || q.Withdrawn {
			continue
		}
		day := q.Date
		airs, err := st.AirTimesOn(day)
		if err != nil {
			return out // reported elsewhere
		}
		var published, defined []schedules.Occurrence
		for _, w := range q.Windows {
			published = append(published, w.Occurrence)
			all = append(all, held{w.Occurrence, day})
		}
		for _, a := range airs {
			defined = append(defined, a.Occurrence)
		}
		for _, what := range append(differences(st, published, defined, now), otherTerms(st, q.Windows, airs, now)...) {
			out = append(out, schedules.StationProblem{Code: "left_behind", Date: &day,
				Message: fmt.Sprintf("%s is published otherwise than the definitions have it: %s", day, what)})
		}
	}
	slices.SortStableFunc(all, func(a, b held) int { return a.StartAt.Compare(b.StartAt.Time) })
	for i := range all {
		for _, later := range all[i+1:] {
			if !later.StartAt.Before(all[i].EndAt.Time) {
				break
			}
			if day := later.day; day != all[i].day && all[i].EndAt.After(now) {
				out = append(out, schedules.StationProblem{Code: "held_twice", Date: &day,
					Message: fmt.Sprintf("%s and %s are both published with %s: withdraw one of them", all[i].day, day,
						StationTime(st, later.StartAt.Time))})
			}
		}
	}
	return out
}

// cure says what to do about a published day that the definitions have otherwise; settled, that nothing is to be done.
const (
	cure    = ". Plan and publish it anew, or withdraw it"
	settled = ". It has begun or is frozen, and stays as it is published"
)

// otherTerms describes which windows are published at their times, and with another clock or languages than an
// exception gives them.
func otherTerms(st schedules.Station, published []schedules.Slot, airs []schedules.AirTime,
	now time.Time) (out []string) {
	for _, a := range airs {
		n := slices.IndexFunc(published, func(p schedules.Slot) bool { return SameWindow(p.Occurrence, a.Occurrence) })
		if a.Exception == nil || n < 0 || !a.EndAt.After(now) {
			continue
		}
		p, languages := published[n], st.Allowed(*a.Terms)
		if p.Clock == a.Terms.Clock && slices.Equal(p.Languages, languages) {
			continue
		}
		end := cure
		if !a.StartAt.After(now.Add(st.Freeze.Duration)) {
			end = settled
		}
		out = append(out, fmt.Sprintf("window %s is published with clock %s in %s, and by an exception follows clock %s in %s%s",
			p.Window, p.Clock, strings.Join(p.Languages, " "), a.Terms.Clock, strings.Join(languages, " "), end))
	}
	return out
}

// differences describes, window by window, where the published and the defined windows differ from now on, and the
// cure.
func differences(st schedules.Station, published, defined []schedules.Occurrence, now time.Time) (out []string) {
	span := func(o schedules.Occurrence) string {
		return StationTime(st, o.StartAt.Time) + " to " + StationTime(st, o.EndAt.Time)
	}
	in := func(list []schedules.Occurrence) func(schedules.Occurrence) bool {
		return func(o schedules.Occurrence) bool {
			return !o.EndAt.After(now) || slices.ContainsFunc(list, func(b schedules.Occurrence) bool {
				return SameWindow(o,
					b)
			})
		}
	}
	lost, fresh := slices.DeleteFunc(slices.Clone(published), in(defined)), slices.DeleteFunc(slices.Clone(defined),
		in(published))
	for _, o := range lost {
		what, end := fmt.Sprintf("window %s from %s is no longer defined", o.Window, span(o)), cure
		if n := slices.IndexFunc(fresh, func(f schedules.Occurrence) bool { return f.Window == o.Window }); n >= 0 {
			what = fmt.Sprintf("window %s is published from %s and defined from %s", o.Window, span(o), span(fresh[n]))
			fresh = slices.Delete(fresh, n, n+1)
		}
		if !o.StartAt.After(now.Add(st.Freeze.Duration)) {
			end = settled
		}
		out = append(out, what+end)
	}
	for _, o := range fresh {
		out = append(out, fmt.Sprintf("window %s from %s is defined and not published%s", o.Window, span(o), cure))
	}
	return out
}

// SameWindow reports whether both are the same window at the same time.
func SameWindow(a, b schedules.Occurrence) bool {
	return a.Window == b.Window && a.StartAt.Equal(b.StartAt.Time) && a.EndAt.Equal(b.EndAt.Time)
}

// LosingFallback returns, of the stations whose fallback names one of the segments, those that have no airable
// fallback.
func (s *StationProblems) LosingFallback(segments ...string) map[string][]schedules.StationProblem {
	out := map[string][]schedules.StationProblem{}
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		if slices.ContainsFunc(row.Value.Fallback, func(f string) bool { return slices.Contains(segments, f) }) {
			if list := s.fallbackProblems(row.Value); len(list) > 0 {
				out[id] = list
			}
		}
	}
	return out
}
