// Package examples holds the networks that ship, in the form that an apply takes.
package examples

import _ "embed"

// Network is five stations after real practice, which air the recordings of audio/samples.
//
//go:embed network.yaml
var Network []byte
