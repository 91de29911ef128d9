package endtoend

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/playlist"
	"lifeline/internal/service"
	"lifeline/internal/wire"
)

// pathOf returns the path of an absolute address, as house.do takes it.
func pathOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}

// addresses returns the media addresses in a list of any form.
func addresses(list []byte) []string {
	var out []string
	for _, rest := range strings.Split(string(list), "http://")[1:] {
		end := strings.IndexAny(rest, "\n'<")
		if a := strings.ReplaceAll("http://"+rest[:end], "&amp;", "&"); strings.Contains(a, "/v1/audio/") {
			out = append(out, a)
		}
	}
	return out
}

// One published day in every form: the same items in the same order, with addresses that need no token.
func TestEveryFormListsTheSameDay(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	h.publish([]string{"harbour-dawn"}, "2099-11-25")
	q := h.queue("harbour-dawn", "2099-11-25")
	secret := h.secrets["station:harbour-dawn"]
	fetched := map[string]bool{}
	for _, form := range playlist.Forms {
		at := "/v1/stations/harbour-dawn/queue." + string(form)
		got := h.do(http.MethodGet, at+"?date=2099-11-25", secret, nil, nil)
		if got.status != http.StatusOK || got.header.Get("Content-Type") != form.ContentType() {
			t.Fatalf("%s: %d %q %s", form, got.status, got.header.Get("Content-Type"), got.body)
		}
		list := addresses(got.body)
		if len(list) != len(q.Items) {
			t.Fatalf("%s has %d items, the queue %d:\n%s", form, len(list), len(q.Items), got.body)
		}
		for n, address := range list {
			if !strings.HasPrefix(address, h.url+wire.Audio(q.Items[n].Audio.SHA256)+"?exp=") {
				t.Errorf("%s: item %d is at %s", form, n, address)
			}
			if !fetched[q.Items[n].Audio.SHA256] {
				fetched[q.Items[n].Audio.SHA256] = true
				audio := h.do(http.MethodGet, pathOf(t, address), "", nil, nil)
				if sum := sha256.Sum256(audio.body); audio.status != http.StatusOK ||
					hex.EncodeToString(sum[:]) != q.Items[n].Audio.SHA256 {
					t.Errorf("%s: %d, %d bytes", address, audio.status, len(audio.body))
				}
			}
		}
		tag := got.header.Get("ETag")
		if again := h.do(http.MethodGet, at+"?date=2099-11-25", secret, map[string]string{"If-None-Match": tag},
			nil); again.status != http.StatusNotModified ||
			len(again.body) != 0 || again.header.Get("ETag") != tag {
			t.Errorf("%s asked again: %d, ETag %s after %s", form, again.status, again.header.Get("ETag"), tag)
		}
		head := h.do(http.MethodHead, at+"?date=2099-11-25", secret, nil, nil)
		if head.status != http.StatusOK || len(head.body) != 0 || head.header.Get("ETag") != tag {
			t.Errorf("HEAD %s: %d %s", form, head.status, head.header.Get("ETag"))
		}
		other := h.do(http.MethodGet, "/v1/stations/harbour-dawn/queue?date=2099-11-25", secret,
			map[string]string{"If-None-Match": tag}, nil)
		if other.status != http.StatusOK {
			t.Errorf("the tag of %s is taken for the queue's", form)
		}
		window := h.do(http.MethodGet, at+"?date=2099-11-25&window="+q.Items[0].Window, secret, nil, nil)
		if n := len(addresses(window.body)); n == 0 || n >= len(list) {
			t.Errorf("%s: %d of %d items are in the window %s", form, n, len(list), q.Items[0].Window)
		}
		if got := h.do(http.MethodGet, at+"?date=2099-11-25&window=none", secret, nil,
			nil); got.status != http.StatusNotFound {
			t.Errorf("%s of a window that is not there: %d", form, got.status)
		}
		if got := h.do(http.MethodGet, "/v1/stations/steppe-relay/queue."+string(form), secret, nil,
			nil); got.status != http.StatusNotFound {
			t.Errorf("another station's %s: %d", form, got.status)
		}
		if got := h.do(http.MethodGet, at, "", nil, nil); got.status != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", form, got.status)
		}
		fallback := h.do(http.MethodGet, "/v1/stations/harbour-dawn/fallback."+string(form), secret, nil, nil)
		if n := len(addresses(fallback.body)); fallback.status != http.StatusOK || n != len(q.Fallback) {
			t.Errorf("%s of the fallback: %d, %d items", form, fallback.status, n)
		}
	}
	// Most players take a token as the Basic password in the address.
	out, err := exec.Command("ffprobe", "-v", "error", "-f", "concat", "-safe", "0", "-protocol_whitelist", "http,tcp",
		"-show_entries", "format=duration",
		"-of", "csv=p=0", strings.Replace(h.url, "http://", "http://relay:"+secret+"@", 1)+
			"/v1/stations/harbour-dawn/queue.ffconcat?date=2099-11-25&window="+q.Items[0].Window).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(".")) {
		t.Errorf("ffprobe with the token as a password: %v %s", err, out)
	}
}

// A signed address opens one recording, for reading, until its expiry, and only while its station may air the
// recording.
func TestMediaAddressesOpenOneRecordingForAWhile(t *testing.T) {
	t.Parallel()
	dir := furnish(t)
	h := open(t, dir)
	h.publish([]string{"harbour-dawn"}, "2099-11-25")
	q := h.queue("harbour-dawn", "2099-11-25")
	secret := h.secrets["station:harbour-dawn"]
	m3u := h.do(http.MethodGet, "/v1/stations/harbour-dawn/queue.m3u?date=2099-11-25", secret, nil, nil)
	list, tag := addresses(m3u.body), m3u.header.Get("ETag")
	good := pathOf(t, list[0])
	item := q.Items[0].Audio
	whole := h.do(http.MethodGet, good, "", nil, nil).body
	etag := `"` + item.SHA256 + `"`
	for _, c := range []struct {
		name, method string
		header       map[string]string
		status       int
		body         []byte
	}{
		{"HEAD", http.MethodHead, nil, 200, nil},
		{"a range", http.MethodGet, map[string]string{"Range": "bytes=100-299"}, 206, whole[100:300]},
		{"a range of the same", http.MethodGet, map[string]string{"Range": "bytes=100-", "If-Range": etag}, 206, whole[100:]},
		{"a range of another", http.MethodGet, map[string]string{"Range": "bytes=100-", "If-Range": `"x"`}, 200, whole},
		{"beyond the end", http.MethodGet, map[string]string{"Range": "bytes=99999999-"}, 416, nil},
		{"unchanged", http.MethodGet, map[string]string{"If-None-Match": etag}, 304, nil},
	} {
		got := h.do(c.method, good, "", c.header, nil)
		if got.status != c.status || c.body != nil && !bytes.Equal(got.body, c.body) {
			t.Errorf("%s: %d, %d bytes", c.name, got.status, len(got.body))
		}
		if c.status/100 == 2 && (got.header.Get("Content-Type") != "audio/mpeg" || got.header.Get("Content-Length") == "") {
			t.Errorf("%s: %v", c.name, got.header)
		}
	}
	query := func(change func(url.Values)) string {
		u, _ := url.Parse(list[0])
		v := u.Query()
		change(v)
		return u.Path + "?" + v.Encode()
	}
	second := slices.IndexFunc(list, func(a string) bool { return !strings.Contains(a, item.SHA256) })
	for name, bad := range map[string]string{
		"another recording": wire.Audio(q.Items[second].Audio.SHA256) + "?" + strings.SplitN(good, "?", 2)[1],
		"another station": query(func(v url.Values) {
			v.Set("sig", strings.Replace(v.Get("sig"), "harbour-dawn",
				"steppe-relay", 1))
		}),
		"a longer life":    query(func(v url.Values) { v.Set("exp", v.Get("exp")+"0") }),
		"no expiry":        query(func(v url.Values) { v.Del("exp") }),
		"no signature":     query(func(v url.Values) { v.Del("sig") }),
		"an empty one":     query(func(v url.Values) { v.Set("sig", "") }),
		"a cut one":        query(func(v url.Values) { v.Set("sig", v.Get("sig")[:len(v.Get("sig"))-1]) }),
		"a path of others": wire.Station("harbour-dawn", "queue") + "?" + strings.SplitN(good, "?", 2)[1],
	} {
		if got := h.do(http.MethodGet, bad, "", nil, nil); got.status != http.StatusUnauthorized ||
			len(got.header.Values("WWW-Authenticate")) != 2 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := h.do(http.MethodPost, good, "", nil, nil); got.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", got.status)
	}
	// An address valid for an hour, made two hours ago by another replica with the same key.
	key, err := service.SigningKey(filepath.Join(dir, "signing.key"))
	if err != nil {
		t.Fatal(err)
	}
	secretKey, err := service.DerivedKey(key, service.ForMedia)
	if err != nil {
		t.Fatal(err)
	}
	replica := func(age time.Duration) *access.Media {
		return access.NewMedia(secretKey, h.url, time.Hour, func() time.Time { return time.Now().Add(-age) })
	}
	refused := func(address string, status int, why string) {
		t.Helper()
		var p wire.Problem
		got := h.do(http.MethodGet, pathOf(t, address), "", nil, nil)
		if got.into(t, &p); got.status != status || !strings.Contains(p.Detail, why) {
			t.Errorf("%s: %d %s", address, got.status, got.body)
		}
	}
	old, young := replica(2*time.Hour), replica(0)
	token := strings.Split(h.secrets["station:harbour-dawn"], "_")[1]
	refused(old.URL("harbour-dawn", token, item.SHA256, old.Expires()), http.StatusForbidden, "fetch the list again")
	refused(young.URL("atlantic-desk", token, item.SHA256, young.Expires()), http.StatusNotFound,
		"the recording does not exist")
	// After a restart of the service the address is valid; after a recall of the recording it is not.
	h.stop()
	h = startAt(t, dir, strings.TrimPrefix(h.url, "http://"))
	if got := h.do(http.MethodGet, good, "", nil, nil); got.status != http.StatusOK {
		t.Errorf("after a restart: %d %s", got.status, got.body)
	}
	victim := slices.IndexFunc(q.Items, func(i wire.QueueItem) bool {
		return i.Kind == "music" && !slices.ContainsFunc(q.Fallback,
			func(f wire.QueueItem) bool { return f.SegmentID == i.SegmentID })
	})
	if _, err := h.editor.Act(t.Context(), q.Items[victim].SegmentID, "recall", "rights withdrawn"); err != nil {
		t.Fatal(err)
	}
	h.station("harbour-dawn")
	changed := h.do(http.MethodGet, "/v1/stations/harbour-dawn/queue.m3u?date=2099-11-25&wait=20s",
		h.secrets["station:harbour-dawn"], map[string]string{"If-None-Match": tag}, nil)
	if changed.status != http.StatusOK || bytes.Contains(changed.body, []byte(q.Items[victim].Audio.SHA256)) {
		t.Errorf("the list after a recall: %d %s", changed.status, changed.body)
	}
	refused(list[victim], http.StatusNotFound, "the recording does not exist")
}

// next walks a station's days item by item, and repeating a request returns the same item.
func TestNextFollowsThePublishedDays(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	h.publish([]string{"harbour-dawn"}, "2099-11-25", "2099-11-26")
	want := append(h.queue("harbour-dawn", "2099-11-25").Items, h.queue("harbour-dawn", "2099-11-26").Items...)
	secret := h.secrets["station:harbour-dawn"]
	at := wire.Station("harbour-dawn", "next")
	after := ""
	for n, i := range want {
		var got wire.QueueItem
		for range 2 {
			h.do(http.MethodGet, at+"?after="+url.QueryEscape(after), secret, nil, nil).into(t, &got)
		}
		if got.ID != i.ID || got.Audio.SHA256 != i.Audio.SHA256 {
			t.Fatalf("item %d after %q is %q, want %q", n, after, got.ID, i.ID)
		}
		after = i.ID
	}
	if got := h.do(http.MethodGet, at+"?after="+after, secret, nil, nil); got.status != http.StatusNoContent ||
		len(got.body) != 0 {
		t.Errorf("at the end: %d %s", got.status, got.body)
	}
	uri := h.do(http.MethodGet, at+"?format=uri", secret, nil, nil)
	if got := h.do(http.MethodGet, pathOf(t, strings.TrimSpace(string(uri.body))), "", nil,
		nil); got.status != http.StatusOK || len(got.body) == 0 {
		t.Errorf("%s: %d", uri.body, got.status)
	}
	if got := h.do(http.MethodGet, at+"?format=liq", secret, nil, nil); !strings.HasPrefix(string(got.body),
		`annotate:item_id="`+want[0].ID+`"`) {
		t.Errorf("liq: %s", got.body)
	}
	if got := h.do(http.MethodGet, at+"?format=xml", secret, nil, nil); got.status != http.StatusUnprocessableEntity {
		t.Errorf("xml: %d", got.status)
	}
	if got := h.do(http.MethodGet, at+"?after=nobody", secret, nil, nil); got.status != http.StatusNotFound {
		t.Errorf("after an item that is not there: %d", got.status)
	}
}
