// Package planner plans a station's broadcast day, changes a published one after a recall, proves that a day cannot be
// planned, and records why each item is where it is. It is a pure library: the same input and seed give the same
// rundown on every machine.
//
// The parts, in the order in which a day passes through them:
//
//   - Catalogue is a library compiled for planning: segments by number, with their classes (catalogue.go, classof.go).
//     Compile makes one; Follow applies a few changes.
//   - day and ruleset are the day's windows and the rules of their clocks, compiled (day.go, ruleset.go).
//   - airingIndex holds every airing that the rules look at. verdict.go applies a rule to a segment: separation,
//     counts, shares, age and order (order.go) are checked there.
//   - planner is the state of one plan (plan.go): the index of airings, the due order (queue.go), the placed units.
//     Each pass over it is a type: layoutPass cuts windows into stretches (layout.go); pickPass, demandPass and
//     fillPass are the three passes below (pick.go, demand.go, week.go, fill.go, filler.go). closingPass finds the set
//     that ends a stretch on time, with subset sums (filler.go, closing.go, subsetsum.go, arrange.go).
//   - walk and search find plans that the passes do not (walk.go, search.go), and improve those that need the whole day
//     in view (improve.go); vary plans a day that repeats another in a different order (vary.go).
//   - relaxation proves that a day cannot be planned (relaxation*.go, unsatisfiable.go).
//   - resultPass writes the rundown with its explanations and warnings, and reports how it keeps its rules
//     (result.go, bending.go, report.go). Replay repeats a recorded choice (replay.go).
//   - repeater copies other windows into those that repeat them, last of all (repeats.go); judge decides what of it may
//     air there. The passes above plan nothing in such windows, and their rules do not see what is repeated.
//   - Catalogue.Replan fills the time that a recall left open in a published day (replan.go).
//
// # Terms
//
//   - Stretch: a part of a window between posts, which is planned to end on time. Closing: the set that ends it.
//   - Demand: a requirement of the day: a rule's minimum count or share, a campaign's guarantee, a make-good.
//   - Unit: the content of a position: a segment, or a chain of intro, reading and back-announce.
//   - Head: an item of a fill before its closing.
//
// # How a day is planned
//
// Catalogue.Plan settles a day in three passes. First it chooses the units that the clocks name and pick, in the order
// of the day, and backtracks when a choice leaves a later place without a candidate. Then it spreads the demands that
// are still open over the fills that may meet them. Then it fills each stretch to its end: heads first, each the most
// overdue segment, and last a closing set of up to five of the segments due next. The air times of the set add up to
// the time left, within the window's tolerance or the limit that the fill declares (near_ms). Of such sets the planner
// takes the most overdue one, and the nearest of equally overdue ones. If there is none of up to five, it takes the
// most overdue of larger sets, of which it tries one for each sum. If there is none either, the residual is the least
// possible, and the rundown says for which candidates that was proved. A fade that the fill declares (fade_max_ms)
// makes the time exact in either case. A hard post always starts at its instant: it cuts off an overrun by at most the
// tolerance, and the rundown warns of it.
//
// If a day airs the same segments in the same order as another day of the station's history, or nearly so as an
// adjacent day, it is planned again in other orders, and the first plan that repeats no day is taken.
//
// Segments of language zxx (music, tones) may air in a window of any language. A selector without a language allows
// the window's languages. A clock without rules has one: no segment twice in succession. It bends when there is only
// one segment. The station's fallback counts as material only when nothing else fits, with a warning.
//
// If neither the passes nor walks over the day find a plan, the planner takes a complete day that breaks rules, draws a
// part of it again and keeps what departs less, until nothing departs or its steps are used up.
//
// When planning is stuck, the planner searches a relaxation of the day completely: Unsatisfiable is a proof, with a
// minimal set of demands that cannot all hold; NotFound means that neither a plan nor a proof was found.
package planner
