package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/kinds"
	"lifeline/internal/replica"
	"lifeline/internal/service"
	"lifeline/internal/wire"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token and print it; it is shown only this once."`
	List   tokenListCmd   `cmd:"" help:"List the tokens and their holders."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke tokens at once."`
}

// tokenCreateCmd writes to the store directly, with or without a running service: write access to the store is the
// administrator's authority. It takes the flags by which serve finds the store.
type tokenCreateCmd struct {
	config.Serve `embed:""`
	Name         string        `help:"The machine or station that will hold it."`
	Person       string        `form:"id" help:"The person who will hold it, by id (lifeline people list), in place of a name."`
	Role         access.Role   `help:"The role: ${enum}." enum:"admin,producer,scheduler,station,viewer" required:""`
	Station      string        `form:"id" help:"The station, for the role station."`
	Life         time.Duration `least:"0s" help:"How long it is valid, such as 720h; 0 means until it is revoked." default:"2160h"`
	May          []string      `form:"operation" help:"Limit it to these operations of the API, by their ids in its documentation at /docs, such as listSegments; may be repeated. Default: all of its role." placeholder:"OPERATION"`
	Yes          bool          `short:"y" help:"Allow a station that the network does not have yet."`
}

func (c *tokenCreateCmd) token() access.NewToken {
	return access.NewToken{Name: c.Name, Person: c.Person, Role: c.Role, Station: c.Station, Life: c.Life,
		Endless: c.Life == 0, May: c.May}
}

func (c *tokenCreateCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	if err := service.IsThere(ctx, c.Serve); err != nil {
		return err // a token in a store that no service uses would be useless
	}
	if err := c.token().Check(); err != nil {
		return cmdline.Exit(cmdline.Misunderstood, err)
	}
	t, err := c.create(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, t.Secret)
	return err
}

func (c *tokenCreateCmd) create(ctx context.Context) (t wire.Token, err error) {
	if err := c.MakeData(); err != nil {
		return t, err
	}
	s, err := service.OpenStore(ctx, c.Serve)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if c.Role == access.StationJob && c.Station != "" && !c.Yes {
		if err := access.StationKnown(ctx, s, c.Station); err != nil {
			return t, cmdline.Exit(cmdline.NoConsent, err)
		}
	}
	if err := access.StationFree(ctx, s, c.Station); err != nil {
		return t, err
	}
	by := access.Actor{Name: os.Getenv("USER"), Role: access.Admin}
	if by.Name == "" {
		by.Name = "administrator"
	}
	if some, err := s.List(ctx, replica.KindStation, "", 1); err == nil && len(some) == 0 && c.Station != "" {
		fmt.Fprintf(os.Stderr, "lifeline: no network is applied yet: nothing tells whether station %q is spelt as there\n",
			c.Station)
	}
	m, err := replica.Open(ctx, s, kinds.All)
	if err != nil {
		return t, err
	}
	return access.CreateToken(ctx, m, by, c.token(), time.Now())
}

type tokenListCmd struct {
	remote `embed:""`
	output `embed:""`
}

func (c *tokenListCmd) Run(ctx context.Context, stdout io.Writer) error {
	tokens, err := c.client().Tokens(ctx)
	if err != nil {
		return err
	}
	return c.show(stdout, tokens, func() {
		const line = "%-20s %-10s %-20s %-20s %-20s %-24s %s\n"
		fmt.Fprintf(stdout, line, "token", "role", "name", "person", "station", "expires", "last used")
		for _, t := range tokens {
			fmt.Fprintf(stdout, line, t.ID, t.Role, t.Name, cmp.Or(t.Person, "-"), cmp.Or(t.Station, "-"),
				cmp.Or(instant(t.ExpiresAt), "never"), cmp.Or(instant(t.LastUsed), "never"))
		}
	})
}

type tokenRevokeCmd struct {
	remote `embed:""`
	IDs    []string `form:"id" arg:"" name:"token" help:"Ids, as token list shows them."`
	Stolen bool     `help:"Somebody else has it: the standing orders that were set by it stop, too."`
}

func (c *tokenRevokeCmd) Run(ctx context.Context, stdout io.Writer) error {
	return cmdline.Each(c.IDs, func(id string) error {
		err := c.client().RevokeToken(ctx, id, c.Stolen)
		if err == nil {
			fmt.Fprintf(stdout, "%s is revoked\n", id)
		}
		if fault.Is(err, fault.NotFound) {
			err = fmt.Errorf("%w. lifeline token list shows the ids", err)
		}
		return err
	})
}
