package harness

import (
	"math"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy that injects faults. It starts by passing everything.
type Proxy struct {
	Addr string

	mu     sync.Mutex
	behind string
	mode   mode
	delay  time.Duration
	most   int64         // bytes that a connection carries, in both directions together, before it is cut
	cuts   int           // for that
	thawed chan struct{} // closed unless half-open
	over   chan struct{} // closed with the test
	links  map[net.Conn]bool
}

type mode int

const (
	pass mode = iota
	cut
	reset
	lose
	halfOpen
	slowClose
)

// StartProxy forwards connections to an address. It stops with the test.
func StartProxy(t testing.TB, behind string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), behind: behind, most: math.MaxInt64, thawed: make(chan struct{}),
		over: make(chan struct{}), links: make(map[net.Conn]bool)}
	close(p.thawed)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed below
			}
			all.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(p.over)
		p.Cut()
		all.Wait()
	})
	return p
}

// Pass ends all faults.
func (p *Proxy) Pass() { p.set(pass, 0) }

// Latency delays data in both directions.
func (p *Proxy) Latency(each time.Duration) { p.set(pass, each) }

// Cut closes every connection, present and new, in good order.
func (p *Proxy) Cut() { p.set(cut, 0) }

// Reset resets every connection, as a restarted host does.
func (p *Proxy) Reset() { p.set(reset, 0) }

// Lose drops the next answer and closes its connection, then passes: the server has handled the request.
func (p *Proxy) Lose() { p.set(lose, 0) }

// HalfOpen drops all data without closing connections, like a pulled cable.
func (p *Proxy) HalfOpen() { p.set(halfOpen, 0) }

// SlowClose passes half of each answer, then nothing, and closes the connection after a time.
func (p *Proxy) SlowClose(after time.Duration) { p.set(slowClose, after) }

// CutAfter closes every new connection in good order after the given number of bytes, both directions together.
func (p *Proxy) CutAfter(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = bytes
}

// Cuts returns the number of connections that CutAfter has closed.
func (p *Proxy) Cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

// Move forwards new connections to another address.
func (p *Proxy) Move(behind string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behind = behind
}

func (p *Proxy) set(m mode, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode == halfOpen && m != halfOpen {
		close(p.thawed)
	}
	if p.mode != halfOpen && m == halfOpen {
		p.thawed = make(chan struct{})
	}
	p.mode, p.delay = m, delay
	if m == cut || m == reset {
		for c := range p.links {
			p.end(c)
		}
	}
}

// end closes a connection according to the mode. The caller holds the mutex.
func (p *Proxy) end(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok && p.mode == reset {
		_ = tcp.SetLinger(0) // fails only for one that is closed
	}
	c.Close()
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	behind, left := p.behind, p.most
	p.mu.Unlock()
	server, err := net.Dial("tcp", behind)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.link(client, server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, false, &left) })
	both.Go(func() { p.copy(client, server, true, &left) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, client)
	delete(p.links, server)
}

func (p *Proxy) link(client, server net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode == cut || p.mode == reset {
		p.end(client)
		return false
	}
	p.links[client], p.links[server] = true, true
	return true
}

func (p *Proxy) copy(to, from net.Conn, answers bool, left *int64) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		thawed, mode, delay := p.thawed, p.mode, p.delay
		if mode == lose && answers {
			p.mode = pass
		}
		p.mu.Unlock()
		switch {
		case mode == lose && answers:
			return
		case mode == slowClose && answers:
			_, _ = to.Write(b[:n/2]) // it is closed either way
			p.hold(delay)
			return
		case mode == pass && delay > 0:
			p.hold(delay)
		}
		select {
		case <-thawed:
		case <-p.over:
			return
		}
		n, last := p.spend(left, n)
		if _, err := to.Write(b[:n]); err != nil || last {
			return
		}
	}
}

// spend returns how many of n bytes a connection with the budget left may pass, and whether they are the last.
func (p *Proxy) spend(left *int64, n int) (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int64(n) < *left {
		*left -= int64(n)
		return n, false
	}
	if *left > 0 {
		p.cuts++
	}
	n, *left = int(*left), 0
	return n, true
}

// hold waits for d, but not beyond the test's end.
func (p *Proxy) hold(d time.Duration) {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-p.over:
	}
}
