package endtoend

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// tusCall sends one request of the protocol.
func (h *house) tusCall(method, path, secret string, header map[string]string, body []byte) answer {
	h.t.Helper()
	all := map[string]string{"Tus-Resumable": "1.0.0"}
	if method == http.MethodPatch {
		all["Content-Type"] = "application/offset+octet-stream"
	}
	maps.Copy(all, header)
	return h.do(method, path, secret, all, body)
}

func texts(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(out, ",")
}

func TestTusSpeaksTheProtocol(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir())
	hana, ruth := h.secrets["producer"], h.secrets["editor"]
	recording, err := samples.Files.ReadFile("ident-ko.mp3")
	if err != nil {
		t.Fatal(err)
	}
	length := strconv.Itoa(len(recording))
	meta := texts("filename", "ident.mp3", "id", "ident-1", "kind", "ident", "title", "생명줄", "language", "ko-KP", "tags",
		"day, night")
	expect := func(what string, got answer, status int, header ...string) answer {
		t.Helper()
		if got.status != status {
			t.Fatalf("%s: %d, not %d: %s", what, got.status, status, got.body)
		}
		for i := 0; i < len(header); i += 2 {
			if v := got.header.Get(header[i]); v != header[i+1] {
				t.Errorf("%s: %s is %q, not %q", what, header[i], v, header[i+1])
			}
		}
		return got
	}
	expect("what is spoken", h.do(http.MethodOptions, "/v1/uploads", "", nil, nil), 204, "Tus-Version", "1.0.0",
		"Tus-Extension", "creation,checksum,expiration,termination", "Tus-Max-Size", strconv.Itoa(64<<20))
	expect("another version", h.tusCall(http.MethodPost, "/v1/uploads", hana, map[string]string{"Tus-Resumable": "0.2.2"},
		nil), 412, "Tus-Version", "1.0.0")
	expect("no length", h.tusCall(http.MethodPost, "/v1/uploads", hana, map[string]string{"Upload-Metadata": meta}, nil),
		422)
	expect("too long", h.tusCall(http.MethodPost, "/v1/uploads", hana, map[string]string{"Upload-Length": "9999999999",
		"Upload-Metadata": meta}, nil), 413)
	bad := expect("a field that segments have not", h.tusCall(http.MethodPost, "/v1/uploads", hana,
		map[string]string{"Upload-Length": length, "Upload-Metadata": meta + "," + texts("speed", "fast")}, nil), 422)
	if !bytes.Contains(bad.body, []byte(`"speed"`)) {
		t.Errorf("the problem does not name the field: %s", bad.body)
	}

	begun := expect("begin", h.tusCall(http.MethodPost, "/v1/uploads", hana, map[string]string{"Upload-Length": length,
		"Upload-Metadata": meta}, nil),
		201, "Upload-Offset", "0", "Tus-Resumable", "1.0.0")
	at := begun.header.Get("Location")
	if expires, err := http.ParseTime(begun.header.Get("Upload-Expires")); err != nil || time.Until(expires) < time.Hour {
		t.Errorf("it expires at %q", begun.header.Get("Upload-Expires"))
	}
	expect("for others there is none", h.tusCall(http.MethodHead, at, ruth, nil, nil), 404)
	expect("where it stands", h.tusCall(http.MethodHead, at, hana, nil, nil), 200, "Upload-Offset", "0", "Upload-Length",
		length,
		"Upload-Metadata", meta, "Cache-Control", "no-store")
	from := func(offset int) map[string]string { return map[string]string{"Upload-Offset": strconv.Itoa(offset)} }
	expect("the wrong place", h.tusCall(http.MethodPatch, at, hana, from(5), recording[5:10]), 409)
	expect("another type", h.tusCall(http.MethodPatch, at, hana, map[string]string{"Upload-Offset": "0",
		"Content-Type": "audio/mpeg"}, recording[:10]), 415)
	expect("more than announced", h.tusCall(http.MethodPatch, at, hana, from(0), append(recording, 0)), 413)
	expect("a piece", h.tusCall(http.MethodPatch, at, hana, from(0), recording[:1000]), 204, "Upload-Offset", "1000")
	checked := from(1000)
	checked["Upload-Checksum"] = "sha1 " + base64.StdEncoding.EncodeToString(make([]byte, 20))
	expect("a damaged piece", h.tusCall(http.MethodPatch, at, hana, checked, recording[1000:2000]), 460)
	expect("which is not kept", h.tusCall(http.MethodHead, at, hana, nil, nil), 200, "Upload-Offset", "1000")
	sum := sha1.Sum(recording[1000:2000])
	checked["Upload-Checksum"] = "sha1 " + base64.StdEncoding.EncodeToString(sum[:])
	expect("a whole one", h.tusCall(http.MethodPatch, at, hana, checked, recording[1000:2000]), 204, "Upload-Offset",
		"2000")
	done := expect("the rest", h.tusCall(http.MethodPatch, at, hana, from(2000), recording[2000:]), 204, "Upload-Offset",
		length,
		"Content-Location", "/v1/segments/ident-1")
	expect("once more, the answer having been lost", h.tusCall(http.MethodHead, at, hana, nil, nil), 200, "Upload-Offset",
		length,
		"Content-Location", done.header.Get("Content-Location"))

	s := h.analysed("ident-1")
	if s.State != schedules.Pending || s.UploadedBy != "Hana" || s.Title != "생명줄" || len(s.Tags) != 2 ||
		s.Recording.Bytes != int64(len(recording)) {
		t.Errorf("the segment is %+v", s)
	}
	if got := h.do(http.MethodGet, "/v1/segments/ident-1/audio", hana, nil, nil); !bytes.Equal(got.body, recording) {
		t.Error("its audio is not what was sent")
	}

	// A new recording for a segment requires the revision that it replaces.
	other, err := samples.Files.ReadFile("time-signal.mp3")
	if err != nil {
		t.Fatal(err)
	}
	start := map[string]string{"Upload-Length": strconv.Itoa(len(other)), "Upload-Metadata": texts("replaces", "ident-1")}
	expect("from no revision", h.tusCall(http.MethodPost, "/v1/uploads", hana, start, nil), 428)
	start["If-Match"] = `"99"`
	expect("from another revision", h.tusCall(http.MethodPost, "/v1/uploads", hana, start, nil), 412)
	start["If-Match"] = strconv.Quote(strconv.FormatInt(s.Revision, 10))
	at = expect("begin", h.tusCall(http.MethodPost, "/v1/uploads", hana, start, nil), 201).header.Get("Location")
	expect("all of it", h.tusCall(http.MethodPatch, at, hana, from(0), other), 204)
	if again, err := h.producer.Segment(t.Context(), "ident-1"); err != nil ||
		again.Recording.Bytes != int64(len(other)) || len(again.Previous) != 1 {
		t.Errorf("the segment is %+v, %v", again, err)
	}

	// An upload that is terminated is gone.
	start = map[string]string{"Upload-Length": "100", "Upload-Metadata": texts("id", "ident-2", "kind", "ident", "title",
		"x", "language", "ko-KP")}
	at = expect("begin", h.tusCall(http.MethodPost, "/v1/uploads", hana, start, nil), 201).header.Get("Location")
	expect("cancel", h.tusCall(http.MethodDelete, at, hana, nil, nil), 204)
	expect("gone", h.tusCall(http.MethodHead, at, hana, nil, nil), 410)
}

// A dead connection holds its upload; a new connection of the producer does not wait for it.
func TestNewerConnectionTakesUploadFromDeadOne(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir())
	recording, err := samples.Files.ReadFile("ident-ko.mp3")
	if err != nil {
		t.Fatal(err)
	}
	begun := h.tusCall(http.MethodPost, "/v1/uploads", h.secrets["producer"],
		map[string]string{"Upload-Length": strconv.Itoa(len(recording)),
			"Upload-Metadata": texts("id", "i", "kind", "ident", "title", "x", "language", "ko-KP")}, nil)
	at := begun.header.Get("Location")
	dead, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	head := "PATCH " + at + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + h.secrets["producer"] +
		"\r\nTus-Resumable: 1.0.0\r\n" +
		"Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: " +
		strconv.Itoa(len(recording)) + "\r\n\r\n"
	if _, err := dead.Write(append([]byte(head), recording[:3000]...)); err != nil {
		t.Fatal(err)
	}
	for { // until the service has begun to read it
		if left, err := h.producer.Segments(t.Context(), nil); err != nil || len(left) > 0 {
			t.Fatal(left, err)
		}
		got := h.tusCall(http.MethodPatch, at, h.secrets["producer"], map[string]string{"Upload-Offset": "0"}, nil)
		if got.status == http.StatusConflict { // data from the dead connection is kept
			break
		}
		if got.status != http.StatusNoContent {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	stands := h.tusCall(http.MethodHead, at, h.secrets["producer"], nil, nil).header.Get("Upload-Offset")
	if stands != "3000" {
		t.Errorf("the upload stands at %s", stands)
	}
	if got := h.tusCall(http.MethodPatch, at, h.secrets["producer"], map[string]string{"Upload-Offset": stands},
		recording[3000:]); got.status != http.StatusNoContent {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// The real tus-js-client uploads, stops halfway and resumes, also beside a dead connection.
func TestTusJSClientUploads(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir())
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "tus"))); err != nil {
		t.Fatal(err)
	}
	recording, err := samples.Files.ReadFile("letter-ko-sister.mp3")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "letter.mp3")
	if err := os.WriteFile(file, recording, 0o600); err != nil {
		t.Fatal(err)
	}
	command := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "TUS_URLS="+filepath.Join(dir, "urls.json"))
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s %s: %v\n%s%s", name, args[0], err, out.String(), said.String())
		}
		return strings.TrimSpace(out.String())
	}
	command("npm", "install", "--no-audit", "--no-fund", "--silent")
	at := command("node", "upload.js", h.url+"/v1/uploads", h.secrets["producer"], file, "letter-1",
		strconv.Itoa(len(recording)/7))
	if !strings.HasPrefix(at, h.url+wire.Uploads()+"/") {
		t.Errorf("the upload was at %s", at)
	}
	got := h.do(http.MethodGet, "/v1/segments/letter-1/audio", h.secrets["producer"], nil, nil)
	if !bytes.Equal(got.body, recording) {
		t.Errorf("%d bytes are there, %d were sent", len(got.body), len(recording))
	}
}
