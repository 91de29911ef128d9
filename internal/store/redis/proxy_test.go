package redis_test

import (
	"net"
	"sync"
	"testing"
)

// proxy stands between a Store and its Redis and spoils what passes.
type proxy struct {
	t      testing.TB
	addr   string
	behind string

	mu     sync.Mutex
	mode   mode
	thawed chan struct{} // closed unless frozen
	links  map[net.Conn]bool
}

type mode int

const (
	pass  mode = iota
	cut        // connections are closed at once
	lose       // the next answer is thrown away and its connection closed; then pass
	still      // nothing passes, as when a cable is pulled
)

func startProxy(t testing.TB, behind string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, addr: l.Addr().String(), behind: behind, thawed: make(chan struct{}), links: make(map[net.Conn]bool)}
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
		p.set(cut)
		all.Wait()
	})
	return p
}

// set changes what happens from now on.
func (p *proxy) set(m mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode == still && m != still {
		close(p.thawed)
	}
	if p.mode != still && m == still {
		p.thawed = make(chan struct{})
	}
	p.mode = m
	if m == cut {
		for c := range p.links {
			c.Close()
		}
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.behind)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.link(client, server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, false) })
	both.Go(func() { p.copy(client, server, true) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, client)
	delete(p.links, server)
}

func (p *proxy) link(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.links[c] = true
	}
	return p.mode != cut
}

func (p *proxy) copy(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		thawed, lost := p.thawed, answers && p.mode == lose
		if lost {
			p.mode = pass
		}
		p.mu.Unlock()
		<-thawed
		if lost {
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}
