package commands

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/playout"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// DemoWindow is the window that the demonstration opens, and the clock of that window.
const (
	DemoWindow = "demo"
	DemoLength = 58 * time.Second
)

// demoClock has one position of each sort: a fixed segment, a pick, a hard post, fill that fades out at it, and a close
// that is timed from the end.
func demoClock() schedules.Clock {
	post, fade := schedules.Ms(30_000), schedules.Ms(60_000)
	bed := &schedules.Selector{Kinds: []schedules.Kind{"bed"}}
	return schedules.Clock{ID: DemoWindow, Length: schedules.Millis{Duration: DemoLength}, Positions: []schedules.Position{
		{ID: "ident", Segment: "ident-ko"},
		{ID: "appeal", Pick: &schedules.Selector{Kinds: []schedules.Kind{"reading"}, Language: "ko-KP",
			Max: schedules.Ms(22_000)}},
		{ID: "bridge", Fill: bed, FadeMax: fade},
		{ID: "pips", Segment: "time-signal", At: &post, Start: schedules.Hard},
		{ID: "bed", Fill: bed, FadeMax: fade},
		{ID: "close", Segment: "promo-ko-letters", AtEnd: true},
	}}
}

// air opens a short window on a station, runs the real player, and prints the plan beside the as-run report.
func (d *demo) air(ctx context.Context, c *client.Client, lead time.Duration) error {
	station, start, err := OpenDemoWindow(ctx, c, lead)
	if err != nil {
		return err
	}
	date, err := station.DateAt(start)
	if err != nil {
		return err
	}
	zone, err := schedules.Zone(station.Timezone)
	if err != nil {
		return err
	}
	d.title("%s opens a window of %v at %s (%s); its player pulls the queue, verifies it and plays it", station.Name,
		DemoLength, start.In(zone).Format("15:04:05"), zone)
	if err := d.publish(ctx, c, wire.ManyRequest{Stations: []string{station.ID}, Dates: []schedules.Date{date},
		Seed: 1}); err != nil {
		return err
	}
	if err := d.runPlayer(ctx, station.ID, date, zone); err != nil {
		return err
	}
	d.title("What was planned against what aired")
	r, err := d.reconciled(ctx, c, station.ID, date)
	if err != nil {
		return err
	}
	printReconciliation(d.out, r, zone)
	wav := filepath.Join(d.dir, "air", fmt.Sprintf("%s-%s.wav", date, DemoWindow))
	fmt.Fprintf(d.out, "\n  What went to air: %s\n", wav)
	if r.Totals[schedules.AsPlanned] != len(r.Items) {
		return errors.New("not every item aired as planned")
	}
	return nil
}

// OpenDemoWindow adds the window to the first station that has the time free.
func OpenDemoWindow(ctx context.Context, c *client.Client, lead time.Duration) (schedules.Station, time.Time,
	error) {
	stations, err := c.Stations(ctx)
	if err != nil {
		return schedules.Station{}, time.Time{}, err
	}
	start := time.Now().UTC().Add(lead).Truncate(time.Second).Add(time.Second)
	for _, st := range stations {
		taken, err := st.Occurrences(start.Add(-24*time.Hour), start.Add(DemoLength))
		if err != nil {
			return st, start, err
		}
		if n := len(taken); n > 0 && taken[n-1].EndAt.After(start) {
			continue
		}
		st.Windows = append(st.Windows, schedules.Window{ID: DemoWindow, Clock: DemoWindow, Languages: []string{"ko-KP"},
			Length: schedules.Millis{Duration: DemoLength}, Tolerance: schedules.Ms(10),
			Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:" + start.Format("20060102T150405") +
				"\nRRULE:FREQ=DAILY;COUNT=1"}})
		if !slices.Contains(st.Languages, "ko-KP") {
			st.Languages = append(st.Languages, "ko-KP")
		}
		body, err := json.Marshal(wire.Apply{Stations: []schedules.Station{st}, Clocks: []schedules.Clock{demoClock()}})
		if err != nil {
			return st, start, err
		}
		_, err = c.Apply(ctx, bytes.NewReader(body), false)
		return st, start, err
	}
	return schedules.Station{}, start, errors.New("every station is on the air just now: try again in an hour")
}

// runPlayer runs the station's player as a separate process that gets only the service's address and its token, and
// prints its output.
func (d *demo) runPlayer(ctx context.Context, station string, date schedules.Date, zone *time.Location) error {
	secret, err := d.token(ctx, access.NewToken{Name: station, Role: access.StationJob, Station: station})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, d.player, "--server", d.url, "--station", station, "--trust-on-first-use",
		"--state", filepath.Join(d.dir, "player"), "--output", "wav:"+filepath.Join(d.dir, "air"),
		"--once", DemoWindow+"@"+date.String(), "--report", "json")
	cmd.Env = append(os.Environ(), "LIFELINE_TOKEN="+secret)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	var said bytes.Buffer
	cmd.Stderr = &said
	notices, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	shown := d.timeline(bufio.NewScanner(notices), zone)
	if err := errors.Join(shown, cmd.Wait()); err != nil {
		return fmt.Errorf("the player failed: %w\n%s", err, said.String())
	}
	return nil
}

// findPlayer returns the path of the player's program: the one beside this program or, in a checkout, a fresh build.
func findPlayer(ctx context.Context, dir string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	beside := filepath.Join(filepath.Dir(self), "playout"+filepath.Ext(self))
	if _, err := os.Stat(beside); err == nil {
		return beside, nil
	}
	built := filepath.Join(dir, "playout"+filepath.Ext(self))
	out, err := exec.CommandContext(ctx, "go", "build", "-o", built, "lifeline/cmd/playout").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("the player is not beside %s and cannot be built here: %w\n%s", self, err, out)
	}
	return built, nil
}

// timeline prints the player's notices as they arrive: one line per item, which on a terminal begins with its bar and
// grows while the item airs.
func (d *demo) timeline(lines *bufio.Scanner, zone *time.Location) error {
	const width = 24
	drawn := cmdline.Terminal(d.out)
	for lines.Scan() {
		var n playout.Notice
		if err := json.Unmarshal(lines.Bytes(), &n); err != nil {
			return fmt.Errorf("the player said %q: %w", lines.Text(), err)
		}
		share := 0.0
		if n.LengthMs.Duration > 0 {
			share = min(1, n.PlayedMs.Seconds()/n.LengthMs.Seconds())
		}
		switch n.Kind {
		case playout.ItemEnd:
			share = 1
		case playout.ItemStart, playout.Position:
		default:
			continue
		}
		bar := ""
		if filled := int(share * width); drawn {
			bar = strings.Repeat("█", filled) + strings.Repeat("░", width-filled)
			fmt.Fprint(cmdline.Under(d.out), "\r")
		} else if n.Kind != playout.ItemEnd {
			continue
		}
		fmt.Fprintf(d.out, "  %s %s %9s  %s", n.PlannedAt.In(zone).Format("15:04:05.000"), bar, span(n.LengthMs.Duration),
			itemLine(n.ItemKind, "", n.Title))
		if n.Kind == playout.ItemEnd {
			fmt.Fprintf(d.out, "  %s\n", n.Outcome)
		}
	}
	return lines.Err()
}

// reconcileWait is the longest wait for the last report.
const reconcileWait = 15 * time.Second

// reconciled polls the window's reconciliation until every item has an outcome.
func (d *demo) reconciled(ctx context.Context, c *client.Client, station string, date schedules.Date) (
	schedules.Reconciliation, error) {
	day, err := c.Rundown(ctx, station, date)
	if err != nil {
		return schedules.Reconciliation{}, err
	}
	planned := 0
	for _, i := range day.Items {
		if i.Window == DemoWindow {
			planned++
		}
	}
	for deadline := time.Now().Add(reconcileWait); ; time.Sleep(200 * time.Millisecond) {
		r, err := c.Reconciliation(ctx, station, date, DemoWindow)
		if err != nil || r.Totals[schedules.AsPlanned] == planned || time.Now().After(deadline) {
			return r, err
		}
	}
}
