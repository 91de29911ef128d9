package endtoend

import (
	"fmt"
	"io"
	"math"
	"math/cmplx"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/gonum/dsp/fourier"

	"lifeline/internal/harness"
)

// icecast is a real Icecast server on a port of the loopback.
type icecast struct{ host string }

// mount returns the address for a source.
func (i *icecast) mount(scheme, name string) string {
	return scheme + "://source:hackme@" + i.host + "/" + name
}

// startIcecast starts a server without a burst for new listeners, and waits until it answers.
func startIcecast(t *testing.T) *icecast {
	t.Helper()
	dir, host := t.TempDir(), harness.FreeAddress(t)
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	owner := ""
	if os.Getuid() == 0 { // it refuses to run as root
		owner = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>"
		if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
			t.Fatal(err)
		}
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, err := strconv.Atoi(nobody.Uid)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dir, uid, -1); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf(
		`<icecast><limits><clients>50</clients><sources>10</sources><burst-on-connect>0</burst-on-connect><burst-size>0</burst-size>
<source-timeout>20</source-timeout></limits>
<authentication><source-password>hackme</source-password><admin-user>admin</admin-user><admin-password>hackme</admin-password></authentication>
<hostname>127.0.0.1</hostname><listen-socket><port>%s</port><bind-address>127.0.0.1</bind-address></listen-socket>
<paths><basedir>%s</basedir><logdir>%s</logdir><webroot>/usr/share/icecast2/web</webroot><adminroot>/usr/share/icecast2/admin</adminroot></paths>
<logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog><loglevel>2</loglevel></logging>
<security><chroot>0</chroot>%s</security></icecast>`, port, dir, dir, owner)
	file := filepath.Join(dir, "icecast.xml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("icecast2", "-c", file)
	words := &said{}
	cmd.Stdout, cmd.Stderr = words, words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // it was killed
	})
	i := &icecast{host: host}
	up := false
	eventually(t, func() bool {
		resp, err := http.Get("http://" + i.host + "/status-json.xsl")
		if err == nil {
			up = resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Server"), "Icecast")
			resp.Body.Close()
		}
		return up
	})
	if !up {
		t.Fatalf("icecast2 does not answer: %s", words)
	}
	return i
}

// recorded is a listener's recording of a mount: the bytes, and their times of arrival.
type recorded struct {
	mu     sync.Mutex
	mp3    []byte
	stamps []stamp
}

// stamp is the time at which the stream's first bytes had arrived.
type stamp struct {
	bytes int
	at    time.Time
}

// listen records a mount from its source's start until the test ends.
func (i *icecast) listen(t *testing.T, name string) *recorded {
	t.Helper()
	r := &recorded{}
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				r.take("http://"+i.host+"/"+name, stop)
			}
		}
	})
	t.Cleanup(func() { close(stop); work.Wait() })
	return r
}

// take records until the mount's source ends.
func (r *recorded) take(address string, stop <-chan struct{}) {
	resp, err := http.Get(address)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return
	}
	go func() { <-stop; resp.Body.Close() }()
	buf := make([]byte, 1<<14)
	for {
		n, err := resp.Body.Read(buf)
		r.mu.Lock()
		r.mp3 = append(r.mp3, buf[:n]...)
		r.stamps = append(r.stamps, stamp{len(r.mp3), time.Now()})
		r.mu.Unlock()
		if err == io.EOF || err != nil {
			return
		}
	}
}

// arrived returns when a byte had arrived.
func (r *recorded) arrived(at int) time.Time {
	for _, s := range r.stamps {
		if s.bytes > at {
			return s.at
		}
	}
	return time.Time{}
}

// heard decodes the recording, and returns for any sample the arrival of the packet that holds it.
func (r *recorded) heard(t *testing.T) (pcm []float64, at func(sample int) time.Time) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	file := filepath.Join(t.TempDir(), "heard.mp3")
	if err := os.WriteFile(file, r.mp3, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "quiet", "-f", "mp3", "-show_entries", "packet=pts_time,pos", "-of",
		"csv=p=0", file).Output()
	if err != nil {
		t.Fatalf("ffprobe: %v", err)
	}
	var times []float64
	var places []int
	for _, l := range strings.Fields(string(out)) {
		pts, pos, _ := strings.Cut(l, ",")
		seconds, err := strconv.ParseFloat(pts, 64)
		place, err2 := strconv.Atoi(strings.TrimSuffix(pos, ","))
		if err == nil && err2 == nil {
			times, places = append(times, seconds), append(places, place)
		}
	}
	if len(times) == 0 {
		t.Fatalf("%d bytes were heard, and no MP3 packet", len(r.mp3))
	}
	return hear(t, file), func(sample int) time.Time {
		k := 0
		for k+1 < len(times) && times[k+1]-times[0] <= float64(sample)/airRate {
			k++
		}
		return r.arrived(places[k])
	}
}

// find returns the position in air, up to the sample last, that matches source best, and the quality of the match.
func find(air, source []float64, last int) (at int, fit float64) {
	const down = 6 // search at 8 kHz, then refine at the full rate
	a, s := thin(air, down), thin(source[:min(len(source), airRate*3/2)], down)
	n := 1
	for n < len(a)+len(s) {
		n *= 2
	}
	fft := fourier.NewFFT(n)
	fa := fft.Coefficients(nil, append(a, make([]float64, n-len(a))...))
	fs := fft.Coefficients(nil, append(s, make([]float64, n-len(s))...))
	for k := range fa {
		fa[k] *= cmplx.Conj(fs[k])
	}
	cross := fft.Sequence(nil, fa)
	energy := 0.0
	best := 0.0
	for k := range len(a) + len(s) {
		in, out := k+len(s)-1, k-1
		if in < len(a) {
			energy += a[in] * a[in]
		}
		if out >= 0 && out < len(a) {
			energy -= a[out] * a[out]
		}
		if k == 0 {
			for _, x := range a[:min(len(a), len(s)-1)] {
				energy += x * x
			}
		}
		if k < len(a) && k <= last/down {
			if f := cross[k] / math.Sqrt(max(energy, 1)); f > best {
				best, at = f, k*down
			}
		}
	}
	off, fit := onset(air, source, at, 2*down)
	return at + off, fit
}

// thin returns the means of consecutive groups of n samples.
func thin(pcm []float64, n int) []float64 {
	out := make([]float64, len(pcm)/n)
	for i := range out {
		for _, x := range pcm[i*n : (i+1)*n] {
			out[i] += x / float64(n)
		}
	}
	return out
}
