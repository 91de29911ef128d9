package schedules

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Outcome is how an airing went.
type Outcome string

// The outcomes that a station reports.
const (
	Aired    Outcome = "aired"    // from cue-in to cue-out
	Cut      Outcome = "cut"      // started and ended early
	Skipped  Outcome = "skipped"  // not started, on purpose: recalled, expired, too late
	Failed   Outcome = "failed"   // could not be played
	FellBack Outcome = "fallback" // played from the signed fallback
)

// AsRun is a station's report of one item. StartedAt and EndedAt are actual instants, never planned ones; an item that
// did not start has neither.
type AsRun struct {
	Sequence  int64   `json:"sequence"` // counts up per station, never reused
	ItemID    string  `json:"item_id"`
	SegmentID string  `json:"segment_id"`
	SHA256    string  `json:"sha256"`
	StartedAt Instant `json:"started_at"`
	EndedAt   Instant `json:"ended_at"`
	Outcome   Outcome `json:"outcome"`
	Detail    string  `json:"detail,omitempty"`

	// StarvedSince is when the station last asked for an answer that the service signed, if the station was starved when
	// the item started, ended or was left out.
	StarvedSince Instant `json:"starved_since,omitzero"`

	// ReportedAs is the sequence number that the station sent, if another entry already has it. Sequence is then a number
	// that the service assigned.
	ReportedAs int64 `json:"reported_as,omitempty"`

	// Authenticity says whether the station's own key signed the report; empty: the station had none. The service sets it.
	Authenticity Authenticity `json:"vouched,omitempty"`
}

// Authenticity is how far a report is known to be the station's own.
type Authenticity string

// The authenticity of reports of stations that have keys of their own. All but Signed do not count as the station's.
const (
	Signed         Authenticity = "signed"          // by the station's present key
	Unsigned       Authenticity = "unsigned"        // by no key
	WrongSignature Authenticity = "wrong_signature" // by another key, or changed on the way
	SeizedKey      Authenticity = "seized_key"      // by a key that was seized
)

// Counts reports whether the entry is the station's word. An entry of a station without a key of its own is.
func (a AsRun) Counts() bool { return a.Authenticity == "" || a.Authenticity == Signed }

// Digest returns a hash by which a station recognizes its entry among those on record: the first 32 hexadecimal digits
// of the SHA-256 of its JSON, without what the service sets, and without Detail, to which the service may add. Entries
// that the service takes for repetitions of each other have the same.
func (a AsRun) Digest() (string, error) {
	a.Sequence, a.ReportedAs = cmp.Or(a.ReportedAs, a.Sequence), 0
	a.Authenticity, a.Detail = "", ""
	b, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("schedules: as-run %d: %w", a.Sequence, err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// Counted divides entries into those that are the station's word, and those that are not: reports that its key did not
// sign although it has one, and unsigned ones under a sequence for which there is a signed one.
func Counted(entries []AsRun) (counted, doubted []AsRun) {
	sent := func(a AsRun) int64 { return cmp.Or(a.ReportedAs, a.Sequence) }
	signed := map[int64]bool{}
	for _, e := range entries {
		if e.Authenticity == Signed {
			signed[sent(e)] = true
		}
	}
	for _, e := range entries {
		if e.Counts() && (e.Authenticity == Signed || !signed[sent(e)]) {
			counted = append(counted, e)
		} else {
			doubted = append(doubted, e)
		}
	}
	return counted, doubted
}

// Verdict compares a planned item with what aired.
type Verdict string

// The verdicts of a reconciliation.
const (
	AsPlanned   Verdict = "aired"
	Short       Verdict = "short"
	Late        Verdict = "late"
	Missed      Verdict = "missed"
	Substituted Verdict = "substituted"
	Extra       Verdict = "extra"
)

// Reconciliation compares the plan with the airings of one station and broadcast day.
type Reconciliation struct {
	Station   string          `json:"station"`
	Date      Date            `json:"date"`
	Revision  int64           `json:"revision"` // of the published rundown
	Tolerance Millis          `json:"tolerance_ms"`
	Items     []Discrepancy   `json:"items"` // by planned start, extras by actual start
	Totals    map[Verdict]int `json:"totals"`
	MakeGoods []MakeGood      `json:"make_goods"`
	// entries that do not count, because the station's key did not sign them
	Doubted []AsRun `json:"doubted,omitempty"`
}

// Discrepancy compares one planned item with the airing in its place, or describes an extra airing.
type Discrepancy struct {
	Verdict    Verdict `json:"verdict"`
	ItemID     string  `json:"item_id"`
	Window     string  `json:"window,omitempty"`
	SegmentID  string  `json:"segment_id"`
	Title      string  `json:"title,omitempty"`
	PlannedAt  Instant `json:"planned_at"`
	Planned    Millis  `json:"planned_ms"`
	StartedAt  Instant `json:"started_at"` // actual
	EndedAt    Instant `json:"ended_at"`   // actual
	AiredMs    Millis  `json:"aired_ms"`
	Drift      Millis  `json:"drift_ms"`             // actual start minus planned start
	Substitute string  `json:"substitute,omitempty"` // the segment that aired instead
	Detail     string  `json:"detail,omitempty"`     // the station's own words
	// when the station last asked for an answer that the service signed, if it was starved then
	StarvedSince Instant `json:"starved_since,omitzero"`
	Sequences    []int64 `json:"sequences,omitempty"` // the as-run entries that it is based on
	Signed       bool    `json:"signed,omitempty"`    // the station's key signed all of them
}

// MakeGood is an airing owed: a commitment that a station missed.
type MakeGood struct {
	ID        string  `json:"id"`
	Station   string  `json:"station"`
	SegmentID string  `json:"segment_id"`
	ItemID    string  `json:"item_id"` // the item that was missed
	MissedAt  Instant `json:"missed_at"`
}

// Check returns the fault of a report, or "" if it has none. Reports may be late or unusual, but must be consistent.
func (a AsRun) Check() string {
	started := a.Outcome == Aired || a.Outcome == Cut || a.Outcome == FellBack
	switch {
	case a.Sequence < 1:
		return "sequence must count from 1"
	case !started && a.Outcome != Skipped && a.Outcome != Failed:
		return "outcome must be aired, cut, skipped, failed or fallback"
	case a.SegmentID == "":
		return "segment_id must name what aired, or should have"
	case started && (a.StartedAt.IsZero() || a.EndedAt.IsZero()):
		return "started_at and ended_at must be the actual instants of what aired"
	case a.EndedAt.Before(a.StartedAt.Time):
		return "ended_at is before started_at"
	}
	return ""
}
