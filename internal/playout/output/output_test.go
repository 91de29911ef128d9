package output

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"lifeline/internal/playout/dsp"

	"lifeline/schedules"
)

// blockOf is a block of n frames that ramp up.
func blockOf(in *Bounds, frame int64, n int) Block {
	b := Block{Frame: frame, In: in, PCM: make([]float32, n*dsp.Channels)}
	for i := range b.PCM {
		b.PCM[i] = float32(int(frame)*dsp.Channels+i) / 1e6
	}
	return b
}

func TestChildThatDiesIsStartedAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out")
	c := &Child{
		name: "test",
		argv: []string{"sh", "-c", "head -c 20000 >> " + file + "; echo out of paper >&2; exit 3"},
		hang: childHang,
	}
	for life := range 3 {
		var err error
		for n := 0; err == nil; n++ {
			if n > 100_000 {
				t.Fatal("it never dies")
			}
			err = c.Write(blockOf(nil, 0, 480))
		}
		if !strings.Contains(err.Error(), "exit status 3 out of paper") {
			t.Errorf("life %d ended with %v", life, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Size() != 60_000 {
		t.Errorf("three lives wrote %v, %v", info, err)
	}
}

func TestChildThatHangsIsKilled(t *testing.T) {
	c := &Child{name: "test", argv: []string{"sleep", "600"}, hang: 20 * time.Millisecond}
	var err error
	for n := 0; err == nil && n < 100_000; n++ {
		err = c.Write(blockOf(nil, 0, 480))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("it ended with %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func bounds(start, frames int64) *Bounds {
	return &Bounds{
		Occurrence: schedules.Occurrence{Window: "evening", Date: schedules.Date{Year: 2026, Month: 11, Day: 23}},
		Start:      start,
		End:        start + frames,
	}
}

func TestFLACHoldsTheWindowBitForBit(t *testing.T) {
	dir := t.TempDir()
	s := bounds(48_000_000, 48_000)
	for _, part := range [][2]int64{{0, 20_000}, {20_000, 48_000}} { // as after a crash in the window
		f, err := NewFLAC(dir, 48_000, t.Errorf)
		if err != nil {
			t.Fatal(err)
		}
		for at := part[0]; at < part[1]; at += 1000 {
			b := blockOf(s, s.Start+at, 1000)
			for i := range b.PCM {
				b.PCM[i] = float32(math.Sin(float64(at*2+int64(i)) / 11))
			}
			if err := f.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "2026-11-23-evening.flac" {
		t.Fatalf("there are %v, %v", left, err)
	}
	encoded := filepath.Join(dir, "2026-11-23-evening.flac")
	raw, err := exec.Command("ffmpeg", "-v", "error", "-i", encoded, "-f", "s16le", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for i := range 96_000 {
		want = AppendPCM16(want, []float32{float32(math.Sin(float64(i) / 11))})
	}
	if !bytes.Equal(raw, want) {
		t.Errorf("%d bytes differ from the %d that went in", len(raw), len(want))
	}
}

func TestIcecastGetsAStreamAndIsFoundAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan []byte, 2)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(conn)
			req, err := http.ReadRequest(r)
			if err != nil {
				t.Error(err)
				return
			}
			user, password, _ := req.BasicAuth()
			if req.Method != http.MethodPut || req.URL.Path != "/lantern" || user != "source" || password != "hackme" ||
				len(req.TransferEncoding) > 0 {
				t.Errorf("asked for %s %s as %s:%s, %v", req.Method, req.URL, user, password, req.TransferEncoding)
			}
			if _, err := io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				t.Error(err)
			}
			b, _ := io.ReadAll(io.LimitReader(r, 10_000)) // then it hangs up
			heard <- b
			_ = conn.Close()
		}
	}()
	c, err := NewIcecast("http://source:hackme@"+l.Addr().String()+"/lantern", 48_000, 64)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(c.Name()+strings.Join(c.argv, " "), "hackme") {
		t.Errorf("the password shows in %q or %q", c.Name(), c.argv)
	}
	for range 2 {
		for n := 0; err == nil && n < 10_000; n++ {
			err = c.Write(blockOf(nil, 0, 960))
		}
		if err == nil {
			t.Fatal("the lost server was not noticed")
		}
		if err = c.Close(); err != nil {
			t.Error(err)
		}
		b := <-heard
		if len(b) < 10_000 || binary.BigEndian.Uint16(b)&0xffe0 != 0xffe0 && !bytes.HasPrefix(b, []byte("ID3")) {
			t.Errorf("heard %d bytes that are no MP3", len(b))
		}
	}
}

func TestIcecastThatRefusesIsToldApart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\n\r\n")
		_ = conn.Close()
	}()
	c, err := NewIcecast("http://source:wrong@"+l.Addr().String()+"/lantern", 48_000, 64)
	if err != nil {
		t.Fatal(err)
	}
	err = c.drain(context.Background(), strings.NewReader("x"))
	if err == nil || !strings.Contains(err.Error(), "401 Unauthorized") {
		t.Errorf("it answered %v", err)
	}
}

// Of what was written, a program that ended at once took nothing, however much of it was kept back for its start.
func TestChildThatReadsNothingHasTakenNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "aplay"), []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	c := NewALSA("", 48_000, 200*time.Millisecond)
	for n := range 15 {
		if err := c.Write(blockOf(nil, 0, 960)); err != nil {
			t.Fatal(err)
		}
		if wrote := time.Duration(n+1) * BlockLength; c.Held() < wrote {
			t.Errorf("of %v that were written %v are said to wait", wrote, c.Held())
		}
	}
	c.kill()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestServerThatNeverReadsHasNotTakenWhatWaitsInTheConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	link := conn.(*net.TCPConn)
	if err := errors.Join(
		link.SetWriteBuffer(icecastBuffer),
		link.SetWriteDeadline(time.Now().Add(100*time.Millisecond)),
	); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = link.Write(make([]byte, 4096))
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	if _, err := write.Write(make([]byte, 8000)); err != nil {
		t.Fatal(err)
	}
	var s stream
	if s.held(8000) < time.Hour {
		t.Error("a server that was not reached has taken something")
	}
	s.ends.Store(&ends{read, link})
	if held := s.held(8000); held <= time.Second || held > 10*time.Minute {
		t.Errorf("%v wait in the pipe, where there is a second, and in the connection", held)
	}
}

func TestPipeWhoseReaderIsGoneIsAFailedOutput(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	p := NewPipe("pcm:-", write, S16)
	for range 2 {
		if err := p.Write(blockOf(nil, 0, 10)); err == nil || !strings.Contains(err.Error(), "the program that read it") {
			t.Errorf("it answers %v", err)
		}
	}
}

func TestMissingProgramIsNamedWithItsPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := NewALSA("", 48_000, 0).Write(Block{PCM: make([]float32, 4)})
	if err == nil || !strings.Contains(err.Error(), "install alsa-utils") {
		t.Error(err)
	}
}

func TestClosedOutputLeavesNothingRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "aplay"), []byte("#!/bin/sh\nexec cat >/dev/null\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	alsa := NewALSA("", 48_000, 200*time.Millisecond)
	flac, err := NewFLAC(filepath.Join(dir, "files"), 48_000, t.Errorf)
	if err != nil {
		t.Fatal(err)
	}
	var lines Lines
	s := bounds(48_000_000, 960)
	for _, out := range []Output{alsa, flac} {
		lines.Add(NewLine(out, true, &Sound{}, 48_000, func() time.Time { return dsp.Rate(48_000).Time(s.Start) }, t.Errorf))
	}
	lines.Run(t.Context())
	lines.Put(blockOf(s, s.Start, 960))
	if err := lines.Close(time.Minute); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, before)
}
