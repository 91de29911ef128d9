package endtoend

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// A new wording of a passage takes its readings off the air and asks for new ones; a published queue shows whom the old
// wording reaches.
func TestNewWordingAsksForNewReadings(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	secret := h.secrets["scheduler"]
	h.publish([]string{"harbour-dawn"}, "2099-11-25")
	var exposed wire.Page[schedules.Exposure]
	var before, after wire.Page[schedules.ToRecord]
	h.do("GET", "/v1/scripts/appeal/missing", secret, nil, nil).into(t, &before)
	got := h.do("GET", "/v1/scripts/appeal", secret, nil, nil)
	var script schedules.Script
	got.into(t, &script)
	next := script.Versions[len(script.Versions)-1]
	next.Version++
	next.Passages = append([]schedules.Passage(nil), next.Passages...)
	next.Passages[0].Text = map[string]string{"ko-KP": "새로 쓴 대목"}
	script.Versions = append(script.Versions, next)
	body, err := json.Marshal(script)
	if err != nil {
		t.Fatal(err)
	}
	put := h.do(http.MethodPut, "/v1/scripts/appeal", secret, map[string]string{"Content-Type": "application/json",
		"If-Match": got.header.Get("ETag")}, body)
	if put.status != http.StatusOK {
		t.Fatalf("%d %s", put.status, put.body)
	}
	h.do("GET", "/v1/scripts/appeal/missing", secret, nil, nil).into(t, &after)
	asked := false
	for _, r := range after.Items {
		asked = asked || r.Passage == next.Passages[0].Number && r.Language == "ko-KP" && strings.Contains(r.Why, "changed")
	}
	if !asked || len(after.Items) <= len(before.Items) {
		t.Errorf("before %+v, after %+v", before.Items, after.Items)
	}
	h.do("GET", "/v1/scripts/appeal/exposure", secret, nil, nil).into(t, &exposed)
	if got := h.do("GET", "/v1/scripts/ghost/exposure", secret, nil, nil); got.status != http.StatusNotFound {
		t.Errorf("no script: %d", got.status)
	}
}
