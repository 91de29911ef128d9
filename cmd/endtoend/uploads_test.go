//go:build linux

package endtoend

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/schedules"
)

func (p *process) address() string { return strings.TrimPrefix(p.url, "http://") }

// longRecording makes an MP3 of about the given size, of tones at 320 kb/s.
func longRecording(t *testing.T, size int64) string {
	t.Helper()
	const minute = 2_400_000 // bytes
	cmd := exec.Command("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i",
		"sine=frequency=440:sample_rate=44100:duration=60", "-ac", "2",
		"-b:a", "320k", "-codec:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3", "-")
	tone, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "long.mp3")
	if err := os.WriteFile(file, bytes.Repeat(tone, int(size/minute)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The long form, ./deploy/prove.sh uploads, sends 500 MB with a cut every 5 MB.
func TestUploadArrivesOverCutsAndKills(t *testing.T) {
	longform.Only(t)
	size, cut := int64(24<<20), int64(2<<20)
	if os.Getenv("LIFELINE_PROVE") == "uploads" {
		size, cut = 500<<20, 5<<20
	}
	dir := t.TempDir()
	h := open(t, dir)
	secret := h.secrets["producer"]
	h.stop()
	c := serveDefaults(dir)
	c.MaxUpload, c.MaxWaiting = size+1<<20, size+1<<20
	file := longRecording(t, size)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	service := startProcess(t, c, secret)
	link := harness.StartProxy(t, service.address())
	link.CutAfter(cut)
	var at atomic.Int64
	type end struct {
		segment schedules.Segment
		err     error
	}
	ended := make(chan end, 1)
	sum := sha256.Sum256(content)
	began := time.Now()
	go func() {
		s, err := client.New("http://"+link.Addr, secret, &http.Client{Transport: &http.Transport{}}).UploadInPieces(
			t.Context(), client.Recording{Audio: bytes.NewReader(content), Length: int64(len(content)),
				SHA256: hex.EncodeToString(sum[:]), Meta: map[string]any{"id": "long", "kind": "music", "title": "t",
					"language": "zxx"}}, at.Store)
		ended <- end{s, err}
	}()
	for at.Load() < int64(len(content))/2 { // half of it has been sent
		select {
		case e := <-ended:
			t.Fatalf("it ended early: %v", e.err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	service.kill(t)
	service = startProcess(t, c, secret)
	defer service.kill(t)
	link.Move(service.address())
	e := <-ended
	if e.err != nil {
		t.Fatal(e.err)
	}
	sent := time.Since(began)
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for ; e.segment.State == schedules.Analysing; <-poll.C {
		if e.segment, err = service.client.Segment(t.Context(), "long"); err != nil {
			t.Fatal(err)
		}
	}
	if e.segment.State != schedules.Pending || e.segment.Recording.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("the segment is %+v", e.segment)
	}
	t.Logf("%d bytes in %.1f s over %d cuts and a kill; after %.1f s %s", len(content), sent.Seconds(), link.Cuts(),
		time.Since(began).Seconds(), e.segment.State)
	if least := int(int64(len(content)) / cut / 2); link.Cuts() < least {
		t.Errorf("only %d cuts", link.Cuts())
	}
}

// If the disk fills midway, the chunk is refused with a reason, and the upload continues when there is room.
func TestFullDiskRefusesUploadAndLosesNothing(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	h := open(t, dir)
	secret := h.secrets["producer"]
	h.stop()
	service := startProcess(t, serveDefaults(dir), secret)
	defer service.kill(t)
	before, err := service.client.Segments(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(longRecording(t, 12<<20))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	r := client.Recording{Audio: bytes.NewReader(content), Length: int64(len(content)), SHA256: hex.EncodeToString(sum[:]),
		Meta: map[string]any{"id": "long", "kind": "music", "title": "t", "language": "zxx"}}
	harness.LimitFiles(t, service.cmd.Process.Pid, 7<<20) // larger than any document and smaller than a chunk
	_, err = service.client.UploadInPieces(t.Context(), r, func(int64) {})
	if !fault.Is(err, fault.Full) {
		t.Errorf("with a full disk: %v", err)
	}
	after, err := service.client.Segments(t.Context(), nil)
	if err != nil || len(after) != len(before) {
		t.Errorf("%d segments, of %d: %v", len(after), len(before), err)
	}
	harness.LimitFiles(t, service.cmd.Process.Pid, ^uint64(0))
	if _, err := service.client.UploadInPieces(t.Context(), r, func(int64) {}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// Many concurrent uploads use little memory: their data goes to disk.
func TestManyUploadsAtOnceStayInBounds(t *testing.T) {
	longform.Only(t)
	const bound = 320 << 20
	count := 60
	if os.Getenv("LIFELINE_PROVE") == "uploads" {
		count = 200
	}
	dir := t.TempDir()
	h := open(t, dir)
	secret := h.secrets["producer"]
	h.stop()
	service := startProcess(t, serveDefaults(dir), secret)
	defer service.kill(t)
	sample, err := samples.Files.ReadFile("letter-ko-sister.mp3")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for n := range count {
		all.Go(func() {
			content := append(bytes.Repeat(sample, 3), byte(n)) // each a different file
			sum := sha256.Sum256(content)
			_, err := service.client.UploadInPieces(t.Context(), client.Recording{Audio: bytes.NewReader(content),
				Length: int64(len(content)),
				SHA256: hex.EncodeToString(sum[:]), Meta: map[string]any{"id": fmt.Sprint("many-", n), "kind": "letter",
					"title": "t", "language": "ko-KP"}}, func(int64) {})
			if err != nil {
				t.Error(n, err)
			}
		})
	}
	all.Wait()
	peak := harness.PeakMemory(t, service.cmd.Process.Pid)
	t.Logf("%d uploads at once: %d MiB at most", count, peak>>20)
	if peak > bound {
		t.Errorf("the service took %d MiB, more than %d", peak>>20, bound>>20)
	}
}

func TestUploadTakesFoldersSidecarsTablesAndTags(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, t.TempDir())
	hana := terminalOf{h, t, h.secrets["producer"]}
	dir := t.TempDir()
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sample := func(name string) []byte {
		b, err := samples.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	write("folder/My Letter.mp3", sample("letter-ko-sister.mp3"))
	write("folder/ident.mp3", sample("ident-ko.mp3"))
	write("folder/ident.yaml", []byte("id: evening-ident\nkind: ident\ntitle: 저녁\n"))
	write("table.csv", []byte("file,id,kind,title,language,tags,persons,consent.expires_at,consent.reference,sensitive\n"+
		"pips.mp3,pips,time-signal,Six pips,zxx,clock day,p1,2031-02-03T00:00:00Z,drawer 4,true\n"))
	write("pips.mp3", sample("time-signal.mp3"))

	want(t, hana.says("upload", filepath.Join(dir, "folder"), "--kind", "letter", "--language", "ko-KP"), "my-letter",
		"evening-ident", "pending")
	want(t, hana.says("upload", filepath.Join(dir, "table.csv")), "pips", "pending")
	var letter, ident, pips schedules.Segment
	hana.json(&letter, "segments", "my-letter")
	hana.json(&ident, "segments", "evening-ident")
	hana.json(&pips, "segments", "pips")
	if letter.Kind != "letter" || ident.Kind != "ident" || ident.Title != "저녁" || ident.Language != "ko-KP" ||
		len(pips.Tags) != 2 ||
		!pips.Sensitive || pips.Consent == nil || pips.Consent.Reference != "drawer 4" ||
		pips.Consent.ExpiresAt.Year() != 2031 {
		t.Errorf("they became\n%+v\n%+v\n%+v", letter, ident, pips)
	}

	// A recording that the service has is not sent again; with --replace, another recording under the same id is.
	var again []schedules.Segment
	hana.json(&again, "upload", filepath.Join(dir, "folder"))
	if len(again) != 2 || again[0].Revision != letter.Revision && again[1].Revision != letter.Revision {
		t.Errorf("sending the same again gave %+v", again)
	}
	write("pips.mp3", sample("bed-slow.mp3"))
	if out, wrong, code := hana.run("upload", filepath.Join(dir, "table.csv")); code != 1 || !strings.Contains(wrong,
		"exists already") {
		t.Errorf("exit %d: %s%s", code, out, wrong)
	}
	hana.says("upload", "--replace", filepath.Join(dir, "table.csv"))
	var replaced schedules.Segment
	hana.json(&replaced, "segments", "pips")
	if replaced.Recording.SHA256 == pips.Recording.SHA256 || len(replaced.Previous) != 1 {
		t.Errorf("it is %+v", replaced)
	}
}
