package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/onetime"
	"lifeline/internal/playout"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
)

// enrol is the command that gives a station its own keys.
type enrol struct {
	site
	State   string `env:"LIFELINE_STATE" required:"" type:"path" placeholder:"DIR" help:"The player's state directory, where the keys are kept."`
	Station string `form:"id" env:"LIFELINE_STATION" placeholder:"ID" help:"The station, so that a code of another one is refused."`
	Code    string `required:"" form:"code" placeholder:"CODE" help:"The one-time code that lifeline station enrol shows: six groups, in any case, with or without the hyphens."`
}

// AfterApply reads the address.
func (e *enrol) AfterApply() error { return e.site.read() }

// Run enrols, and tells what to compare.
func (e *enrol) Run(ctx context.Context, now playout.Now) (err error) {
	state, err := statedir.Open(e.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	api := client.New(e.address, "", &http.Client{Transport: e.transport})
	compare := ", and has proved that by the key that the code names"
	if code, err := onetime.ReadTyped(e.Code); err == nil && !code.NamesKey() {
		compare = ". Compare that with what lifeline station enrol showed"
		fmt.Fprintln(cmdline.Printable(os.Stderr), "Warning: this code does not name the service's key, since an older "+
			"service made it, or its second half was left out. Whoever is on the link, or runs a forged server there, learns "+
			"the code.")
	}
	out, err := playout.Enrol(ctx, state, api, e.Code, e.Station, now())
	if err != nil {
		return err
	}
	enrolled(cmdline.Printable(os.Stdout), out, compare)
	return nil
}

func enrolled(w io.Writer, out wire.Enrolled, compare string) {
	fmt.Fprintf(w, "This player is enrolled as station %s, with the key %s.\n", out.Station, out.KeyID)
	fmt.Fprintf(w, "The service signs with %s%s.\n", out.Service, compare)
	fmt.Fprintln(w, "The keys and the station's token are in the state directory. Remove --token, --token-file, LIFELINE_TOKEN "+
		"and LIFELINE_TOKEN_FILE from the player's settings, and start the player again.")
}

// site is where the player's commands find the service.
type site struct {
	Server string `env:"LIFELINE_SERVER" required:"" placeholder:"URL" help:"The service's address, such as https://lifeline.example."`

	Link client.Connection `embed:""`

	address   string
	transport *client.Transport
}

// read reads the address.
func (s *site) read() (err error) {
	s.address, s.transport, err = s.Link.Reach(s.Server)
	return err
}
