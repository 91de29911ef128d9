package wire

import "embed"

// Source holds the files of this package's types. Their comments document the contract.
//
//go:embed alarm.go bodies.go chain.go makegood.go person.go queue.go report.go station.go upload.go webhook.go
var Source embed.FS
