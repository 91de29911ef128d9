package playout

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const testRate = dsp.Rate(8000)

// station is a player under test, with its directories.
type station struct {
	t       *testing.T
	service *service
	dir     string
	wav     string
	lists   string        // directory of the lists by which another player airs; "": this one airs
	once    bool          // the lists are brought up to date once
	step    time.Duration // of its wall clock
	boot    string        // of its machine; "": the uptime is unknown
	until   time.Time
	outputs []output.Output
	keys    []ed25519.PublicKey
	rate    dsp.Rate
	decode  Open
	busy    func(Notice) // what the machine does meanwhile; nil: nothing

	mu      sync.Mutex
	notices []Notice
}

func newStation(t *testing.T, s *service) *station {
	dir := t.TempDir()
	return &station{t: t, service: s, dir: filepath.Join(dir, "state"), wav: filepath.Join(dir, "wav"), rate: testRate,
		decode: openRecording}
}

func (st *station) now() time.Time {
	st.mu.Lock()
	defer st.mu.Unlock()
	return time.Now().Add(st.step)
}

func (st *station) stepClock(d time.Duration) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.step += d
}

// open opens the player in its state directory.
func (st *station) open() (*Player, *statedir.Dir) {
	st.t.Helper()
	p, state, err := st.tryOpen()
	if err != nil {
		st.t.Fatal(err)
	}
	return p, state
}

func (st *station) tryOpen() (*Player, *statedir.Dir, error) {
	st.t.Helper()
	state, err := statedir.Open(st.dir)
	if err != nil {
		st.t.Fatal(err)
	}
	wav, err := output.NewWAV(st.wav, st.rate)
	if err != nil {
		st.t.Fatal(err)
	}
	p, err := OpenPlayer(Options{Lists: st.lists, Ahead: 2 * time.Minute, Once: st.once,
		Station: "lantern", State: state, API: st.service.api(), Pins: Pins{Keys: st.keys},
		Open:   st.decode,
		Rate:   st.rate,
		Follow: FollowOptions{TrustFirst: true}, Silence: 8 * time.Second, Outputs: append([]output.Output{wav},
			st.outputs...), Until: st.until, Now: st.now, Uptime: uptime(st.boot),
		Log: slog.New(slog.DiscardHandler), Version: "test", Notify: func(n Notice) {
			if st.busy != nil {
				st.busy(n)
			}
			st.mu.Lock()
			defer st.mu.Unlock()
			st.notices = append(st.notices, n)
		}})
	return p, state, err
}

// uptime returns the uptime of a machine in simulated time.
func uptime(boot string) Uptime {
	if boot == "" {
		return Uptime{}
	}
	return Uptime{boot, func() time.Duration { return time.Since(time.Unix(0, 0)) }}
}

// run plays until ctx is done or until the station's own end.
func (st *station) run(ctx context.Context) *Player {
	st.t.Helper()
	p, state := st.open()
	if err := p.Run(ctx); err != nil {
		st.t.Error(err)
	}
	if err := state.Close(); err != nil {
		st.t.Error(err)
	}
	return p
}

// heardWAV returns a window's file as pairs of samples.
func (st *station) heardWAV(name string) [][2]int16 {
	st.t.Helper()
	b, err := os.ReadFile(filepath.Join(st.wav, name))
	if err != nil {
		st.t.Fatal(err)
	}
	if n := binary.LittleEndian.Uint32(b[40:]); int(n) != len(b)-headerBytes || string(b[:4]) != "RIFF" {
		st.t.Fatalf("the header tells of %d bytes, there are %d", n, len(b)-headerBytes)
	}
	out := make([][2]int16, (len(b)-headerBytes)/frameBytes)
	for i := range out {
		out[i] = [2]int16{int16(binary.LittleEndian.Uint16(b[headerBytes+i*4:])),
			int16(binary.LittleEndian.Uint16(b[headerBytes+i*4+2:]))}
	}
	return out
}

// expectSound checks that frames [from, to) of what was heard contain rec, sample by sample, from its frame at on.
func expectSound(t *testing.T, heard [][2]int16, from, to int64, rec recording, at int64) {
	t.Helper()
	if int64(len(heard)) < to {
		t.Fatalf("only %d frames were heard, not %d", len(heard), to)
	}
	for i := from; i < to; i++ {
		if want := [2]int16{rec.left(), rec.right(at + i - from)}; heard[i] != want {
			t.Fatalf("frame %d is %v, not %v of recording %d", i, heard[i], want, rec.Number)
		}
	}
}

func expectSilence(t *testing.T, heard [][2]int16, from, to int64) {
	t.Helper()
	for i := from; i < to; i++ {
		if heard[i] != [2]int16{} {
			t.Fatalf("frame %d is %v, not silent", i, heard[i])
		}
	}
}

func seconds(n float64) int64 { return int64(n * float64(testRate)) }

// outcomes lists the reported entries: item, segment, outcome.
func outcomes(entries []schedules.AsRun) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.ItemID+" "+e.SegmentID+" "+string(e.Outcome))
	}
	return out
}

func rec(number int, seconds float64) recording {
	return recording{Number: number, Rate: int(testRate), Frames: int64(seconds * float64(testRate))}
}

func TestWindowAirsToTheSampleAndIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		start := time.Now().Add(30 * time.Second).Truncate(time.Second)
		recs := []recording{rec(1, 12.345), rec(2, 7.655), rec(3, 40)}
		var items []wire.QueueItem
		for _, r := range recs {
			items = append(items, s.record(r))
		}
		s.publish(day("lantern", 1, start, time.Minute, items))
		s.recall(1)
		st := newStation(t, s)
		st.until = start.Add(time.Minute)
		st.run(t.Context())

		heard := st.heardWAV(start.UTC().Format(time.DateOnly) + "-evening.wav")
		if len(heard) != int(seconds(60)) {
			t.Fatalf("%d frames, not %d", len(heard), seconds(60))
		}
		at := int64(0)
		for _, r := range recs {
			expectSound(t, heard, at, at+r.Frames, r, 0)
			at += r.Frames
		}
		entries := s.entries()
		if len(entries) != 3 {
			t.Fatalf("reported %v", outcomes(entries))
		}
		began := start
		for i, e := range entries {
			ended := began.Add(recs[i].length())
			if e.Outcome != schedules.Aired || !e.StartedAt.Equal(began) || !e.EndedAt.Equal(ended) {
				t.Errorf("entry %d is %+v, not aired from %v to %v", i, e, began, ended)
			}
			began = ended
		}
	})
}

func TestPlayerWithoutAPinEndsAndNamesTheThreeFlags(t *testing.T) {
	state, err := statedir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	_, err = OpenPlayer(Options{Station: "lantern", State: state, API: newService(t).api(), Open: openRecording,
		Rate: testRate, Now: time.Now, Log: discardLog()})
	for _, flag := range []string{"--root", "--key", "--trust-on-first-use"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%v does not name %s", err, flag)
		}
	}
}

// A player of version 1 that found a directory with a root and without the mark would go by the key of before.
func TestTheStateDirectoryIsMarkedBeforeARootIsKeptInIt(t *testing.T) {
	dir := t.TempDir()
	state, err := statedir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	if err := os.Mkdir(filepath.Join(dir, "asrun.log"), 0o700); err != nil { // which ends the player, after that
		t.Fatal(err)
	}
	_, err = OpenPlayer(Options{Station: "lantern", State: state, Pins: Pins{Root: newSafe(t, 11, 12, 13).chain[0]},
		API: newService(t).api(), Open: openRecording, Rate: testRate, Now: time.Now, Log: discardLog()})
	_, kept := os.Stat(filepath.Join(dir, rootsName))
	b, marked := os.ReadFile(filepath.Join(dir, "format.json"))
	if err == nil || kept != nil || marked != nil || !strings.HasPrefix(string(b), `{"version":2,`) {
		t.Errorf("%v, %v, %v, %s", err, kept, marked, b)
	}
}

func TestOnlyOnePlayerHasAStateDirectory(t *testing.T) {
	st := newStation(t, newService(t))
	p, first := st.open()
	writing := []string{"spool.1.tmp", "queues/2026-11-23.dsse.2.tmp"} // just written by the first player
	for _, name := range writing {
		if err := os.WriteFile(filepath.Join(st.dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	second, err := statedir.Open(st.dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPlayer(Options{Station: "lantern", State: second, API: st.service.api(), Rate: testRate,
		Now: time.Now, Log: discardLog()}); err == nil {
		t.Error("two players have it")
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range writing {
		if _, err := os.Stat(filepath.Join(st.dir, name)); err != nil {
			t.Errorf("the second player took a temporary file of the first: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	_, third := st.open()
	defer third.Close()
	for _, name := range writing {
		if _, err := os.Stat(filepath.Join(st.dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a player that has the directory leaves %s of a crash: %v", name, err)
		}
	}
}
