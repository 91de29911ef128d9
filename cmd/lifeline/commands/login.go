package commands

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/secret"
	"lifeline/internal/wire"
)

type loginCmd struct {
	remote  `embed:""`
	Browser bool `help:"Open the console in a browser of this machine." default:"true" negatable:""`
}

// pollEvery is the time between two questions whether the person has acted in the console.
const pollEvery = time.Second

func (c *loginCmd) Run(ctx context.Context, stdout io.Writer) error {
	var own [32]byte
	rand.Read(own[:]) // never fails: crypto/rand
	verifier := hex.EncodeToString(own[:])
	sum := sha256.Sum256([]byte(verifier))
	machine, _ := os.Hostname() // without a name, the address tells
	service := client.New(c.address, "", &http.Client{Transport: c.transport})
	login, err := service.AskToLogIn(ctx, wire.LoginAsk{Hash: hex.EncodeToString(sum[:]), Machine: machine})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Open this address in a browser, sign in, and type the code there. Give the code to nobody.\n\n"+
		"  Code:    %s\n  Address: %s\n\nWaiting until %s ...\n", login.Code, login.Link, instant(login.ExpiresAt))
	if c.Browser {
		openBrowser(login.Link, c.address)
	}
	var in wire.SignedIn
	err = until(ctx, func() (bool, error) {
		in, err = service.LoggedIn(ctx, wire.LoginCheck{Request: login.Request, Secret: verifier})
		return in.Secret != "", err
	})
	if err != nil {
		return err
	}
	if err := keep(keptSession{Server: c.address, ID: in.ID, Secret: in.Secret}); err != nil {
		return err
	}
	me, err := client.New(c.address, in.Secret, &http.Client{Transport: c.transport}).Me(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "This command line is signed in as %s, at most until %s. lifeline logout ends it.\n", me.Name,
		instant(in.ExpiresAt))
	if c.secret != "" && !c.kept {
		fmt.Fprintln(stdout, "A token is given, too, and goes before: unset it where commands are to act as you.")
	}
	return nil
}

// until asks again and again until done, an error, or the end of ctx.
func until(ctx context.Context, done func() (bool, error)) error {
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// opened matches addresses that no shell and no program that opens them reads as anything but a web page.
var opened = regexp.MustCompile(`^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/#-]*)?$`)

// mayOpen reports whether a browser may open an address that a service named: a web page of the host at which the
// service was asked, by any name of this machine if that is this machine.
func mayOpen(address, service string) bool {
	to, err := url.Parse(address)
	if err != nil || !opened.MatchString(address) {
		return false
	}
	asked, err := url.Parse(service)
	return err == nil && (strings.EqualFold(to.Hostname(), asked.Hostname()) ||
		client.OfThisMachine(to.Hostname()) && client.OfThisMachine(asked.Hostname()))
}

// openBrowser opens an address that a service named, where there is a browser. Where there is none, or where it may not
// be opened, the person opens it elsewhere.
func openBrowser(address, service string) {
	if !mayOpen(address, service) {
		return
	}
	program := []string{"xdg-open"}
	switch {
	case runtime.GOOS == "darwin":
		program = []string{"open"}
	case runtime.GOOS == "windows":
		program = []string{"rundll32", "url.dll,FileProtocolHandler"}
	case os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "":
		return
	}
	cmd := exec.Command(program[0], append(program[1:], address)...)
	if cmd.Start() == nil {
		go cmd.Wait() // what it says helps nobody
	}
}

type logoutCmd struct {
	remote `embed:""`
}

func (c *logoutCmd) Run(ctx context.Context, stdout io.Writer) error {
	kept, err := keptFor(c.address)
	if err != nil {
		return err
	}
	if kept.Secret == "" {
		return fault.New(fault.Conflict, "this command line is not signed in at %s", c.address)
	}
	err = client.New(c.address, kept.Secret, &http.Client{Transport: c.transport}).EndSession(ctx, kept.ID)
	if err != nil && !fault.Is(err, fault.Unauthenticated) { // the session has ended already
		return err
	}
	if err := os.Remove(sessionFile()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, "signed out")
	return err
}

// keptSession is the session of this command line, as its file holds it.
type keptSession struct {
	Server string `json:"server"`
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// sessionFile returns where the session is kept: beside the configuration file; "": the system has no such place.
func sessionFile() string {
	for _, name := range cmdline.SettingsFiles("session.json") {
		return name
	}
	return ""
}

// keptFor returns the session that is kept for the service at an address; one without a secret: there is none.
func keptFor(address string) (keptSession, error) {
	name := sessionFile()
	if name == "" {
		return keptSession{}, nil
	}
	b, err := secret.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return keptSession{}, nil
	}
	if err != nil {
		return keptSession{}, err
	}
	var kept keptSession
	if err := json.Unmarshal(b, &kept); err != nil {
		return keptSession{}, fault.Wrap(fault.Conflict, err, "%s is damaged: remove it, and run lifeline login", name)
	}
	if kept.Server != address {
		return keptSession{}, nil
	}
	return kept, nil
}

// keep stores the session in place of an earlier one, for the eyes of this user alone.
func keep(own keptSession) error {
	name := sessionFile()
	if name == "" {
		return errors.New("there is no place for the session: set HOME or XDG_CONFIG_HOME")
	}
	b, err := json.Marshal(own)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(name), "session-*.json") // with mode 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(append(b, '\n'))
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return os.RemoveAll(toldFolder()) // no sign-in is later than this one
}
