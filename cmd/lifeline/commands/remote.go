package commands

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/alecthomas/kong"

	"lifeline/internal/client"
	"lifeline/internal/secret"
)

// remote holds the flags of every command that calls a service.
type remote struct {
	Server    string `help:"The service's address, such as https://lifeline.example." default:"http://127.0.0.1:8080" env:"LIFELINE_SERVER"`
	Token     string `help:"Access token. Prefer the environment or a file." env:"LIFELINE_TOKEN"`
	TokenFile string `help:"File that holds the access token." env:"LIFELINE_TOKEN_FILE" type:"path"`

	Link client.Connection `embed:""`

	address, secret string // set by AfterApply
	stderr          io.Writer
	kept            bool // the secret is that of the session of lifeline login
	transport       *client.Transport
}

// BeforeApply notes where the person is asked to confirm.
func (r *remote) BeforeApply(k *kong.Kong) error {
	r.stderr = k.Stderr
	return nil
}

// AfterApply reads the address and the token, so that a malformed one is an error of the command line.
// A token that is given goes before the session of lifeline login.
func (r *remote) AfterApply() (err error) {
	if r.address, r.transport, err = r.Link.Reach(r.Server); err != nil {
		return err
	}
	if err := secret.Check(r.TokenFile); err != nil {
		return fmt.Errorf("--token-file: %w", err)
	}
	if r.secret, err = client.Token(r.Token, r.TokenFile); err != nil || r.secret != "" {
		return err
	}
	own, err := keptFor(r.address)
	r.secret, r.kept = own.Secret, own.Secret != ""
	return err
}

func (r remote) client() *client.Client {
	if !r.kept {
		return client.New(r.address, r.secret, &http.Client{Transport: r.transport})
	}
	c := client.New(r.address, r.secret, &http.Client{Transport: noticing{r.transport, toldFolder(), r.stderr}})
	return c.Confirming(func(what, link string) {
		fmt.Fprintf(r.stderr, "%s. Open this address, see that it is what you do, and confirm it there:\n\n  %s\n\n", what,
			link)
		openBrowser(link, r.address)
	})
}

// output is the form of a command's output; the zero value is text for people.
type output struct {
	Output string `help:"text for people, json for programs." enum:"text,json" default:"text" env:"LIFELINE_OUTPUT"`

	verbose bool // for people: details too
}

// show writes v as JSON, or calls text to print it for people.
func (o output) show(w io.Writer, v any, text func()) error {
	if o.Output != "json" {
		text()
		return nil
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// query returns the non-empty values as a query.
func query(values map[string]string) url.Values {
	q := url.Values{}
	for name, value := range values {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}
