package network

import (
	"bytes"
	"encoding/json"
	"fmt"
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
// station too little fallback in a language, that edit or reject many segments of coming queues, that name somebody for
// what is sensitive, that take effect in a frozen window, and that take its windows, counted with what their author
// changed of them in the last day, or its freeze from a station that was ever published.
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
	tell := func(reason string, waits time.Duration) {
		if reason != "" && (len(reasons) == 0 || waits < life) {
			life = waits
		}
		if reason != "" {
			reasons = append(reasons, reason)
		}
	}
	for _, w := range c.Writes {
		switch w.Kind {
		case replica.KindSegment:
			tell(s.secondForSegment(c, w), waitsLong)
		case replica.KindScript:
			tell(s.secondForScript(w), waitsLong)
		case replica.KindStation:
			tell(s.secondForStation(c, w), waitsLong)
		case replica.KindQueue:
			tell(s.secondForQueue(c, w), waitsShort)
		case replica.KindPerson:
			tell(s.secondForPerson(w), waitsLong)
		}
	}
	tell(s.floorsLost(c), waitsLong)
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

func (s *SecondPersons) secondForSegment(c store.Commit, w store.Write) string {
	row, known := replica.SegmentsIn(s.replica).Get(w.ID)
	before := row.Value
	after, ok := read[schedules.Segment](known, w)
	if !ok {
		return ""
	}
	many := s.manyActs(c, before, after)
	less := unprotected(before, after)
	if len(less) == 0 {
		return many
	}
	why := fmt.Sprintf("segment %q %s, which needs two persons", w.ID, strings.Join(less, " and "))
	if many != "" {
		why += "; " + many
	}
	return why
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
	if !was.ExpiresAt.IsZero() && (is.ExpiresAt.IsZero() || is.ExpiresAt.After(was.ExpiresAt.Time)) {
		less = append(less, "would have a longer consent")
	}
	if was.Reference != is.Reference {
		less = append(less, "would have another consent")
	}
	return less
}

// floorAt are the times from now at which a station must have something to fill with.
var floorAt = []time.Duration{0, time.Hour, 24 * time.Hour, 14 * 24 * time.Hour}

// floorsLost returns which station would have too little left to fill with in a language after a commit of segments. A
// recall may take the last there is: it waits only if the same person has recalled, edited or rejected others shortly
// before.
func (s *SecondPersons) floorsLost(c store.Commit) string {
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
		return ""
	}
	ends := s.earlierEnds(c, lib, with)
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		if l := s.lost(row.Value, lib, row.Value, with, recalls, ends...); l != "" {
			return fmt.Sprintf("without segment %q station %s would have %s to fill a gap with, so this needs two persons",
				changed, id, l)
		}
	}
	return ""
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
		if after.Until.After(s.now()) && (before.Until.IsZero() || after.Until.Before(before.Until.Time)) {
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

// lost says how little the second state of a station has to fill with in a language at some time, where the first has
// enough. A reserve makes up for what is recalled, and for nothing else; recalls may leave little.
func (s *SecondPersons) lost(before schedules.Station, lib *schedules.Library, after schedules.Station,
	with *schedules.Library, recalls bool, also ...time.Time) string {
	for _, in := range floorAt {
		also = append(also, s.now().Add(in))
	}
	for _, at := range also {
		was, is := fillers(lib, before, at), fillers(with, after, at)
		if l := missing(languagesOf(was), languagesOf(is)); l != "" {
			return "nothing in " + bcp47.Kept(l)
		}
		if recalls {
			continue
		}
		had := soundOf(airableOf(lib, before, before.Fallback, at))
		has := soundOf(airableOf(with, after, after.Fallback, at))
		for _, l := range slices.Sorted(maps.Keys(had)) {
			least := leastFallback
			if had[l] < least {
				least = had[l] / 2
			}
			if left, some := has[l]; !some {
				return "nothing in " + bcp47.Kept(l)
			} else if left < least {
				return fmt.Sprintf("only %s of sound in %s", left, bcp47.Kept(l))
			}
		}
	}
	return ""
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

// missing returns a language of was that is lacks.
func missing(was, is map[string]bool) string {
	for l := range was {
		if !is[l] {
			return l
		}
	}
	return ""
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
	if !slices.Contains(braked, c.Action) || before.State != schedules.Approved || !s.coming(before.ID) {
		return ""
	}
	others := s.lately(c, after.ID, func(done store.Change) bool {
		return done.Kind == replica.KindSegment && slices.Contains(braked, done.Action) &&
			(strings.Contains(done.Fields, wasApproved) || s.coming(done.ID))
	})
	if others < library.Handful {
		return ""
	}
	return fmt.Sprintf("%s edited or rejected %d segments of coming queues within %d minutes, so this one, %q, needs two "+
		"persons", c.By, others, int(library.Braking.Minutes()), after.ID)
}

// braked are the actions on a segment that are counted.
var braked = []string{"segment.edit", "segment.reject", "segment.audio"}

// wasApproved is in the fields of a change that took an approved segment off the air.
const wasApproved = `{"field":"state","before":"approved"`

// coming reports whether a segment is in a coming queue or a fallback list.
func (s *SecondPersons) coming(id string) bool {
	for _, row := range replica.StationsIn(s.replica).After("", "") {
		if slices.Contains(row.Value.Fallback, id) {
			return true
		}
	}
	now := s.now()
	for _, row := range replica.QueuesIn(s.replica).After("", "") {
		if slices.ContainsFunc(row.Value.Value.Items, func(it wire.QueueItem) bool {
			return it.SegmentID == id && it.StartAt != nil && it.StartAt.Add(it.Duration.Duration).After(now)
		}) {
			return true
		}
	}
	return false
}

// secondForScript returns that readings would no longer be live which are the last fallback of a station.
func (s *SecondPersons) secondForScript(w store.Write) string {
	_, known := replica.ScriptsIn(s.replica).Get(w.ID)
	after, ok := read[schedules.Script](known, w)
	if !ok {
		return ""
	}
	scripts := []schedules.Script{after}
	for id, row := range replica.ScriptsIn(s.replica).After("", "") {
		if id != w.ID {
			scripts = append(scripts, row.Value)
		}
	}
	lib := s.problems.planning.Library()
	with := schedules.Prepare(lib.Segments(), scripts)
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		if l := s.lost(row.Value, lib, row.Value, with, false); l != "" {
			return fmt.Sprintf("without the passages of script %q station %s would have %s to fill a gap with, so this "+
				"needs two persons", w.ID, id, l)
		}
	}
	return ""
}

// inaudible is the loudness target, in LUFS, below which a station airs silence, as far as listeners can tell.
const inaudible = -40

func (s *SecondPersons) secondForStation(c store.Commit, w store.Write) string {
	row, known := replica.StationsIn(s.replica).Get(w.ID)
	before := row.Value
	after, ok := read[schedules.Station](known, w)
	if !ok {
		return ""
	}
	lib := s.problems.planning.Library()
	if l := s.lost(before, lib, after, lib, false); l != "" {
		return fmt.Sprintf("station %s would have %s to fill a gap with, so this needs two persons", w.ID, l)
	}
	if t := after.LoudnessTarget; t != nil && *t < inaudible && (before.LoudnessTarget == nil ||
		*t < *before.LoudnessTarget) {
		return fmt.Sprintf("station %s would air everything at %g LUFS, which nobody hears, so this needs two persons", w.ID, *t)
	}
	if why := s.secondForTimes(c, before, after); why != "" {
		return why
	}
	now := before
	now.Name, now.Windows, now.Exceptions = after.Name, after.Windows, after.Exceptions
	now.Revision, now.CurrentProblems = after.Revision, after.CurrentProblems
	now.StandingOrder = after.StandingOrder // it changes no published day
	if reflect.DeepEqual(now, after) {
		return ""
	}
	for _, queue := range replica.QueuesIn(s.replica).After(w.ID+"/", "") {
		for _, o := range queue.Value.Value.Windows {
			if s.frozen(before, o.Occurrence) {
				return fmt.Sprintf("a window of station %s has begun or is frozen, and this takes effect in it, so it needs two "+
					"persons", w.ID)
			}
		}
	}
	return ""
}

// A station must keep some of its air time in each comingTime from now, for about a year: what is taken from a later
// season comes near when nobody looks at it any more.
const (
	comingDays = 14
	comingTime = comingDays * 24 * time.Hour
	comingMost = 26
)

// secondForTimes returns that a station which was ever published would keep less than half of its air time, or none of
// the starts of its windows, in some coming time, or would have a shorter freeze.
func (s *SecondPersons) secondForTimes(c store.Commit, before, after schedules.Station) string {
	published := false
	for range replica.QueuesIn(s.replica).After(before.ID+"/", "") {
		published = true
		break
	}
	if !published {
		return ""
	}
	if after.Freeze.Duration < before.Freeze.Duration {
		return fmt.Sprintf("station %s would be frozen for %s before a window in place of %s, so this needs two "+
			"persons", before.ID, after.Freeze, before.Freeze)
	}
	if after.Timezone != before.Timezone {
		return fmt.Sprintf("the days of station %s would be those of %s in place of %s, so this needs two persons", before.ID,
			after.Timezone, before.Timezone)
	}
	if reflect.DeepEqual(before.Windows, after.Windows) && reflect.DeepEqual(before.Exceptions, after.Exceptions) {
		return ""
	}
	was, is := s.airTimes(before), s.airTimes(after)
	earlier, since := s.beforeItsAuthor(c, before)
	first := was
	if !since.IsZero() {
		first = s.airTimes(earlier)
	}
	for n := range is {
		in := fmt.Sprintf("in the coming %d days", comingDays)
		if n > 0 {
			in = fmt.Sprintf("in the %d days from %s", comingDays, schedules.DateOf(s.now().Add(time.Duration(n)*comingTime)))
		}
		if less := lessAir(was[n], is[n]); less != "" {
			return fmt.Sprintf("station %s would %s %s, so this needs two persons", before.ID, less, in)
		}
		if less := lessAir(first[n], is[n]); less != "" {
			return fmt.Sprintf("with what %s changed since %s, station %s would %s %s, so this needs two persons", c.By, since,
				before.ID, less, in)
		}
	}
	return ""
}

// airing is how long a station airs in some time, and when its windows start.
type airing struct {
	sum    time.Duration
	starts map[time.Time]bool
}

// lessAir returns that the second state of a station airs for less than half of the time of the first in the same time,
// or that none of its windows starts when one did.
func lessAir(before, after airing) string {
	was, starts := before.sum, before.starts
	is, kept := after.sum, after.starts
	if 2*is < was {
		return fmt.Sprintf("air for %s in place of %s", is, was)
	}
	for start := range starts {
		if kept[start] {
			return ""
		}
	}
	if was == 0 {
		return ""
	}
	return "start all windows at other times"
}

// beforeItsAuthor returns a station with the windows that it had before the first change of them in the last day by
// the author of a commit, or by somebody who may be that one, since two persons last agreed on its windows; and when
// that was.
func (s *SecondPersons) beforeItsAuthor(c store.Commit, st schedules.Station) (_ schedules.Station,
	since schedules.Instant) {
	a := access.Actor{Name: c.By, Person: c.Person, Token: c.Token}
	for _, done := range s.replica.Recent(s.now().Add(-24 * time.Hour)) {
		if done.Kind != replica.KindStation || done.ID != st.ID {
			continue
		}
		former, seconded := replica.FormerOf(done)
		if seconded {
			break
		}
		var was struct {
			Windows    []schedules.Window    `json:"windows"`
			Exceptions []schedules.Exception `json:"exceptions"`
		}
		if len(former) > 0 && a.IsOrMade(s.replica, done.Person, done.By, schedules.At(done.At)) &&
			(json.Unmarshal(former, &was) == nil || json.Unmarshal(former, &was.Windows) == nil) {
			st.Windows, st.Exceptions, since = was.Windows, was.Exceptions, schedules.At(done.At)
		}
	}
	return st, since
}

// airTimes returns how a station airs in each comingTime from now.
func (s *SecondPersons) airTimes(st schedules.Station) (out [comingMost]airing) {
	now := s.now()
	coming, err := st.Occurrences(now, now.Add(comingMost*comingTime))
	if err != nil {
		return out // what cannot be expanded airs never
	}
	for _, o := range coming {
		in := &out[o.StartAt.Sub(now)/comingTime]
		if in.starts == nil {
			in.starts = map[time.Time]bool{}
		}
		in.sum += o.EndAt.Sub(o.StartAt.Time)
		in.starts[o.StartAt.UTC()] = true
	}
	return out
}

// frozen reports whether a window has begun or is frozen, and is not over.
func (s *SecondPersons) frozen(st schedules.Station, o schedules.Occurrence) bool {
	return !o.StartAt.After(s.now().Add(st.Freeze.Duration)) && o.EndAt.After(s.now())
}

// secondForQueue returns that a published queue would change in a frozen window, or that its author withdraws more than
// a handful of days in a short time.
func (s *SecondPersons) secondForQueue(c store.Commit, w store.Write) string {
	station, _, _ := strings.Cut(w.ID, "/")
	row, known := replica.QueuesIn(s.replica).Get(w.ID)
	st, there := replica.StationsIn(s.replica).Get(station)
	if !known || !there || w.Delete {
		return ""
	}
	after, err := replica.SharedQueue(w.Body)
	if err != nil {
		return ""
	}
	for _, o := range row.Value.Value.Windows {
		if s.frozen(st.Value, o.Occurrence) && !bytes.Equal(within(row.Value.Value, o), within(after.Value, o)) {
			return fmt.Sprintf("window %s of station %s, which starts at %s, has begun or is frozen, so a correction of it "+
				"needs two persons", o.Window, station, o.StartAt)
		}
	}
	if c.Action != replica.ActWithdraw {
		return ""
	}
	others := s.lately(c, w.ID, func(done store.Change) bool { return done.Action == replica.ActWithdraw })
	if others < library.Handful {
		return ""
	}
	return fmt.Sprintf("%s withdrew %d days within %d minutes, so this one, %s of station %s, needs two persons", c.By,
		others, int(library.Braking.Minutes()), after.Value.Date, station)
}

// lately returns how many other documents one person, who may be the author of a commit, changed in a short time by
// changes of which counts reports true.
func (s *SecondPersons) lately(c store.Commit, id string, counts func(store.Change) bool) int {
	a := access.Actor{Name: c.By, Person: c.Person, Token: c.Token}
	others := map[string]bool{}
	for _, done := range s.replica.Recent(s.now().Add(-library.Braking)) {
		if done.ID != id && counts(done) && a.IsOrMade(s.replica, done.Person, done.By, schedules.At(done.At)) {
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
