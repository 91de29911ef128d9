// Package hfcc reads and writes the season schedules of the High Frequency Co-ordination Conference: lines of fixed
// columns with the transmissions of all broadcasters, which regulators and monitors work from. It turns their rows into
// windows and windows into rows, and is pure.
//
//   - hfcc.go reads and writes a file, layout.go knows its columns, row.go one row, season.go the seasons.
//   - windows.go makes windows of rows, rows.go rows of windows; language.go maps the table's languages.
package hfcc
