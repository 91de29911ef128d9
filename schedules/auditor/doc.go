// Package auditor checks rundowns, made by hand or by a planner, against windows, clocks, rules and what is airable.
// It shares no code with the planner beyond the vocabulary and the one expansion of time: it looks at every pair and
// counts from nothing, slowly and plainly. Publication runs it.
//
//   - audit.go reads the day and its neighbours and says what is wrong; window.go judges each item by itself: audio,
//     cuts, what may air.
//   - clock.go holds a window against its clock, clockchange.go that of a night on which clocks change.
//   - rules.go has the rules between airings, companions.go chains and exclusions, counts.go what is counted over days.
package auditor
