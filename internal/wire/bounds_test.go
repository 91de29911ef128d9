package wire_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// TestTheLargestDocumentsThatCanBeFitTheBoundsOfWhatAStationReads builds the largest documents that the bounds of
// definitions allow. Each fits its bound, and no bound is far larger than its document.
func TestTheLargestDocumentsThatCanBeFitTheBoundsOfWhatAStationReads(t *testing.T) {
	at := schedules.At(time.Date(2026, 11, 29, 12, 0, 0, 123e6, time.UTC))
	name := func(n int) string { return fmt.Sprintf("%063d", n) }
	item := func(n int, title string) wire.QueueItem {
		sha := strings.Repeat("f", 64)
		return wire.QueueItem{ID: name(n)[:16], Window: name(n), Position: name(n), SegmentID: name(n), Kind: "back-announce",
			Language: "cmn-Hans", Title: title, Voice: title, StartAt: &at, StartMs: at.UnixMilli(), Start: schedules.Follow,
			Duration: schedules.Ms(86_400_000), CueIn: schedules.Ms(86_400_000), CueOut: schedules.Ms(86_400_000),
			GainDB: -12.3, NotAfter: at, Sensitive: true, Chain: name(n)[:16], MakesGood: name(n),
			Audio: wire.AudioRef{SHA256: sha, Bytes: 1 << 32, ContentType: "audio/mpeg",
				URL: "https://" + name(n) + wire.Audio(sha)}}
	}
	items := func(n int, title string) (out []wire.QueueItem) {
		for i := range n {
			out = append(out, item(i, title))
		}
		return out
	}
	longest := strings.Repeat("\U00010330", 500) // four bytes each
	var windows []schedules.Occurrence
	for n := range 16 * 1000 {
		windows = append(windows, schedules.Occurrence{Window: name(n), Date: schedules.DateOf(at.Time), StartAt: at,
			EndAt: at})
	}
	var recalled []string
	var segments []wire.Recalled
	for n := range wire.MostRecalled {
		recalled = append(recalled, name(n))
		segments = append(segments, wire.Recalled{SegmentID: name(n), SHA256: strings.Repeat("f", 64), RecalledAt: at})
	}
	readable := func(v any) int {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return len(b)
	}
	signed := func(v any) int { return base64.StdEncoding.EncodedLen(readable(v)) + 500 }
	queues := map[string]int64{}
	for n := range 1000 {
		queues[schedules.DateOf(at.Time).AddDays(n).String()] = 1 << 60
	}
	list := wire.Recalls{Segments: segments}
	for document, c := range map[string]struct{ bytes, most int }{
		"queue": {signed(wire.Queue{Items: items(wire.MostItems, "고향에서 온 편지, 두 번째 이야기"), Fallback: items(1000, longest),
			Recalled: recalled}), wire.MostQueueBytes},
		"fallback": {signed(wire.Fallback{Items: items(1000, longest), Windows: windows, Recalled: recalled}),
			wire.MostFallbackBytes},
		"recalls":   {signed(list) + readable(list), wire.MostRecallsBytes},
		"lease":     {signed(wire.Lease{Segments: recalled[:wire.MostItems]}), wire.MostLeaseBytes},
		"freshness": {signed(wire.Freshness{Queues: queues}), wire.MostFreshnessBytes},
	} {
		t.Logf("%s: %d KiB of %d", document, c.bytes>>10, c.most>>10)
		if c.bytes > c.most || document != "freshness" && c.most > 4*c.bytes {
			t.Errorf("the largest %s has %d bytes, and %d are read", document, c.bytes, c.most)
		}
	}
}
