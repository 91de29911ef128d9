package endtoend

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"syscall"
	"testing"
	"time"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// script returns a file of deploy/stations.
func script(t *testing.T, name string) string {
	t.Helper()
	p, err := filepath.Abs(filepath.Join("..", "..", "deploy", "stations", name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// guest is another player, on the air in a window that opens soon.
type guest struct {
	*onAir
	name  string
	state string // its directory
}

// start runs a program until the test ends, in the guest's directory and with the station scripts' environment. It
// returns the process and its output.
func (g *guest) run(t *testing.T, env []string, argv ...string) (*exec.Cmd, *said) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	words := &said{}
	cmd.Dir, cmd.Stdout, cmd.Stderr = g.state, words, words
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(), "LIFELINE_SERVER="+g.h.url, "LIFELINE_STATION="+g.station, "LIFELINE_STATE="+g.state,
		"LIFELINE_TOKEN="+g.h.secrets["station:"+g.station])
	cmd.Env = append(cmd.Env, env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it and its children
		cmd.Wait()                                      // it was killed
		if t.Failed() {
			t.Logf("%s said:\n%s", g.name, words)
		}
	})
	return cmd, words
}

// said is the output of a running process.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// tap records raw stereo of 16 bits at airRate from a named pipe, with times of arrival.
type tap struct {
	t      *testing.T
	file   *os.File
	raw    []byte
	chunks []chunk
	done   chan struct{}
}

// chunk is the arrival of a piece, from a sample on.
type chunk struct {
	sample int
	at     time.Time
}

func openTap(t *testing.T, fifo string) *tap {
	t.Helper()
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(fifo, os.O_RDWR, 0) // opens without blocking, and has no end
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{t: t, file: f, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		buf := make([]byte, 1<<16)
		for {
			n, err := f.Read(buf)
			if n > 0 {
				p.chunks = append(p.chunks, chunk{len(p.raw) / 4, time.Now()})
				p.raw = append(p.raw, buf[:n]...)
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { p.close() })
	return p
}

func (p *tap) close() {
	p.file.Close() // closing twice does no harm
	<-p.done
}

// mono returns everything that arrived; call it after the end.
func (p *tap) mono() []float64 {
	p.close()
	out := make([]float64, len(p.raw)/4)
	for i := range out {
		out[i] = float64(int16(binary.LittleEndian.Uint16(p.raw[4*i:]))) +
			float64(int16(binary.LittleEndian.Uint16(p.raw[4*i+2:])))
	}
	return out
}

// at returns when a sample arrived. Writers are often a little late and hardly ever early, so it takes the lowest fifth
// of the estimates from the chunks of a second.
func (p *tap) at(sample int) time.Time {
	const reach = airRate / 2
	var says []time.Time
	for _, c := range p.chunks {
		if away := c.sample - sample; away >= -reach && away <= reach {
			says = append(says, c.at.Add(-time.Duration(float64(away)/airRate*float64(time.Second))))
		}
	}
	slices.SortFunc(says, time.Time.Compare)
	if len(says) == 0 {
		return time.Time{}
	}
	return says[len(says)/5]
}

// source returns the sound of an item, from cue to cue.
func (o *onAir) source(t *testing.T, i wire.QueueItem) []float64 {
	t.Helper()
	pcm := hear(t, filepath.Join(o.dir, "audio", i.Audio.SHA256[:2], i.Audio.SHA256))
	pcm = pcm[int(i.CueIn.Seconds()*airRate):]
	return pcm[:min(len(pcm), int(i.Duration.Seconds()*airRate))]
}

// gaps finds each item in the recorded sound, and returns its delay against the plan in milliseconds. at returns when a
// sample was heard.
func (g *guest) gaps(t *testing.T, air []float64, at func(sample int) time.Time) []float64 {
	t.Helper()
	var out []float64
	const late = 900 * time.Millisecond // beds and pips repeat, so items are searched near their planned time
	for n, i := range g.queue.Items {
		source, skip := g.source(t, i), 0
		if n == 0 { // a listener connects when the sound has begun, and misses the beginning
			skip = min(2*airRate, len(source)/2)
		}
		expected := i.StartAt.Add(time.Duration(float64(skip) / airRate * float64(time.Second)))
		from := sort.Search(len(air), func(k int) bool { return !at(k).Before(expected.Add(-late / 4)) })
		to := sort.Search(len(air), func(k int) bool { return !at(k).Before(expected.Add(late)) })
		k, fit := find(air[from:], source[skip:], to-from)
		k += from - skip
		ms := float64(at(k+skip).Sub(expected).Microseconds()) / 1000
		t.Logf("%-10s %-24s planned at %6.3f s, heard %+.2f ms off, fit %.3f", g.name, i.SegmentID,
			i.StartAt.Sub(g.start).Seconds(), ms, fit)
		if fit < 0.9 {
			t.Errorf("%s: %s is not heard: the best fit is %.2f", g.name, i.SegmentID, fit)
			continue
		}
		out = append(out, ms)
	}
	if len(out) > 0 {
		t.Logf("%s: from %+.2f to %+.2f ms after the plan", g.name, slices.Min(out), slices.Max(out))
	}
	return out
}

// Other players, each by its script in deploy/stations, pull a published day and play it; their output is compared with
// the plan. Only Liquidsoap's script promises 10 ms, and sends reports, which are reconciled.
func TestOtherPlayersAirAPublishedDay(t *testing.T) {
	longform.Only(t)
	t.Parallel()
	cast := startIcecast(t)
	houses := map[string]*onAir{}
	guests := []string{"liquidsoap", "mpd", "ezstream", "ffmpeg", "playout"}
	opened := map[string]*house{}
	dirs := map[string]string{}
	for _, name := range guests {
		dirs[name] = furnish(t)
		opened[name] = open(t, dirs[name])
	}
	listeners := map[string]*recorded{}
	for _, name := range guests[2:] {
		listeners[name] = cast.listen(t, name)
	}
	taps := map[string]*tap{}
	end := time.Now()
	for _, name := range guests {
		houses[name] = soon(t, opened[name], dirs[name], 25*time.Second)
		end = houses[name].start.Add(commands.DemoLength)
		g := &guest{onAir: houses[name], name: name, state: t.TempDir()}
		fifo := filepath.Join(t.TempDir(), "air")
		switch name {
		case "liquidsoap":
			taps[name] = openTap(t, fifo)
			g.run(t, []string{"LIFELINE_AS_ROOT=yes", "LIFELINE_STATION_PROGRAM=" + script(t, "lifeline-station"),
				"LIFELINE_OUTPUT=file:" + fifo, "LIFELINE_EVERY=1"},
				"liquidsoap", script(t, "lifeline.liq"))
		case "mpd":
			taps[name] = openTap(t, fifo)
			port := freePort(t)
			config := fmt.Sprintf("music_directory %q\nplaylist_directory %[1]q\nbind_to_address \"127.0.0.1\"\nport "+
				"\"%[2]d\"\nzeroconf_enabled \"no\"\n"+
				"input {\nplugin \"curl\"\n}\naudio_output {\ntype \"fifo\"\nname \"air\"\npath %[3]q\nformat \"48000:16:2\"\n}\n",
				g.state, port, fifo)
			if err := os.WriteFile(filepath.Join(g.state, "mpd.conf"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			g.run(t, nil, "mpd", "--no-daemon", "--stderr", filepath.Join(g.state, "mpd.conf"))
			g.run(t, []string{"MPD_HOST=127.0.0.1", fmt.Sprintf("MPD_PORT=%d", port)}, script(t, "mpd.sh"))
		case "playout":
			g.args = append(g.args, "--output", "icecast:"+cast.mount("http", name))
			g.player(t)
		default:
			g.run(t, []string{"LIFELINE_MOUNT=" + cast.mount("icecast", name)}, script(t, name+".sh"))
		}
	}
	until(t, end.Add(2*time.Second))
	for _, name := range guests {
		t.Run(name, func(t *testing.T) {
			g := &guest{onAir: houses[name], name: name}
			if l := listeners[name]; l != nil {
				air, at := l.heard(t)
				g.gaps(t, air, at)
				return
			}
			p := taps[name]
			air := p.mono()
			gaps := g.gaps(t, air, p.at)
			if name == "liquidsoap" {
				for n, ms := range gaps {
					if math.Abs(ms) > 10 {
						t.Errorf("item %d is %.2f ms off", n, ms)
					}
				}
				g.reconciled(t)
			}
		})
	}
}

// reconciled waits for the guest's reports and reconciles them: everything aired.
func (g *guest) reconciled(t *testing.T) {
	t.Helper()
	var r schedules.Reconciliation
	eventually(t, 15*time.Second, func() bool {
		g.h.do("GET", wire.Station(g.station, "reconciliation", g.queue.Date.String())+"?window="+commands.DemoWindow,
			g.h.secrets["scheduler"], nil, nil).into(t, &r)
		return r.Totals[schedules.AsPlanned] == len(g.queue.Items)
	})
	for _, d := range r.Items {
		t.Logf("%-24s %s, %+d ms", d.SegmentID, d.Verdict, d.Drift.Milliseconds())
		if d.Verdict != schedules.AsPlanned || d.Drift.Abs() > 10*time.Millisecond {
			t.Errorf("%s is reconciled as %s, %v off", d.SegmentID, d.Verdict, d.Drift)
		}
	}
}

// eventually waits until is returns true, at most limit.
func eventually(t testing.TB, limit time.Duration, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !is() && time.Now().Before(deadline); {
		until(t, time.Now().Add(100*time.Millisecond))
	}
}
