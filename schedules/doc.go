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
//
// All intervals are half-open. All instants are UTC. The JSON of every type here is the JSON of the HTTP contract.
package schedules
