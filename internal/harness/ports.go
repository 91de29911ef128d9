package harness

import (
	"errors"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"
)

// Servers of tests listen on ports below those that systems give to connections and to listeners without a port. Each
// may take the port busOffset above its own too: the bus of a Redis Cluster.
const (
	firstPort = 11_000
	busOffset = 10_000
)

// FreeAddress returns a loopback address whose port, and the one busOffset above it, no other server of these tests
// uses: the test holds the UDP port of the same number until it ends, so that tests of other packages take another.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 10 * busOffset {
		addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: firstPort + rand.IntN(busOffset)}
		held, err := net.ListenUDP("udp", &net.UDPAddr{IP: addr.IP, Port: addr.Port})
		if err != nil {
			mustBeTaken(t, err)
			continue
		}
		bus := &net.TCPAddr{IP: addr.IP, Port: addr.Port + busOffset}
		if free(t, addr) && free(t, bus) {
			t.Cleanup(func() { held.Close() })
			return addr.String()
		}
		held.Close()
	}
	t.Fatal("no loopback port is free")
	return ""
}

func free(t testing.TB, addr *net.TCPAddr) bool {
	t.Helper()
	l, err := net.ListenTCP("tcp", addr)
	if err != nil {
		mustBeTaken(t, err)
		return false
	}
	return l.Close() == nil
}

func mustBeTaken(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
		t.Fatal(err)
	}
}
