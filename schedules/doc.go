// Package schedules is the vocabulary of Lifeline's schedules and its checks: what a broadcast day is made of, and how
// one is checked, edited, compared and reconciled. Package planner makes the days. Both are pure libraries: no I/O, no
// time.Now, no global randomness. Whatever varies is an argument.
//
// The parts, in the order in which the data passes them:
//
//   - Segment, Script and Recording describe what can air; Library holds them with how long each may air (airable.go,
//     library.go, passages.go, consent.go).
//   - Station, Window, Clock and Rule describe what is wanted; Network checks them (network.go, problems*.go,
//     overlaps.go).
//   - Recurrence gives the starts of a window, Station.Occurrences its instances, on nights when clocks change too
//     (recurrence.go, occurrences.go, zone.go, clockchange.go, fitclock.go).
//   - Input is what a plan of a day depends on; its Windows are those of the day (input.go, standing.go).
//   - Rundown and Item are a planned day, Explanation says why each item is there; Input.Apply edits a rundown by hand,
//     Diff compares two, Withdraw takes items out (rundown.go, explain.go, edit.go, diff.go, withdraw.go).
//   - Outcomes and Reconcile tell from as-run reports what aired; Tally counts it, Exposures tells who heard which
//     passage (account.go, reconcile.go, tally.go, exposure.go).
//
// # Glossary
//
//   - Segment: an airable catalogue item with editorial metadata and one current Recording.
//   - Recording: audio bytes, named by their SHA-256, and their measured facts.
//   - Script, Passage: the text that readings read, split into numbered passages, in versions.
//   - Window: recurring hired air time on a station. An Occurrence is one of its instances.
//   - Clock: the template that a window follows: positions in order. A source of time is "now", never "clock".
//   - Position: one place in a clock: a fixed segment, a pick by rule, a hard post, or elastic fill.
//   - Rundown, Item: the plan of one station for one broadcast day.
//   - Start: follow the previous item, hard (cut at the instant), or soft (wait up to a grace).
//   - Fallback: the ordered list that a player airs when it has no valid queue or an item fails.
//   - AsRun: what aired. Discrepancy: plan minus reality. MakeGood: an airing owed.
//   - Library: segments and scripts with how long each may air. Airable says what may air.
//   - Choice: the record of why something airs where it does. planner.Replay makes the choice again from it.
//
// All intervals are half-open. All instants are UTC. The JSON of every type here is the JSON of the HTTP contract.
//
// # Nights when clocks change
//
// A window in wall time starts at its wall time: one that does not exist moves forward by the gap, one that exists
// twice is its first occurrence. Its length is exact, except where the change would tear windows apart that follow each
// other on ordinary days or push them into each other (ClockChange): a window that would run into the next ends where
// that begins, or falls away, and a window that adjoins the next, with a pause of at most five minutes, reaches to it
// across the hour that comes twice. Its clock is fitted: posts behind the end fall away, what is at the end stays
// there, and what comes on top is filled. The rundown warns of each such window (clock_change).
package schedules
