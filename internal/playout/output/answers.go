package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// An Icecast that is stopped, or hangs, is asked for its page on a second connection. Its system goes on to acknowledge
// the stream for minutes, until a buffer of megabytes is full.
const (
	answersEvery = 5 * time.Second  // the pause between two questions
	answersWait  = 5 * time.Second  // for one answer
	answersMost  = 15 * time.Second // without an answer, which is two questions
)

// stopped is the failure of a server that keeps the connection and answers nothing.
type stopped struct{ since time.Time } // when it was last sure to work

func (s stopped) Error() string {
	return fmt.Sprintf("icecast: the server keeps the connection, but has answered nothing since %s",
		s.since.UTC().Format(time.TimeOnly))
}

// answers is what a server has answered on one connection.
type answers struct{ last time.Time } // when the latest question was sent that was answered; zero: none

// note records one question, and returns the failure of a server that has stopped: one that has answered before, and
// now has not for answersMost. A server that has never answered is behind something that takes the stream alone: its
// silence says nothing.
func (a *answers) note(asked time.Time, answered bool, now time.Time) error {
	if answered {
		a.last = asked
	}
	if !a.last.IsZero() && now.Sub(a.last) >= answersMost {
		return stopped{a.last}
	}
	return nil
}

// watch asks a server until ctx is done, and returns the failure of one that has stopped. ask reports whether the
// server answers, and takes at most answersWait.
func (a *answers) watch(ctx context.Context, ask func(context.Context) bool) error {
	tick := time.NewTicker(answersEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		asked := time.Now()
		answered := ask(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := a.note(asked, answered, time.Now()); err != nil {
			return err
		}
	}
}

// answers reports whether the server answers anything to a new connection, be it a refusal.
func (h icecastHost) answers(ctx context.Context) bool {
	ctx, stop := context.WithTimeout(ctx, answersWait)
	defer stop()
	conn, _, err := h.dial(ctx)
	if err != nil {
		return false
	}
	defer conn.Close() // nothing is lost with it
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	_, err = fmt.Fprintf(conn, "GET /status-json.xsl HTTP/1.0\r\nHost: %s\r\nUser-Agent: lifeline-playout\r\n\r\n",
		h.address)
	if err != nil {
		return false
	}
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err == nil || errors.Is(err, io.EOF)
}
