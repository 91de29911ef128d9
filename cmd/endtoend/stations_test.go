package endtoend

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
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
	lists string // the directory that playout sync keeps for it
	lost  string // id of the item whose recording never arrives intact
}

// run runs a program until the test ends, with the station scripts' environment. It returns the process and its output.
func (g *guest) run(t *testing.T, env []string, argv ...string) (*exec.Cmd, *said) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	words := &said{}
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), words, words
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(append(os.Environ(), "LIFELINE_LISTS="+g.lists), env...)
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

// at returns when a sample arrived, by the chunks of a second.
func (p *tap) at(sample int) time.Time { return p.estimate(sample, airRate/2) }

// steady returns when a sample was due, by the chunks of the whole recording. It holds for a player whose output never
// pauses: this test's own delays on a busy machine, which last a second and more, do not count as the player's.
func (p *tap) steady(sample int) time.Time { return p.estimate(sample, len(p.raw)) }

// estimate returns when a sample arrived by the chunks that are within reach of it. Writers and this test's reader are
// often late and hardly ever early, so it takes the lowest fifth of what the chunks say.
func (p *tap) estimate(sample, reach int) time.Time {
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
	late := 900 * time.Millisecond // beds and pips repeat, so items are searched near their planned time
	if g.name == "ezstream" {
		late = 1500 * time.Millisecond // it never begins an item before it has sent the last one
	}
	for n, i := range g.queue.Items {
		if i.ID == g.lost {
			continue
		}
		source, skip := g.source(t, i), 0
		if n == 0 { // a listener connects when the sound has begun, and misses the beginning
			skip = min(2*airRate, len(source)/2)
		}
		var ms, fit float64
		for range 3 {
			expected := i.StartAt.Add(time.Duration(float64(skip) / airRate * float64(time.Second)))
			from := sort.Search(len(air), func(k int) bool { return !at(k).Before(expected.Add(-late / 4)) })
			to := sort.Search(len(air), func(k int) bool { return !at(k).Before(expected.Add(late)) })
			var k int
			k, fit = find(air[from:], source[skip:], to-from)
			ms = float64(at(k+from).Sub(expected).Microseconds()) / 1000
			if skip += airRate; fit >= 0.9 || g.name != "ezstream" || skip > len(source)/2 {
				break // ezstream begins an item that is late by a second in its middle
			}
		}
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

// sync starts playout sync for the guest, which reaches the service through a link. It pins the service's key.
func (g *guest) sync(t *testing.T, link string) *said {
	t.Helper()
	service, err := program()
	if err != nil {
		t.Fatal(err)
	}
	var keys wire.Keys
	g.h.get("/v1/keys", &keys)
	_, words := g.run(t, []string{"LIFELINE_TOKEN=" + g.h.secrets["station:"+g.station]},
		filepath.Join(filepath.Dir(service), "playout"), "sync", "--server", link, "--station", g.station,
		"--key", keys.Keys[0].PublicKey, "--state", filepath.Join(filepath.Dir(g.lists), "state"), "--lists", g.lists)
	return words
}

// flipping is a link to a service that changes one byte of the first answer at each address, and of each answer with a
// certain recording.
func flipping(t *testing.T, service, recording string) string {
	t.Helper()
	to, err := url.Parse(service)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // calls that end with the test fail
	proxy.FlushInterval = -1
	proxy.ModifyResponse = func(r *http.Response) error {
		mu.Lock()
		defer mu.Unlock()
		address := r.Request.Method + " " + r.Request.URL.Path
		if first := !seen[address]; first && r.StatusCode == http.StatusOK || strings.Contains(address, recording) {
			seen[address] = true
			r.Body = &flipped{ReadCloser: r.Body, at: max(r.ContentLength/2, 20)}
		}
		return nil
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections) // Close waits for long polls
	return s.URL
}

// flipped is a body with one byte changed.
type flipped struct {
	io.ReadCloser
	at int64 // bytes before that byte
}

func (f *flipped) Read(b []byte) (int, error) {
	n, err := f.ReadCloser.Read(b)
	if f.at >= 0 && f.at < int64(n) {
		b[f.at] ^= 0x10
	}
	f.at -= int64(n)
	return n, err
}

// flipOnDisk changes one byte in the middle of a file as soon as it exists.
func flipOnDisk(t *testing.T, pattern string) {
	t.Helper()
	var names []string
	eventually(t, func() bool {
		names, _ = filepath.Glob(pattern) // the pattern is valid
		return len(names) > 0
	})
	if len(names) == 0 {
		t.Errorf("there is no %s", pattern)
		return
	}
	f, err := os.OpenFile(names[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b, info.Size()/2); err != nil {
		t.Fatal(err)
	}
}

// Other players, each by its script in deploy/stations, air a published day from the lists of playout sync, over a link
// that changes a byte of each kind of answer, and with a byte changed on the disk; their output is compared with the
// plan. One recording never arrives intact: the fallback airs in its place. The reports of all players are reconciled.
func TestOtherPlayersAirAPublishedDayAndNothingElseWhenBytesAreChanged(t *testing.T) {
	longform.Only(t)
	t.Parallel()
	cast := startIcecast(t)
	guests := []string{"liquidsoap", "mpd", "ezstream", "ffmpeg", "playout"}
	all := map[string]*guest{}
	for _, name := range guests {
		dir := furnish(t)
		all[name] = &guest{name: name, onAir: &onAir{h: open(t, dir), dir: dir}, lists: filepath.Join(t.TempDir(), "lists")}
	}
	listeners := map[string]*recorded{}
	for _, name := range guests[2:] {
		listeners[name] = cast.listen(t, name)
	}
	taps, words := map[string]*tap{}, map[string]*said{}
	end := time.Now()
	for _, name := range guests {
		g := all[name]
		g.onAir = soon(t, g.h, g.dir, 45*time.Second)
		end = g.start.Add(commands.DemoLength)
		fifo := filepath.Join(t.TempDir(), "air")
		if name == "playout" {
			g.args = append(g.args, "--output", "icecast:"+cast.mount("http", name))
			g.player(t)
			continue
		}
		lost := g.queue.Items[len(g.queue.Items)-1]
		g.lost = lost.ID
		words[name] = g.sync(t, flipping(t, g.h.url, lost.Audio.SHA256))
		switch name {
		case "liquidsoap":
			taps[name] = openTap(t, fifo)
			g.run(t, []string{"LIFELINE_AS_ROOT=yes", "LIFELINE_STATION_PROGRAM=" + script(t, "lifeline-station"),
				"LIFELINE_OUTPUT=file:" + fifo}, "liquidsoap", script(t, "lifeline.liq"))
		case "mpd":
			taps[name] = openTap(t, fifo)
			g.mpd(t, fifo)
		default:
			g.run(t, []string{"LIFELINE_MOUNT=" + cast.mount("icecast", name)}, script(t, name+".sh"))
		}
	}
	for _, name := range guests[:4] {
		idle := all[name].queue.Items[3].Audio.SHA256
		flipOnDisk(t, filepath.Join(all[name].lists, "air", idle+"-*.wav"))
		flipOnDisk(t, filepath.Join(filepath.Dir(all[name].lists), "state", "audio", idle+".mp3"))
	}
	until(t, end.Add(2*time.Second))
	for _, name := range guests {
		t.Run(name, func(t *testing.T) {
			g := all[name]
			if l := listeners[name]; l != nil {
				air, at := l.heard(t)
				g.gaps(t, air, at)
			} else {
				p := taps[name]
				air, at := p.mono(), p.at
				if name == "liquidsoap" {
					at = p.steady
				}
				for n, ms := range g.gaps(t, air, at) {
					if name == "liquidsoap" && math.Abs(ms) > 10 {
						t.Errorf("item %d is %.2f ms off", n, ms)
					}
				}
			}
			if g.lost != "" {
				g.reconciled(t)
				if said := words[name].String(); !strings.Contains(said, "is damaged") ||
					!strings.Contains(said, "it was changed after it was written") {
					t.Errorf("the change on the disk was not found:\n%s", said)
				}
			}
		})
	}
}

// mpd starts MPD and its script.
func (g *guest) mpd(t *testing.T, fifo string) {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "socket")
	config := fmt.Sprintf("playlist_directory %q\nbind_to_address %q\nzeroconf_enabled \"no\"\n"+
		"audio_output {\ntype \"fifo\"\nname \"air\"\npath %q\nformat \"48000:16:2\"\n}\n", dir, socket, fifo)
	if err := os.WriteFile(filepath.Join(dir, "mpd.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	g.run(t, nil, "mpd", "--no-daemon", "--stderr", filepath.Join(dir, "mpd.conf"))
	eventually(t, func() bool { _, err := os.Stat(socket); return err == nil })
	g.run(t, []string{"MPD_HOST=" + socket}, script(t, "mpd.sh"))
}

// reconciled waits for the guest's reports and reconciles them: everything aired, and the fallback in place of the item
// whose recording did not arrive.
func (g *guest) reconciled(t *testing.T) {
	t.Helper()
	var r schedules.Reconciliation
	eventually(t, func() bool {
		g.h.do("GET", wire.Station(g.station, "reconciliation", g.queue.Date.String())+"?window="+commands.DemoWindow,
			g.h.secrets["scheduler"], nil, nil).into(t, &r)
		accounted := r.Totals[schedules.AsPlanned] + r.Totals[schedules.Substituted]
		if g.name == "ezstream" {
			accounted += r.Totals[schedules.Short] + r.Totals[schedules.Late]
		}
		return accounted == len(g.queue.Items)
	})
	for _, d := range r.Items {
		t.Logf("%-24s %s, %+d ms", d.SegmentID, d.Verdict, d.Drift.Milliseconds())
		want := schedules.AsPlanned
		if d.ItemID == g.lost {
			want = schedules.Substituted
		}
		// late by a second or more, it begins in its middle: what is missing may be within the tolerance
		inItsMiddle := g.name == "ezstream" && (d.Verdict == schedules.Short || d.Verdict == schedules.Late) &&
			d.Drift.Duration >= time.Second
		if d.Verdict != want && !inItsMiddle {
			t.Errorf("%s is reconciled as %s, %v off: %s", d.SegmentID, d.Verdict, d.Drift, d.Detail)
		}
	}
}

// eventually polls until is returns true. It gives up after a time in which the busiest machine has done what the tests
// wait for, so a test fails where that never happens, and not where it happens late.
func eventually(t testing.TB, is func() bool) {
	t.Helper()
	within(t, 2*time.Minute, is)
}

// within polls until is returns true, at most limit.
func within(t testing.TB, limit time.Duration, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !is() && time.Now().Before(deadline); {
		until(t, time.Now().Add(20*time.Millisecond))
	}
}
