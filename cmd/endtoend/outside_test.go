package endtoend

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/service"
	"lifeline/internal/wire"
)

// publicly returns a service with a proxy's address as its public address, and an administrator's token.
func publicly(t *testing.T, address string, origins ...string) (http.Handler, string) {
	t.Helper()
	cfg := serveDefaults(t.TempDir())
	cfg.PublicURL, cfg.Guard.Origins = address, origins
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := service.Open(t.Context(), cfg, cfg.PublicURL, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	token, err := s.Access.Create(t.Context(), access.System, access.NewToken{Name: "Root", Role: access.Admin})
	if err != nil {
		t.Fatal(err)
	}
	return s.Server.Handler, token.Secret
}

// All addresses work below the path of the public address, whether the proxy removes that path or not: pages, scripts,
// the document, created things, media.
func TestServiceBelowAPathIsReachedWholly(t *testing.T) {
	t.Parallel()
	handler, secret := publicly(t, "https://lifeline.example/radio/seoul/")
	sample, err := samples.Files.ReadFile("ident-ko.mp3")
	if err != nil {
		t.Fatal(err)
	}
	const base = "/radio/seoul"
	for name, proxied := range map[string]http.Handler{"left": handler, "taken off": http.StripPrefix(base, handler)} {
		t.Run(name, func(t *testing.T) {
			outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, base) { // another service is there
					http.Error(w, "nothing of Lifeline's", http.StatusTeapot)
					return
				}
				proxied.ServeHTTP(w, r)
			}))
			defer outside.Close()
			get := func(path string) string {
				t.Helper()
				resp, err := http.Get(outside.URL + path)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%s: %d %v %s", path, resp.StatusCode, err, b)
				}
				return string(b)
			}
			for _, link := range regexp.MustCompile(`(?:href|src)="([^"#]*)"`).FindAllStringSubmatch(get(base+"/"), -1) {
				get(base + "/" + strings.TrimPrefix(link[1], "./"))
			}
			var doc struct{ Servers []struct{ URL string } }
			if err := json.Unmarshal([]byte(get(base+"/openapi.json")), &doc); err != nil || len(doc.Servers) != 1 ||
				doc.Servers[0].URL != base {
				t.Errorf("the document's servers: %v, %v", doc.Servers, err)
			}

			c := client.New(outside.URL+base, secret, http.DefaultClient)
			id := "ident-" + strings.ReplaceAll(name, " ", "-")
			s, err := c.UploadInPieces(t.Context(), client.Recording{Audio: bytes.NewReader(sample), Length: int64(len(sample)),
				Meta: map[string]any{"id": id, "kind": "ident", "title": "t", "language": "ko-KP"}}, func(int64) {})
			if err != nil || s.ID != id {
				t.Fatalf("an upload: %+v, %v", s, err)
			}
			made, err := c.Do(t.Context(), client.Request{Method: "PUT", Path: wire.Base + "/scripts/" + id,
				Header: http.Header{"If-None-Match": {"*"}},
				Body: map[string]any{"id": id, "title": "t", "languages": []string{"en"},
					"versions": []any{map[string]any{"version": 1, "passages": []any{map[string]any{"number": 1,
						"text": map[string]string{"en": "x"}}}}}}})
			if err != nil {
				t.Fatal(err)
			}
			defer made.Body.Close()
			if at := made.Header.Get("Location"); at != base+wire.Base+"/scripts/"+id {
				t.Errorf("it was made at %q", at)
			}
		})
	}
	t.Run("media", func(t *testing.T) {
		media := access.NewMedia([]byte("key"), "https://lifeline.example/radio/seoul/", time.Hour, time.Now)
		if at := media.URL("s", "t", "abc", time.Now()); !strings.HasPrefix(at,
			"https://lifeline.example/radio/seoul/v1/audio/abc.mp3?") {
			t.Errorf("media are at %s", at)
		}
	})
}

// A proxy that replaces the Host header leaves the browser's Origin unchanged.
func TestConsoleMayPostBehindAProxyThatRewritesHost(t *testing.T) {
	t.Parallel()
	handler, secret := publicly(t, "http://Radio.lan:80", "http://192.0.2.7:8081")
	post := func(origin string) (int, string) {
		r := httptest.NewRequest("POST", "http://127.0.0.1:8080/v1/plan", strings.NewReader("{}"))
		r.Header.Set("Origin", origin)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+secret)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, origin := range []string{"http://radio.lan", "http://192.0.2.7:8081", "http://127.0.0.1:8080"} {
		if code, body := post(origin); code != http.StatusOK {
			t.Errorf("from %s: %d %s", origin, code, body)
		}
	}
	for _, origin := range []string{"https://radio.lan", "http://evil.example", "null"} {
		if code, body := post(origin); code != http.StatusForbidden || !strings.Contains(body, "--public-url") {
			t.Errorf("from %s: %d %s", origin, code, body)
		}
	}
}
