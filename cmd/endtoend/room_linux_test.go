package endtoend

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
)

// The service runs on a file system of 32 MB. When that is completely full, a recall is still stored, uploads and
// everyday changes are refused with a reason, and /readyz and the metrics show the shortage.
func TestFullDiskTakesARecallAndShedsUploads(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	h := open(t, dir)
	secrets := h.secrets
	h.stop()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	small := t.TempDir()
	cmd := exec.Command("unshare", "-m", "sh", "-ec",
		`mount -t tmpfs -o size=32m none "$2"; cp -r "$3" "$2/data"; exec "$1" serve --data "$2/data" --listen 127.0.0.1:0 --rate 0 --open-metrics`,
		"sh", path, small, dir)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait() // it was killed: the error is expected
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(strings.TrimPrefix(line, "Lifeline serves at "))
	inside := filepath.Join("/proc", fmt.Sprint(cmd.Process.Pid), "root", small)
	fill, err := os.Create(filepath.Join(inside, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := fill.Write(make([]byte, 4096)); err != nil {
			break
		}
	}
	get := func(path string) (int, string) {
		answer, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(b)
	}
	if status, said := get("/readyz"); status != http.StatusOK || !strings.Contains(said, "short: ") {
		t.Errorf("with a full disk: %d %s", status, said)
	}
	producer := client.New(url, secrets["producer"], &http.Client{})
	content, err := os.ReadFile(longRecording(t, 4<<20))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	_, err = producer.UploadInPieces(t.Context(), client.Recording{Audio: bytes.NewReader(content),
		Length: int64(len(content)),
		SHA256: hex.EncodeToString(sum[:]), Meta: map[string]any{"id": "long", "kind": "music", "title": "t",
			"language": "zxx"}}, func(int64) {})
	if !fault.Is(err, fault.Full) || !strings.Contains(err.Error(), "Free some space") {
		t.Errorf("an upload on a full disk: %v", err)
	}
	editor := client.New(url, secrets["editor"], &http.Client{})
	for _, id := range []string{"ident-ko", "time-signal"} {
		if _, err := editor.Act(t.Context(), id, "recall", "wrong"); err != nil {
			t.Errorf("recall of %s on a full disk: %v", id, err)
		}
	}
	if _, said := get("/metrics"); !strings.Contains(said, "lifeline_room_free_bytes") {
		t.Error("the metrics do not tell the room")
	}
	if err := fill.Close(); err != nil {
		t.Fatal(err)
	}
}

// A backup is needed most when a disk is full. It needs room only for its file and for the index of the store's
// journal, for which the reserve is enough, and none for temporary files.
func TestBackupNeedsRoomNowhereButInItsFile(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "backup.tar")
	cmd := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-ec",
		`mount -t tmpfs -o size=32m none "$2"; cp -r "$3" "$2/data"
head -c 2097152 /dev/urandom >"$2/data/reserve"
dd if=/dev/zero of="$2/fill" bs=4k 2>/dev/null || true
exec "$1" backup --plain --data "$2/data" --with-audio --with-keys "$4"`, "sh", path, t.TempDir(), dir, file)
	cmd.Env = append(os.Environ(), "TMPDIR="+filepath.Join(dir, "missing"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	succeed(t, "restore", "--data", filepath.Join(t.TempDir(), "data"), file)
}
