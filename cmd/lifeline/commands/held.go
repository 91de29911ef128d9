package commands

// restoreAside is what to do where another process holds the data directory that a backup is to fill.
const restoreAside = "nothing was restored: a backup fills an empty store. Name another directory with --data"

// endFirst is what to do where a command needs the store of a service that runs.
func endFirst(command string) string {
	return "nothing was changed. End it, run lifeline " + command + " again, and then start the service"
}
