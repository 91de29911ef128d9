package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/service"
	"lifeline/internal/text"
	"lifeline/internal/wire"
)

type peopleCmd struct {
	List     peopleListCmd     `cmd:"" default:"withargs" help:"Show the persons."`
	Add      peopleAddCmd      `cmd:"" help:"Add a person."`
	Set      peopleSetCmd      `cmd:"" help:"Change a person, or activate one who was ended."`
	Show     peopleShowCmd     `cmd:"" help:"Show a person, with the identities by which the person may sign in."`
	Link     peopleLinkCmd     `cmd:"" help:"Link a person with an identity at the house's identity provider, by which the person may then sign in."`
	LinkHere peopleLinkHereCmd `cmd:"" help:"On the service's machine, link a person with an identity: access that nobody else made."`
	Unlink   peopleUnlinkCmd   `cmd:"" help:"End links of a person with identities, and the sessions that they began."`
	End      peopleEndCmd      `cmd:"" help:"End persons: their tokens permit nothing any more, at once."`
	Sessions peopleSessionsCmd `cmd:"" help:"Show where you are signed in, or end it there."`
	NameHere peopleNameHereCmd `cmd:"" help:"On the service's machine, name a person for what is sensitive, where nobody can confirm it as the second person. Everybody is told."`
	Recover  peopleRecoverCmd  `cmd:"" help:"On the service's machine, make a code for a person who lost every passkey, or who shall have access that nobody else made."`
	Code     peopleCodeCmd     `cmd:"" help:"Make a one-time code by which a person enrols passkeys in the console. Hand it over in person."`
}

type peopleListCmd struct {
	remote `embed:""`
	output `embed:""`
}

func (c *peopleListCmd) Run(ctx context.Context, stdout io.Writer) error {
	all, err := c.client().People(ctx)
	if err != nil {
		return err
	}
	return c.show(stdout, all, func() { printPeople(stdout, all) })
}

// printPeople prints persons, with who hears what is sensitive, and the recoveries that stand.
func printPeople(out io.Writer, all []wire.MemberNow) {
	const line = "%-20s %-8s %-24s %-20s %-9s %-16s %s\n"
	fmt.Fprintf(out, line, "person", "state", "name", "roles", "sensitive", "languages", "stations")
	for _, m := range all {
		sensitive := "no"
		if m.Sensitive {
			sensitive = "yes"
		}
		fmt.Fprintf(out, line, m.ID, stateOf(m.Member), m.Name, strings.Join(m.Roles, ","), sensitive,
			cmp.Or(strings.Join(m.Languages, ","), "all"), cmp.Or(strings.Join(m.Stations, ","), "all"))
		if m.Recovery != nil {
			fmt.Fprintf(out, "    %s\n", recoveryOf(*m.Recovery))
		}
	}
}

// recoveryOf says who recovers a person, and until when.
func recoveryOf(r wire.Recovery) string {
	by := "on the service's machine"
	if len(r.By) > 0 {
		by = "by " + strings.Join(r.By, " and ")
	}
	if r.Code {
		return fmt.Sprintf("recovery: a code for new passkeys was made %s at %s, and can be used until %s", by,
			instant(r.Since), instant(r.ExpiresAt))
	}
	return fmt.Sprintf("recovery: begun %s at %s; waits for a second person until %s", by, instant(r.Since),
		instant(r.ExpiresAt))
}

func stateOf(m wire.Member) string {
	if m.Active {
		return "active"
	}
	return "ended"
}

// printMember prints the state of a person after a change.
func printMember(out io.Writer, m wire.Member) {
	fmt.Fprintf(out, "%s (%s) is %s, with the roles %s; languages: %s; stations: %s\n", m.ID, m.Name, stateOf(m),
		strings.Join(m.Roles, ", "), cmp.Or(strings.Join(m.Languages, ", "), "all"),
		cmp.Or(strings.Join(m.Stations, ", "), "all"))
	if m.Sensitive {
		fmt.Fprintf(out, "%s hears sensitive recordings and sees persons and consent\n", m.ID)
	}
	for _, i := range m.Identities {
		fmt.Fprintf(out, "%s may sign in by the identity provider %s as %s\n", m.ID, i.Issuer, i.Subject)
	}
}

type peopleAddCmd struct {
	remote    `embed:""`
	output    `embed:""`
	ID        string   `form:"id" arg:"" optional:"" name:"person" help:"The person's id. Default: the service makes one."`
	Name      string   `help:"The person's name, in any script." required:""`
	Others    []string `name:"other-name" help:"Other names, such as those of tokens that the person has already."`
	Roles     []string `name:"role" help:"Roles: ${enum}." enum:"admin,producer,scheduler,viewer" required:""`
	Languages []string `form:"language" name:"language" help:"Languages in which the person may change segments and scripts. Default: all."`
	Stations  []string `form:"id" name:"station" help:"Stations for which the person may schedule. Default: all."`
	Sensitive bool     `help:"Let the person hear sensitive recordings and see the persons and the consent of segments: this waits for a second person."`
}

func (c *peopleAddCmd) Run(ctx context.Context, stdout io.Writer) error {
	m, err := c.client().AddMember(ctx, wire.Member{ID: c.ID, Name: c.Name, Others: c.Others, Roles: c.Roles,
		Languages: c.Languages, Stations: c.Stations, Active: true})
	if err != nil {
		return err
	}
	if c.Sensitive {
		id := m.ID
		if m, err = c.client().PatchMember(ctx, id, m.Revision, map[string]any{"sensitive": true}); err != nil {
			return cmdline.Exit(cmdline.Partly, fmt.Errorf("the person %s is added. %w", id, err))
		}
	}
	return c.show(stdout, m, func() { printMember(stdout, m) })
}

type peopleSetCmd struct {
	remote       `embed:""`
	output       `embed:""`
	ID           string   `form:"id" arg:"" name:"person" help:"The person's id."`
	Name         *string  `help:"The new name. The present one stays one of the other names."`
	Others       []string `name:"other-name" help:"Further names."`
	Roles        []string `name:"role" help:"The roles, in place of the present ones: ${enum}." enum:"admin,producer,scheduler,viewer"`
	Languages    []string `form:"language" name:"language" help:"The languages, in place of the present ones." xor:"languages"`
	AllLanguages bool     `help:"Every language." xor:"languages"`
	Stations     []string `form:"id" name:"station" help:"The stations, in place of the present ones." xor:"stations"`
	AllStations  bool     `help:"Every station." xor:"stations"`
	Sensitive    bool     `help:"Let the person hear sensitive recordings and see the persons and the consent of segments, by a change of its own, which waits for a second person." xor:"sensitive"`
	NotSensitive bool     `help:"No longer." xor:"sensitive"`
	Active       bool     `help:"Activate the person again."`
}

// patch returns the fields that the flags change.
func (c *peopleSetCmd) patch(before wire.Member) map[string]any {
	out := map[string]any{}
	if c.Name != nil {
		out["name"] = *c.Name
	}
	if c.Others != nil {
		out["other_names"] = append(before.Others, c.Others...)
	}
	if c.Roles != nil {
		out["roles"] = c.Roles
	}
	if c.Languages != nil || c.AllLanguages {
		out["languages"] = c.Languages
	}
	if c.Stations != nil || c.AllStations {
		out["stations"] = c.Stations
	}
	if c.Sensitive || c.NotSensitive {
		out["sensitive"] = c.Sensitive
	}
	if c.Active {
		out["active"] = true
	}
	return out
}

func (c *peopleSetCmd) Run(ctx context.Context, stdout io.Writer) error {
	before, err := c.client().Member(ctx, c.ID)
	if err != nil {
		return err
	}
	patch := c.patch(before.Member)
	if len(patch) == 0 {
		return cmdline.Exit(cmdline.Misunderstood, fault.New(fault.Invalid, "say what to change: lifeline people set --help"))
	}
	m, err := c.client().PatchMember(ctx, c.ID, before.Revision, patch)
	if err != nil {
		return err
	}
	return c.show(stdout, m, func() { printMember(stdout, m) })
}

type peopleEndCmd struct {
	remote `embed:""`
	IDs    []string `form:"id" arg:"" name:"person" help:"Persons, by id."`
}

func (c *peopleEndCmd) Run(ctx context.Context, stdout io.Writer) error {
	return cmdline.Each(c.IDs, func(id string) error {
		before, err := c.client().Member(ctx, id)
		if err != nil {
			return err
		}
		m, err := c.client().PatchMember(ctx, id, before.Revision, map[string]any{"active": false})
		if err == nil {
			printMember(stdout, m)
		}
		return err
	})
}

type peopleCodeCmd struct {
	remote `embed:""`
	output `embed:""`
	ID     string `form:"id" arg:"" name:"person" help:"The person's id."`
}

func (c *peopleCodeCmd) Run(ctx context.Context, stdout io.Writer) error {
	code, err := c.client().PersonCode(ctx, c.ID)
	if err != nil {
		return err
	}
	return c.show(stdout, code, func() {
		fmt.Fprintf(stdout, "%s\nHand it over in person: with it %s enrols two passkeys in the console, at /#/enrol, until %s. "+
			"An earlier code for the same person is worth nothing now.\n", code.Code, code.Person, instant(*code.ExpiresAt))
	})
}

// onMachine are the flags of commands that write to the store directly, with or without a running service, as token
// create does. Beside the store they need the service's key, which no online token gives.
type onMachine struct {
	config.Serve `embed:""`
	output       `embed:""`
	ID           string `form:"id" arg:"" name:"person" help:"The person's id."`
	By           string `help:"Who decides this, for the audit trail and for the others, who are told." required:""`
}

// do runs an act as the one who decides it.
func (c *onMachine) do(ctx context.Context, act func(*signin.SignIn, access.Actor) error) (err error) {
	if err := service.IsThere(ctx, c.Serve); err != nil {
		return err
	}
	s, err := service.OpenStore(ctx, c.Serve)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	in, err := service.SignInHere(ctx, c.Serve, s)
	if err != nil {
		return err
	}
	by, err := text.Line(c.By)
	if err != nil || by == "" {
		return cmdline.Exit(cmdline.Misunderstood, fault.New(fault.Invalid, "--by must name who decides this"))
	}
	return act(in, access.Actor{Name: by, Role: access.Admin})
}

type peopleRecoverCmd struct {
	onMachine `embed:""`
}

func (c *peopleRecoverCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.do(ctx, func(in *signin.SignIn, by access.Actor) error {
		code, err := in.RecoverHere(ctx, by, c.ID)
		if err != nil {
			return err
		}
		return c.show(stdout, code, func() {
			fmt.Fprintf(stdout, "%s\nHand it over in person: with it %s enrols two passkeys in the console, at /#/enrol, until "+
				"%s. Former passkeys and sessions, and tokens that were not made on this machine, end then. Everybody is told "+
				"of a recovery.\n", code.Code, code.Person, instant(*code.ExpiresAt))
		})
	})
}

type peopleNameHereCmd struct {
	onMachine `embed:""`
}

func (c *peopleNameHereCmd) Run(ctx context.Context, stdout io.Writer) error {
	return c.do(ctx, func(in *signin.SignIn, by access.Actor) error {
		m, err := in.NameHere(ctx, by, c.ID)
		if err != nil {
			return err
		}
		return c.show(stdout, m, func() { printMember(stdout, m) })
	})
}
