package cmdline

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"

	"lifeline/internal/sign"
	"lifeline/schedules"
)

// ID validates the id of a document.
func ID(text string) error {
	return Unless(schedules.ValidID(text), "%q is no id: ids have 1 to 63 of a-z, 0-9, '.', '_' and '-', and begin with "+
		"a letter or digit", text)
}

// PublicKey validates a public key.
func PublicKey(text string) error {
	_, err := sign.ParsePublic(text)
	return Unless(err == nil, "%q is no public key: give one that lifeline shows at GET /v1/keys, of 44 characters", text)
}

// ListenAddress validates an address to listen at.
func ListenAddress(text string) error {
	_, _, err := net.SplitHostPort(text)
	return Unless(err == nil, "%q is no address such as 127.0.0.1:8080", text)
}

// EarlierBundle validates what a delta leaves out: the file of an earlier bundle, or the revision up to which queues
// count.
func EarlierBundle(text string) error {
	if _, err := strconv.ParseUint(text, 10, 63); err == nil {
		return nil
	}
	info, err := os.Stat(text)
	return Unless(err == nil && !info.IsDir(), "%q is neither a revision nor a bundle that is there", text)
}

// URL checks the form of the address of an HTTP server.
func URL(text string) error {
	u, err := url.Parse(text)
	return Unless(err == nil && u.Hostname() != "" && (u.Scheme == "http" || u.Scheme == "https"),
		"%q is no address such as https://newsroom.example/lifeline", text)
}

// Unless returns an error with the formatted message, or nil if holds is true.
func Unless(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}
