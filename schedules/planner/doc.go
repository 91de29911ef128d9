// Package planner plans a station's broadcast day, changes a published one after a recall, proves that a day cannot be
// planned, and records why each item is where it is. It is a pure library: the same input and seed give the same
// rundown on every machine.
//
// The parts, in the order in which a day passes them:
//
//   - Catalogue is a library compiled for planning: segments by number, with their classes (catalogue.go, classof.go).
//     Compile makes one, Follow takes in a few changes.
//   - day and ruleset are the day's windows and the rules of their clocks, compiled (day.go, ruleset.go).
//   - ledger has every airing that the rules look at, verdict.go holds a segment against a rule: here separation,
//     counts and shares are checked.
//   - planner is the state of one plan (plan.go): the ledger, the order of what is due (queue.go), and what is placed.
//     Each pass over it is a type: layoutPass cuts windows into stretches (layout.go); pickPass, demandPass and
//     fillPass are the three passes below (pick.go, demand.go, week.go, fill.go, filler.go). closingPass, with its
//     subset sums, finds the set that ends a stretch on time (filler.go, closing.go, subsetsum.go, arrange.go).
//   - walk and search plan what the passes do not (walk.go, search.go); unlike plans another order of a day that
//     repeats one (unlike.go).
//   - relaxation proves that a day cannot be planned (relaxation*.go, unsatisfiable.go).
//   - resultPass writes the rundown with its explanations and warnings, and its report against its rules
//     (result.go, bending.go, report.go). Replay makes a recorded choice again (replay.go).
//   - Catalogue.Replan fills what a recall left open in a published day (replan.go).
//
// # Words
//
//   - Stretch: a part of a window between posts, which is planned to end on time. Closing: the set that ends it.
//   - Demand: what the day owes: a rule's least number or share, a campaign's guarantee, a make-good.
//   - Unit: what a position airs as one: a segment, or a chain of intro, reading and back-announce.
//   - Head: an item of a fill before its closing.
//
// # How a day is planned
//
// Catalogue.Plan settles a day in three passes. What the clocks name and pick gets its place first, in the order of the
// day, going back where a choice leaves a later place without a candidate. Demands that are still open are spread
// over the fills that may meet them. Then each stretch is filled to its very end: the most overdue segment first, and
// last a closing set of up to five of what is due next, whose air times add up to within the window's tolerance, or as
// near as the fill declares (near_ms): of those the most overdue, and the nearest of equally overdue ones. Where no set
// of five does, the most overdue of larger ones is taken, of which one is looked at for each sum. Where no such
// set exists the residual is the least there is, and the rundown says of what it was proved. A fade that the fill
// declares (fade_max_ms) makes the time exact in either case. A hard post is always at its instant: it cuts off what
// runs over, by no more than the tolerance, and the rundown warns of it.
//
// A day that airs what another day of the station's history airs, in the same order, or nearly what the day beside it
// airs, is planned anew in other orders of what is due, and the first that repeats no day is taken.
//
// Segments of language zxx (music, tones) may air in a window of any language. A selector without language allows
// the window's languages. A clock without rules has one: no segment twice running, which bends when there is but one.
// The station's fallback counts as material only when nothing else fits, with a warning.
//
// When planning is stuck, a relaxation of the day is searched to its end: Unsatisfiable is a proof, with a smallest
// set of demands that cannot all hold; NotFound says that neither a plan nor a proof was found.
package planner
