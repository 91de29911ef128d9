package playout

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"lifeline/internal/playout/statedir"
	"lifeline/internal/text"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const (
	seenName    = "seen.json"
	recallsName = "recalls.dsse"
	keyName     = "key"
)

// mark is the revision and the date of a document when it was last seen.
type mark struct {
	Revision int64             `json:"revision"`
	IssuedAt schedules.Instant `json:"issued_at"`
}

// older reports whether m is older than seen.
func (m mark) older(seen mark) bool {
	return m.Revision < seen.Revision || m.Revision == seen.Revision && m.IssuedAt.Before(seen.IssuedAt.Time)
}

// outdatedError is the error of a document that is older than one that was seen.
type outdatedError struct{ m, seen mark }

func (o outdatedError) Error() string {
	return fmt.Sprintf("revision %d of %s is older than %d, seen before", o.m.Revision, o.m.IssuedAt, o.seen.Revision)
}

// seenRecord is the content of seen.json.
type seenRecord struct {
	Documents map[string]mark `json:"documents"`
	// Segment ids and hashes in the marked recall list; null: unknown.
	Recalled []string        `json:"recalled"`
	Kept     []wire.Recalled `json:"kept,omitempty"`  // recalls of earlier lists that the service may have lost
	Above    int64           `json:"above,omitempty"` // of the marked recall list
	// A recall list, or the record of the one seen, was lost, and none has arrived since.
	Lost bool `json:"lost,omitempty"`
	// Ids of the keys under which the documents were marked; empty for records of players without roots.
	Under map[trust.KeyRole][]string `json:"under,omitempty"`
}

// loadSeen merges the copies of the record: the latest mark of each document wins. It reports whether the copies must
// be rewritten.
func (v *DocumentStore) loadSeen() (stale bool) {
	found, damaged, named := 0, 0, 0
	for _, c := range statedir.Records[seenRecord](v.state, 64<<20, statedir.Twice(seenName)...) {
		if errors.Is(c.Err, fs.ErrNotExist) {
			stale = true
			continue
		}
		r := c.Value
		if !c.Summed { // an old record without a sum: the marks alone
			old := statedir.Records[map[string]mark](v.state, 64<<20, c.Name)[0]
			r, c.Err = seenRecord{Documents: old.Value}, old.Err
		}
		if c.Err != nil {
			v.problems.Add("the record of revisions seen, %s, is damaged and left out: the other copy says them, or else "+
				"nothing airs before a recall list comes: %v", c.Name, c.Err)
			damaged++
			continue
		}
		found++
		stale = stale || !c.Summed
		v.lost = v.lost || r.Lost
		named += len(r.Documents)
		v.withoutReplaced(&r)
		if v.recalled == nil || v.seen["recalls"].older(r.Documents["recalls"]) {
			v.recalled, v.kept, v.above = r.Recalled, r.Kept, r.Above
		}
		for document, m := range r.Documents {
			if v.seen[document].older(m) {
				v.seen[document] = m
			}
		}
	}
	v.lost = v.lost || found == 0 && damaged > 0
	v.unmarked = named == 0 // an empty record counts as none
	return stale || damaged > 0
}

// withoutReplaced removes from a copy the marks made under keys that are no longer trusted.
func (v *DocumentStore) withoutReplaced(r *seenRecord) {
	if v.another {
		delete(r.Documents, rootMark)
	}
	for _, role := range v.replaced(r.Under) {
		if role == trust.Recall && r.Recalled == nil && r.Documents["recalls"] != (mark{}) {
			v.lost = true
		}
		maps.DeleteFunc(r.Documents, func(document string, _ mark) bool { return roleOf(document) == role })
	}
}

func (v *DocumentStore) saveSeen() {
	err := v.state.KeepRecord(seenRecord{Documents: v.seen, Recalled: v.recalled, Kept: v.kept, Above: v.above,
		Lost: v.lost, Under: v.under()}, statedir.Twice(seenName)...)
	if err != nil {
		v.problems.Add("the record of revisions seen could not be saved: %v", err)
	}
}

// loadRecalls loads the newest copy of the recall list that a trusted key signed, and makes the copies equal.
func (v *DocumentStore) loadRecalls() {
	var best []byte
	var newest mark
	damaged, found := false, 0
	for _, name := range statedir.Twice(recallsName) {
		b, err := v.state.Read(name, maxDocument)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		found++
		var r wire.Recalls
		if err == nil {
			err = v.open(b, wire.RecallsType, &r)
		}
		if err != nil {
			v.problems.Add("the saved %s is left out: %v", name, err)
			damaged = true
			continue
		}
		if m := (mark{r.Revision, r.IssuedAt}); best == nil || newest.older(m) {
			best, newest = b, m
		}
	}
	if best == nil {
		v.lost = v.lost || damaged
		if found == 0 && v.seen["recalls"] != (mark{}) {
			v.problems.Add("the saved recall list is gone")
		}
		return
	}
	if err := v.takeRecalls(best, false); err != nil {
		v.problems.Add("the saved %s is left out: %v", recallsName, err)
		return
	}
	v.lost = false
	if damaged || found == 1 {
		if err := v.state.ReplaceTwice(recallsName, best); err != nil {
			v.problems.Add("%s could not be saved twice: %v", recallsName, err)
		}
	}
}

// keepLostRecalls keeps recalls that the held list, or the last one seen, contains and r does not, if r comes from a
// service that may have lost them: one whose store was restored from a backup, or that gave the revision of r to
// another list before. Once a list of such a service names a segment, that service decides about it.
func (v *DocumentStore) keepLostRecalls(r *wire.Recalls, held *wire.Recalls) {
	last := v.seen["recalls"]
	if r.Above > v.above || r.Revision == last.Revision && !r.IssuedAt.Equal(last.IssuedAt.Time) {
		if held != nil {
			v.kept = slices.Concat(v.kept, held.Segments)
		} else {
			for _, id := range v.recalled {
				v.kept = append(slices.Clip(v.kept), wire.Recalled{SegmentID: id})
			}
		}
	}
	v.above = max(v.above, r.Above)
	named := map[string]bool{}
	for _, s := range slices.Concat(r.Segments, r.Released) {
		named[s.SegmentID], named[s.SHA256] = true, true
	}
	v.kept = slices.DeleteFunc(slices.Clone(v.kept), func(s wire.Recalled) bool { return named[s.SegmentID] })
}

// highest returns the highest revisions seen.
func highest(marks map[string]mark) wire.Seen {
	wireMark := func(m mark) wire.SeenMark { return wire.SeenMark{Revision: m.Revision, IssuedAt: m.IssuedAt} }
	seen := wire.Seen{Recalls: wireMark(marks["recalls"]), Fallback: wireMark(marks["fallback"])}
	for document, m := range marks {
		if _, err := schedules.ParseDate(document); err == nil {
			seen.Queues = max(seen.Queues, m.Revision)
		}
	}
	return seen
}

// tellKept raises the alarm about recalls that the station keeps although the service does not name them.
func tellKept(problems *Problems, kept []wire.Recalled) {
	const alarm = "recalls kept"
	if len(kept) == 0 {
		problems.Calm(alarm)
		return
	}
	var names []string
	for _, s := range kept {
		names = append(names, s.SegmentID)
	}
	problems.Raise(alarm, "the service has lost recalls that this station has seen: %s. Those segments stay off the air "+
		"here. Recall it again at the service; to let it air after all, reinstate and approve it then",
		text.Names(names, ", ", namedMost))
}

// namedMost is about how many characters of an alarm name segments.
const namedMost = 200

// resolveRecalls completes next with the sources of its recalls: the recall list or, if the saved one is lost, the
// record of it in seen.json, or the queues and the fallback that the service issued after that list. If no source is
// left, it sets next.forgot: then no item airs until the list arrives again, because any of them may be recalled. It
// raises an alarm from the loss of the list until one arrives.
func (v *DocumentStore) resolveRecalls(next *Holdings) {
	if !v.loaded {
		return
	}
	tellKept(v.problems, v.kept)
	last := v.seen["recalls"]
	if next.Recalls == nil && v.recalled == nil && last != (mark{}) {
		newer := func(issued schedules.Instant, ids []string) {
			if issued.After(last.IssuedAt.Time) {
				v.recalled = append(append([]string{}, v.recalled...), ids...)
			}
		}
		for _, q := range next.Queues {
			newer(q.PublishedAt, q.Recalled)
		}
		if f := next.Fallback; f != nil {
			newer(f.IssuedAt, f.Recalled)
		}
	}
	next.kept, next.Seen = v.kept, highest(v.seen)
	next.remembered, next.listed = v.recalled, last.IssuedAt.Time
	lost := next.Recalls == nil && (v.lost || last != (mark{}))
	next.forgot = lost && v.recalled == nil
	const cure = "Connect the station to the service, or bring it a bundle"
	switch {
	case next.forgot:
		v.problems.Raise("recalls lost", "nothing airs: the saved recall list is damaged or gone, and nothing else here "+
			"says what it recalled (the last revision seen was %d). "+cure, last.Revision)
	case lost:
		v.problems.Raise("recalls lost", "the saved recall list is damaged or gone: what is recalled is known only from "+
			"what else is held here (the last revision seen was %d). "+cure, last.Revision)
	default:
		v.problems.Calm("recalls lost")
	}
}
