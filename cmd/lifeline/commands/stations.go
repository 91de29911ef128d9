package commands

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

type stationsCmd struct {
	remote   `embed:""`
	output   `embed:""`
	Stations []string `form:"id" arg:"" optional:"" name:"station" help:"Stations; none means all of them."`
}

// Run prints the last status of each station. A station that has never sent one is listed too.
func (c *stationsCmd) Run(ctx context.Context, stdout io.Writer) error {
	standing, err := c.client().Statuses(ctx)
	if err != nil {
		return err
	}
	if len(c.Stations) > 0 {
		standing = slices.DeleteFunc(standing, func(s wire.Status) bool { return !slices.Contains(c.Stations, s.Station) })
	}
	for _, id := range c.Stations {
		if !slices.ContainsFunc(standing, func(s wire.Status) bool { return s.Station == id }) {
			return fault.New(fault.NotFound, "there is no station %q", id)
		}
	}
	now, err := c.client().Time(ctx)
	if err != nil {
		return err
	}
	alarms, err := c.client().Alarms(ctx)
	if err != nil {
		return err
	}
	return c.show(stdout, standing, func() {
		for _, a := range alarms {
			if a.Code != wire.AlarmPlayer && a.Code != wire.AlarmStation { // these are printed below their stations
				fmt.Fprintf(stdout, "ALARM: %s\n", oneLine(a.Message))
			}
		}
		fmt.Fprintf(stdout, "%-20s %-14s %-20s %7s %9s %9s  %-7s %s\n", "station", "last contact", "holds", "cover", "audio",
			"offset", "signs", "player")
		for _, s := range standing {
			printStatus(stdout, s, now)
		}
	})
}

func printStatus(w io.Writer, s wire.Status, now time.Time) {
	if s.ReceivedAt.IsZero() {
		fmt.Fprintf(w, "%-20s never\n", s.Station)
		printProblems(w, s)
		return
	}
	holds := "nothing"
	if s.QueueRevision > 0 {
		holds = fmt.Sprintf("%s r%d", s.QueueDate, s.QueueRevision)
	}
	if s.PublishedRevision > s.QueueRevision {
		holds += fmt.Sprintf(" of r%d", s.PublishedRevision)
	}
	audio := fmt.Sprint(s.AudioVerified)
	if s.AudioMissing > 0 {
		audio = fmt.Sprintf("%d of %d", s.AudioVerified, s.AudioVerified+s.AudioMissing)
	}
	cover := max(0, s.CoverHours-now.Sub(s.ReceivedAt.Time).Hours()) // the hours at the time of the status
	ago := now.Sub(s.ReceivedAt.Time).Round(time.Second)
	fmt.Fprintf(w, "%-20s %-14s %-20s %6.1fh %9s %6d ms  %-7s %s\n", s.Station, ago.String()+" ago", holds, cover, audio,
		s.ClockOffset.Milliseconds(), signs(s), oneLine(s.PlayerVersion))
	printProblems(w, s)
}

// signs says whether the station signs its reports with a key of its own.
func signs(s wire.Status) string {
	switch {
	case s.Enrolment == wire.SeizedState:
		return "seized"
	case s.Enrolment != wire.EnrolledState:
		return "no"
	case s.SignedAt.IsZero():
		return "not yet"
	}
	return "yes"
}

// ordered says how far a standing order got, and what it did last.
func ordered(o wire.StandingOrderStatus) string {
	until := func(did string, d *schedules.Date) string {
		if d == nil {
			return "nothing " + did
		}
		return fmt.Sprintf("%s until %s", did, *d)
	}
	out := until("planned", o.PlannedUntil) + ", " + until("published", o.PublishedUntil)
	if o.Last != "" {
		out += fmt.Sprintf("; last at %s: %s", instant(o.LastAt), oneLine(o.Last))
	}
	if o.Stopped != "" {
		out += "; stopped: " + oneLine(o.Stopped)
	}
	return out
}

// printProblems prints the problems that the station reports, how its standing order stands, and the problems of its
// definitions. The station's own problems
// happened within its last day, and may be over.
func printProblems(w io.Writer, s wire.Status) {
	for _, alarm := range s.Alarms {
		fmt.Fprintf(w, "    ALARM: %s\n", oneLine(alarm))
	}
	for _, problem := range s.Problems {
		fmt.Fprintf(w, "    in the last day: %s\n", oneLine(problem))
	}
	if o := s.StandingOrder; o != nil {
		fmt.Fprintf(w, "    standing order of %s: %s\n", oneLine(cmp.Or(o.SetBy, "nobody who is known")), ordered(*o))
	}
	for _, p := range s.CurrentProblems {
		fmt.Fprintf(w, "    %s: %s\n", p.Code, oneLine(p.Message))
	}
}
