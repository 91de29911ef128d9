package commands

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"lifeline/internal/wire"
)

// stationCmd is about one station's player: whom the service believes to be it.
type stationCmd struct {
	Enrol  stationEnrolCmd  `cmd:"" help:"Make a one-time code with which a station's player gets keys of its own."`
	Seized stationSeizedCmd `cmd:"" help:"Shut out a station that others have taken, now, and show what it held."`
}

type stationEnrolCmd struct {
	remote  `embed:""`
	output  `embed:""`
	Life    time.Duration `least:"1m" most:"168h" default:"1h" help:"How long the code is valid, at most 168h."`
	Station string        `form:"id" arg:"" help:"The station."`
}

// Run makes the code. It does not touch the station's present keys: those end when the code is used.
func (c *stationEnrolCmd) Run(ctx context.Context, stdout io.Writer) error {
	code, err := c.client().EnrolmentCode(ctx, c.Station, c.Life)
	if err != nil {
		return err
	}
	return c.show(stdout, code, func() {
		fmt.Fprintf(stdout, "Code for station %s: %s\nIt is valid once, until %s. On the station's machine:\n\n"+
			"    playout enrol --server %s --state DIR --code %s\n\n"+
			"The code names the service's key, and the player sends nothing of it to a server without that key. The service "+
			"signs with %s.\n", code.Station, code.Code, instant(code.ExpiresAt), c.address, code.Code,
			code.Service)
	})
}

type stationSeizedCmd struct {
	remote  `embed:""`
	output  `embed:""`
	Reason  string `help:"The reason, for the audit trail."`
	Station string `form:"id" arg:"" help:"The station."`
}

// Run shuts the station out. It asks nothing: to enrol the station anew undoes it.
func (c *stationSeizedCmd) Run(ctx context.Context, stdout io.Writer) error {
	s, err := c.client().Seize(ctx, c.Station, c.Reason)
	if err != nil {
		return err
	}
	return c.show(stdout, s, func() { printSeizure(stdout, s) })
}

func printSeizure(w io.Writer, s wire.Seizure) {
	fmt.Fprintf(w, "Station %s counts as seized since %s: %s and %s ended, with its streams and media addresses. Nothing "+
		"is encrypted to it any more.\n", s.Station, instant(s.SeizedAt), count(len(s.Tokens), "token"),
		count(len(s.Keys), "key"))
	fmt.Fprintf(w, "Its last contact was %s. The leases that it has end by %s: until then its player may air what is "+
		"sensitive.\n", cmp.Or(instant(s.LastContact), "never"), instant(s.LeaseUntil))
	held := "no queue"
	if s.HeldUntil != nil {
		held = fmt.Sprintf("%s up to %s", count(len(s.Queues), "queue"), s.HeldUntil)
	}
	sensitive := 0
	for _, seg := range s.Segments {
		if seg.Sensitive {
			sensitive++
		}
	}
	fmt.Fprintf(w, "Whoever has it may hold %s, and %s, %d of them sensitive:\n", held,
		count(len(s.Segments), "recording"), sensitive)
	for _, seg := range s.Segments {
		mark, persons := "", ""
		if seg.Sensitive {
			mark = "SENSITIVE"
		}
		if len(seg.Persons) > 0 {
			persons = "  names " + strings.Join(seg.Persons, ", ")
		}
		fmt.Fprintf(w, "  %-9s %-28s %s%s\n", mark, seg.ID, oneLine(seg.Title), persons)
	}
	fmt.Fprintf(w, "It knows the service's signer: %s. To bring the station back on another machine: lifeline station enrol "+
		"%s\n", s.Trusts, s.Station)
}
