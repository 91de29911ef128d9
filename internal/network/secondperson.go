package network

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/bcp47"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Changes wait for a second person for a day; those of a queue, which soon airs, for half an hour.
const (
	waitsLong  = 24 * time.Hour
	waitsShort = 30 * time.Minute
)

// SecondPersons decides which changes need two persons: those that protect the persons in a segment less, that leave a
// station too little fallback in a language, that edit or reject many segments of coming queues or withdraw many days,
// that shorten published days, that name somebody for what is sensitive, that take effect in a frozen window, and
// that take air time, its freeze or its standing order from a station that was ever published.
type SecondPersons struct {
	replica  *replica.Replica
	now      func() time.Time
	problems *StationProblems
}

// SecondPersons returns the rules of this network.
func (s *Definitions) SecondPersons() *SecondPersons {
	return &SecondPersons{s.replica, s.now, s.StationProblems}
}

// Why gives every reason why a commit needs two persons, and how long it may wait for the second; "": it needs one.
func (s *SecondPersons) Why(c store.Commit) (why string, life time.Duration) {
	if slices.ContainsFunc(c.Writes, func(w store.Write) bool { return w.Kind == replica.KindErasure }) {
		return "", 0 // two persons decide on an erasure already
	}
	var reasons []string
	tell := func(waits time.Duration, whys ...string) {
		for _, why := range whys {
			if why == "" || slices.Contains(reasons, why) {
				continue
			}
			if len(reasons) == 0 || waits < life {
				life = waits
			}
			reasons = append(reasons, why)
		}
	}
	for _, w := range c.Writes {
		switch w.Kind {
		case replica.KindSegment:
			tell(waitsLong, s.secondForSegment(c, w)...)
		case replica.KindStation:
			tell(waitsLong, s.secondForStation(c, w)...)
		case replica.KindClock:
			tell(waitsLong, s.secondForClock(c, w)...)
		case replica.KindQueue:
			tell(waitsShort, s.secondForQueue(c, w)...)
		case replica.KindPerson:
			tell(waitsLong, s.secondForPerson(w))
		}
	}
	tell(waitsLong, s.secondForScripts(c)...)
	tell(waitsLong, s.floorsLost(c)...)
	if more := len(reasons) - reasonsTold; more > 0 {
		reasons = append(reasons[:reasonsTold], fmt.Sprintf("and %d more of these", more))
	}
	return strings.Join(reasons, "; "), life
}

// reasonsTold bounds the reasons why one commit needs two persons.
const reasonsTold = 20

// read returns the state of a known document after a write; ok is false where it is new or goes.
func read[T any](known bool, w store.Write) (after T, ok bool) {
	if !known || w.Delete {
		return after, false
	}
	after, err := replica.ParsePart[T](w.Body)
	return after, err == nil
}

func (s *SecondPersons) secondForSegment(c store.Commit, w store.Write) (whys []string) {
	row, known := replica.SegmentsIn(s.replica).Get(w.ID)
	before := row.Value
	after, ok := read[schedules.Segment](known, w)
	if !ok {
		return nil
	}
	if less := unprotected(before, after); len(less) > 0 {
		whys = append(whys, fmt.Sprintf("segment %q %s, which needs two persons", w.ID, strings.Join(less, " and ")))
	}
	return append(whys, s.manyActs(c, before, after))
}

// secondForPerson returns that somebody would newly hear what is sensitive.
func (s *SecondPersons) secondForPerson(w store.Write) string {
	var before *replica.Person
	if row, known := replica.PersonsIn(s.replica).Get(w.ID); known && row.Revision == w.Expect {
		before = &row.Value.Person
	}
	after, err := replica.ParsePart[replica.Person](w.Body)
	if w.Delete || err != nil || !access.NewlyNamed(before, after) {
		return ""
	}
	return fmt.Sprintf("%s would hear sensitive recordings and see the persons and the consent of segments, which needs "+
		"two persons", after.Name)
}

// unprotected returns in which ways a segment protects the persons in it less than before.
func unprotected(before, after schedules.Segment) (less []string) {
	if before.Sensitive && !after.Sensitive {
		less = append(less, "would no longer be sensitive")
	}
	if slices.ContainsFunc(before.Persons, func(p string) bool { return !slices.Contains(after.Persons, p) }) {
		less = append(less, "would no longer name all persons in it")
	}
	was, is := before.Consent, after.Consent
	if was == nil {
		return less
	}
	if is == nil {
		return append(less, "would lose its consent")
	}
	if is.ExpiresAt.Outlasts(was.ExpiresAt) {
		less = append(less, "would have a longer consent")
	}
	if was.Reference != is.Reference {
		less = append(less, "would have another consent")
	}
	return less
}

// floorAt are the times from now at which a station must have something to fill with.
var floorAt = []time.Duration{0, time.Hour, 24 * time.Hour, 14 * 24 * time.Hour}

// floorsLost returns which stations would have too little left to fill with in a language after a commit of segments. A
// recall may take the last there is: it waits only if the same person has recalled, edited or rejected others shortly
// before.
func (s *SecondPersons) floorsLost(c store.Commit) (whys []string) {
	lib := s.problems.planning.Library()
	with, changed, recalls := lib, "", true
	for _, w := range c.Writes {
		if w.Kind != replica.KindSegment {
			continue
		}
		_, known := replica.SegmentsIn(s.replica).Get(w.ID)
		if after, ok := read[schedules.Segment](known, w); ok {
			with, changed = with.With(after), w.ID
			recalls = recalls && after.State == schedules.Recalled
		}
	}
	if changed == "" || recalls && !s.actedBefore(c) {
		return nil
	}
	ends := s.earlierEnds(c, lib, with)
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		if l := s.lost(row.Value, lib, row.Value, with, recalls, ends...); l != "" {
			whys = append(whys, fmt.Sprintf("without segment %q station %s would have %s to fill a gap with, so this needs "+
				"two persons", changed, id, l))
		}
	}
	return whys
}

// earlierEnds returns the coming times from which segments of a commit no longer air, by their validity or consent,
// where they aired until later before.
func (s *SecondPersons) earlierEnds(c store.Commit, lib, with *schedules.Library) (ends []time.Time) {
	for _, w := range c.Writes {
		if w.Kind != replica.KindSegment {
			continue
		}
		before, _ := lib.Life(w.ID)
		after, _ := with.Life(w.ID)
		if after.Until.After(s.now()) && before.Until.Outlasts(after.Until) {
			ends = append(ends, after.Until.Time)
		}
	}
	return ends
}

// actedBefore reports whether the author of a commit recalled, edited or rejected segments in the last day.
func (s *SecondPersons) actedBefore(c store.Commit) bool {
	a := access.Actor{Name: c.By, Person: c.Person, Token: c.Token}
	since := s.now().Add(-24 * time.Hour)
	return slices.ContainsFunc(s.replica.Recent(since), func(done store.Change) bool {
		return done.Kind == replica.KindSegment && a.IsOrMade(s.replica, done.Person, done.By, schedules.At(done.At)) &&
			(slices.Contains(braked, done.Action) || slices.Contains(recalling, done.Action))
	}) || library.RecalledSince(s.replica, a, since)
}

// recalling are the actions that recall segments.
var recalling = []string{"segment.recall", library.ActionRecallPerson}

// leastFallback is how much sound the fallback list of a station must keep in a language, so that nobody alone leaves
// it a few seconds; half of what it had, where that was less. One short item is enough: it repeats.
const leastFallback = 30 * time.Second

// lost says how little the second state of a station has to fill with in some languages at some time, where the first
// has enough. A reserve makes up for what is recalled, and for nothing else; recalls may leave little.
func (s *SecondPersons) lost(before schedules.Station, lib *schedules.Library, after schedules.Station,
	with *schedules.Library, recalls bool, also ...time.Time) string {
	for _, in := range floorAt {
		also = append(also, s.now().Add(in))
	}
	lost := map[string]string{} // what is left, by language
	for _, at := range also {
		was, is := languagesOf(fillers(lib, before, at)), languagesOf(fillers(with, after, at))
		for l := range was {
			if !is[l] {
				lost[l] = "nothing"
			}
		}
		if recalls {
			continue
		}
		had := soundOf(airableOf(lib, before, before.Fallback, at))
		has := soundOf(airableOf(with, after, after.Fallback, at))
		for l := range had {
			least := leastFallback
			if had[l] < least {
				least = had[l] / 2
			}
			if left, some := has[l]; !some {
				lost[l] = "nothing"
			} else if left < least && lost[l] == "" {
				lost[l] = fmt.Sprintf("only %s of sound", left)
			}
		}
	}
	var said []string
	for _, l := range slices.Sorted(maps.Keys(lost)) {
		said = append(said, lost[l]+" in "+bcp47.Kept(l))
	}
	return strings.Join(said, " and ")
}

// soundOf returns how much sound segments that air without a lease have in each language.
func soundOf(segments []fallbackSegment) map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, seg := range segments {
		if !seg.Sensitive {
			out[strings.ToLower(seg.Language)] += seg.Recording.Sounding().Duration
		}
	}
	return out
}

// languagesOf returns the languages of the segments that air without a lease.
func languagesOf(segments []fallbackSegment) map[string]bool {
	out := map[string]bool{}
	for _, seg := range segments {
		if !seg.Sensitive {
			out[strings.ToLower(seg.Language)] = true
		}
	}
	return out
}

// manyActs returns that a person edits or rejects more than a handful of segments of coming queues in a short time.
func (s *SecondPersons) manyActs(c store.Commit, before, after schedules.Segment) string {
	if !slices.Contains(braked, c.Action) || before.State != schedules.Approved {
		return ""
	}
	coming := comingSegments(s.replica, s.now())
	if !coming[before.ID] {
		return ""
	}
	others := s.lately(c, after.ID, library.Braking, tookFromAir(coming))
	if others < library.Handful {
		return ""
	}
	return fmt.Sprintf("%s edited or rejected %d segments of coming queues within %d minutes, so this one, %q, needs two "+
		"persons", c.By, others, int(library.Braking.Minutes()), after.ID)
}

// tookFromAir returns a function that reports whether a change edited or rejected a segment that aired, or comes.
func tookFromAir(coming map[string]bool) func(store.Change) bool {
	return func(done store.Change) bool {
		return done.Kind == replica.KindSegment && slices.Contains(braked, done.Action) &&
			(strings.Contains(done.Fields, wasApproved) || coming[done.ID])
	}
}

// braked are the actions on a segment that are counted.
var braked = []string{"segment.edit", "segment.reject", "segment.audio"}

// wasApproved is in the fields of a change that took an approved segment off the air.
const wasApproved = `{"field":"state","before":"approved"`

// comingSegments returns the segments of coming queues and fallback lists.
func comingSegments(m *replica.Replica, now time.Time) map[string]bool {
	out := map[string]bool{}
	for _, row := range replica.StationsIn(m).After("", "") {
		for _, id := range row.Value.Fallback {
			out[id] = true
		}
	}
	for _, row := range replica.QueuesIn(m).After("", "") {
		for _, it := range row.Value.Value.Items {
			if it.StartAt != nil && it.StartAt.Add(it.Duration.Duration).After(now) {
				out[it.SegmentID] = true
			}
		}
	}
	return out
}

// secondForScripts returns that readings would air again or longer, that more than a handful of coming readings would
// not air any more or end soon, or that stations would have too little to fill a gap with.
func (s *SecondPersons) secondForScripts(c store.Commit) (whys []string) {
	changed := map[string]schedules.Script{}
	for _, w := range c.Writes {
		if w.Kind != replica.KindScript {
			continue
		}
		_, known := replica.ScriptsIn(s.replica).Get(w.ID)
		if after, ok := read[schedules.Script](known, w); ok {
			changed[w.ID] = after
		}
	}
	if len(changed) == 0 {
		return nil
	}
	scripts := slices.Collect(maps.Values(changed))
	for id, row := range replica.ScriptsIn(s.replica).After("", "") {
		if _, ok := changed[id]; !ok {
			scripts = append(scripts, row.Value)
		}
	}
	lib := s.problems.planning.Library()
	with := schedules.Prepare(lib.Segments(), scripts)
	ids := slices.Sorted(maps.Keys(changed))
	if longer := revived(lib, with, ids); len(longer) > 0 {
		whys = append(whys, fmt.Sprintf("by the rulings of %s these would air again or longer, so this needs two persons: %s",
			replica.Few(ids), replica.Few(longer)))
	}
	whys = append(whys, s.manyRulings(c, lib, with, ids))
	var ends []time.Time
	for e, is := range readings(lib, with, ids) {
		if e.Life.Until.Outlasts(is.Until) && is.Until.After(s.now()) && !slices.Contains(ends, is.Until.Time) {
			ends = append(ends, is.Until.Time)
		}
	}
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		if l := s.lost(row.Value, lib, row.Value, with, false, ends...); l != "" {
			whys = append(whys, fmt.Sprintf("without the passages of %s station %s would have %s to fill a gap with, so this "+
				"needs two persons", replica.Few(ids), id, l))
		}
	}
	return whys
}

// readings yields the approved readings of scripts, with their lives by another library.
func readings(lib, with *schedules.Library, scripts []string) iter.Seq2[*schedules.Entry, schedules.Life] {
	return func(yield func(*schedules.Entry, schedules.Life) bool) {
		for _, e := range lib.Entries() {
			if e.State != schedules.Approved || e.Script == nil || !slices.Contains(scripts, e.Script.ID) {
				continue
			}
			if is, _ := with.Life(e.ID); !yield(e, is) {
				return
			}
		}
	}
}

// revived returns the readings of scripts that may air again, or longer, by the second library.
func revived(lib, with *schedules.Library, scripts []string) (ids []string) {
	for e, is := range readings(lib, with, scripts) {
		if is.BlockedBecause == "" && (e.Life.BlockedBecause != "" || is.Until.Outlasts(e.Life.Until)) {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// endsSoon is how far ahead an end of readings counts as if they ended now.
const endsSoon = 14 * 24 * time.Hour

// manyRulings returns that a person lets more than a handful of readings of coming queues end in a short time: by these
// scripts and by others, and by edits of segments.
func (s *SecondPersons) manyRulings(c store.Commit, lib, with *schedules.Library, scripts []string) string {
	var ends []string
	soon := s.now().Add(endsSoon)
	coming := comingSegments(s.replica, s.now())
	for e, is := range readings(lib, with, scripts) {
		if e.Life.BlockedBecause == "" && coming[e.ID] && (is.BlockedBecause != "" ||
			e.Life.Until.Outlasts(is.Until) && is.Until.Before(soon)) {
			ends = append(ends, e.ID)
		}
	}
	if len(ends) == 0 {
		return ""
	}
	others := s.lately(c, "", library.Braking, tookFromAir(coming))
	var ruled []string
	for done := range actsOf(s.replica, c, s.now().Add(-library.Braking)) {
		if done.Kind == replica.KindScript {
			ruled = append(ruled, done.ID)
		}
	}
	for e := range readings(lib, lib, ruled) {
		if e.Life.BlockedBecause != "" {
			others++
		}
	}
	if len(ends)+others <= library.Handful {
		return ""
	}
	return fmt.Sprintf("by the rulings of %s these readings of coming queues would not air any more or end soon, so this "+
		"needs two persons: %s", replica.Few(scripts), replica.Few(ends))
}

// inaudible is the loudness target, in LUFS, below which a station airs silence, as far as listeners can tell.
const inaudible = -40

func (s *SecondPersons) secondForStation(c store.Commit, w store.Write) (whys []string) {
	row, known := replica.StationsIn(s.replica).Get(w.ID)
	before := row.Value
	if known && w.Delete && s.everPublished(w.ID) {
		return []string{fmt.Sprintf("station %s would not air any more, so this needs two persons", w.ID)}
	}
	after, ok := read[schedules.Station](known, w)
	if !ok {
		return nil
	}
	lib := s.problems.planning.Library()
	if l := s.lost(before, lib, after, lib, false); l != "" {
		whys = append(whys, fmt.Sprintf("station %s would have %s to fill a gap with, so this needs two persons", w.ID, l))
	}
	if t := after.LoudnessTarget; t != nil && *t < inaudible && (before.LoudnessTarget == nil ||
		*t < *before.LoudnessTarget) {
		whys = append(whys, fmt.Sprintf("station %s would air everything at %g LUFS, which nobody hears, so this needs two "+
			"persons", w.ID, *t))
	}
	if s.everPublished(w.ID) {
		whys = append(whys, s.secondForAirTime(c, before, after)...)
		whys = append(whys, secondForOrder(before, after)...)
	}
	return append(whys, s.secondForFrozen(before, after))
}

// secondForFrozen returns that a change of a station, other than of its name, its coming days and its order, takes
// effect in a window that has begun or is frozen.
func (s *SecondPersons) secondForFrozen(before, after schedules.Station) string {
	now := before
	now.Name, now.Windows, now.Exceptions = after.Name, after.Windows, after.Exceptions
	now.Revision, now.CurrentProblems = after.Revision, after.CurrentProblems
	now.StandingOrder = after.StandingOrder // it changes no published day, and secondForOrder looks at it
	if reflect.DeepEqual(now, after) {
		return ""
	}
	for _, queue := range replica.QueuesIn(s.replica).After(before.ID+"/", "") {
		for _, o := range queue.Value.Value.Windows {
			if s.frozen(before, o.Occurrence) {
				return fmt.Sprintf("a window of station %s has begun or is frozen, and this takes effect in it, so it needs two "+
					"persons", before.ID)
			}
		}
	}
	return ""
}

// secondForOrder returns what the standing order of a station would no longer do: publish days by itself, those with
// warnings too, and as far ahead; plan as far ahead; and repeat a day that is late, as early.
func secondForOrder(before, after schedules.Station) (whys []string) {
	was, is := before.StandingOrder, after.StandingOrder
	if was == nil {
		return nil
	}
	less := func(lost string) {
		whys = append(whys, fmt.Sprintf("station %s would %s, so this needs two persons", before.ID, lost))
	}
	if is == nil {
		less("publish no days by itself any more")
		return whys
	}
	if is.Unwarned() && !was.Unwarned() {
		less("publish no days with warnings by itself any more")
	}
	if !is.Repeats() && was.Repeats() {
		less("repeat no other day any more on days that are late")
	}
	if is.PlanDays < was.PlanDays {
		less(fmt.Sprintf("plan only %d days ahead by itself in place of %d", is.PlanDays, was.PlanDays))
	}
	if is.PublishDays < was.PublishDays {
		less(fmt.Sprintf("publish only %d days ahead by itself in place of %d", is.PublishDays, was.PublishDays))
	}
	if is.By > was.By {
		less(fmt.Sprintf("count a day as late only from %s on, in place of %s", is.By, was.By))
	}
	return whys
}

// frozen reports whether a window has begun or is frozen, and is not over.
func (s *SecondPersons) frozen(st schedules.Station, o schedules.Occurrence) bool {
	return !o.StartAt.After(s.now().Add(st.Freeze.Duration)) && o.EndAt.After(s.now())
}

// secondForQueue returns that a published queue would change in a frozen window, that a published day would air
// less, or that its author withdraws more than a handful of days in a day.
func (s *SecondPersons) secondForQueue(c store.Commit, w store.Write) (whys []string) {
	station, _, _ := strings.Cut(w.ID, "/")
	row, known := replica.QueuesIn(s.replica).Get(w.ID)
	st, there := replica.StationsIn(s.replica).Get(station)
	if !known || !there || w.Delete {
		return nil
	}
	after, err := replica.SharedQueue(w.Body)
	if err != nil {
		return nil
	}
	for _, o := range row.Value.Value.Windows {
		if s.frozen(st.Value, o.Occurrence) && !bytes.Equal(within(row.Value.Value, o), within(after.Value, o)) {
			whys = append(whys, fmt.Sprintf("window %s of station %s, which starts at %s, has begun or is frozen, so a "+
				"correction of it needs two persons", o.Window, station, o.StartAt))
		}
	}
	whys = append(whys, s.shortened(st.Value, row.Value.Value, after.Value))
	if c.Action != replica.ActWithdraw {
		return whys
	}
	others := s.lately(c, w.ID, withdrawing, func(done store.Change) bool { return done.Action == replica.ActWithdraw })
	if others < library.Handful {
		return whys
	}
	return append(whys, fmt.Sprintf("%s withdrew %d days within %d hours, so this one, %s of station %s, needs two persons",
		c.By, others, int(withdrawing.Hours()), after.Value.Date, station))
}

// shortened returns that a published day would have less time in windows, of what is still to come: where it has none,
// nothing airs, also no fallback. In a withdrawn day the fallback airs where the definitions have windows.
func (s *SecondPersons) shortened(st schedules.Station, before, after wire.Queue) string {
	ahead := func(windows []schedules.Slot) (sum time.Duration) {
		for _, w := range windows {
			sum += max(0, min(w.EndAt.Sub(w.StartAt.Time), w.EndAt.Sub(s.now())))
		}
		return sum
	}
	has := after.Windows
	if after.Withdrawn {
		defined, err := st.OccurrencesOn(before.Date)
		if err != nil {
			return "" // reported elsewhere
		}
		for _, o := range defined {
			has = append(slices.Clip(has), schedules.Slot{Occurrence: o})
		}
	}
	was, is := ahead(before.Windows), ahead(has)
	if is >= was {
		return ""
	}
	return fmt.Sprintf("station %s would air only %s of the %s in windows that are published for %s and still to come, so "+
		"this needs two persons", st.ID, schedules.FormatLength(is.Truncate(time.Second)),
		schedules.FormatLength(was.Truncate(time.Second)), before.Date)
}

// withdrawing is the time in which one person's withdrawals of days count. It is long since a standing order does not
// publish such a day again.
const withdrawing = 24 * time.Hour

// actsOf yields the changes that one person, who may be the author of a commit, made since an instant.
func actsOf(m *replica.Replica, c store.Commit, since time.Time) iter.Seq[store.Change] {
	a := access.Actor{Name: c.By, Person: c.Person, Token: c.Token}
	return func(yield func(store.Change) bool) {
		for _, done := range m.Recent(since) {
			if a.IsOrMade(m, done.Person, done.By, schedules.At(done.At)) && !yield(done) {
				return
			}
		}
	}
}

// lately returns how many other documents the author of a commit changed in a time until now by changes of which counts
// reports true.
func (s *SecondPersons) lately(c store.Commit, id string, within time.Duration, counts func(store.Change) bool) int {
	others := map[string]bool{}
	for done := range actsOf(s.replica, c, s.now().Add(-within)) {
		if done.ID != id && counts(done) {
			others[done.ID] = true
		}
	}
	return len(others)
}

// within returns what airs when in a window that is still to come.
func within(q wire.Queue, o schedules.Slot) (out []byte) {
	for _, it := range q.Items {
		if it.StartAt != nil && !it.StartAt.Before(o.StartAt.Time) && it.StartAt.Before(o.EndAt.Time) {
			out = fmt.Appendf(out, "%s %s %s\n", it.ID, it.SegmentID, it.StartAt)
		}
	}
	return out
}
