// Package auditor checks rundowns, made by hand or by a planner, against windows, clocks, rules and the conditions for
// airing. It shares no code with the planner beyond the vocabulary and the expansion of recurrences: it examines every
// pair and counts from scratch, which is slow and simple. Publication runs it.
//
//   - audit.go reads the day and its neighbours and reports violations; window.go checks each item by itself: audio,
//     cuts, permission to air.
//   - clock.go compares a window with its clock; clockchange.go checks windows in nights on which clocks change.
//   - rules.go checks the rules between airings, companions.go chains and exclusions, counts.go counts over days.
package auditor
