// Package samples holds the recordings that ship, with the catalogue of their metadata, for the demonstration and the
// tests. make.sh makes them again.
package samples

import "embed"

// Files are catalogue.yaml, facts.json and the recordings that they name.
//
//go:embed catalogue.yaml facts.json *.mp3
var Files embed.FS
