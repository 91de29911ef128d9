package playout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// bytesOf makes a recording of n arbitrary bytes available.
func (s *service) bytesOf(n int, number int) wire.QueueItem {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(number), byte(number >> 8)})
	_, _ = r.Read(b)
	sha := s.serveAudio(b)
	return wire.QueueItem{ID: fmt.Sprintf("item-%d", number), SegmentID: fmt.Sprintf("segment-%d", number),
		CueOut:   schedules.Ms(60_000),
		Duration: schedules.Ms(60_000), Audio: wire.AudioRef{SHA256: sha, Bytes: int64(n)}}
}

// depot is a Fetcher that runs on a queue.
type depot struct {
	*Cache
	dir       string
	documents *DocumentStore
	items     []wire.QueueItem
}

func newDepot(t *testing.T, s *service, quota int64, bandwidth int, start time.Time, items ...wire.QueueItem) *depot {
	d := &depot{dir: t.TempDir(), items: items}
	state, err := statedir.Open(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	problems := NewProblems(time.Now, discardLog())
	if d.documents, err = OpenDocumentStore(state, "lantern", Pins{}, time.Now, problems); err != nil {
		t.Fatal(err)
	}
	if err := d.documents.Pin(s.signer.Public()); err != nil {
		t.Fatal(err)
	}
	if d.Cache, err = OpenCache(state, problems, time.Now); err != nil {
		t.Fatal(err)
	}
	d.publish(t, s, 1, start, items)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = NewFetcher(d.Cache, d.documents, s.api().Station("lantern"), nil, bandwidth, quota, time.Now).Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done; _ = state.Close() })
	return d
}

func (d *depot) publish(t *testing.T, s *service, revision int64, start time.Time, items []wire.QueueItem) {
	t.Helper()
	q := day("lantern", revision, start, time.Duration(len(items))*time.Minute, items)
	if err := d.documents.OfferQueue(s.sign(wire.QueueType, q), q.Date); err != nil {
		t.Fatal(err)
	}
}

func (d *depot) missing() (n int) {
	for _, it := range d.items {
		if !d.Has(it.Audio) {
			n++
		}
	}
	return n
}

func TestHourIsInPlaceOverALinkOf32kbpsThatLosesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		r := rand.New(rand.NewPCG(7, 8))
		var mu sync.Mutex
		dials, cut := 0, 0
		s.wrap = func(c net.Conn) net.Conn {
			mu.Lock()
			defer mu.Unlock()
			dials++
			p := &poorLink{Conn: c, perSecond: 4000, left: -1}
			if r.Float64() < 0.3 {
				cut++
				p.left = r.IntN(180_000)
			}
			return p
		}
		s.client.Transport.(*http.Transport).DisableKeepAlives = true // every request depends on its own connection
		// An hour of 24 kb/s mono speech in 60 pieces; 12 MB at 4,000 bytes per second take at least 45 minutes.
		var items []wire.QueueItem
		for i := range 60 {
			items = append(items, s.bytesOf(180_000, i))
		}
		begun := time.Now()
		d := newDepot(t, s, 0, 0, begun.Add(time.Hour), items...)
		for d.missing() > 0 && time.Since(begun) < 3*time.Hour {
			time.Sleep(time.Second)
		}
		mu.Lock()
		defer mu.Unlock()
		t.Logf("in place after %v, over %d connections, of which %d were lost", time.Since(begun).Round(time.Second), dials,
			cut)
		if d.missing() > 0 || time.Since(begun) > time.Hour {
			t.Errorf("%d recordings were missing after %v", d.missing(), time.Since(begun))
		}
	})
}

// poorLink is a slow connection that breaks off after left bytes, unless left is negative.
type poorLink struct {
	net.Conn
	perSecond int
	left      int
}

func (p *poorLink) Write(b []byte) (n int, err error) {
	for n < len(b) {
		m := min(len(b)-n, 1000)
		if p.left >= 0 {
			if m = min(m, p.left); m == 0 {
				return n, errors.Join(net.ErrClosed, p.Close())
			}
			p.left -= m
		}
		time.Sleep(time.Duration(m) * time.Second / time.Duration(p.perSecond))
		k, err := p.Conn.Write(b[n : n+m])
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

func TestWhatIsDueFirstIsFetchedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		late, soon := s.bytesOf(1000, 1), s.bytesOf(1000, 2)
		var order []string
		s.fault = func(_ http.ResponseWriter, r *http.Request) bool {
			order = append(order, strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/audio/"), ".mp3"))
			return false
		}
		d := newDepot(t, s, 0, 0, time.Now().Add(time.Hour), soon, late)
		synctest.Wait()
		if d.missing() > 0 || len(order) != 2 || order[0] != soon.Audio.SHA256 {
			t.Errorf("%d missing, fetched in order %v", d.missing(), order)
		}
	})
}

func TestWrongBytesAndStallsNeverReachTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		it := s.bytesOf(100_000, 1)
		answers := 0
		s.fault = func(w http.ResponseWriter, r *http.Request) bool {
			answers++
			w.Header().Set("Content-Type", "audio/mpeg")
			switch answers {
			case 1: // other bytes, with the correct length
				_, _ = w.Write(make([]byte, 100_000))
			case 2: // too many
				_, _ = w.Write(make([]byte, 100_001))
			case 3: // too few, without an error
				_, _ = w.Write(s.audio[it.Audio.SHA256][:50_000])
			case 4: // hangs
				w.WriteHeader(http.StatusOK)
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			case 5: // an error page
				_, _ = w.Write([]byte("<html>"))
			case 6: // a range that was not requested
				w.Header().Set("Content-Range", "bytes 7-99999/100000")
				w.WriteHeader(http.StatusPartialContent)
			default:
				return false
			}
			return true
		}
		d := newDepot(t, s, 0, 0, time.Now().Add(time.Hour), it)
		for range 600 {
			time.Sleep(time.Second)
			if f, err := os.ReadFile(filepath.Join(d.dir, recordingName(it.Audio.SHA256))); err == nil {
				if sum := sha256.Sum256(f); hex.EncodeToString(sum[:]) != it.Audio.SHA256 {
					t.Fatal("wrong bytes are in the cache")
				}
			} else if !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
		if d.missing() > 0 || answers < 7 {
			t.Errorf("%d missing after %d answers: %v", d.missing(), answers, d.problems.List())
		}
	})
}

func TestBandwidthLimitHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		begun := time.Now()
		d := newDepot(t, s, 0, 10_000, begun.Add(time.Hour), s.bytesOf(600_000, 1))
		for d.missing() > 0 {
			time.Sleep(time.Second)
		}
		if took := time.Since(begun); took < 50*time.Second || took > 65*time.Second {
			t.Errorf("600,000 bytes at 10,000 a second took %v", took)
		}
	})
}

func TestQuotaEvictsOnlyWhatNothingNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		first, second, third, fourth := s.bytesOf(40_000, 1), s.bytesOf(40_000, 2), s.bytesOf(40_000, 3), s.bytesOf(40_000, 4)
		start := time.Now().Add(time.Hour)
		d := newDepot(t, s, 100_000, 0, start, first, second)
		synctest.Wait()
		if d.missing() > 0 {
			t.Fatal("not fetched")
		}
		d.publish(t, s, 2, start, []wire.QueueItem{second, third, fourth}) // 120,000 bytes
		synctest.Wait()
		if d.Has(first.Audio) || !d.Has(second.Audio) || !d.Has(third.Audio) || d.Has(fourth.Audio) {
			t.Errorf("here: %v %v %v %v", d.Has(first.Audio), d.Has(second.Audio), d.Has(third.Audio), d.Has(fourth.Audio))
		}
		if p := d.problems.List(); len(p) == 0 || !strings.Contains(p[0], "need ") {
			t.Errorf("reported %q", p)
		}
	})
}

func TestIdleCacheIsScrubbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		it := s.bytesOf(10_000, 1)
		d := newDepot(t, s, 0, 0, time.Now().Add(72*time.Hour), it)
		synctest.Wait()
		name := filepath.Join(d.dir, recordingName(it.Audio.SHA256))
		if err := os.WriteFile(name, make([]byte, 10_000), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Hour)
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != it.Audio.SHA256 {
			t.Error("it was not fetched again")
		}
	})
}
