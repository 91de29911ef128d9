package commands

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/audio"
	"lifeline/internal/access"
	"lifeline/internal/background"
	"lifeline/internal/blob"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi"
	"lifeline/internal/idempotency"
	"lifeline/internal/kinds"
	"lifeline/internal/library"
	"lifeline/internal/playout"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/record"
	"lifeline/internal/render"
	"lifeline/internal/replica"
	"lifeline/internal/reserve"
	"lifeline/internal/scheduling"
	"lifeline/internal/store/sqlite"
	"lifeline/internal/telemetry"
	"lifeline/internal/webhook"
	"lifeline/internal/webhooks"
)

// service is the whole of it, put together.
type service struct {
	data       held
	opened     versioned     // the back end
	store      replica.Store // what the service sees of it
	audio      telemetry.Recordings
	replica    *replica.Replica
	access     *access.Access
	scheduler  *scheduling.Scheduler
	renders    *render.Renderer
	lock       *replica.WorkLock
	background *background.Runner
	clear      func(context.Context) (removed int, err error) // of what a crash left; nil: others may be at work on it
	webhooks   *webhooks.Webhooks
	reserve    *reserve.Reserve // where the documents are
	disk       *reserve.Reserve // where the audio passes: the same, or one that keeps nothing
	server     *http.Server
	metrics    *metricsServer // nil: /metrics is where everything is
	traces     *telemetry.Traces
	stopping   func() // tells requests that wait that the service begins to stop
	log        *slog.Logger
}

// backgroundEvery is how often the background work looks around though nothing has changed.
const backgroundEvery = time.Minute

// storePatience is how long the store may take for one call before a request fails.
const storePatience = 5 * time.Second

// fileTick is by how much a file system's clock may lag.
const fileTick = 20 * time.Millisecond

// leaseLife is for how long the background work of a replica that died waits for another.
const leaseLife = 15 * time.Second

// replicaName is who this service is among those that share its store. Nobody shares an embedded one, and the next
// service on it takes over at once.
func replicaName(c config.Serve) string {
	if c.Store == "sqlite" {
		return "alone"
	}
	return rand.Text()
}

// openService puts the service together over the data directory. publicURL is where stations reach it.
func openService(ctx context.Context, c config.Serve, publicURL string, log *slog.Logger) (_ *service, err error) {
	stopping, stop := context.WithCancel(context.Background())
	s := &service{log: log, stopping: stop}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.data, err = holdData(c, serveElsewhere); err != nil {
		return nil, err
	}
	place, err := openAudio(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := notEmptied(ctx, c, place); err != nil {
		return nil, errors.Join(err, place.Close())
	}
	figures := telemetry.NewFigures()
	s.audio = figures.Audio(place)
	opened, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	s.opened, s.store = opened, figures.Store(opened)
	if embedded, ok := opened.back.(*sqlite.Store); ok {
		if err := embedded.Keep(ctx); err != nil && !fault.Is(err, fault.Full) { // recalls must pass on a full disk, too
			return nil, err
		}
	}
	key, err := serviceKey(ctx, c, opened)
	if err != nil {
		return nil, err
	}
	if err := raise(ctx, opened, log); err != nil {
		return nil, err
	}
	signer, err := openSigning(ctx, c, opened, key)
	if err != nil {
		return nil, err
	}
	keys, _, err := access.ReadSigningKeys(ctx, opened, keyID(key))
	if err != nil {
		return nil, err
	}
	// recalls must pass on a full disk, too
	if err := outrunRestored(ctx, c, opened); err != nil && !fault.Is(err, fault.Full) {
		return nil, err
	}
	if s.reserve, s.disk, err = openReserves(ctx, c, opened, log); err != nil {
		return nil, err
	}
	figures.Room(s.reserve.State)
	s.store = s.reserve.Store(s.store)
	s.audio = s.disk.Audio(s.audio)
	if c.Guard.Traces != "" {
		if s.traces, err = telemetry.NewTraces(ctx, c.Guard.Traces); err != nil {
			return nil, err
		}
	}
	documents := replica.Bounded(s.store, storePatience)
	if s.replica, err = replica.Open(ctx, documents, kinds.All); err != nil {
		return nil, err
	}
	analyse := func(ctx context.Context, r io.Reader, progress func(int64)) (audio.Facts, error) {
		return audio.Analyse(ctx, r, audio.Options{Progress: progress})
	}
	lib := library.New(s.replica, s.audio, signer, analyse, time.Now,
		library.Limits{MaxBytes: c.MaxUpload, MaxWaiting: c.MaxWaiting, Concurrency: c.Analysers,
			Room: func(ctx context.Context, bytes int64) error {
				if c.Audio == "local" { // its parts are there until all of it is
					bytes *= 2
				}
				return errors.Join(s.reserve.Bulk(ctx, 0), s.disk.Bulk(ctx, bytes))
			}})
	secret, err := derivedKey(key, forMedia)
	if err != nil {
		return nil, err
	}
	records := record.NewRecords(s.replica, documents, s.audio, time.Now, time.Duration(c.KeepRecords)*24*time.Hour)
	s.scheduler = scheduling.New(s.replica, records, signer, time.Now, publicURL, c.Lease)
	logbook := s.scheduler.Record.Logbook
	s.access = access.New(s.replica, time.Now)
	answers := idempotency.NewStore(documents, time.Now)
	collect := func(ctx context.Context, before time.Time) (removed int, err error) {
		files, err := records.Files(ctx)
		if err != nil {
			return 0, err
		}
		recordings := lib.Recordings.Named()
		err = blob.Collect(ctx, s.audio, before, func(_ context.Context, sha256 string) (bool,
			error) {
			return files[sha256] || recordings(sha256), nil
		},
			func(blob.Blob) { removed++ })
		return removed, errors.Join(err, answers.Forget(ctx))
	}
	s.lock = replica.NewWorkLock(s.replica, replicaName(c), leaseLife)
	tidy := func(ctx context.Context, before time.Time) (removed int, err error) {
		removed, err = collect(ctx, before)
		return removed, errors.Join(err, records.Move(ctx))
	}
	s.background = background.NewRunner(s.replica, lib, s.scheduler, s.lock, tidy, log, backgroundEvery, time.Now)
	if s.renders, err = render.Open(c.RenderDir(), s.audio, render.Options{Rate: dsp.Rate(c.Render.Rate),
		Silence: playout.SilenceLimit,
		Limit:   c.Render.Bytes, AtOnce: c.Render.AtOnce, Open: playout.OpenMP3, Log: log,
		Room: func(bytes int64) error { return s.disk.Bulk(context.WithoutCancel(ctx), bytes) }}); err != nil {
		return nil, err
	}
	if err := lib.Recalls.Ensure(ctx); err != nil {
		return nil, err
	}
	if err := s.scheduler.Resigner.Resign(ctx); err != nil {
		log.Error("documents that stations pull stay signed with a former key", "error", err)
	}
	if c.Store == "sqlite" { // no other replica: what was put before now and has no segment is a crash's
		before := time.Now().Add(-fileTick)
		s.clear = func(ctx context.Context) (int, error) { return collect(ctx, before) }
	}
	if s.webhooks, err = openWebhooks(c, key, s.replica, s.lock, figures, log); err != nil {
		return nil, err
	}
	figures.Census(logbook.Census, s.webhooks.Deliverer.Lags, s.webhooks.Deliverer.Failing)
	metrics := figures.Handler()
	if c.Guard.MetricsListen != "" {
		if s.metrics, err = listenForMetrics(c.Guard.MetricsListen, metrics); err != nil {
			return nil, err
		}
		metrics = nil
	}
	tls, err := tlsConfig(c, log)
	if err != nil {
		return nil, err
	}
	s.server = &http.Server{
		TLSConfig: tls,
		Handler: httpapi.New(httpapi.Parts{Access: s.access, Library: lib, Scheduler: s.scheduler,
			Logbook: logbook, Answers: answers, Replica: s.replica,
			Media: access.NewMedia(secret, publicURL, c.MediaLife, time.Now),
			Meter: figures, Metrics: metrics, Tracer: s.traces, Rate: rateOf(c, opened),
			Windows: scheduling.NewWindows(s.scheduler.Lists, s.renders), Webhooks: s.webhooks, PublicURL: publicURL,
			Origins: c.Guard.Origins, Stopping: stopping,
			Keys: signer.Public(), FormerKeys: keys.Former(), Roots: signer.roots, FirstRoot: signer.first,
			Now: time.Now, Log: log,
			Room: s.reserve.Ready,
			Ready: map[string]func(context.Context) error{"store": s.store.Ping, "audio": s.audioReady,
				"workers": s.background.Alive}}),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute, // a handler that expects slow bytes moves it on
		WriteTimeout:      2 * time.Minute, // likewise
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// webhookPatience is how webhooks that fail are tried again. The first wait is short, since most failures are.
var webhookPatience = webhooks.Patience{First: time.Second, Longest: 8 * time.Hour, GiveUp: 5 * 24 * time.Hour}

// openWebhooks puts together what tells other people's services of changes.
func openWebhooks(c config.Serve, key ed25519.PrivateKey, r *replica.Replica, lock *replica.WorkLock,
	meter webhooks.DeliveryMeter, log *slog.Logger) (*webhooks.Webhooks, error) {
	secret, err := derivedKey(key, forWebhooks)
	if err != nil {
		return nil, err
	}
	networks, err := c.WebhookNetworks()
	if err != nil {
		return nil, err
	}
	return webhooks.New(webhooks.WebhookParts{Replica: r, Lock: lock, Poster: webhook.NewPoster(networks), Key: secret,
		Inner: len(networks) > 0, Patience: webhookPatience, Meter: meter, Log: log, Now: time.Now}), nil
}

func (s *service) audioReady(ctx context.Context) error {
	_, err := s.audio.List(ctx, "", 1)
	return err
}

// stopTimeout is how long requests may take to end when the service stops.
const stopTimeout = 10 * time.Second

// lastWords is how much of stopTimeout is left, once the requests that still run have been ended, for their answers.
const lastWords = time.Second

// errStopping ends the requests that take longer than the service has time for.
var errStopping = fault.New(fault.Unavailable, "the service is stopping, and this took longer than it waits: ask "+
	"again when it is back")

// run serves on l until ctx ends or a part dies, then stops: the listener closes, requests that wait for changes end,
// and others have stopTimeout. What requests need goes on until they have ended; background work ends at once.
func (s *service) run(ctx context.Context, l net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	requests, end := context.WithCancelCause(context.WithoutCancel(ctx))
	s.server.BaseContext = func(net.Listener) context.Context { return requests }
	g.Go(func() error {
		return s.replica.Run(requests, func(err error) {
			s.log.Warn("the change feed broke off and is taken up again",
				"error", err)
		})
	})
	g.Go(func() error { return s.background.Run(ctx) })
	g.Go(func() error { return s.reserve.Run(requests) })
	g.Go(func() error { return s.webhooks.Deliverer.Run(ctx) })
	g.Go(func() error {
		s.clearUp(ctx)
		return nil
	})
	g.Go(func() error {
		serve := func() error { return s.server.Serve(l) }
		if s.server.TLSConfig != nil {
			serve = func() error { return s.server.ServeTLS(l, "", "") }
		}
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	g.Go(func() error { return s.metrics.run(requests) })
	g.Go(func() error { return roomForGarbage(ctx) })
	g.Go(func() error {
		<-ctx.Done()
		s.stopping()
		defer end(nil)
		defer time.AfterFunc(stopTimeout-lastWords, func() { end(errStopping) }).Stop()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := s.server.Shutdown(stopping); err != nil {
			s.log.Warn("requests were still running and are cut", "error", err)
			return s.server.Close()
		}
		return nil
	})
	return g.Wait()
}

// clearUp removes audio that an interrupted upload had left behind. Nobody waits for it: a library of years has many
// files to look at. What it could not do the keeper does.
func (s *service) clearUp(ctx context.Context) {
	if s.clear == nil {
		return
	}
	n, err := s.clear(ctx)
	if n > 0 {
		s.log.Info("removed audio that an interrupted upload had left behind", "recordings", n)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("audio that an interrupted upload may have left behind was not removed", "error", err)
	}
}

func (s *service) close() error {
	stopping, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := s.traces.Close(stopping)
	if s.renders != nil {
		err = errors.Join(err, s.renders.Close())
	}
	if s.audio != nil {
		err = errors.Join(err, s.audio.Close())
	}
	if s.opened.back != nil {
		err = errors.Join(err, s.opened.Close())
	}
	return errors.Join(err, s.data.Close())
}
