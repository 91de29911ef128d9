// Package hfcc reads and writes the season schedules of the High Frequency Co-ordination Conference, which regulators
// and monitors use: lines of fixed columns with the transmissions of all broadcasters. It converts their rows to
// windows and windows to rows. It is pure.
//
//   - hfcc.go reads and writes a file, layout.go defines its columns, row.go one row, season.go the seasons.
//   - windows.go converts rows to windows, rows.go windows to rows; language.go maps the table's languages.
package hfcc
