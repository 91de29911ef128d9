package playout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
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
	"lifeline/internal/wire"
)

// Options configures a player. Station, State, API, Open and Rate are required.
type Options struct {
	Station    string
	State      *statedir.Dir
	API        *client.Client
	Pins       Pins
	Follow     FollowOptions
	Mirrors    MirrorOptions
	Drops      DropOptions
	Open       Open
	Rate       dsp.Rate
	Block      time.Duration // length of the blocks for the outputs; 20 ms
	Bandwidth  int           // bytes per second for audio; 0: unlimited
	CacheBytes int64         // maximum size of the cached recordings; 0: bounded by the disk
	Silence    time.Duration // after which a silent item is replaced; 0: never
	Outputs    []output.Output
	// The outputs whose sound counts as aired; none: the continuous ones or, if there are none, all.
	Counting []output.Output
	// The directory of the lists by which players of others air the day; "": this player airs it.
	Lists    string
	Ahead    time.Duration             // for how long ahead the lists have the files of all items
	Once     bool                      // bring the lists up to date once, and stop
	Until    time.Time                 // when to stop; zero: never
	Stopping func(*Holdings) time.Time // like Until, as soon as the time is known; nil: never
	Now      Now                       // the machine's time
	Uptime   Uptime                    // zero: a restart begins with the machine's time and ignores the saved one
	Log      *slog.Logger
	Notify   func(Notice) // called in the player's goroutine; it must not block
	Version  string
	Built    string // build information, which the state directory records
	// an access token was given, and the station uses that of its enrolment
	TokenIgnored bool
}

// Player runs a complete station.
type Player struct {
	opt       Options
	time      *Timekeeper
	problems  *Problems
	documents *DocumentStore
	cache     *Cache
	spool     *spool.Spool
	log       *spool.Logbook
	follower  *Follower
	mirrors   *Mirrors
	deck      *Deck
	cuer      *Cuer
	fetcher   *Fetcher
	lister    *Lister // nil: the deck airs
	lines     output.Lines
	sound     output.Sound
	reporter  *Reporter
	identity  *Identity // nil: the station has not enrolled
	meter     dsp.PeakMeter
	playing   atomic.Pointer[Notice]
	turns     *turns // of the loop that airs or keeps lists
}

// OpenPlayer opens the state directory, which no other player may use. Its content airs from the first moment, with or
// without the service.
func OpenPlayer(opt Options) (*Player, error) {
	if opt.Block == 0 {
		opt.Block = output.BlockLength
	}
	if opt.Notify == nil {
		opt.Notify = func(Notice) {}
	}
	opt.API = opt.API.Patient()
	p := &Player{opt: opt, problems: NewProblems(opt.Now, opt.Log), turns: newTurns()}
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
	if loose := statedir.Own(opt.State.Root); loose != nil {
		p.problems.Raise("state directory", "%v", loose)
	}
	open, err := opt.State.Seal(append(statedir.Twice(identityName), enrollingName)...)
	if err != nil {
		p.problems.Add("other users of this machine may open the state directory: %v", err)
	} else if len(open) > 0 {
		opt.Log.Warn("other users of this machine could open files of the state directory; they no longer can", "files", open)
	}
	p.time = OpenTimekeeper(opt.Now, opt.Uptime, opt.State, p.problems)
	if err := opt.State.Mark("playout " + opt.Built); err != nil { // before anything that an older player knows not
		return nil, err
	}
	if p.documents, err = OpenDocumentStore(opt.State, opt.Station, opt.Pins, p.time.Now, p.problems); err != nil {
		return nil, err
	}
	if !p.documents.Pinned() && !opt.Follow.TrustFirst {
		return nil, errors.New("there is no key to verify the service's documents with, so nothing would air: give the " +
			"root document of the service's keys with --root, or, where it has none, the service's public key with --key, as " +
			"GET /v1/keys shows it; or --trust-on-first-use to keep the key that the service shows first")
	}
	if p.cache, err = OpenCache(opt.State, p.problems, p.time.Now); err != nil {
		return nil, err
	}
	// After the loss of a state directory, sequences must not repeat: the Unix time grows faster than any number of items.
	if p.spool, err = spool.Open(opt.State, p.time.Now().Unix(), p.problems.Add); err != nil {
		return nil, err
	}
	p.documents.acknowledge = p.acknowledge
	p.identify()
	if opt.TokenIgnored {
		p.problems.Add("this station is enrolled and uses the token of its enrolment: another one that was given is ignored. " +
			"Remove --token, --token-file, LIFELINE_TOKEN and LIFELINE_TOKEN_FILE from the player's settings")
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
	if own, err := LoadIdentity(opt.State); err != nil {
		p.problems.Add("no mirror can be read, because the station's own key is damaged: %v", err)
	} else if own != nil && opt.Mirrors.Key == nil {
		opt.Mirrors.Key, opt.Mirrors.Recipient = own.Age(), own.Recipient()
	}
	p.mirrors = NewMirrors(opt.Station, p.documents, p.cache, p.follower, p.problems, p.time.Now, opt.Mirrors)
	p.fetcher = NewFetcher(p.cache, p.documents, opt.API.Station(opt.Station), p.mirrors, opt.Bandwidth, opt.CacheBytes,
		p.time.Now)
	p.cuer = NewCuer(p.cache, opt.Open, opt.Rate, cueWait)
	for _, out := range opt.Outputs {
		p.lines.Add(output.NewLine(out, opt.counts(out), &p.sound, opt.Rate, p.time.Now, p.problems.Add))
	}
	p.deck = NewDeck(opt.Rate, p.lines.Lead(), opt.Silence, p.documents.Holdings, p.cuer, p.log, p.heard(), p.problems,
		p.notice)
	if opt.Lists != "" {
		if p.lister, err = openLister(opt, p.documents, p.cache, p.spool, p.problems, p.time); err != nil {
			return nil, errors.Join(err, p.spool.Close())
		}
		p.lister.turns = p.turns
	}
	p.playing.Store(&Notice{})
	p.reporter = &Reporter{station: opt.Station, service: opt.API.Station(opt.Station), documents: p.documents,
		cache: p.cache, follower: p.follower,
		problems: p.problems, playing: func() string { return p.playing.Load().ItemID }, level: p.meter.DBFS, now: p.time.Now,
		version: opt.Version, instance: rand.Text(), identity: p.identity}
	return p, nil
}

// acknowledge drops the entries from the spool that receipts name.
func (p *Player) acknowledge(r wire.Receipts) error {
	n, err := p.spool.Acknowledge(r)
	if n > 0 && err == nil {
		p.opt.Log.Info("what aired is on record: others brought it to the service", "entries", n)
	}
	return err
}

// identify loads the station's keys. Without them the player airs and reports all the same: the service knows that its
// reports are not signed.
func (p *Player) identify() {
	const alarm = "keys"
	identity, err := LoadIdentity(p.opt.State)
	switch {
	case err != nil:
		p.problems.Raise(alarm, "the station's own keys cannot be read (%v): its reports are not signed, and do not count. "+
			"Enrol the station anew with a code that lifeline station enrol %s makes", err, p.opt.Station)
	case identity != nil && identity.Station != p.opt.Station:
		p.problems.Raise(alarm, "the keys in the state directory are those of station %s: the reports of %s are not signed. "+
			"Name its own directory with --state, or enrol it", identity.Station, p.opt.Station)
	default:
		p.identity = identity
	}
}

// counts reports whether the sound that out accepts counts as aired.
func (o *Options) counts(out output.Output) bool {
	if len(o.Counting) > 0 {
		return slices.Contains(o.Counting, out)
	}
	return out.Continuous() || !slices.ContainsFunc(o.Outputs, output.Output.Continuous)
}

// watchSound reports the state of the outputs each second.
func (p *Player) watchSound(ctx context.Context) {
	for retry.Pause(ctx, time.Second) == nil {
		p.sound.Tell(p.problems)
	}
}

// settleEvery is the time between two attempts to save what the disk did not take.
const settleEvery = 2 * time.Second

// spareEvery is the time between two attempts to make the spare whole.
const spareEvery = time.Minute

// settle saves what the disk did not take when it came, and raises an alarm until the disk takes it. It also keeps the
// spare for recalls.
func (p *Player) settle(ctx context.Context) {
	const alarm, spare = "unsaved", "spare"
	var looked time.Time
	for {
		if time.Since(looked) >= spareEvery {
			looked = time.Now()
			if err := p.opt.State.Spare(); err != nil {
				p.problems.Raise(spare, "the state directory %s has no room to spare: %s. Recalls take effect, but a restart may "+
					"forget them: check the disk", p.opt.State.Root.Name(), diskWords(err))
			} else {
				p.problems.Calm(spare)
			}
		}
		if err := p.opt.State.Settle(); err != nil {
			p.problems.Raise(alarm, "the state directory %s cannot be written: %s. The station goes by what it has received, and a "+
				"restart would forget it: check the disk", p.opt.State.Root.Name(), diskWords(err))
		} else {
			p.problems.Calm(alarm)
		}
		if retry.Pause(ctx, settleEvery) != nil {
			return
		}
	}
}

// heard returns the sound that left the machine; nil if the player has no outputs.
func (p *Player) heard() *output.Sound {
	if len(p.opt.Outputs) == 0 {
		return nil
	}
	return &p.sound
}

// notice records the item on the air and forwards every notice.
func (p *Player) notice(n Notice) {
	switch n.Kind {
	case ItemStart:
		p.playing.Store(&n)
	case ItemEnd:
		p.playing.Store(&Notice{})
	}
	p.opt.Notify(n)
}

// The maximum durations of the steps at the end of a run.
const (
	linesEnd   = 10 * time.Second
	logbookEnd = 10 * time.Second
	reportEnd  = 10 * time.Second
)

// Run plays until ctx is done or the time to stop has come. It then cuts the item on the air, records it, and reports
// it if the service is reachable. It fails only if one of the player's parts failed.
func (p *Player) Run(ctx context.Context) error {
	service := p.opt.API.Station(p.opt.Station)
	// The logbook outlives the deck, and the sender the logbook: each is stopped after the last input can have arrived.
	logbook, stopLogbook := context.WithCancel(context.WithoutCancel(ctx))
	sender, stopSender := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLogbook()
	defer stopSender()
	g, live := errgroup.WithContext(ctx)
	var tailWork errgroup.Group
	tailWork.Go(func() error { return p.log.Run(logbook, logbookEnd) })
	send := &Sender{spool: p.spool, service: service, problems: p.problems, identity: p.identity}
	tailWork.Go(func() error { return send.Run(sender) })
	drops := p.dropper(send)

	outputs, stopOutputs := context.WithCancel(context.WithoutCancel(ctx))
	defer stopOutputs()
	p.lines.Run(outputs)
	live, stop := context.WithCancel(live)
	g.Go(func() error {
		defer stop()
		defer p.turns.end()
		return p.work(live)
	})
	g.Go(func() error { return p.follower.Run(live) })
	g.Go(func() error {
		return (&Inbox{p.opt.State, p.opt.Station, p.documents, p.cache, p.problems}).Run(live)
	})
	g.Go(func() error { return p.fetcher.Run(live) })
	g.Go(func() error {
		return p.reporter.Run(live)
	})
	g.Go(func() error { return p.mirrors.Run(live) })
	g.Go(func() error { drops.Run(live); return nil })
	g.Go(func() error { return p.documents.KeepTime(live) })
	g.Go(func() error { p.watchSound(live); return nil })
	g.Go(func() error { p.settle(live); return nil })
	g.Go(func() error { (&eraser{p.documents, p.cache, p.time.Now}).Run(live); return nil })
	err := g.Wait()
	err = errors.Join(err, p.lines.Close(linesEnd)) // rendered sound is still heard at its time
	stopOutputs()
	p.cuer.Close()
	stopLogbook()
	p.drain(reportEnd)
	drops.Leave(reportEnd)
	stopSender()
	return errors.Join(err, tailWork.Wait(), p.spool.Close())
}

// work airs, or keeps the lists by which others air.
func (p *Player) work(ctx context.Context) error {
	switch {
	case p.lister == nil:
		p.air(ctx)
	case p.opt.Once:
		return p.lister.Once(ctx, p.follower, p.fetcher)
	default:
		return p.lister.Run(ctx)
	}
	return nil
}

// drain waits until all entries are reported, at most limit: the spool keeps the rest.
func (p *Player) drain(limit time.Duration) {
	late := time.NewTimer(limit)
	defer late.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		waiting := p.log.Waiting() // read first: an entry moves from here to the spool
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

// The limits for how far the timeline may be behind the station's time before it jumps.
const (
	stallMost = 2 * time.Second // for a player with listeners: a longer delay is a stall
	idleMost  = time.Second     // the longest interval between two looks at the clock while no output takes sound
)

// air renders the timeline by the station's time and feeds the outputs, until ctx is done or the time to stop has come.
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
		p.turns.done()
		now, moved := p.time.look()
		due := rate.Frame(now.Add(lead))
		jump := moved - seen
		seen = moved
		behind := rate.Duration(due - pos)
		if jump != 0 || behind > stall {
			why := fmt.Sprintf("the player could not run for %v", behind.Round(time.Millisecond))
			if jump != 0 {
				why = fmt.Sprintf("the station's time jumped by %v", jump.Round(time.Millisecond))
			}
			p.problems.Add("%s", why)
			p.deck.Jump(pos, why)
			pos = due
		}
		last := int64(math.MaxInt64)
		if stop := p.stopAt(); !stop.IsZero() {
			last = rate.Frame(stop)
		}
		if pos >= last || ctx.Err() != nil {
			why := "the player was stopped"
			if ctx.Err() == nil {
				why = "the player's time was over"
			}
			p.deck.Leave(pos, why)
			p.lines.Put(output.Block{Frame: pos})
			return
		}
		n := int64(1)
		for pos <= due && pos < last && n > 0 && ctx.Err() == nil {
			n = p.block(pos, min(block, last-pos))
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

// rest waits for the next window while no output takes sound, and returns the frame to continue from.
func (p *Player) rest(ctx context.Context, pos int64, lead time.Duration) int64 {
	rate, changed := p.opt.Rate, p.documents.Changed()
	wait := idleMost
	if _, until := p.deck.WindowAt(pos); until > pos {
		wait = min(wait, rate.Time(until).Add(-lead).Sub(p.time.Now()))
	}
	if retry.Pause(ctx, max(wait, 0), changed) != nil {
		return pos
	}
	next := rate.Frame(p.time.Now().Add(lead))
	if _, until := p.deck.WindowAt(pos); until > pos {
		next = min(next, until)
	}
	return max(next, pos)
}

// stopAt returns when the player stops by itself, as far as is known; zero: never.
func (p *Player) stopAt() time.Time {
	if p.opt.Until.IsZero() && p.opt.Stopping != nil {
		return p.opt.Stopping(p.documents.Holdings())
	}
	return p.opt.Until
}

// block renders and sends the frames after pos, and returns their number: 0 if no output takes sound.
func (p *Player) block(pos, most int64) int64 {
	span, until := p.deck.WindowAt(pos)
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
