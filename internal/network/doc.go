// Package network manages the network: stations with their windows, clocks, scripts and campaigns.
//
//   - Definitions reads and applies them. Apply checks the resulting network, and changes all of it or nothing. Key and
//     Keys return the keys of a station's own.
//   - StationProblems reports the problems of a station: no airable fallback segment, definitions that became invalid,
//     published days that no longer match the definitions, several players, a store that was set back behind the
//     station.
package network
