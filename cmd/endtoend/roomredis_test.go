package endtoend

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/wire"
)

// fillRedis exceeds the memory limit of a Redis with one value: Redis does not check the limit within a script.
func fillRedis(server *harness.Redis, n int) {
	server.Do("eval", `local info = redis.call('info', 'memory')
local free = tonumber(info:match('maxmemory:(%d+)')) - tonumber(info:match('used_memory:(%d+)'))
if free > 0 then redis.call('set', KEYS[1], string.rep('x', free + 65536)) end
return 1`, 1, "junk:"+strconv.Itoa(n))
}

// A Redis of 16 MB is completely full. What is urgent is still stored, what can wait is refused with a reason, and
// /readyz shows the state, until nothing is left, and once there is room again.
func TestFullRedisTakesARecallAndShedsUploadsAndPlans(t *testing.T) {
	t.Parallel()
	server := harness.StartRedis(t, append([]string{"--maxmemory", "16mb", "--maxmemory-policy", "noeviction"},
		harness.Durable...)...)
	c := onRedis(t, server)
	c.Reserve, c.Guard.Rate, c.Guard.RateBurst = 64<<20, 1000, 1000
	h := start(t, c)
	request := wire.ManyRequest{Stations: []string{crashStation}, Dates: crashRequest(0).Dates}
	for _, do := range []func(context.Context, wire.ManyRequest) ([]wire.ManyResult, error){h.scheduler.Plan,
		h.scheduler.Publish} {
		if r, err := do(t.Context(), request); err != nil || r[0].Problem != nil {
			t.Fatalf("with room: %v, %+v", err, r)
		}
	}
	ready := func() (int, string) {
		got := h.do("GET", "/readyz", "", nil, nil)
		return got.status, string(got.body)
	}
	if status, said := ready(); status != http.StatusOK || strings.Contains(said, "short") {
		t.Errorf("with room: %d %s", status, said)
	}

	fillRedis(server, 0)
	if status, said := ready(); status != http.StatusOK || !strings.Contains(said, "short: ") || !strings.Contains(said,
		"the memory of Redis") {
		t.Errorf("full: %d %s", status, said)
	}
	if _, err := h.producer.Upload(t.Context(), promo("late"), uniqueSample(t, 1)); !fault.Is(err, fault.Full) ||
		!strings.Contains(err.Error(), "Free some space") {
		t.Errorf("an upload: %v", err)
	}
	for _, id := range []string{"music-river", "letter-ko-sister"} {
		if _, err := h.editor.Act(t.Context(), id, "recall", "wrong"); err != nil {
			t.Errorf("the recall of %s: %v", id, err)
		}
	}
	if r, err := h.scheduler.Plan(t.Context(), request); err == nil && (r[0].Problem == nil ||
		!strings.Contains(r[0].Problem.Detail, "Free some space")) ||
		err != nil && !strings.Contains(err.Error(), "Free some space") {
		t.Errorf("a plan: %v, %+v, %+v", err, r, r[0].Problem)
	}
	if got := h.do("POST", "/v1/apply", h.secrets["scheduler"], map[string]string{"Content-Type": "application/json"},
		[]byte(`{"stations":[{"id":"new","name":"new","timezone":"UTC","languages":["ko-KP"],"freeze_ms":0,"windows":[]}]}`)); got.status != http.StatusInsufficientStorage ||
		!bytes.Contains(got.body, []byte("Free some space")) {
		t.Errorf("a change of the definitions: %d %s", got.status, got.body)
	}
	station := h.station(crashStation)
	if err := station.Station(crashStation).SendStatus(t.Context(), wire.Status{PlayerVersion: "test"}); err != nil {
		t.Errorf("a status: %v", err)
	}
	if status, said := ready(); status != http.StatusOK || !strings.Contains(said, "short: ") {
		t.Errorf("after the recalls: %d %s", status, said)
	}

	var err error
	for n := 0; err == nil && n < 100; n++ { // others fill the released reserve
		fillRedis(server, n+1)
		_, err = h.service.Access.Create(t.Context(), access.System, access.NewToken{Name: "t" + strconv.Itoa(n),
			Role: access.Viewer})
	}
	if !fault.Is(err, fault.Full) {
		t.Errorf("nothing is left: %v", err)
	}
	if status, said := ready(); status != http.StatusServiceUnavailable || !strings.Contains(said, "not even a recall") {
		t.Errorf("nothing is left: %d %s", status, said)
	}

	server.Do("eval", "for _, k in ipairs(redis.call('keys', 'junk:*')) do redis.call('del', k) end return 1", 0)
	h.service.Reserve.Refill(t.Context())
	if status, said := ready(); status != http.StatusOK || strings.Contains(said, "short") {
		t.Errorf("with room again: %d %s", status, said)
	}
	if _, err := h.producer.Upload(t.Context(), promo("late"), uniqueSample(t, 1)); err != nil {
		t.Errorf("an upload with room again: %v", err)
	}
}
