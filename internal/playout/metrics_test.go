package playout

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lifeline/internal/playout/output"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestMetricsTellEachFigureOnceByItsName(t *testing.T) {
	level := -9.5
	f := figures{func() Watch {
		return Watch{Status: wire.Status{Playing: "item-1", QueueRevision: 4, RecallsSeen: 7, AudioVerified: 3,
			AudioMissing: 2,
			CoverHours:   1.5, ClockOffset: schedules.Millis{Duration: -250 * time.Millisecond}, PeakDBFS: &level,
			Alarms: []string{"a"}, Problems: []string{"b", "c"}}, Unsent: 9,
			CertificateEnds: schedules.At(time.Unix(1_800_000_000, 0)), Outputs: []output.LineState{
				{Name: `pcm:"a"`, Restarts: 1, Dropped: 48}, {Name: "alsa", Restarts: 2}, {Name: "alsa", Restarts: 3}}}
	}}
	w := httptest.NewRecorder()
	f.metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{"lifeline_playout_on_air 1", "lifeline_playout_queue_revision 4",
		"lifeline_playout_recalls_revision 7",
		"lifeline_playout_audio_verified 3", "lifeline_playout_audio_missing 2", "lifeline_playout_cover_seconds 5400",
		"lifeline_playout_clock_offset_seconds -0.25", "lifeline_playout_output_peak_dbfs -9.5",
		"lifeline_playout_as_run_unsent 9",
		"lifeline_playout_certificate_ends_timestamp_seconds 1.8e+09", "lifeline_playout_alarms 1", "lifeline_playout_problems 2", `lifeline_playout_output_restarts_total{output="alsa"} 5`,
		`lifeline_playout_output_dropped_frames_total{output="pcm:\"a\""} 48`, "# TYPE lifeline_playout_on_air gauge",
		"# TYPE lifeline_playout_output_restarts_total counter"} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("no %s in\n%s", line, w.Body)
		}
	}
}
