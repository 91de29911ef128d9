package endtoend

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
)

// No text, from any author, may control the terminal on which it is shown: here every text of the service contains
// control sequences.
func TestNoTextOfTheServiceSteersTheTerminal(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	const station, day = "harbour-dawn", "2099-11-25"
	h.publish([]string{station}, day)
	if err := h.station(station).Station(station).SendStatus(t.Context(), wire.Status{PlayerVersion: "test",
		Problems: []string{"a problem"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.editor.Act(t.Context(), "ident-ko", "recall", "a reason"); err != nil {
		t.Fatal(err)
	}
	service, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	texts := regexp.MustCompile(`"(by|uploaded_by|window|message|detail|action|name)":"|"(alarms|problems|tags)":\["`)
	written := regexp.MustCompile(`"(title|voice|reason|player_version)":"`)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(service)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(r *http.Response) error {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			b = texts.ReplaceAll(b, []byte(`${0}\u001b]52;c;cm0=\u0007\u009b2J\u202e\r`))
			b = written.ReplaceAll(b, []byte(`${0}\u001b[2J\u202e\n  forged line`))
			r.Body = io.NopCloser(bytes.NewReader(b))
			r.Header.Set("Content-Length", strconv.Itoa(len(b)))
			r.ContentLength = int64(len(b))
			return nil
		},
	}
	hostile := httptest.NewServer(proxy)
	defer hostile.Close()
	minjun := terminalOf{&house{t: t, url: hostile.URL}, t, h.secrets["scheduler"]}
	for _, command := range []string{"show harbour-dawn 2099-11-25", "segments", "segments ident-ko", "stations", "audit",
		"revisions harbour-dawn 2099-11-25", "scripts", "show harbour-dawn 2019-01-01"} {
		for _, form := range []string{"text", "json"} {
			args := strings.Fields(command)
			if form == "json" {
				args = append(args, "--output", "json")
			}
			out, wrong, _ := minjun.run(args...)
			all := out + wrong
			if at := strings.IndexAny(all, "\x1b\x07\r\u009b\u202e"); at >= 0 {
				t.Errorf("lifeline %s --output %s: %.60q", command, form, all[max(0, at-20):])
			}
			if !strings.Contains(all, `\u202e`) {
				t.Errorf("lifeline %s --output %s shows none of it: %.300s", command, form, all)
			}
			if form == "text" && strings.Contains(all, "\n  forged line") {
				t.Errorf("lifeline %s: a text makes a line of its own", command)
			}
		}
	}
}
