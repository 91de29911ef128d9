package endtoend

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/harness"
	"lifeline/internal/wire"
)

// twoReplicas are two services in this process over one Redis and one directory of audio. Each has tokens of its own,
// which the other accepts.
func twoReplicas(t *testing.T) (a, b *house) {
	t.Helper()
	c := onRedis(t, harness.StartRedis(t, harness.Durable...))
	return start(t, c), start(t, c)
}

// A request at one replica sees everything that the other has acknowledged, at once.
func TestConcurrentReplicasServeTheNextRequest(t *testing.T) {
	t.Parallel()
	a, b := twoReplicas(t)
	for n := range 10 {
		id, sound := fmt.Sprintf("here-%d", n), uniqueSample(t, n)
		if _, err := a.producer.Upload(t.Context(), promo(id), sound); err != nil {
			t.Fatal(err)
		}
		if _, err := approve(t.Context(), b.editor, id); err != nil {
			t.Fatalf("approve at the other: %v", err)
		}
		who := []*client.Client{a.editor, a.scheduler}[n%2] // neither recalls more than a handful
		if _, err := who.Act(t.Context(), id, "recall", "not this"); err != nil {
			t.Fatalf("recall at the first: %v", err)
		}
		s, err := b.producer.Segment(t.Context(), id)
		if err != nil {
			t.Fatalf("read at the other: %v", err)
		}
		request := wire.ManyRequest{Stations: []string{crashStation}, Dates: crashRequest(0).Dates, Seed: uint64(n)}
		if r, err := b.scheduler.Plan(t.Context(), request); err != nil || r[0].Problem != nil {
			t.Fatalf("plan: %v, %+v", err, r)
		}
		r, err := a.scheduler.Publish(t.Context(), request)
		if err != nil || r[0].Problem != nil {
			t.Fatalf("publish at the first: %v, %+v", err, r)
		}
		path := wire.Station(crashStation, "queue") + "?date=" + crashDay
		if n == 0 { // later ones may lag a moment, as any read
			if q := b.do("GET", path, b.secrets["scheduler"], nil, nil); q.status != http.StatusOK {
				t.Fatalf("the queue at the other: %d %s (segment %s)", q.status, q.body, s.ID)
			}
		}
	}
	a.as("late", access.NewToken{Name: "late", Role: access.Viewer})
	if got := b.do("GET", "/v1/stations", a.secrets["late"], nil, nil); got.status != http.StatusOK {
		t.Fatalf("a new token at the other: %d %s", got.status, got.body)
	}
}

// A station that waits at one replica gets the queue that another publishes.
func TestQueueReachesAConcurrentLongPollAtTheOtherReplica(t *testing.T) {
	t.Parallel()
	here, there := twoReplicas(t)
	var fromAsked, fromAnswered []time.Duration
	known := int64(0)
	for n := range 5 {
		path := wire.Station(crashStation, "queue") + "?wait=55s&date=" + crashDay
		header := map[string]string{"If-None-Match": fmt.Sprintf(`"%d"`, known)}
		got := make(chan time.Time, 1)
		go func() {
			defer close(got)
			if a := there.do("GET", path, there.secrets["scheduler"], header, nil); a.status == http.StatusOK {
				got <- time.Now()
			}
		}()
		if _, err := here.scheduler.Plan(t.Context(), crashRequest(n)); err != nil { // meanwhile it waits
			t.Fatal(err)
		}
		asked := time.Now()
		r, err := here.scheduler.Publish(t.Context(), crashRequest(n))
		if err != nil || r[0].Problem != nil {
			t.Fatalf("publish: %v %+v", err, r)
		}
		known = r[0].Revision
		answered := time.Now()
		heard, ok := <-got
		if !ok {
			t.Fatal("the station did not hear")
		}
		fromAsked, fromAnswered = append(fromAsked, heard.Sub(asked)), append(fromAnswered, max(0, heard.Sub(answered)))
	}
	slices.Sort(fromAsked)
	slices.Sort(fromAnswered)
	t.Logf("from the acknowledgement of a publication to the station at the other replica: median %v, worst %v; from "+
		"its request: median %v, worst %v",
		fromAnswered[len(fromAnswered)/2], fromAnswered[len(fromAnswered)-1], fromAsked[len(fromAsked)/2],
		fromAsked[len(fromAsked)-1])
}

// promo returns the metadata of a test recording.
func promo(id string) map[string]any {
	return map[string]any{"id": id, "kind": "promo", "title": "t", "language": "ko-KP"}
}

// uniqueSample returns a recording that differs from all others.
func uniqueSample(t testing.TB, n int) *bytes.Reader {
	t.Helper()
	audio, err := samples.Files.ReadFile("promo-ko-letters.mp3")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(append(fmt.Appendf(nil, "TAG%-125d", n), audio...))
}
