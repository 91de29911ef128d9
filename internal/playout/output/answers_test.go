package output

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"testing"
	"testing/synctest"
	"time"
)

func TestAServerHasStoppedIfItLeavesTwoQuestionsUnanswered(t *testing.T) {
	for what, c := range map[string]struct {
		answered func(question int) bool
		stops    bool
	}{
		"answers":                {func(int) bool { return true }, false},
		"is stopped":             {func(n int) bool { return n < 3 }, true},
		"misses every other one": {func(n int) bool { return n%2 == 0 }, false},
		"has never answered":     {func(int) bool { return false }, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
			defer stop()
			var a answers
			var last time.Time
			question := -1
			err := a.watch(ctx, func(context.Context) bool {
				if question++; !c.answered(question) {
					time.Sleep(answersWait)
					return false
				}
				last = time.Now()
				return true
			})
			var s stopped
			if errors.As(err, &s) != c.stops || c.stops && (!s.since.Equal(last) || time.Since(last) > 2*answersMost) {
				t.Errorf("a server that %s: %v, %v after the last answer", what, err, time.Since(last))
			}
		})
	}
}

// asked serves connections in turn by serve, and returns the host.
func asked(t *testing.T, serve func(net.Conn)) icecastHost {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
		}
	}()
	return hostOf(&url.URL{Scheme: "http", Host: l.Addr().String(), Path: "/lantern"})
}

func TestAServerAnswersIfItRefusesOrHangsUpButNotIfItIsSilent(t *testing.T) {
	refuses := asked(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.0 404 Not Found\r\n\r\n")
		conn.Close()
	})
	if !refuses.answers(t.Context()) {
		t.Error("one that refuses is silent")
	}
	came := make(chan net.Conn, 1)
	silent := asked(t, func(conn net.Conn) { came <- conn })
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		conn := <-came
		_, _ = io.ReadFull(conn, make([]byte, 4)) // it was asked
		stop()
		defer conn.Close()
		_, _ = io.Copy(io.Discard, conn)
	}()
	if silent.answers(ctx) {
		t.Error("one that is silent answers")
	}
}

func TestWhatAStoppedServerSeemedToTakeHasNotAired(t *testing.T) {
	var s Sound
	in := s.output("icecast", true, true)
	in.wrote(0, 1000, 0, false)
	in.wrote(2000, 3000, 0, false)
	if took := in.broke(stopped{time.Now()}, 1200); took != 800 {
		t.Errorf("it surely took %d frames", took)
	}
	if parts, _ := s.Left(0, 5000); len(parts) != 1 || parts[0] != (Frames{0, 800}) {
		t.Errorf("%v has aired", parts)
	}
	if lost := lostBefore(errors.Join(io.ErrClosedPipe, stopped{time.Now().Add(-time.Minute)})); lost < time.Minute {
		t.Errorf("%v do not count", lost)
	}
	if lost := lostBefore(io.ErrClosedPipe); lost != 0 {
		t.Errorf("of another failure %v do not count", lost)
	}
}
