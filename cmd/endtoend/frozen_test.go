package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Within a station's freeze only a correction, which requires a reason, changes a published window.
func TestFrozenWindowChangesOnlyByCorrection(t *testing.T) {
	t.Parallel()
	dir := furnish(t)
	h := open(t, dir)
	o := soon(t, h, dir, 5*time.Minute) // every example station freezes earlier than that
	o.widen(t, 5*time.Second)           // so that the longer correction fits
	day := wire.Station(o.station, "rundowns", o.queue.Date.String())
	secret := h.secrets["scheduler"]
	send := func(path, body string, revision int64) answer {
		return h.do(http.MethodPost, path, secret, map[string]string{"Content-Type": "application/json",
			"If-Match": fmt.Sprintf("%q", fmt.Sprint(revision))}, []byte(body))
	}
	edit := fmt.Sprintf(`{"edits":[{"op":"replace","item":%q,"segment":"correction-ko"}]}`,
		o.queue.Items[len(o.queue.Items)-1].ID)
	got := h.do(http.MethodPatch, day, secret, map[string]string{"Content-Type": "application/json",
		"If-Match": fmt.Sprintf("%q", fmt.Sprint(o.queue.Revision))}, []byte(edit))
	if got.status != http.StatusOK {
		t.Fatalf("drafting a correction: %d %s", got.status, got.body)
	}
	var draft schedules.Rundown
	got.into(t, &draft)
	if got := send(day+"/publish", `{}`, draft.Revision); got.status != http.StatusConflict {
		t.Errorf("publishing into a frozen window: %d %s", got.status, got.body)
	}
	if q := h.queue(o.station, o.queue.Date.String()); q.Revision != o.queue.Revision {
		t.Errorf("the queue went from %d to %d", o.queue.Revision, q.Revision)
	}
	got = send(day+"/publish", `{"correction":"a false report is put right"}`, draft.Revision)
	if got.status != http.StatusForbidden {
		t.Fatalf("one person published a correction: %d %s", got.status, got.body)
	}
	if q := h.queue(o.station, o.queue.Date.String()); q.Revision != o.queue.Revision {
		t.Errorf("before a second person confirmed it, the queue went from %d to %d", o.queue.Revision, q.Revision)
	}
	h.secondConfirms(got)
	if q := h.queue(o.station, o.queue.Date.String()); q.Revision <= o.queue.Revision {
		t.Errorf("the queue stays at %d", q.Revision)
	}
}

// widen gives the demonstration's window another tolerance and publishes it again.
func (o *onAir) widen(t *testing.T, tolerance time.Duration) {
	t.Helper()
	stations, err := o.h.scheduler.Stations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range stations {
		for i := range st.Windows {
			if st.ID == o.station && st.Windows[i].ID == commands.DemoWindow {
				st.Windows[i].Tolerance = schedules.Millis{Duration: tolerance}
				body, err := json.Marshal(wire.Apply{Stations: []schedules.Station{st}})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := o.h.scheduler.Apply(t.Context(), bytes.NewReader(body), false); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	o.h.publish([]string{o.station}, o.queue.Date.String())
	o.queue = o.h.queue(o.station, o.queue.Date.String())
	o.queue.Items = slices.DeleteFunc(o.queue.Items, func(i wire.QueueItem) bool {
		return i.Window != commands.DemoWindow
	})
}
