package endtoend

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/wire"
)

// Everything that a token has begun ends soon after the token is revoked, also at another replica: the change stream, a
// wait for the next queue or recall, a download, an upload.
func TestConcurrentStreamsLongPollsAndTransfersEndWithTheirToken(t *testing.T) {
	t.Parallel()
	a, b := twoReplicas(t)
	sample, err := samples.Files.ReadFile("letter-ko-sister.mp3")
	if err != nil {
		t.Fatal(err)
	}
	// It is more than connections buffer: the recording follows a tag of 24 MiB, which costs no analysis.
	long := append([]byte("ID3\x03\x00\x00\x0c\x00\x00\x00"), make([]byte, 24<<20)...)
	long = append(long, sample...)
	sum := sha256.Sum256(long)
	sha := hex.EncodeToString(sum[:])
	if _, err := b.producer.UploadInPieces(t.Context(), client.Recording{Audio: bytes.NewReader(long),
		Length: int64(len(long)), SHA256: sha,
		Meta: map[string]any{"id": "long", "kind": "letter", "title": "t", "language": "ko-KP"}},
		func(int64) {}); err != nil {
		t.Fatal(err)
	}
	ends := map[string]func(){
		"revoked": func() {
			tokens, _ := a.service.Access.Tokens(access.System, "", 500)
			for _, token := range tokens {
				if token.Name == "revoked" {
					if err := a.service.Access.Revoke(t.Context(), access.System, token.ID); err != nil {
						t.Error(err)
					}
				}
			}
		},
		"expired": func() {},
	}
	for how, end := range ends {
		t.Run(how, func(t *testing.T) {
			life := time.Duration(0)
			if how == "expired" {
				life = 2 * time.Second
			}
			a.as(how, access.NewToken{Name: how, Role: access.Producer, Life: life})
			secret := a.secrets[how]
			begin := func(method, path string, body io.Reader, header ...string) (*http.Response, error) {
				r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, body)
				if err != nil {
					return nil, err
				}
				r.Header.Set("Authorization", "Bearer "+secret)
				for i := 0; i < len(header); i += 2 {
					r.Header.Set(header[i], header[i+1])
				}
				return http.DefaultClient.Do(r)
			}
			stream, err := begin("GET", "/v1/changes", nil)
			if err != nil || stream.StatusCode != http.StatusOK {
				t.Fatal(stream, err)
			}
			defer stream.Body.Close()
			recalls, err := begin("GET", "/v1/recalls", nil)
			if err != nil || recalls.StatusCode != http.StatusOK {
				t.Fatal(recalls, err)
			}
			recalls.Body.Close()
			download, err := begin("GET", wire.Audio(sha), nil)
			if err != nil || download.StatusCode != http.StatusOK {
				t.Fatal(download, err)
			}
			defer download.Body.Close()
			ended, waited := make(chan string, 4), make(chan struct{})
			go func() {
				resp, err := begin("GET", "/v1/recalls?wait=55s", nil, "If-None-Match", recalls.Header.Get("ETag"))
				if err != nil || resp.StatusCode != http.StatusUnauthorized {
					t.Errorf("the wait ended with %v, %v", resp, err)
				}
				close(waited)
				ended <- "wait"
			}()
			go func() {
				stuck, _ := io.Pipe()
				resp, err := begin("POST", "/v1/segments", io.MultiReader(strings.NewReader("--x\r\n"), stuck), "Content-Type",
					"multipart/form-data; boundary=x")
				if err == nil && resp.StatusCode < 400 {
					t.Errorf("the upload ended with %v", resp)
				}
				ended <- "upload"
			}()
			end()
			go func() {
				_, _ = io.Copy(io.Discard, stream.Body) // it is cut
				ended <- "stream"
				// The download began before the wait, which is over. The rest of the download does not arrive any more.
				<-waited
				n, err := io.Copy(io.Discard, download.Body)
				if err == nil || n >= int64(len(long)) {
					t.Errorf("the download ended after %d of %d bytes with %v", n, len(long), err)
				}
				ended <- "download"
			}()
			left := map[string]bool{"wait": true, "upload": true, "stream": true, "download": true}
			for len(left) > 0 {
				select {
				case what := <-ended:
					delete(left, what)
				case <-time.After(30 * time.Second):
					t.Fatalf("still there: %v", left)
				}
			}
		})
	}
}
