package endtoend

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
)

// follow opens the change stream and returns its changes as they arrive; the channel closes with the stream.
func (h *house) follow(ctx context.Context, secret, lastID string) <-chan wire.Change {
	h.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/v1/changes?since=0", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.SetBasicAuth("anybody", secret)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		h.t.Fatalf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	out := make(chan wire.Change)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var c wire.Change
				if json.Unmarshal([]byte(data), &c) != nil {
					return
				}
				select {
				case out <- c:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

// A station gets its own queues and recalls, in order, and resumes the stream where it left it.
func TestChangeStreamIsTakenUpWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	h.station("harbour-dawn")
	secret := h.secrets["station:harbour-dawn"]
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	first := h.follow(ctx, secret, "")
	h.publish([]string{"harbour-dawn", "lantern-coast"}, "2099-11-25")
	var last wire.Change
	for c := range first {
		if strings.HasPrefix(c.Name, "lantern-coast") || c.Kind == "segment" || c.Kind == "clock" {
			t.Errorf("a station heard of %s %s", c.Kind, c.Name)
		}
		if c.ID <= last.ID {
			t.Errorf("change %d came after %d", c.ID, last.ID)
		}
		if last = c; c.Kind == "queue" {
			break
		}
	}
	if last.Name != "harbour-dawn/2099-11-25" {
		t.Fatalf("the stream ended with %+v", last)
	}
	if _, err := h.editor.Act(t.Context(), "music-lamp", "recall", "rights withdrawn"); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(last.ID)
	if err != nil {
		t.Fatal(err)
	}
	for c := range h.follow(ctx, secret, string(encoded)) {
		if c.ID <= last.ID {
			t.Fatalf("change %d came again", c.ID)
		}
		if c.Kind == "recall" {
			return
		}
	}
	t.Error("the recall was never told")
}

// SIGTERM ends the service with 0, although clients wait on a long poll and on the change stream.
func TestServiceStopsCleanlyOnTerm(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	token := adminOf(t, serveDefaults(dir))
	p := startProcess(t, serveDefaults(dir), token)
	waiting := make(chan error, 1)
	go func() {
		_, err := p.client.Station("harbour-dawn").Recalls(context.Background(), `"1"`, 50*time.Second)
		waiting <- err
	}()
	h := &house{t: t, url: p.url}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream := h.follow(ctx, token, "")
	<-stream // it is open
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		p.cmd.Process.Kill()
		t.Error("does not end")
	}
	<-waiting
}
