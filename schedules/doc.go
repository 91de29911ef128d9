// Package schedules is the scheduling core of Lifeline: what a broadcast day is made of and how one is planned,
// checked, compared and reconciled. It is a pure library: no I/O, no time.Now, no global randomness. Whatever
// varies is an argument.
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
//   - Library: segments and scripts made ready for planning. Airable: the one place that says what may air.
//   - Stretch: a part of a window between posts, which is planned to end on time. Closing: the set that ends it.
//   - Demand: what the day owes: a rule's least number or share, a campaign's guarantee, a make-good.
//   - Choice: the record of why something airs where it does. Replay makes the choice again from it.
//
// All intervals are half-open. All instants are UTC. The JSON of every type here is the JSON of the HTTP contract.
//
// # Planning
//
// Input.Plan settles a day in three passes. What the clocks name and pick gets its place first, in the order of the
// day, going back where a choice leaves a later place without a candidate. Demands that are still open are spread
// over the fills that may meet them. Then each stretch is filled to its very end: the most overdue segment first, and
// last a closing set of up to five of what is due next, whose air times add up to within the window's tolerance, or as
// near as the fill declares (near_ms): of those the most overdue, and the nearest of equally overdue ones. Where no set of
// five does, the most overdue of larger ones is taken, of which one is looked at for each sum. Where no such
// set exists the residual is the least there is, and the rundown says of what it was proved. A fade that the fill
// declares (fade_max_ms) makes the time exact in either case. A hard post is always at its instant: it cuts off what runs over,
// by no more than the tolerance, and the rundown warns of it.
//
// A day that airs what another day of the station's history airs, in the same order, or nearly what the day beside it airs,
// is planned anew in other orders of what is due, and the first that repeats no day is taken.
//
// Segments of language zxx (music, tones) may air in a window of any language. A selector without language allows
// the window's languages. A clock without rules has one: no segment twice running, which bends when there is but one.
// The station's fallback counts as material only when nothing else fits, with a warning.
//
// # Nights when clocks change
//
// A window in wall time starts at its wall time: one that does not exist moves forward by the gap, one that exists twice
// is its first occurrence. Its length is exact, except where the change would tear windows apart that follow each other
// on ordinary days or push them into each other (ClockChange): a window that would run into the next ends where that
// begins, or falls away, and a window that adjoins the next, with a pause of at most five minutes, reaches to it across the
// hour that comes twice. Its clock is fitted: posts behind the end fall away, what is at the end stays there, and what
// comes on top is filled. The rundown warns of each such window (clock_change).
//
// When planning is stuck, a relaxation of the day is searched to its end: Unsatisfiable is a proof, with a smallest
// set of demands that cannot all hold; NotFound says that neither a plan nor a proof was found.
package schedules
