package playout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/internal/client"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/spool"
	"lifeline/internal/playout/statedir"
)

// Options says what a player is to do. Station, State, API, Open and Rate are required.
type Options struct {
	Station    string
	State      *statedir.Dir
	API        *client.Client
	Pins       Pins
	Follow     FollowOptions
	Open       Open
	Rate       dsp.Rate
	Block      time.Duration // that the outputs are fed at a time; 20 ms
	Bandwidth  int           // bytes per second for audio; 0: no limit
	CacheBytes int64         // that recordings may take up; 0: what the disk has
	Silence    time.Duration // after which an item that is silent is replaced; 0: never
	Outputs    []output.Output
	// of Outputs: what these take has aired; none: those that are continuous or, without any, all
	Counting []output.Output
	Until    time.Time                 // stop by itself then; zero: run on
	Stopping func(*Holdings) time.Time // like Until, once it is known; nil: never
	Now      Now                       // the machine's time
	Uptime   Uptime                    // zero: a restart begins with the machine's time, whatever was kept before
	Log      *slog.Logger
	Notify   func(Notice) // called by the player's own goroutine, which it must not hold up
	Version  string
	Built    string // what the program was built from; the state directory notes it
}

// Player is a whole station at work.
type Player struct {
	opt       Options
	time      *Timekeeper
	problems  *Problems
	documents *DocumentStore
	cache     *Cache
	spool     *spool.Spool
	log       *spool.Logbook
	follower  *Follower
	deck      *Deck
	cuer      *Cuer
	lines     output.Lines
	sound     output.Sound
	reporter  *Reporter
	meter     dsp.PeakMeter
	playing   atomic.Pointer[Notice]
}

// OpenPlayer takes up the state directory, which no other player may have: what it holds airs from the first moment,
// with or without the service.
func OpenPlayer(opt Options) (*Player, error) {
	if opt.Block == 0 {
		opt.Block = output.BlockLength
	}
	if opt.Notify == nil {
		opt.Notify = func(Notice) {}
	}
	opt.API = opt.API.Patient()
	p := &Player{opt: opt, problems: NewProblems(opt.Now, opt.Log)}
	err := opt.State.Lock()
	if err != nil {
		return nil, err
	}
	if err := opt.State.For(opt.Station); err != nil {
		return nil, err
	}
	for _, damaged := range opt.State.Damaged() {
		p.problems.Add("%s", damaged)
	}
	p.time = OpenTimekeeper(opt.Now, opt.Uptime, opt.State, p.problems)
	if err := opt.State.Mark("playout " + opt.Built); err != nil { // before anything that an older player knows not
		return nil, err
	}
	if p.documents, err = OpenDocumentStore(opt.State, opt.Station, opt.Pins, p.time.Now, p.problems); err != nil {
		return nil, err
	}
	if !p.documents.Pinned() && !opt.Follow.TrustFirst {
		return nil, errors.New("there is no key to tell the service's word by, so nothing would air: give the root document " +
			"of the service's keys with --root, or, where it has none, the service's public key with --key, as GET /v1/keys " +
			"shows it; or --trust-on-first-use to keep the key that the service shows first")
	}
	if p.cache, err = OpenCache(opt.State, p.problems, p.time.Now); err != nil {
		return nil, err
	}
	// A state directory that was lost must not begin its sequences again: seconds outrun any number of items.
	if p.spool, err = spool.Open(opt.State, p.time.Now().Unix(), p.problems.Add); err != nil {
		return nil, err
	}
	if lost := p.spool.Lost(); lost != "" {
		p.problems.Raise("as-run lost", "%s", lost)
	}
	if err := opt.State.Belong(opt.Station); err != nil {
		return nil, errors.Join(err, p.spool.Close())
	}
	if p.log, err = spool.OpenLogbook(p.spool, opt.State, p.problems.Add); err != nil {
		return nil, errors.Join(err, p.spool.Close())
	}
	p.follower = NewFollower(opt.API, opt.Station, p.documents, p.problems, p.time, opt.Follow)
	p.cuer = NewCuer(p.cache, opt.Open, opt.Rate, cueWait)
	for _, out := range opt.Outputs {
		p.lines.Add(output.NewLine(out, opt.counts(out), &p.sound, opt.Rate, p.time.Now, p.problems.Add))
	}
	p.deck = NewDeck(opt.Rate, p.lines.Lead(), opt.Silence, p.documents.Holdings, p.cuer, p.log, p.heard(), p.problems,
		p.notice)
	p.playing.Store(&Notice{})
	p.reporter = &Reporter{station: opt.Station, service: opt.API.Station(opt.Station), documents: p.documents,
		cache: p.cache, follower: p.follower,
		problems: p.problems, playing: func() string { return p.playing.Load().ItemID }, level: p.meter.DBFS, now: p.time.Now,
		version: opt.Version, instance: rand.Text()}
	return p, nil
}

// counts reports whether what out takes has aired.
func (o *Options) counts(out output.Output) bool {
	if len(o.Counting) > 0 {
		return slices.Contains(o.Counting, out)
	}
	return out.Continuous() || !slices.ContainsFunc(o.Outputs, output.Output.Continuous)
}

// watchSound tells each second how the outputs stand.
func (p *Player) watchSound(ctx context.Context) {
	for retry.Pause(ctx, time.Second) == nil {
		p.sound.Tell(p.problems)
	}
}

// heard is the sound of a player that has outputs.
func (p *Player) heard() *output.Sound {
	if len(p.opt.Outputs) == 0 {
		return nil
	}
	return &p.sound
}

// notice keeps what is on the air and passes everything on.
func (p *Player) notice(n Notice) {
	switch n.Kind {
	case ItemStart:
		p.playing.Store(&n)
	case ItemEnd:
		p.playing.Store(&Notice{})
	}
	p.opt.Notify(n)
}

// How long the ends of a run may take.
const (
	linesEnd   = 10 * time.Second
	logbookEnd = 10 * time.Second
	reportEnd  = 10 * time.Second
)

// Run plays until ctx is done or the time to stop has come. What was on the air is then cut and written down, and
// reported if the service can be reached. It fails only when one of its parts died.
func (p *Player) Run(ctx context.Context) error {
	service := p.opt.API.Station(p.opt.Station)
	// The logbook outlives the deck, and the sender the logbook: each is stopped when nothing more can come to it.
	logbook, stopLogbook := context.WithCancel(context.WithoutCancel(ctx))
	sender, stopSender := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLogbook()
	defer stopSender()
	g, live := errgroup.WithContext(ctx)
	var tailWork errgroup.Group
	tailWork.Go(func() error { return p.log.Run(logbook, logbookEnd) })
	tailWork.Go(func() error { return (&Sender{p.spool, service, p.problems}).Run(sender) })

	outputs, stopOutputs := context.WithCancel(context.WithoutCancel(ctx))
	defer stopOutputs()
	p.lines.Run(outputs)
	live, stop := context.WithCancel(live)
	g.Go(func() error {
		defer stop()
		p.air(live)
		return nil
	})
	g.Go(func() error { return p.follower.Run(live) })
	g.Go(func() error {
		return (&Inbox{p.opt.State, p.opt.Station, p.documents, p.cache, p.problems}).Run(live)
	})
	g.Go(func() error {
		return NewFetcher(p.cache, p.documents, service, p.opt.Bandwidth, p.opt.CacheBytes, p.time.Now).Run(live)
	})
	g.Go(func() error {
		return p.reporter.Run(live)
	})
	g.Go(func() error { return p.documents.KeepTime(live) })
	g.Go(func() error { p.watchSound(live); return nil })
	err := g.Wait()
	err = errors.Join(err, p.lines.Close(linesEnd)) // what was rendered is still heard at its time
	stopOutputs()
	p.cuer.Close()
	stopLogbook()
	p.drain(reportEnd)
	stopSender()
	return errors.Join(err, tailWork.Wait(), p.spool.Close())
}

// drain waits until everything is reported, but no longer than limit: the spool keeps what is left.
func (p *Player) drain(limit time.Duration) {
	late := time.NewTimer(limit)
	defer late.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		waiting := p.log.Waiting() // before what it may have become
		if pending, _ := p.spool.Pending(1); waiting == 0 && len(pending) == 0 {
			return
		}
		select {
		case <-late.C:
			p.opt.Log.Info("some of what aired is still to be reported; the next start does that")
			return
		case <-tick.C:
		}
	}
}

// The bounds within which the timeline may be behind the station's time before it jumps to it.
const (
	stallMost = 2 * time.Second // the player was held up for longer than this, with somebody listening
	idleMost  = time.Second     // between two looks at the clock when no output wants anything
)

// air renders the timeline by the station's time and feeds the outputs, until ctx is done or it is time to stop.
func (p *Player) air(ctx context.Context) {
	rate, lead := p.opt.Rate, p.lines.Lead()
	block := max(rate.Frames(p.opt.Block), 1)
	begun, seen := p.time.look()
	pos := rate.Frame(begun.Add(lead))
	stall := output.FileStall
	if p.lines.Continuous() {
		stall = stallMost
	}
	for {
		now, moved := p.time.look()
		due := rate.Frame(now.Add(lead))
		jump := moved - seen
		seen = moved
		behind := rate.Duration(due - pos)
		if jump != 0 || behind > stall {
			why := fmt.Sprintf("the player was held up for %v", behind.Round(time.Millisecond))
			if jump != 0 {
				why = fmt.Sprintf("the station's time jumped by %v", jump.Round(time.Millisecond))
			}
			p.problems.Add("%s", why)
			p.deck.Jump(pos, why)
			pos = due
		}
		if stop := p.stopAt(); !stop.IsZero() && !rate.Time(pos).Before(stop) || ctx.Err() != nil {
			why := "the player was stopped"
			if ctx.Err() == nil {
				why = "the player's time was over"
			}
			p.deck.Leave(pos, why)
			p.lines.Put(output.Block{Frame: pos})
			return
		}
		n := int64(1)
		for pos <= due && n > 0 && ctx.Err() == nil {
			n = p.block(pos, block)
			pos += n
		}
		p.deck.Ahead(pos)
		if n == 0 {
			pos = p.rest(ctx, pos, lead)
			continue
		}
		if retry.Pause(ctx, max(rate.Time(pos).Add(-lead).Sub(p.time.Now()), 0)) != nil {
			continue
		}
	}
}

// rest waits for what comes next while no output wants anything, and answers the frame to go on from.
func (p *Player) rest(ctx context.Context, pos int64, lead time.Duration) int64 {
	rate, changed := p.opt.Rate, p.documents.Changed()
	wait := idleMost
	if _, until := p.deck.Span(pos); until > pos {
		wait = min(wait, rate.Time(until).Add(-lead).Sub(p.time.Now()))
	}
	if retry.Pause(ctx, max(wait, 0), changed) != nil {
		return pos
	}
	next := rate.Frame(p.time.Now().Add(lead))
	if _, until := p.deck.Span(pos); until > pos {
		next = min(next, until)
	}
	return max(next, pos)
}

// stopAt is when the player stops by itself; zero: not by what is known.
func (p *Player) stopAt() time.Time {
	if p.opt.Until.IsZero() && p.opt.Stopping != nil {
		return p.opt.Stopping(p.documents.Holdings())
	}
	return p.opt.Until
}

// block renders and sends what follows pos, and answers how many frames that is: none when no output wants any.
func (p *Player) block(pos, most int64) int64 {
	span, until := p.deck.Span(pos)
	if span == nil && !p.lines.Continuous() {
		p.deck.enter(pos, nil)
		p.lines.Put(output.Block{Frame: pos})
		return 0
	}
	if until > pos {
		most = min(most, until-pos)
	}
	pcm := make([]float32, most*dsp.Channels)
	p.deck.Render(pos, pcm)
	p.meter.Hear(pos, p.opt.Rate, pcm)
	b := output.Block{Frame: pos, PCM: pcm}
	if span != nil {
		b.In = &span.Bounds
	}
	p.lines.Put(b)
	return most
}
