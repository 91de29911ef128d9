package service

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/audio"
	"lifeline/internal/access"
	"lifeline/internal/access/provider"
	"lifeline/internal/access/signin"
	"lifeline/internal/background"
	"lifeline/internal/blob"
	"lifeline/internal/config"
	"lifeline/internal/erasure"
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
	"lifeline/internal/secret"
	"lifeline/internal/store/sqlite"
	"lifeline/internal/supervise"
	"lifeline/internal/telemetry"
	"lifeline/internal/webhook"
	"lifeline/internal/webhooks"
	"lifeline/internal/wire"
)

// Service is the complete service.
type Service struct {
	data       DataHold
	opened     VersionedStore // the back end
	Store      replica.Store  // the store as the service uses it
	Audio      telemetry.Recordings
	Replica    *replica.Replica
	Access     *access.Access
	notes      *access.Notes
	SignIn     *signin.SignIn
	Scheduler  *scheduling.Scheduler
	renders    *render.Renderer
	Lock       *replica.WorkLock
	background *background.Runner
	clear      func(context.Context) (removed int, err error) // removes audio that a crash left; nil: replicas may use it
	webhooks   *webhooks.Webhooks
	Reserve    *reserve.Reserve // where the documents are
	disk       *reserve.Reserve // where audio is written: the same, or one that reserves nothing
	Server     *http.Server
	metrics    *metricsServer // nil: only the main server serves /metrics
	traces     *telemetry.Traces
	Stopping   func() // ends waiting requests, because the service begins to stop
	log        *slog.Logger
}

// backgroundEvery is the maximum interval between runs of the background jobs.
const backgroundEvery = time.Minute

// StorePatience is the timeout of one call to the store in a request.
const StorePatience = 5 * time.Second

// fileTick is the maximum lag of a file system's clock.
const fileTick = 20 * time.Millisecond

// leaseLife is how long the background work of a dead replica waits before another replica takes it over.
const leaseLife = 15 * time.Second

// replicaName returns the name of this service among the replicas that share its store. An embedded store is not
// shared, and with the constant name the next service on it takes over at once.
func replicaName(c config.Serve) string {
	if c.Store == "sqlite" {
		return "alone"
	}
	return rand.Text()
}

// Open assembles the service on the data directory. publicURL is the address at which stations reach it.
func Open(ctx context.Context, c config.Serve, publicURL string, log *slog.Logger) (_ *Service, err error) {
	stopping, stop := context.WithCancel(context.Background())
	s := &Service{log: log, Stopping: stop}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.data, err = Hold(c, otherDirectoryCure); err != nil {
		return nil, err
	}
	for _, folder := range []string{c.Data, c.Keys} {
		if mended, err := secret.Mend(folder); err != nil {
			log.Error("other users of this machine may open this folder: chmod 700 it", "folder", folder, "error", err)
		} else if mended {
			log.Warn("other users of this machine could open this folder; they no longer can", "folder", folder)
		}
	}
	place, err := OpenAudio(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := notEmptied(ctx, c, place); err != nil {
		return nil, errors.Join(err, place.Close())
	}
	figures := telemetry.NewFigures()
	s.Audio = figures.Audio(place)
	opened, err := OpenStore(ctx, c)
	if err != nil {
		return nil, err
	}
	s.opened, s.Store = opened, figures.Store(opened)
	if embedded, ok := opened.back.(*sqlite.Store); ok {
		foreign := func(problem string) {
			log.Error(problem + ": run lifeline fsck, and find out who did")
			figures.Foreign()
		}
		if err := embedded.Foreign(ctx, foreign); err != nil {
			return nil, err
		}
		if err := embedded.Keep(ctx); err != nil && !fault.Is(err, fault.Full) { // recalls must succeed on a full disk, too
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
	opened.SignChanges(signer.Signer(wire.LinkType))
	keys, _, err := access.ReadSigningKeys(ctx, opened, KeyID(key))
	if err != nil {
		return nil, err
	}
	// Recalls must succeed on a full disk, too.
	if err := raiseRestored(ctx, c, opened); err != nil && !fault.Is(err, fault.Full) {
		return nil, err
	}
	if s.Reserve, s.disk, err = openReserves(ctx, c, opened, log); err != nil {
		return nil, err
	}
	figures.Room(s.Reserve.State)
	s.Store = s.Reserve.Store(s.Store)
	s.Audio = s.disk.Audio(s.Audio)
	if c.Guard.Traces != "" {
		if s.traces, err = telemetry.NewTraces(ctx, c.Guard.Traces); err != nil {
			return nil, err
		}
	}
	documents := replica.Bounded(s.Store, StorePatience)
	if s.Replica, err = replica.Open(ctx, documents, kinds.All); err != nil {
		return nil, err
	}
	analyse := func(ctx context.Context, r io.Reader, progress func(int64)) (audio.Facts, error) {
		return audio.Analyse(ctx, r, audio.Options{Progress: progress})
	}
	lib := library.New(s.Replica, s.Audio, signer, analyse, time.Now,
		library.Limits{MaxBytes: c.MaxUpload, MaxWaiting: c.MaxWaiting, Concurrency: c.Analysers,
			MaxOwn:   max(c.MaxWaiting/4, c.MaxUpload), // nobody takes the space of all
			MaxDaily: c.MaxDaily,
			Room: func(ctx context.Context, bytes int64) error {
				if c.Audio == "local" { // its parts remain until all of it is stored
					bytes *= 2
				}
				return errors.Join(s.Reserve.Bulk(ctx, 0), s.disk.Bulk(ctx, bytes))
			}})
	secret, err := DerivedKey(key, ForMedia)
	if err != nil {
		return nil, err
	}
	records := record.NewRecords(s.Replica, documents, s.Audio, time.Now, time.Duration(c.KeepRecords)*24*time.Hour)
	s.Scheduler = scheduling.New(s.Replica, records, signer, time.Now, publicURL, c.Lease)
	logbook := s.Scheduler.Record.Logbook
	confirmations := access.NewConfirmations(s.Replica, s.Scheduler.Network.SecondPersons().Why, time.Now)
	s.Replica.Guard, confirmations.Renew = confirmations.Guard, s.Scheduler.Publisher.Renew
	s.Access, s.notes = access.New(s.Replica, time.Now), access.NewNotes(s.Replica, time.Now)
	codes, err := DerivedKey(key, forCodes)
	if err != nil {
		return nil, err
	}
	if s.SignIn, err = openSignIn(s.Replica, c, key, publicURL); err != nil {
		return nil, err
	}
	if err := offerProvider(s.SignIn, c); err != nil {
		return nil, err
	}
	answers := idempotency.NewStore(documents, time.Now)
	collect := func(ctx context.Context, before time.Time) (removed int, err error) {
		files, err := records.Files(ctx)
		if err != nil {
			return 0, err
		}
		recordings := lib.Recordings.Named()
		err = blob.Collect(ctx, s.Audio, before, func(_ context.Context, sha256 string) (bool,
			error) {
			return files[sha256] || recordings(sha256), nil
		},
			func(blob.Blob) { removed++ })
		return removed, errors.Join(err, answers.Forget(ctx))
	}
	s.Lock = replica.NewWorkLock(s.Replica, replicaName(c), leaseLife)
	tidy := func(ctx context.Context, before time.Time) (removed int, err error) {
		removed, err = collect(ctx, before)
		return removed, errors.Join(err, records.Move(ctx))
	}
	if s.renders, err = render.Open(c.RenderDir(), s.Audio, render.Options{Rate: dsp.Rate(c.Render.Rate),
		Silence: playout.SilenceLimit,
		Limit:   c.Render.Bytes, AtOnce: c.Render.AtOnce, Open: playout.OpenMP3, Log: log,
		Room: func(bytes int64) error { return s.disk.Bulk(context.WithoutCancel(ctx), bytes) }}); err != nil {
		return nil, err
	}
	erasures := erasure.New(s.Replica, records, s.Scheduler.Record.Links, s.Audio, signer, time.Now)
	s.background = background.NewRunner(s.Replica, lib, s.Scheduler, s.Access, s.notes, s.SignIn, erasures,
		s.renders, confirmations, s.Lock, tidy, opened.Baseline, log,
		backgroundEvery, time.Now)
	if err := lib.Recalls.Ensure(ctx); err != nil {
		return nil, err
	}
	if err := s.Scheduler.Resigner.Resign(ctx); err != nil {
		log.Error("documents that stations pull stay signed with a former key", "error", err)
	}
	if c.Store == "sqlite" { // no other replica: audio older than this without a segment is left from a crash
		before := time.Now().Add(-fileTick)
		s.clear = func(ctx context.Context) (int, error) { return collect(ctx, before) }
	}
	if s.webhooks, err = openWebhooks(c, key, s.Replica, s.Lock, figures, log); err != nil {
		return nil, err
	}
	figures.Census(logbook.Census, s.webhooks.Deliverer.Lags, s.webhooks.Deliverer.Failing, s.background.Failing)
	metrics := figures.Handler()
	if c.Guard.MetricsListen != "" {
		if s.metrics, err = listenForMetrics(c.Guard.MetricsListen, figures.OpenHandler()); err != nil {
			return nil, err
		}
	}
	if c.Guard.OpenMetrics {
		metrics = figures.OpenHandler()
	}
	tls, err := tlsConfig(c, log, figures)
	if err != nil {
		return nil, err
	}
	proxies, err := c.Guard.TrustedProxies()
	if err != nil {
		return nil, err
	}
	s.Server = &http.Server{
		TLSConfig: tls,
		Handler: httpapi.New(httpapi.Parts{Access: s.Access, Notes: s.notes, Erasures: erasures, Waiting: confirmations,
			Members:    access.NewMembers(s.Replica, time.Now),
			SignIn:     s.SignIn,
			Enrolments: access.NewEnrolments(s.Replica, codes, signer.Signer(wire.ProofType), time.Now),
			Library:    lib, Scheduler: s.Scheduler, Logbook: logbook, Receipts: s.Scheduler.Record.Receipts,
			MirrorLists: access.NewMirrorLists(s.Replica, signer.mirrorKeys(), time.Now), Answers: answers, Replica: s.Replica,
			Media: access.NewMedia(secret, publicURL, c.MediaLife, time.Now),
			Meter: figures, Metrics: metrics, OpenMetrics: c.Guard.OpenMetrics, Tracer: s.traces, Rate: rateOf(c, opened),
			Windows: scheduling.NewWindows(s.Scheduler.Lists, s.renders), Webhooks: s.webhooks, PublicURL: publicURL,
			Origins: c.Guard.Origins, TLSOnly: c.TLSOnly(), Proxies: proxies, Stopping: stopping,
			Keys: signer.Public(), FormerKeys: keys.Former(), Roots: signer.roots, FirstRoot: signer.first,
			Now: time.Now, Log: log,
			Room: s.Reserve.Ready,
			Ready: map[string]func(context.Context) error{"store": s.Store.Ping, "audio": s.audioReady,
				"workers": s.background.Alive}}),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute, // a handler that expects slow bodies extends it
		WriteTimeout:      2 * time.Minute, // likewise
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// openSignIn assembles the sign-in of persons at the public address.
func openSignIn(m *replica.Replica, c config.Serve, key ed25519.PrivateKey, publicURL string) (*signin.SignIn, error) {
	secret, err := DerivedKey(key, forSignIn)
	if err != nil {
		return nil, err
	}
	return signin.New(m, signin.SiteOf(publicURL, c.Guard.Origins), secret, time.Now)
}

// offerProvider has persons sign in by the identity provider of the configuration, if it names one. The provider itself
// is asked when the first person signs in.
func offerProvider(in *signin.SignIn, c config.Serve) error {
	if c.OIDC.Issuer == "" {
		return nil
	}
	console, err := in.Console()
	if err != nil {
		return fmt.Errorf("--oidc-issuer: %w", err)
	}
	b, err := secret.Read(c.OIDC.SecretFile)
	if err != nil {
		return fmt.Errorf("--oidc-secret-file: %w", err)
	}
	in.Offer(provider.New(provider.Settings{Issuer: c.OIDC.Issuer, ClientID: c.OIDC.ClientID,
		Secret: strings.TrimSpace(string(b)), Redirect: console + "/"}, time.Now))
	return nil
}

// SignInHere returns the sign-in of persons for a command on the service's machine, which makes codes. It fails if the
// service's key is not there, or is not the one of the store.
func SignInHere(ctx context.Context, c config.Serve, s VersionedStore) (*signin.SignIn, error) {
	key, err := SigningKey(c.Key)
	if errors.Is(err, fs.ErrNotExist) {
		err = fault.New(fault.NotFound, "the service's key is not in %s: run this on the machine of the service, with the flags "+
			"of lifeline serve", c.Key)
	}
	if err == nil {
		err = KnownKey(ctx, c, s, KeyID(key))
	}
	if err != nil {
		return nil, err
	}
	m, err := replica.Open(ctx, s, kinds.All)
	if err != nil {
		return nil, err
	}
	return openSignIn(m, c, key, "")
}

// webhookPatience contains the retry intervals of failed webhooks. The first is short, because most failures are.
var webhookPatience = webhooks.Patience{First: time.Second, Longest: 8 * time.Hour, GiveUp: 5 * 24 * time.Hour}

// openWebhooks assembles the delivery of webhooks.
func openWebhooks(c config.Serve, key ed25519.PrivateKey, r *replica.Replica, lock *replica.WorkLock,
	meter webhooks.DeliveryMeter, log *slog.Logger) (*webhooks.Webhooks, error) {
	secret, err := DerivedKey(key, forWebhooks)
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

func (s *Service) audioReady(ctx context.Context) error {
	_, err := s.Audio.List(ctx, "", 1)
	return err
}

// stopTimeout is how long requests may take to end when the service stops.
const stopTimeout = 10 * time.Second

// lastResponses is the part of stopTimeout that remains for responses after running requests were cancelled.
const lastResponses = time.Second

// errStopping cancels requests that take longer than the service waits when it stops.
var errStopping = fault.New(fault.Unavailable, "the service is stopping, and this took longer than it waits: ask "+
	"again when it is back")

// Run serves on l until ctx ends or a part fails, and then stops: the listener closes, requests that wait for changes
// end, and other requests have stopTimeout. The parts that requests need run until the requests have ended; background
// work ends at once.
func (s *Service) Run(ctx context.Context, l net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	requests, end := context.WithCancelCause(context.WithoutCancel(ctx))
	s.Server.BaseContext = func(net.Listener) context.Context { return requests }
	g.Go(func() error {
		return s.Replica.Run(requests, func(err error) {
			s.log.Warn("the change feed broke off and is taken up again",
				"error", err)
		})
	})
	g.Go(func() error { return s.background.Run(ctx) })
	g.Go(func() error { return s.Reserve.Run(requests) })
	g.Go(func() error { return s.webhooks.Deliverer.Run(ctx) })
	g.Go(func() error {
		s.clearUp(ctx)
		return nil
	})
	g.Go(func() error {
		serve := func() error { return s.Server.Serve(l) }
		if s.Server.TLSConfig != nil {
			serve = func() error { return s.Server.ServeTLS(l, "", "") }
		}
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	g.Go(func() error { return s.metrics.run(requests) })
	g.Go(func() error { return roomForGarbage(ctx) })
	g.Go(func() error {
		supervise.Run(ctx, s.log, s.works)
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		s.Stopping()
		defer end(nil)
		defer time.AfterFunc(stopTimeout-lastResponses, func() { end(errStopping) }).Stop()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := s.Server.Shutdown(stopping); err != nil {
			s.log.Warn("requests were still running and are cut", "error", err)
			return s.Server.Close()
		}
		return nil
	})
	return g.Wait()
}

// works hangs if the service answers no requests. It does not depend on the store, since a service that waits for its
// store is not mended by a start.
func (s *Service) works() error {
	replica.SegmentsIn(s.Replica).Changes() // waits for the lock that each request takes
	return nil
}

// clearUp removes audio that an interrupted upload left. It runs in the background, because a library of years has many
// files. What it fails to remove, the background jobs remove later.
func (s *Service) clearUp(ctx context.Context) {
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

func (s *Service) Close() error {
	stopping, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := s.traces.Close(stopping)
	if s.notes != nil {
		err = errors.Join(err, s.notes.Flush(stopping, true))
	}
	if s.background != nil { // while no service runs, whoever changes documents by hand has time to change entries too
		if err := s.Scheduler.Record.Sealing.SealAudit(stopping, true); err != nil {
			s.log.Warn("the audit is not sealed up to its end", "error", err)
		}
	}
	if s.renders != nil {
		err = errors.Join(err, s.renders.Close())
	}
	if s.Audio != nil {
		err = errors.Join(err, s.Audio.Close())
	}
	if s.opened.back != nil {
		err = errors.Join(err, s.opened.Close())
	}
	return errors.Join(err, s.data.Close())
}
