package endtoend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
)

// listing returns a directory as playout sync keeps it, with items of equal length from start on.
func listing(t *testing.T, start time.Time, items int, length time.Duration) string {
	t.Helper()
	lists := t.TempDir()
	list(t, lists, start, items, length)
	return lists
}

// list writes the files of such a directory, the list last.
func list(t *testing.T, lists string, start time.Time, items int, length time.Duration) {
	t.Helper()
	next := []byte{}
	files := map[string][]byte{"reports/.keep": nil, "air/.keep": nil}
	for n := range items {
		name := fmt.Sprintf("%064x-0123456789abcdef", n)
		files["air/"+name+".wav"] = wav(length)
		next = fmt.Appendf(next, "%d %d %s title\n", start.UnixMilli(), start.Add(length).UnixMilli(), name)
		start = start.Add(length)
	}
	write := func(file string, b []byte) {
		path := filepath.Join(lists, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for file, b := range files {
		write(file, b)
	}
	write("next", next)
}

// wav is a file of silence, 48 kHz, stereo, 16 bits.
func wav(length time.Duration) []byte {
	n := 192 * int(length.Milliseconds())
	const format = "fmt \x10\x00\x00\x00\x01\x00\x02\x00\x80\xbb\x00\x00\x00\xee\x02\x00\x04\x00\x10\x00"
	return append([]byte("RIFF"+little(n+36)+"WAVE"+format+"data"+little(n)), make([]byte, n)...)
}

func little(n int) string { return string([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}) }

// reported returns the reports that scripts left, as lines.
func reported(t *testing.T, lists string) (out []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(lists, "reports", "[^.]*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

// runsUntil runs a script of stations until it ends, or until ctx is done and it is stopped, and returns its error and
// what it said.
func runsUntil(ctx context.Context, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second // for what it started
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	return said.String(), err
}

// refusing is the address of a server that closes every connection, and tells of the first.
func refusing(t *testing.T) (address string, asked chan bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	asked = make(chan bool, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			select {
			case asked <- true:
			default:
			}
		}
	}()
	return l.Addr().String(), asked
}

// liquidsoap returns the environment in which the script of Liquidsoap sends to a mount, and its command.
func liquidsoap(t *testing.T, lists, address string) (env, run []string) {
	return []string{"LIFELINE_LISTS=" + lists, "LIFELINE_AS_ROOT=yes", "LIFELINE_STATION_PROGRAM=" +
			script(t, "lifeline-station"), "LIFELINE_OUTPUT=icecast:source:hackme@" + address + "/h"},
		[]string{"liquidsoap", script(t, "lifeline.liq")}
}

// startScript starts a player's script that sends to a mount at address. Liquidsoap connects before it returns, the
// others when an item is due. The script runs until stop is called, and said then has what it printed.
func startScript(t *testing.T, name, lists, address string, connected <-chan bool) (said <-chan string,
	stop context.CancelFunc) {
	t.Helper()
	env, run := []string{"LIFELINE_LISTS=" + lists, "LIFELINE_MOUNT=icecast://source:hackme@" + address + "/h"},
		[]string{"sh", script(t, name+".sh")}
	if name == "liquidsoap" {
		env, run = liquidsoap(t, lists, address)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(stop)
	printed := make(chan string, 1)
	go func() {
		words, _ := runsUntil(ctx, env, run[0], run[1:]...) // it is stopped
		printed <- words
	}()
	if name != "liquidsoap" {
		return printed, stop
	}
	select {
	case <-connected:
	case words := <-printed:
		t.Fatalf("it does not connect, and said %s", words)
	}
	return printed, stop
}

// The script of ffmpeg feeds an ffmpeg that ended at once, and Liquidsoap makes sound whether anybody takes it or not.
func TestScriptsReportNothingAsAiredThatTheirMountDidNotTake(t *testing.T) {
	t.Parallel()
	longform.Only(t)
	for _, name := range []string{"ffmpeg", "ezstream", "liquidsoap"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lists := listing(t, time.Now(), 0, 0)
			address, asked := refusing(t)
			said, stop := startScript(t, name, lists, address, asked)
			start := time.Now().Add(6 * time.Second)
			list(t, lists, start, 1, 4*time.Second)
			until(t, start.Add(6*time.Second))
			stop()
			<-said
			for _, r := range reported(t, lists) {
				if !strings.Contains(r, " failed ") {
					t.Errorf("it reported %s", r)
				}
			}
		})
	}
}

// breakable is a link to a server, which breaks when broken is called: from then on it closes every connection.
type breakable struct {
	address   string
	connected chan bool // of the first connection
	again     chan bool // of the first connection after the break
	broken    context.CancelFunc

	mu   sync.Mutex
	sent []byte // by the clients
}

// newBreakable returns a link to an address.
func newBreakable(t *testing.T, to string) *breakable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	b := &breakable{address: l.Addr().String(), connected: make(chan bool, 1), again: make(chan bool, 1), broken: stop}
	go b.serve(ctx, l, to)
	return b
}

// serve takes connections until the listener is closed.
func (b *breakable) serve(ctx context.Context, l net.Listener, to string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		told := b.connected
		out, err := net.Dial("tcp", to)
		if ctx.Err() != nil {
			told = b.again
		}
		if err != nil || ctx.Err() != nil {
			in.Close()
		} else {
			context.AfterFunc(ctx, func() { in.Close(); out.Close() })
			go func() { _, _ = io.Copy(io.MultiWriter(out, b), in); out.Close() }()
			go func() { _, _ = io.Copy(in, out); in.Close() }()
		}
		select {
		case told <- true:
		default:
		}
	}
}

// Write notes what clients send.
func (b *breakable) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, p...)
	return len(p), nil
}

// began reports whether the sound of a script's first item has gone through the link: ezstream connects for an item,
// and sends nothing else; Liquidsoap tells the server the title.
func (b *breakable) began(script string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if script == "liquidsoap" {
		return bytes.Contains(b.sent, []byte("song="))
	}
	return len(b.sent) > 32<<10 // two seconds
}

func TestScriptsReportAnItemAsCutWhereTheirMountBroke(t *testing.T) {
	t.Parallel()
	longform.Only(t)
	host := startIcecast(t).host
	for name, want := range map[string][]string{"liquidsoap": {"cut", "failed"}, "ezstream": {"cut"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link := newBreakable(t, host)
			lists := listing(t, time.Now(), 0, 0)
			said, stop := startScript(t, name, lists, link.address, link.connected)
			start := time.Now().Add(6 * time.Second)
			const length = 15 * time.Second
			list(t, lists, start, 2, length)
			began := false
			if eventually(t, func() bool { began = link.began(name); return began }); !began {
				stop()
				t.Fatalf("no item began, and it said %s", <-said)
			}
			link.broken()
			breaks := time.Now()
			<-link.again
			eventually(t, func() bool { return len(reported(t, lists)) >= len(want) })
			until(t, start.Add(2*length+2*time.Second)) // no report of the second item as aired follows
			var outcomes []string
			form := regexp.MustCompile(`^\S+ (\d+) (\d+) (\w+) `)
			for _, r := range reported(t, lists) {
				part := form.FindStringSubmatch(r)
				if part == nil {
					t.Fatalf("it reported %s", r)
				}
				outcomes = append(outcomes, part[3])
				if part[3] == "cut" && part[2] > fmt.Sprint(breaks.Add(5*time.Second).UnixMilli()) {
					t.Errorf("the mount broke at %v, and it reported %s", breaks.UnixMilli(), r)
				}
			}
			stop()
			if words := <-said; !slices.Equal(outcomes, want) {
				t.Errorf("it reported %v, and said %s", reported(t, lists), words)
			}
		})
	}
}

// Who lists the processes of a machine reads their arguments, and who finds a directory of a killed script its files.
func TestTheScriptOfFFmpegShowsThePasswordOfItsMountToNobody(t *testing.T) {
	t.Parallel()
	longform.Only(t)
	start := time.Now().Add(3 * time.Second)
	lists, programs, left := listing(t, start, 1, 8*time.Second), t.TempDir(), t.TempDir()
	seen := filepath.Join(programs, "arguments")
	if err := os.WriteFile(filepath.Join(programs, "ffmpeg"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\" >>"+seen+
		"\nexec cat >/dev/null\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithDeadline(t.Context(), start.Add(9*time.Second))
	defer stop()
	said, err := runsUntil(ctx, []string{"LIFELINE_LISTS=" + lists, "TMPDIR=" + left,
		"PATH=" + programs + ":" + os.Getenv("PATH"), "LIFELINE_MOUNT=icecast://source:geheim@127.0.0.1:9/h"},
		"sh", script(t, "ffmpeg.sh"))
	b, failed := os.ReadFile(seen)
	if text := string(b); failed != nil || !strings.Contains(text, "icecast://source@127.0.0.1:9/h") ||
		strings.Contains(text, "geheim") {
		t.Errorf("ffmpeg has the arguments %s (%v); the script said %s, %v", b, failed, said, err)
	}
	files, err := os.ReadDir(left)
	if err != nil || len(files) > 0 {
		t.Errorf("it leaves %v, %v", files, err)
	}
}

func TestEzstreamBeginsAnItemInItsMiddleThatIsDueForASecondOrMore(t *testing.T) {
	const second, frame = 16000, 384 // bytes at 128 kbit/s
	for due, most := range map[time.Duration]int{-5500 * time.Millisecond: 15*second + frame, time.Second: 20 * second} {
		lists, dir := listing(t, time.Now().Add(due), 1, 20*time.Second), t.TempDir()
		name := fmt.Sprintf("%064x-0123456789abcdef.mp3", 0)
		made := bytes.Repeat([]byte("0123456789abcdef"), 20*second/16)
		for file, b := range map[string][]byte{name: made, "on-air": nil, "last": []byte("0\n")} {
			if err := os.WriteFile(filepath.Join(dir, file), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "sh", script(t, "ezstream.sh"), "next")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "LIFELINE_LISTS="+lists, "LIFELINE_MOUNT=none")
		said, err := cmd.CombinedOutput()
		if err != nil || string(said) != filepath.Join(dir, name)+"\n" {
			t.Fatalf("due in %v: %v: %s", due, err, said)
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || len(b) > most || len(b)%frame != len(made)%frame || !bytes.HasSuffix(made, b) ||
			due > 0 && len(b) != len(made) {
			t.Errorf("due in %v: %d bytes of %d are left: %v", due, len(b), len(made), err)
		}
	}
}

// ezstream sends ahead of what is heard by as much as it was late before.
func TestEzstreamReportsWhatItSentAsHeardToItsEnd(t *testing.T) {
	const short, long = 4 * time.Second, 20 * time.Second
	for name, c := range map[string]struct {
		length, early time.Duration // of the item, and how long before its end ezstream asks for the next one
		left          bool
		want          string
	}{
		"on time":                       {long, 0, false, "aired"},
		"ahead by what it was late":     {long, 2 * time.Second, false, "aired"},
		"far too early":                 {long, 5 * time.Second, false, "cut"},
		"of a short one, in its half":   {short, 1500 * time.Millisecond, false, "aired"},
		"of a short one, before it":     {short, 3800 * time.Millisecond, false, "cut"},
		"told to leave it near its end": {long, 2 * time.Second, true, "cut"},
	} {
		lists, dir := listing(t, time.Now().Add(time.Hour), 1, long), t.TempDir()
		item := fmt.Sprintf("%064x-0123456789abcdef", 7)
		end := time.Now().Add(c.early).UnixMilli()
		began := end - c.length.Milliseconds()
		files := map[string]string{"on-air": fmt.Sprintf("%d %d %s\n", began, end, item), "last": "0\n"}
		if c.left {
			files["left"] = item + "\n"
		}
		for file, text := range files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "sh", script(t, "ezstream.sh"), "next")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "LIFELINE_LISTS="+lists, "LIFELINE_MOUNT=none")
		if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
			t.Fatalf("%s: %v: %s", name, err, said)
		}
		reports := reported(t, lists)
		whole := fmt.Sprintf("%s %d %d aired by ezstream\n", item, began, end)
		if len(reports) != 1 || !strings.Contains(reports[0], " "+c.want+" by ezstream") ||
			c.want == "aired" && reports[0] != whole {
			t.Errorf("%s: reported %q, want %s", name, reports, c.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "left")); err == nil {
			t.Errorf("%s: the next item would count as left", name)
		}
	}
}

func TestScriptsOfStationsSayThatADirectoryOrAMountIsNoneAndEnd(t *testing.T) {
	t.Parallel()
	lists := listing(t, time.Now(), 1, time.Second)
	for what, c := range map[string]struct {
		args []string
		env  string
		says string
	}{
		"the right one":          {[]string{"here"}, "LIFELINE_LISTS=" + lists, ""},
		"no directory":           {[]string{"here"}, "LIFELINE_LISTS=" + lists + "/none", "no such directory"},
		"another directory":      {[]string{"here"}, "LIFELINE_LISTS=" + t.TempDir(), "playout sync does not keep it"},
		"none":                   {[]string{"here"}, "LIFELINE_LISTS=", "LIFELINE_LISTS"},
		"no directory, for next": {[]string{"next"}, "LIFELINE_LISTS=" + lists + "/none", "no such directory"},
		"a mount":                {[]string{"mount", "icecast://source:a&b<c@host:8000/m"}, "X=", ""},
		"a mount by http":        {[]string{"mount", "http://source:secret@host:8000/m"}, "X=", "LIFELINE_MOUNT must be"},
		"a mount without a port": {[]string{"mount", "icecast://source:secret@host/m"}, "X=", "LIFELINE_MOUNT must be"},
		"a mount with a line":    {[]string{"mount", "icecast://source:secret@host:1/m\nx"}, "X=", "LIFELINE_MOUNT must be"},
	} {
		cmd := exec.CommandContext(t.Context(), "sh", append([]string{script(t, "lifeline-station")}, c.args...)...)
		cmd.Env = append(os.Environ(), c.env)
		said, err := cmd.CombinedOutput()
		ended, text := errors.As(err, new(*exec.ExitError)), string(said)
		if ended != (c.says != "") || !strings.Contains(text, c.says) || ended && strings.Contains(text, "secret") {
			t.Errorf("%s: it ended with %v, and said %s", what, err, said)
		}
	}
}
