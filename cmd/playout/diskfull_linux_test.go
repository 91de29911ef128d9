package main

import (
	"encoding/binary"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// The disk is full from before the window until the middle of its second item: everything airs, and everything is
// reported once there is room again.
func TestFullDiskCostsNoAirAndNoReport(t *testing.T) {
	t.Parallel()
	longform.Only(t)
	s, dir := newService(t), t.TempDir()
	start := time.Now().Add(4 * time.Second).Truncate(time.Second)
	s.publish(t, start, []wire.QueueItem{s.sample(t, "a", "time-signal", 3*time.Second), s.sample(t, "b", "ident-ko",
		5*time.Second)})
	cmd, _ := player(t, s, dir, start, "--report", "none", "--output", "pcm:-")
	for i, arg := range cmd.Args { // only the state directory is on the full disk
		if strings.HasPrefix(arg, "wav:") {
			cmd.Args[i] = "pcm:" + os.DevNull
		}
	}
	cmd.Stdout = nil
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	full := time.AfterFunc(time.Until(start.Add(-time.Second)), func() { harness.LimitFiles(t, cmd.Process.Pid, 0) })
	defer full.Stop()
	free := time.AfterFunc(time.Until(start.Add(5*time.Second)), func() {
		harness.LimitFiles(t, cmd.Process.Pid, ^uint64(0))
	})
	defer free.Stop()
	raw, err := io.ReadAll(pipe)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	var heard []float32
	for i := 0; i+3 < len(raw); i += 4 {
		heard = append(heard, float32(int16(binary.LittleEndian.Uint16(raw[i:])))/32768)
	}
	heard = heard[len(heard)-8*48000:] // the pipe ends with the window
	expectSame(t, heard, 0, 3*48000-1000, decoded(t, "time-signal"), 0)
	expectSame(t, heard, 3*48000, 8*48000-1000, decoded(t, "ident-ko"), 0)
	aired := map[string]schedules.Outcome{}
	for _, e := range s.asRun {
		aired[e.ItemID] = e.Outcome
	}
	if len(s.asRun) != 2 || aired["a"] != schedules.Aired || aired["b"] != schedules.Aired {
		t.Errorf("reported %+v", s.asRun)
	}
	if !strings.Contains(said.String(), "file too large") {
		t.Errorf("the disk was not full: %s", said.String())
	}
}
