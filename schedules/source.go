package schedules

import "embed"

// Source holds the files of the types that the HTTP contract shows. Their comments are its documentation.
//
//go:embed account.go airable.go asrun.go campaign.go clock.go consent.go daypart.go diff.go edit.go explain.go exposure.go passages.go
//go:embed rule.go rundown.go segment.go station.go tally.go units.go
var Source embed.FS
