// Package statedir implements the player's state directory: durable atomic replacement of files, names confined to the
// directory, and the lock of the running player. Package playout defines the names of the files.
package statedir
