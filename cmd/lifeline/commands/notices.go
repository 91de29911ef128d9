package commands

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"lifeline/internal/text"
	"lifeline/internal/wire"
)

// noticing is a transport that tells the person of new sign-ins, each once, as answers bring them.
type noticing struct {
	http.RoundTripper
	told string    // folder that has a file for each sign-in that was told; "": the system has no place for it
	to   io.Writer // never the standard output
}

// RoundTrip tells of sign-ins whatever the answer is.
func (n noticing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := n.RoundTripper.RoundTrip(r)
	if err != nil {
		return resp, err
	}
	for _, given := range resp.Header.Values(wire.SignInHeader) {
		var in wire.SignInNotice
		b, err := base64.StdEncoding.DecodeString(given)
		if err == nil && json.Unmarshal(b, &in) == nil && in.Session != "" && n.fresh(in.Session) {
			n.tell(in)
		}
	}
	return resp, nil
}

func (n noticing) tell(in wire.SignInNotice) {
	agent := in.Agent
	if agent != "" {
		agent = " (" + agent + ")"
	}
	by := ""
	if in.Provider != "" {
		by = " by the identity provider " + in.Provider
	}
	// The command is done even where nobody reads this.
	_, _ = fmt.Fprintln(n.to, text.ShownLine(fmt.Sprintf("new sign-in as %s on %s from %s%s%s: see lifeline people "+
		"sessions", in.Name, instant(in.At), in.Remote, agent, by)))
}

// fresh notes that a sign-in is told, and reports whether it was not noted before. Of two commands at once, one tells.
// A sign-in that cannot be noted is told again.
func (n noticing) fresh(session string) bool {
	if n.told == "" {
		return true
	}
	if err := os.MkdirAll(n.told, 0o700); err != nil {
		return true
	}
	sum := sha256.Sum256([]byte(session))
	f, err := os.OpenFile(filepath.Join(n.told, hex.EncodeToString(sum[:16])), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Close()
	}
	return !errors.Is(err, fs.ErrExist)
}

// toldFolder returns where the sign-ins that were told since lifeline login are noted; "": there is no place.
func toldFolder() string {
	name := sessionFile()
	if name == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(name), "told-sign-ins")
}
