// Package schedules defines the vocabulary of Lifeline's schedules and its checks: the types that a broadcast day is
// made of, and the functions that check, edit, compare and reconcile one. Package planner makes the days. Both are pure
// libraries: no I/O, no time.Now, no global randomness. Everything that varies is an argument.
//
// The parts, in the order in which the data passes them:
//
//   - Segment, Script and Recording describe the material; Library holds it together with the time in which each
//     segment may air (airable.go, library.go, passages.go, consent.go).
//   - Station, Window, Clock and Rule are the definitions; Network checks them (network.go, problems*.go, overlaps.go).
//   - Recurrence computes the starts of a window and Station.Occurrences its instances, including the nights on which
//     clocks change (recurrence.go, occurrences.go, zone.go, clockchange.go, fitclock.go).
//   - Input holds everything that the plan of a day depends on; Input.Windows returns the windows of that day
//     (input.go, publishedwindow.go).
//   - Rundown and Item are a planned day, and Explanation gives the reason for each item. Input.Apply edits a rundown
//     by hand, Diff compares two rundowns, WithoutItems removes items (rundown.go, explain.go, edit.go, diff.go,
//     removal.go).
//   - Outcomes and Reconcile compute from as-run reports what aired. Tally counts airings, and Exposures lists which
//     station's listeners heard which passage (account.go, reconcile.go, tally.go, exposure.go).
//
// # Glossary
//
//   - Segment: an airable catalogue item with editorial metadata and one current Recording.
//   - Recording: audio bytes, named by their SHA-256, and their measured facts.
//   - Script, Passage: the text that readings read, split into numbered passages, in versions.
//   - Window: recurring hired air time on a station. An Occurrence is one of its instances.
//   - Clock (in the trade: hour clock): the template that a window follows: positions in order. A source of time is
//     "now", never "clock".
//   - Position: one place in a clock: a fixed segment, a pick by rule, a hard post, or elastic fill.
//   - Rundown, Item: the plan of one station for one broadcast day.
//   - Start: follow the previous item, hard (cut at the instant), or soft (wait up to a grace).
//   - Fallback: the ordered list that a player airs when it has no valid queue or an item fails.
//   - StandingOrder: the order by which the service plans and publishes a station's days unattended.
//   - Starved: the state of a station to which the service has signed no answer for a stated time.
//   - AsRun: a station's report of what aired. Discrepancy: one difference between plan and air. MakeGood: an airing
//     owed.
//   - Library: segments and scripts with the time in which each may air. Airable decides whether a segment may air.
//   - Choice: the record of why something airs where it does. planner.Replay makes the choice again from it.
//
// All intervals are half-open. All instants are UTC. The JSON of every type here is the JSON of the HTTP contract.
//
// # Nights when clocks change
//
// A window in wall time starts at its wall time. A wall time that does not exist moves forward by the gap; a wall time
// that exists twice means its first occurrence. A window keeps its exact length, except where the change would make
// windows overlap, or separate windows that adjoin on ordinary days (ClockChange). A window that would run into the
// next one ends where that one begins, or is left out. A window that adjoins the next one, with a pause of at most five
// minutes, extends to it across the repeated hour. The window's clock is fitted to its length: posts beyond the end are
// removed, positions at the end stay there, and extra time is filled. The rundown has a warning (clock_change) for each
// such window, for each that airs at other times by the clock, and for each that leaves a part of the repeated hour to
// silence which it fills on ordinary days.
package schedules
