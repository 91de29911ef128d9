package playout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"lifeline/internal/playlist"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/spool"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Lister lets players of others air the station's day from local files that it has verified. It writes into a directory
// that those players read:
//
//	next               what airs now and in the coming minutes: see Lister.next
//	air/NAME.wav       a file for each line of next, to be played as it is
//	DATE.m3u, .liq, .ffconcat, and fallback.*: whole days, for players that keep no time
//	audio/<sha256>.mp3 the recordings that these name
//	reports/           what the players' scripts report: see Lister.reports
//
// A file is there only while a list names it. What may not air any more is removed before the lists are written anew,
// so that a player with an old list cannot open it.
type Lister struct {
	path      string // of dir
	dir       *statedir.Dir
	state     *statedir.Dir
	documents *DocumentStore
	cache     *Cache
	spool     *spool.Spool
	problems  *Problems
	time      *Timekeeper
	rate      dsp.Rate
	ahead     time.Duration
	plan      listPlanner
	pieces    *pieces

	kept    listedRecord
	written map[string]string // content of each list
	linked  map[string]int64  // losses of each recording before it was put beside the lists
	failing map[string]string // by alarm and file: the alarm of what could not be written or removed
	days    dayState          // that the lists of days were written for
	stands  atomic.Pointer[Listing]
	turns   *turns
}

// dayState is what the lists of days depend on.
type dayState struct {
	generation int64
	cached     int64
	minute     time.Time
}

// Listing is the state of the lists, for local observers.
type Listing struct {
	Dir       string            `json:"dir"`
	Turns     int               `json:"turns"` // lines of next
	Until     schedules.Instant `json:"until,omitzero"`
	WrittenAt schedules.Instant `json:"written_at,omitzero"` // when next was written last
}

// listedRecord is what a restart must not lose.
type listedRecord struct {
	Entries  map[string]listed `json:"turns"`    // by name: for reports
	Segments map[string]string `json:"segments"` // segment of each recording: a recall names segments
}

// listed is an entry that a report may name.
type listed struct {
	ItemID    string            `json:"item_id"`
	SegmentID string            `json:"segment_id"`
	SHA256    string            `json:"sha256"`
	From      schedules.Instant `json:"from"`
	Until     schedules.Instant `json:"until"`
	Fallback  bool              `json:"fallback,omitempty"`
	Detail    string            `json:"detail,omitempty"`
	Sum       string            `json:"sum,omitempty"` // SHA-256 of the entry's file
}

const (
	listedName  = "listed.json"
	listedFor   = 48 * time.Hour
	listedMost  = 8 << 20
	lookEvery   = 500 * time.Millisecond
	entryGrace  = 10 * time.Second // for which a file stays after its entry
	listsMode   = 0o640
	foldersMode = 0o750
)

// plainPath matches paths that every player's lists can hold without quoting.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9._+@/-]*$`)

// openLister prepares the directory, which it creates when absent. Files of an earlier run stay if they are as they
// were written, so that a restart interrupts nothing.
func openLister(opt Options, documents *DocumentStore, cache *Cache, reports *spool.Spool, problems *Problems,
	keeper *Timekeeper) (*Lister, error) {
	state, rate := opt.State, opt.Rate
	path, err := filepath.Abs(opt.Lists)
	unusable := func(err error) error {
		return fmt.Errorf("playout: the lists that another player opens cannot be kept in %q, which --lists names: %w",
			path, err)
	}
	if err != nil {
		return nil, unusable(err)
	}
	if !plainPath.MatchString(path) {
		return nil, fmt.Errorf("playout: the lists cannot be in %q: players read that path in lists of four formats, so "+
			"that it must consist of letters, digits and . _ + @ - /. Name another directory with --lists", path)
	}
	if err := os.MkdirAll(path, foldersMode); err != nil {
		return nil, unusable(err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, unusable(err)
	}
	if loose := statedir.Own(root); loose != nil {
		problems.Raise("lists' directory", "%v", loose)
	}
	l := &Lister{path: path, dir: &statedir.Dir{Root: root, Mode: listsMode}, state: state, documents: documents,
		cache: cache, spool: reports, problems: problems, time: keeper, rate: rate, ahead: opt.Ahead,
		kept:    listedRecord{map[string]listed{}, map[string]string{}},
		written: map[string]string{}, linked: map[string]int64{}, failing: map[string]string{}}
	l.pieces = newPieces(l.dir, cache, opt.Open, rate, keeper.Now, problems)
	l.plan = listPlanner{rate: rate, ready: l.pieces.Ready, aside: l.aside,
		has: func(a wire.AudioRef) bool { return cache.Has(a) && !l.pieces.Unfit(a.SHA256) }}
	l.stands.Store(&Listing{Dir: path})
	for _, c := range statedir.Records[listedRecord](state, listedMost, listedName) {
		if c.Err == nil && c.Value.Entries != nil && c.Value.Segments != nil {
			l.kept = c.Value
		} else if c.Damaged() {
			problems.Add("%s is damaged and left out: reports of what aired before cannot be taken: %v", listedName, c.Err)
		}
	}
	if err := l.clear(); err != nil {
		return nil, errors.Join(unusable(err), root.Close())
	}
	return l, nil
}

// clear makes the folders, and removes what an earlier run left and cannot be verified.
func (l *Lister) clear() error {
	root := l.dir.Root
	for folder, mode := range map[string]fs.FileMode{"air": foldersMode, "audio": foldersMode,
		reportsDir: foldersMode | 0o020} {
		if err := root.MkdirAll(folder, mode); err != nil {
			return err
		}
		if err := root.Chmod(folder, mode); err != nil { // whatever the umask
			return err
		}
	}
	for _, pattern := range []string{"air/*", "audio/*", "*.tmp"} {
		left, err := fs.Glob(root.FS(), pattern)
		if err != nil {
			return err
		}
		for _, name := range left {
			if l.pieces.adopt(name, l.kept.Entries) || l.isLinked(name) {
				continue
			}
			if err := root.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// isLinked reports whether a recording beside the lists is the file in the cache.
func (l *Lister) isLinked(name string) bool {
	ours, err := l.dir.Root.Lstat(name)
	if err != nil || !strings.HasPrefix(name, "audio/") {
		return false
	}
	theirs, err := l.state.Root.Lstat(name)
	return err == nil && os.SameFile(ours, theirs)
}

// Run keeps the lists until ctx is done.
func (l *Lister) Run(ctx context.Context) error {
	made := make(chan error, 1)
	go func() { made <- l.pieces.Run(ctx) }()
	for {
		changed := l.documents.Changed()
		l.look()
		l.turns.done()
		if retry.Pause(ctx, lookEvery, changed, l.pieces.made) != nil {
			return <-made
		}
	}
}

// Once brings the lists up to date, once everything was fetched that can be, and returns what is missing.
func (l *Lister) Once(ctx context.Context, follower *Follower, fetcher *Fetcher) error {
	ctx, stop := context.WithCancel(ctx)
	made := make(chan error, 1)
	go func() { made <- l.pieces.Run(ctx) }()
	defer func() { stop(); <-made }()
	for swept := false; ; {
		l.look()
		l.turns.done()
		swept = swept || follower.Swept()
		if generation := l.documents.Holdings().Generation; swept && fetcher.Idle(generation) && l.pieces.Idle() {
			l.look()
			break
		}
		if retry.Pause(ctx, 50*time.Millisecond) != nil {
			return ctx.Err()
		}
	}
	if err := follower.SweepError(); err != nil {
		return err
	}
	missing := 0
	for _, w := range wants(l.documents.Holdings(), l.time.Now()) {
		if !l.cache.Has(w.audio) {
			missing++
		}
	}
	if missing > 0 {
		return Missing(missing)
	}
	if _, err := l.pieces.Failure(); err != nil {
		return fmt.Errorf("playout: the files of the coming items cannot be written: %w", err)
	}
	return nil
}

// Missing is the error of lists that lack recordings, with their number.
type Missing int

func (m Missing) Error() string {
	return fmt.Sprintf("%d recordings of the days held could not be fetched: the lists have the fallback in their place", int(m))
}

// look brings everything up to date.
func (l *Lister) look() {
	h, now := l.documents.Holdings(), l.time.Now()
	l.reports(h, now)
	l.discard(h)
	all := l.plan.between(h, now, entryGrace, l.ahead)
	l.pieces.Want(all)
	l.remember(h, all, now)
	l.next(all, now)
	state := dayState{h.Generation, l.cache.Changes(), now.Truncate(time.Minute)}
	if state != l.days {
		l.days = state
		l.everyDay(h, now)
	}
}

// discard removes recalled recordings from the cache and from the lists' folder at once, and from the latter also what
// the cache has lost. A recall may arrive after the queue that does not name the segment any more, so that the segments
// of recordings are kept.
func (l *Lister) discard(h *Holdings) {
	off := map[string]bool{}
	for sha, segment := range l.kept.Segments {
		off[sha] = h.Recalled(&wire.QueueItem{SegmentID: segment, Audio: wire.AudioRef{SHA256: sha}})
	}
	for sha := range h.recalled {
		off[sha] = true // a recall may name a recording
	}
	for sha, recalled := range off {
		if recalled && hashForm.MatchString(sha) {
			l.remove("audio/" + sha + ".mp3")
			l.cache.discard(sha)
		}
	}
	entries, err := fs.ReadDir(l.dir.Root.FS(), "audio")
	if err != nil {
		l.problems.Add("the recordings of the lists cannot be listed: %v", err)
	}
	for _, e := range entries {
		sha := strings.TrimSuffix(e.Name(), ".mp3")
		if h.forgot || !l.cache.hasHash(sha) || l.cache.Losses(sha) != l.linked[sha] {
			l.remove("audio/" + e.Name())
		}
	}
}

func (l *Lister) remove(name string) {
	err := l.dir.Root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	l.note("removal", name, err, "files in %s may not air and could not be removed: %s. Stop the player and check the disk")
	if err == nil {
		l.note("lists", name, nil, "")
	}
}

// note raises an alarm if something failed with a file, and ends it once nothing fails with any file. The text has the
// directory and the failure.
func (l *Lister) note(alarm, name string, err error, format string) {
	if err != nil {
		l.failing[alarm+name] = alarm
		l.problems.Raise(alarm, format, l.path, diskWords(err))
		return
	}
	delete(l.failing, alarm+name)
	if !slices.Contains(slices.Collect(maps.Values(l.failing)), alarm) {
		l.problems.Calm(alarm)
	}
}

// aside reports an item that does not air.
func (l *Lister) aside(it *wire.QueueItem, outcome schedules.Outcome, why string) {
	l.problems.Add("item %s (%s) was %s: %s", it.ID, it.SegmentID, outcome, why)
	e := schedules.AsRun{ItemID: it.ID, SegmentID: it.SegmentID, SHA256: it.Audio.SHA256, Outcome: outcome, Detail: why,
		StarvedSince: l.documents.Holdings().StarvedSince(l.time.Now())}
	if l.spool.Told(e) { // before a restart
		return
	}
	if _, err := l.spool.Append(e, false); err != nil {
		l.problems.Add("the reports of items that did not air cannot be stored: %v", err)
	}
}

// remember keeps what reports and recalls may name later. Reports may name every file that was there: players go on
// while nobody keeps the lists.
func (l *Lister) remember(h *Holdings, all []ListEntry, now time.Time) {
	next := listedRecord{maps.Clone(l.kept.Entries), map[string]string{}}
	for sha, segment := range l.kept.Segments {
		if l.cache.hasHash(sha) {
			next.Segments[sha] = segment
		}
	}
	h.each(func(it *wire.QueueItem) { next.Segments[it.Audio.SHA256] = it.SegmentID })
	maps.DeleteFunc(next.Entries, func(_ string, t listed) bool { return now.Sub(t.Until.Time) > listedFor })
	replaced := map[string]bool{} // was to start later, and no longer is
	for name, t := range next.Entries {
		replaced[name] = t.From.After(now)
	}
	at, settle := l.rate.Frame(now), l.rate.Frame(now.Add(decideAhead))
	for _, t := range all {
		delete(replaced, t.Name)
		before, known := next.Entries[t.Name]
		if t.Start > settle && !l.pieces.Ready(t.Name) || t.Start <= at && known && before.Sum != "" {
			continue
		}
		next.Entries[t.Name] = listed{ItemID: t.id(), SegmentID: t.Item.SegmentID, SHA256: t.Item.Audio.SHA256,
			From: instant(l.rate, t.Start), Until: instant(l.rate, t.End), Fallback: t.Fills != "", Detail: t.Detail,
			Sum: l.pieces.Sum(t.Name)}
	}
	maps.DeleteFunc(next.Entries, func(name string, _ listed) bool { return replaced[name] })
	if maps.Equal(next.Entries, l.kept.Entries) && maps.Equal(next.Segments, l.kept.Segments) {
		return
	}
	l.kept = next
	if err := l.state.KeepRecord(next, listedName); err != nil {
		l.problems.Add("%s could not be saved: a report after a restart may be refused: %v", listedName, err)
	}
}

// next writes the list of what airs now and in the coming minutes, a line for each item, in order:
//
//	START END NAME TITLE
//
// START and END are milliseconds since 1970 by the clock of this machine, whatever the station's time is. The first
// sample of air/NAME.wav is due at START, and nothing of it is heard from END on. A player that is late begins in the
// middle. A line that is no longer there means that its item is to stop. TITLE has only letters, digits, spaces and
// some marks, so that no script takes it for anything else.
func (l *Lister) next(all []ListEntry, now time.Time) {
	ahead := l.time.Ahead()
	at := l.rate.Frame(now)
	var b strings.Builder
	standing := Listing{Dir: l.path}
	for _, t := range all {
		if t.End <= at || !l.pieces.Ready(t.Name) {
			continue
		}
		local := func(pos int64) int64 { return l.rate.Time(pos).Add(-ahead).Round(time.Millisecond).UnixMilli() }
		fmt.Fprintf(&b, "%d %d %s %s\n", local(t.Start), local(t.End), t.Name, plainTitle(t.Item.Title))
		standing.Turns++
		standing.Until = instant(l.rate, t.End)
	}
	if l.write("next", []byte(b.String())) {
		standing.WrittenAt = schedules.At(now)
	} else {
		standing.WrittenAt = l.stands.Load().WrittenAt
	}
	l.stands.Store(&standing)
}

// plainTitle returns a title without characters that mean something to a shell, to Liquidsoap, to MPD or to ffmpeg.
func plainTitle(title string) string {
	title = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || strings.ContainsRune(" ,.!?()-", r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(title, " "))
	runes := []rune(strings.Join(strings.Fields(title), " "))
	return string(runes[:min(len(runes), 120)])
}

// write replaces a list if its content changed. It reports whether it did.
func (l *Lister) write(name string, b []byte) bool {
	if text, there := l.written[name]; there && text == string(b) {
		return false
	}
	err := l.dir.Replace(name, b)
	l.note("lists", name, err, "the lists in %s cannot be written: %s. What may not air is still removed, and nothing new airs "+
		"until they can be: check the disk")
	if err != nil {
		return false
	}
	l.written[name] = string(b)
	return true
}

// everyDay writes the lists of whole days and of the fallback, and the recordings that they name. They leave out what
// is sensitive: nobody renews a lease for a player that has loaded a list.
func (l *Lister) everyDay(h *Holdings, now time.Time) {
	lists := map[string][]wire.QueueItem{"fallback": {}}
	zone := h.Zone()
	for date := range h.Queues {
		lists[date.String()] = nil
	}
	for _, t := range l.wholeDays(h, now) {
		date := schedules.DateOf(l.rate.Time(t.Start).In(zone)).String()
		lists[date] = append(lists[date], l.local(t))
	}
	for _, it := range h.ValidFallback(now) {
		if h.Barred(&it) == "" && !it.Sensitive && l.plan.has(it.Audio) &&
			(it.NotAfter.IsZero() || it.NotAfter.After(now.Add(it.Duration.Duration))) {
			entry := l.local(ListEntry{Item: &it, End: l.rate.Frames(it.Duration.Duration)})
			lists["fallback"] = append(lists["fallback"], entry)
		}
	}
	named := map[string]bool{}
	for name, items := range lists {
		var linked []wire.QueueItem
		for _, it := range items {
			if l.link(it.Audio) {
				named["audio/"+it.Audio.SHA256+".mp3"] = true
				linked = append(linked, it)
			}
		}
		for _, form := range []playlist.Form{playlist.M3U, playlist.Liq, playlist.FFConcat} {
			b, err := form.Write(playlist.List{Title: name, Items: linked})
			if err != nil {
				l.problems.Add("%v", err)
				continue
			}
			l.write(name+"."+string(form), b)
		}
	}
	l.prune(lists, named)
}

// prune removes lists of days that are over, and recordings that no list names.
func (l *Lister) prune(lists map[string][]wire.QueueItem, named map[string]bool) {
	for _, pattern := range []string{"*-*-*.*", "audio/*"} {
		there, err := fs.Glob(l.dir.Root.FS(), pattern)
		if err != nil {
			l.problems.Add("%v", err)
		}
		for _, name := range there {
			day, _, _ := strings.Cut(name, ".")
			if _, current := lists[day]; !current && !named[name] {
				l.remove(name)
				delete(l.written, name)
			}
		}
	}
}

// wholeDays returns the entries of all days held, without what is sensitive.
func (l *Lister) wholeDays(h *Holdings, now time.Time) []ListEntry {
	plain := *h
	plain.Lease = nil
	t := listPlanner{rate: l.rate, has: l.plan.has, ready: func(string) bool { return false },
		aside: func(*wire.QueueItem, schedules.Outcome, string) {}}
	return t.between(&plain, now, 0, 10*24*time.Hour)
}

// local returns the item as a local list names it.
func (l *Lister) local(t ListEntry) wire.QueueItem {
	it := *t.Item
	start := instant(l.rate, t.Start)
	it.StartAt = &start
	it.CueIn.Duration += l.rate.Duration(t.Offset)
	it.Duration.Duration = l.rate.Duration(t.End - t.Start).Round(time.Millisecond)
	it.CueOut.Duration = it.CueIn.Duration + it.Duration.Duration
	it.GainDB = it.AirGain()
	it.Audio.URL = filepath.Join(l.path, "audio", it.Audio.SHA256+".mp3")
	return it
}

// link makes a recording of the cache readable beside the lists, as a second name of the file or, where the file system
// has none, as a copy that is verified as it is made. It reports whether it is there.
func (l *Lister) link(audio wire.AudioRef) bool {
	name := recordingName(audio.SHA256)
	if _, err := l.dir.Root.Stat(name); err == nil {
		return true
	}
	l.linked[audio.SHA256] = l.cache.Losses(audio.SHA256)
	from, to := filepath.Join(l.state.Root.Name(), name), filepath.Join(l.path, name)
	if os.Link(from, to) == nil && l.dir.Root.Chmod(name, listsMode) == nil {
		return true
	}
	f, err := l.cache.Open(audio)
	if err == nil {
		err = errors.Join(l.copy(f, name), f.Close())
	}
	if err != nil {
		l.problems.Add("recording %.12s cannot be put beside the lists: %v", audio.SHA256, err)
	}
	return err == nil
}

// each calls do for every item of the documents held.
func (h *Holdings) each(do func(*wire.QueueItem)) {
	for _, q := range h.Queues {
		for i := range q.Items {
			do(&q.Items[i])
		}
		for i := range q.Fallback {
			do(&q.Fallback[i])
		}
	}
	if h.Fallback != nil {
		for i := range h.Fallback.Items {
			do(&h.Fallback.Items[i])
		}
	}
}
