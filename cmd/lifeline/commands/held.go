package commands

// restoreAside is the cure if another process uses the data directory that restore should fill.
const restoreAside = "nothing was restored: a backup fills an empty store. Name another directory with --data"

// endFirst returns the cure if a running service holds the store that a command needs.
func endFirst(command string) string {
	return "nothing was changed. End it, run lifeline " + command + " again, and then start the service"
}
