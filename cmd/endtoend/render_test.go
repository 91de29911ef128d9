package endtoend

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/access"
	"lifeline/internal/wire"
)

// checkRendered compares the window that the service renders with the player's output, sample by sample.
func (o *onAir) checkRendered(t *testing.T, h *house) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "window.flac")
	var out, words bytes.Buffer
	if code := commands.Run(t.Context(), []string{"render", o.station, commands.DemoWindow, o.queue.Date.String(),
		"-o", name, "--quiet", "--server", h.url,
		"--token", h.secrets["scheduler"]}, &out, &words); code != 0 {
		t.Fatalf("lifeline render: %d\n%s", code, words.String())
	}
	wavs, err := filepath.Glob(filepath.Join(o.air, "*.wav"))
	if err != nil || len(wavs) != 1 {
		t.Fatalf("%v, %v", wavs, err)
	}
	rendered, played := samplesOf(t, name), samplesOf(t, wavs[0])
	if want := int(commands.DemoLength.Seconds() * 48_000 * 4); len(rendered) != want || len(played) != want {
		t.Fatalf("%d bytes were rendered and %d played, not %d", len(rendered), len(played), want)
	}
	most, off := 0, 0
	for i := 0; i < len(played); i += 2 {
		d := int(int16(binary.LittleEndian.Uint16(rendered[i:]))) - int(int16(binary.LittleEndian.Uint16(played[i:])))
		if d != 0 {
			off++
		}
		most = max(most, d, -d)
	}
	t.Logf("of %d rendered samples %d are not as the player put them out, by %d at most", len(played)/2, off, most)
	if most > 1 {
		t.Error("the rendered window is not what the player puts out")
	}
}

// samplesOf returns a file's samples, decoded by ffmpeg.
func samplesOf(t *testing.T, file string) []byte {
	t.Helper()
	pcm, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", file, "-f", "s16le", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

func TestRenderedWindowIsServedAsAFile(t *testing.T) {
	t.Parallel()
	dir := furnish(t)
	h := open(t, dir)
	o := soon(t, h, dir, 5*time.Hour)
	path := wire.Window(o.station, commands.DemoWindow, o.queue.Date.String(), "wav")
	own := h.secrets["station:"+o.station]
	const size = 44 + 58*48_000*4
	head := h.do(http.MethodHead, path, own, nil, nil)
	if head.status != http.StatusOK || head.header.Get("Content-Length") != strconv.Itoa(size) ||
		head.header.Get("Content-Type") != "audio/wav" {
		t.Fatalf("HEAD: %d %v", head.status, head.header)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "rendered", "*")); err != nil || len(names) != 0 {
		t.Errorf("a HEAD made %v, %v", names, err)
	}
	whole := h.do(http.MethodGet, path, own, nil, nil)
	tag := whole.header.Get("ETag")
	if whole.status != http.StatusOK || len(whole.body) != size || tag == "" || tag != head.header.Get("ETag") {
		t.Fatalf("GET: %d, %d bytes, %v", whole.status, len(whole.body), whole.header)
	}
	part := h.do(http.MethodGet, path, own, map[string]string{"Range": "bytes=1000000-1000999", "If-Range": tag}, nil)
	if part.status != http.StatusPartialContent || !bytes.Equal(part.body, whole.body[1_000_000:1_001_000]) {
		t.Errorf("a range of the kept file: %d, %d bytes", part.status, len(part.body))
	}
	if again := h.do(http.MethodGet, path, own, map[string]string{"If-None-Match": tag},
		nil); again.status != http.StatusNotModified {
		t.Errorf("If-None-Match: %d", again.status)
	}
	flac := h.do(http.MethodGet, wire.Window(o.station, commands.DemoWindow, o.queue.Date.String(), "flac"), own, nil, nil)
	file := filepath.Join(t.TempDir(), "window.flac")
	if err := os.WriteFile(file, flac.body, 0o600); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(samplesOf(t, file), whole.body[44:]) {
		t.Error("the FLAC does not hold what the WAV does")
	}
	h.as("viewer", access.NewToken{Name: "Wei", Role: access.Viewer})
	other := "harbour-dawn"
	if o.station == other {
		other = "lantern-coast"
	}
	h.station(other)
	for _, c := range []struct {
		what, path, secret string
		status             int
	}{
		{"another station", path, h.secrets["station:"+other], 404}, {"nobody", path, "", 401},
		{"a viewer", path, h.secrets["viewer"], 200},
		{"a producer", path, h.secrets["producer"], 403},
		{"no such window", wire.Window(o.station, "nonesuch", o.queue.Date.String(), "wav"), own, 404},
		{"no such day", wire.Window(o.station, commands.DemoWindow, "2020-01-01", "wav"), own, 404},
		{"no day", wire.Window(o.station, commands.DemoWindow, "today", "wav"), own, 422},
		{"another format", wire.Window(o.station, commands.DemoWindow, o.queue.Date.String(), "ogg"), own, 404},
		{"another start", path + "?start_at=2020-01-01T00:00:00Z", own, 422},
	} {
		if got := h.do(http.MethodHead, c.path, c.secret, nil, nil); got.status != c.status {
			t.Errorf("%s: %d, not %d", c.what, got.status, c.status)
		}
	}
	o.recallWhileItIsRead(t, path, tag)
}

// recallWhileItIsRead recalls a segment of the window: the current download is cut off, and the next one is different.
func (o *onAir) recallWhileItIsRead(t *testing.T, path, tag string) {
	t.Helper()
	h := o.h
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.secrets["scheduler"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, 1000); err != nil {
		t.Fatal(err)
	}
	victim := o.queue.Items[1].SegmentID
	if _, err := h.editor.Act(t.Context(), victim, "recall", "withdrawn"); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("%d more bytes were sent of a recalled window, to its end", n)
	}
	// The repair of the day may change it once more, or the fallback's.
	for {
		next, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, next.Body)
		next.Body.Close()
		if err == nil {
			if next.StatusCode != http.StatusOK || next.Header.Get("ETag") == tag || n != resp.ContentLength {
				t.Errorf("after the recall: %d, %s, %d bytes", next.StatusCode, next.Header.Get("ETag"), n)
			}
			return
		}
	}
}
