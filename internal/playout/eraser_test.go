package playout

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A recording that the recall list names as erased leaves the player, with what had come of it and with the queues of
// past days that name it. What else airs stays.
func TestPlayerDeletesWhatIsErased(t *testing.T) {
	s := newShelf(t)
	cache, err := OpenCache(s.state, s.problems, func() time.Time { return documentsNow })
	if err != nil {
		t.Fatal(err)
	}
	recs := []recording{rec(1, 600), rec(2, 600), rec(3, 600)}
	var items []wire.QueueItem
	for i, r := range recs {
		items = append(items, s.service.record(r))
		content, err := json.Marshal(r)
		if err == nil {
			err = cache.take(items[i].Audio, bytes.NewReader(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	gone, kept, needed := items[0], items[1], items[2]
	gone.Title = "of a witness"
	for from, airs := range map[time.Duration][]wire.QueueItem{-24 * time.Hour: {gone, kept}, -48 * time.Hour: {kept},
		time.Hour: {kept, needed}} {
		q := day("lantern", 5, documentsNow.Add(from), time.Duration(len(airs))*10*time.Minute, airs)
		q.PublishedAt = schedules.At(documentsNow.Add(-72 * time.Hour))
		q.ExpiresAt = schedules.At(documentsNow.Add(72 * time.Hour))
		if err := s.OfferQueue(s.service.sign(wire.QueueType, q), q.Date); err != nil {
			t.Fatal(err)
		}
	}
	part := partName(gone.Audio.SHA256)
	if err := s.state.Root.WriteFile(part, []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	list := wire.Recalls{Revision: 2, IssuedAt: schedules.At(documentsNow), Segments: []wire.Recalled{
		{SegmentID: gone.SegmentID, SHA256: gone.Audio.SHA256}}, Erased: []string{gone.Audio.SHA256, needed.Audio.SHA256,
		"../../etc/passwd", strings.Repeat("0", 64)}}
	if err := s.OfferRecalls(s.service.recallsBody(list)); err != nil {
		t.Fatal(err)
	}
	now := documentsNow
	e := eraser{s.DocumentStore, cache, func() time.Time { return now }}
	ended, end := context.WithCancel(t.Context())
	end()
	e.Run(ended) // a player that ends deletes what came until then
	if cache.Has(gone.Audio) || !cache.Has(kept.Audio) || !cache.Has(needed.Audio) {
		t.Errorf("the cache has the erased one: %v, another: %v, one that still airs: %v", cache.Has(gone.Audio),
			cache.Has(kept.Audio), cache.Has(needed.Audio))
	}
	if q := s.Holdings().Queues; len(q) != 2 {
		t.Errorf("%d queues are held", len(q))
	}
	err = fs.WalkDir(s.state.Root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := s.state.Root.ReadFile(path)
		var e wire.Envelope
		if json.Unmarshal(b, &e) == nil && e.Payload != "" {
			b, err = base64.StdEncoding.DecodeString(e.Payload)
		}
		if bytes.Contains(b, []byte(gone.Title)) || strings.Contains(path, "audio/"+gone.Audio.SHA256) {
			t.Errorf("%s still has it", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	now = documentsNow.Add(26 * time.Hour) // nothing needs the third one any more
	e.look()
	if cache.Has(needed.Audio) {
		t.Error("an erased recording stays after the day that needed it")
	}
	s.reopen()
	if q := s.Holdings().Queues; len(q) != 1 {
		t.Errorf("%d queues are held after a restart", len(q))
	}
}
