package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/kinds"
	"lifeline/internal/replica"
	"lifeline/internal/service"
	"lifeline/internal/text"
	"lifeline/internal/wire"
)

type peopleShowCmd struct {
	remote `embed:""`
	output `embed:""`
	ID     string `form:"id" arg:"" name:"person" help:"The person's id."`
}

func (c *peopleShowCmd) Run(ctx context.Context, stdout io.Writer) error {
	m, err := c.client().Member(ctx, c.ID)
	if err != nil {
		return err
	}
	return c.show(stdout, m, func() {
		printMember(stdout, m.Member)
		if m.Recovery != nil {
			fmt.Fprintln(stdout, recoveryOf(*m.Recovery))
		}
	})
}

// identity is the part of a command that names an identity of a person.
type identity struct {
	ID      string `form:"id" arg:"" name:"person" help:"The person's id."`
	Subject string `form:"subject" help:"By what the identity provider knows the person (sub). Who tries to sign in by it and is not linked is told it." required:""`
}

type peopleLinkCmd struct {
	remote   `embed:""`
	output   `embed:""`
	identity `embed:""`
}

func (c *peopleLinkCmd) Run(ctx context.Context, stdout io.Writer) error {
	ways, err := c.client().SignInWays(ctx)
	if err != nil {
		return err
	}
	if ways.Provider == "" {
		return fault.New(fault.Conflict, "the service has no identity provider: start it with --oidc-issuer")
	}
	m, err := c.client().Member(ctx, c.ID)
	if err != nil {
		return err
	}
	return c.set(ctx, stdout, m.Member, append(m.Identities, wire.Identity{Issuer: ways.Provider, Subject: c.Subject}))
}

func (c *peopleLinkCmd) set(ctx context.Context, stdout io.Writer, m wire.Member, all []wire.Identity) error {
	m, err := c.client().PatchMember(ctx, m.ID, m.Revision, map[string]any{"identities": all})
	if err != nil {
		return err
	}
	return c.show(stdout, m, func() { printMember(stdout, m) })
}

// peopleLinkHereCmd writes to the store directly, as people recover does.
type peopleLinkHereCmd struct {
	config.Serve `embed:""`
	output       `embed:""`
	identity     `embed:""`
	By           string `help:"Who decides this, for the audit trail." required:""`
}

func (c *peopleLinkHereCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	if err := service.IsThere(ctx, c.Serve); err != nil {
		return err
	}
	by, err := text.Line(c.By)
	if err != nil || by == "" {
		return cmdline.Exit(cmdline.Misunderstood, fault.New(fault.Invalid, "--by must name who decides this"))
	}
	if c.OIDC.Issuer == "" {
		return cmdline.Exit(cmdline.Misunderstood, fault.New(fault.Invalid, "--oidc-issuer must name the identity provider: "+
			"give the flags of lifeline serve"))
	}
	s, err := service.OpenStore(ctx, c.Serve)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r, err := replica.Open(ctx, s, kinds.All)
	if err != nil {
		return err
	}
	m, err := access.NewMembers(r, time.Now).Set(ctx, access.Actor{Name: by, Role: access.Admin}, c.ID, nil,
		func(m *wire.Member) error {
			m.Identities = append(m.Identities, wire.Identity{Issuer: c.OIDC.Issuer, Subject: c.Subject})
			return nil
		})
	if err != nil {
		return err
	}
	return c.show(stdout, m, func() { printMember(stdout, m) })
}

// peopleUnlinkCmd ends links with any provider: also with one that the house had before.
type peopleUnlinkCmd struct {
	peopleLinkCmd `embed:""`
}

func (c *peopleUnlinkCmd) Run(ctx context.Context, stdout io.Writer) error {
	m, err := c.client().Member(ctx, c.ID)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(m.Identities), func(i wire.Identity) bool { return i.Subject == c.Subject })
	if len(left) == len(m.Identities) {
		return fault.New(fault.NotFound, "%s is not linked with %q: lifeline people show %s", m.Name, c.Subject, m.ID)
	}
	return c.set(ctx, stdout, m.Member, left)
}
