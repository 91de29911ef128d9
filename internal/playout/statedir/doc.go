// Package statedir is the player's state directory: files that are replaced whole and durably, names that never leave
// the directory, and the lock of the player that plays from it. Package playout names the files in it.
package statedir
