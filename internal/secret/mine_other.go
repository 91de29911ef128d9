//go:build !unix

package secret

import "io/fs"

// mine returns false: modes say nothing on systems without them.
func mine(fs.FileInfo) bool { return false }
