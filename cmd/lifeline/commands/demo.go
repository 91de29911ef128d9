package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/service"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/examples"
)

type demoCmd struct {
	Dir    string        `help:"Directory for the data. Default: a new temporary directory." type:"path"`
	Listen string        `form:"address" help:"Address to listen on." default:"127.0.0.1:0"`
	Exit   bool          `help:"End after the reconciliation instead of continuing to serve."`
	Lead   time.Duration `least:"0s" help:"Time from the publication until the window opens." default:"5s"`
}

// demo is one run of the demonstration.
type demo struct {
	out     io.Writer
	dir     string
	url     string
	player  string // path of its program
	service *service.Service
}

func (c *demoCmd) Run(ctx context.Context, stdout io.Writer) (err error) {
	dir := c.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "lifeline-demo-"); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return cmdline.Listening(err, c.Listen, "--listen")
	}
	d := &demo{out: stdout, dir: dir, url: "http://" + l.Addr().String()}
	cfg := config.Serve{Data: filepath.Join(dir, "service"), Store: "sqlite", Audio: "local", Listen: c.Listen,
		MaxUpload: 1 << 30, MaxWaiting: 1 << 30, MediaLife: 36 * time.Hour}
	if err := cfg.Check(); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if d.service, err = service.Open(ctx, cfg, d.url, log); err != nil {
		return errors.Join(err, l.Close())
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- d.service.Run(serving, l) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended, d.service.Close())
	}()
	if d.player, err = findPlayer(ctx, dir); err != nil {
		return err
	}
	admin, err := d.token(ctx, access.NewToken{Name: "demo-admin", Role: access.Admin})
	if err != nil {
		return err
	}
	d.title("Lifeline serves at %s, with its data in %s", d.url, dir)
	if err := d.play(ctx, c.Lead); err != nil || c.Exit {
		return err
	}
	d.title("It keeps serving. Try it, and end it with Ctrl-C")
	fmt.Fprintf(stdout, "  Open %s/ in a browser, and sign in with one of these tokens, or try\n", d.url)
	fmt.Fprintf(stdout, "  curl -H 'Authorization: Bearer TOKEN' %s/v1/stations\n", d.url)
	if err := d.tokens(ctx, admin); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// tokens makes a token for each role and prints it.
func (d *demo) tokens(ctx context.Context, admin string) error {
	fmt.Fprintf(d.out, "  %-10s %s\n", access.Admin, admin)
	for _, n := range []access.NewToken{{Name: "demo-producer", Role: access.Producer}, {Name: "demo-scheduler",
		Role: access.SchedulerJob},
		{Name: "demo-viewer", Role: access.Viewer}, {Name: "demo-station", Role: access.StationJob,
			Station: "harbour-dawn"}} {
		secret, err := d.token(ctx, n)
		if err != nil {
			return err
		}
		role := string(n.Role)
		if n.Station != "" {
			secret += "  (" + n.Station + ")"
		}
		fmt.Fprintf(d.out, "  %-10s %s\n", role, secret)
	}
	return nil
}

// play runs the whole journey, from upload to air to report.
func (d *demo) play(ctx context.Context, lead time.Duration) error {
	producer, err := d.as(ctx, access.NewToken{Name: "Hana", Role: access.Producer})
	if err != nil {
		return err
	}
	editor, err := d.as(ctx, access.NewToken{Name: "Ruth", Role: access.Producer})
	if err != nil {
		return err
	}
	scheduler, err := d.as(ctx, access.NewToken{Name: "Minjun", Role: access.SchedulerJob})
	if err != nil {
		return err
	}
	d.title("Hana uploads the recordings; each is analysed while it arrives")
	segments, err := uploadCatalogue(ctx, producer, samples.Files, "catalogue.yaml", progressTo(false))
	if err != nil {
		return err
	}
	d.catalogue(segments)
	d.title("Ruth approves them: nobody approves what they uploaded")
	for _, s := range segments {
		if _, err := editor.Approve(ctx, s, wire.Approval{Reason: "heard it whole"}); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.out, "  %d segments approved\n", len(segments))
	d.title("Minjun applies the network, and plans and publishes today")
	applied, err := scheduler.Apply(ctx, bytes.NewReader(examples.Network), false)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  %d documents applied\n", len(applied.Changes))
	if err := d.publishComing(ctx, scheduler); err != nil {
		return err
	}
	return d.air(ctx, scheduler, lead)
}

// publishComing plans and publishes today at every station, or tomorrow if all windows of today are over.
func (d *demo) publishComing(ctx context.Context, c *client.Client) error {
	stations, err := c.Stations(ctx)
	if err != nil {
		return err
	}
	days := map[schedules.Date][]string{}
	for _, st := range stations {
		date, err := comingDay(st, time.Now())
		if err != nil {
			return err
		}
		days[date] = append(days[date], st.ID)
	}
	for _, date := range slices.SortedFunc(maps.Keys(days), schedules.Date.Compare) {
		if err := d.publish(ctx, c, wire.ManyRequest{Stations: days[date], Dates: []schedules.Date{date},
			Seed: 1}); err != nil {
			return err
		}
	}
	return nil
}

// comingDay returns a station's day at an instant, or the next day if every window of the day is over by then.
func comingDay(st schedules.Station, now time.Time) (schedules.Date, error) {
	today, err := st.DateAt(now)
	if err != nil {
		return today, err
	}
	windows, err := st.OccurrencesOn(today)
	if err != nil || len(windows) == 0 || slices.ContainsFunc(windows, func(o schedules.Occurrence) bool {
		return o.EndAt.After(now.Add(time.Minute))
	}) {
		return today, err
	}
	return today.AddDays(1), nil
}

// publish plans and publishes days. It fails if one of them fails.
func (d *demo) publish(ctx context.Context, c *client.Client, in wire.ManyRequest) error {
	planned, err := c.Plan(ctx, in)
	if err := tellDays(output{}, io.Discard, "planned", planned, err); err != nil {
		return errors.Join(err, tellDays(output{}, d.out, "planned", planned, nil))
	}
	published, err := c.Publish(ctx, in)
	return tellDays(output{}, d.out, "published", published, err)
}

// token makes a token through the service's own access package, as `token create` does.
func (d *demo) token(ctx context.Context, n access.NewToken) (string, error) {
	t, err := d.service.Access.Create(ctx, access.System, n)
	return t.Secret, err
}

func (d *demo) as(ctx context.Context, n access.NewToken) (*client.Client, error) {
	secret, err := d.token(ctx, n)
	return client.New(d.url, secret, http.DefaultClient), err
}

func (d *demo) title(format string, args ...any) { fmt.Fprintf(d.out, "\n▌"+format+"\n", args...) }

// counted returns the counts with their names, sorted by name.
func counted(of map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%d %s", of[name], name))
	}
	return strings.Join(parts, ", ")
}

// catalogue prints a summary of the measurements.
func (d *demo) catalogue(segments []schedules.Segment) {
	var total time.Duration
	languages := map[string]int{}
	for _, s := range segments {
		total += s.Recording.Duration.Duration
		languages[s.Language]++
	}
	fmt.Fprintf(d.out, "  %d recordings, %s of audio; by language: %s\n", len(segments), total.Round(time.Second),
		counted(languages))
	for _, s := range segments[:min(6, len(segments))] {
		r := s.Recording
		loudness := "silent"
		if r.IntegratedLUFS != nil {
			loudness = fmt.Sprintf("%6.1f LUFS", *r.IntegratedLUFS)
		}
		fmt.Fprintf(d.out, "  %-24s %9s  %5d Hz %s %3d kb/s %s  %s\n", s.ID, span(r.Duration.Duration), r.SampleRate,
			[]string{"", "mono  ", "stereo"}[r.Channels], r.BitrateKbps, r.BitrateMode, loudness)
	}
	fmt.Fprintln(d.out, "  …")
}
