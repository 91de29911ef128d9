// Package network keeps the network: stations with their windows, clocks, scripts and campaigns.
//
//   - Definitions answers and applies them. Apply checks the network as it would be, and changes all of it or nothing.
//   - Standing tells what stands against a station: no fallback segment that may air, definitions that became invalid,
//     published days that the definitions have left behind, several players, a store that knows less than the station.
package network
